"""``.net`` files for tests: written with h5py from plain dictionaries, and random ones that netx can load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Layer = Mapping[str, Any]
SDNN = {"neuron/type": b"SDNN", "neuron/vThMant": 3, "neuron/activation": b"relu"}


def write_net(path: Path, layers: Sequence[Layer]) -> Path:
    """Layers as datasets by path; ``type`` may be a string."""
    import h5py

    with h5py.File(path, "w") as file:
        file.create_group("layer")
        for k, layer in enumerate(layers):
            for name, value in layer.items():
                stored = np.array([value], "S10") if name == "type" and isinstance(value, str) else value
                file[f"layer/{k}/{name}"] = stored
    return path


def cuba(vth: Any = 20, i_decay: Any = 4096, v_decay: Any = 512) -> dict[str, Any]:
    """A ``neuron`` group."""
    return {
        "neuron/type": b"CUBA",
        "neuron/vThMant": vth,
        "neuron/iDecay": i_decay,
        "neuron/vDecay": v_decay,
        "neuron/refDelay": 1,
        "neuron/gradedSpike": False,
    }


def dense(weight: Any, neuron: Layer | None = None, **more: Any) -> dict[str, Any]:
    """A dense layer; CUBA neurons by default."""
    return {
        "type": "dense",
        "shape": [np.shape(weight)[0]],
        "weight": weight,
        **(cuba() if neuron is None else neuron),
    } | more


def conv(weight: Any, shape: Sequence[int], neuron: Layer | None = None, **more: Any) -> dict[str, Any]:
    """A convolution making ``shape`` (C, H, W)."""
    geometry = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1}
    return {
        "type": "conv",
        "shape": list(shape),
        "weight": weight,
        **geometry,
        **(cuba() if neuron is None else neuron),
    } | more


def matrix(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Weights of one of the kinds that netx loads exactly."""
    kind = int(rng.integers(7))
    if kind == 0:
        weights = rng.integers(-127, 128, shape) * 2
    elif kind == 1:
        weights = rng.integers(-127, 128, shape)
    elif kind == 2:
        weights = rng.integers(0, 256, shape)
    elif kind == 3:
        weights = -rng.integers(1, 4, shape)
        weights.flat[0] = -int(rng.choice([3, 5, 97, 129, 255]))
    elif kind == 4:
        weights = -rng.integers(0, 100, shape) * 2
        weights.flat[0] = -int(rng.choice([200, 250, 254]))
    elif kind == 5:
        weights = rng.integers(-6, 7, shape)
    else:
        weights = rng.integers(-15, 16, shape) * 16
    weights.flat[0] = weights.flat[0] or 2
    return weights


def random_net(seed: int) -> tuple[list[Layer], NDArray[np.int32]]:
    """Layers of CUBA neurons of all kinds, and an input (T, *shape)."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    shape: tuple[int, ...] = (int(rng.integers(1, 3)), int(rng.integers(5, 9)), int(rng.integers(5, 9)))
    if rng.random() < 0.5:
        shape = (int(rng.integers(2, 12)),)
    first = shape
    if len(shape) == 3:
        layers.append({"type": "input", "shape": shape})
        for _ in range(int(rng.integers(1, 3))):
            layer, shape = _conv(rng, shape)
            layers.append(layer)
        layers.append({"type": "flatten", "shape": [int(np.prod(shape))]})
    inputs = int(np.prod(shape))
    for _ in range(int(rng.integers(1, 4))):
        outputs = int(rng.integers(1, 9))
        layers.append(_dense(rng, inputs, outputs))
        inputs = outputs
    if rng.random() < 0.3:
        layers.append(
            {"type": "dense", "shape": [3], "weight": matrix(rng, (3, inputs)), "bias": rng.integers(-9, 9, 3)}
        )
    return layers, (rng.random((20, *first)) < 0.4).astype(np.int32)


def _neuron(rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Any]:
    def some(low: int, high: int) -> Any:
        return rng.integers(low, high, shape[::-1]) if rng.random() < 0.3 else int(rng.integers(low, high))

    return cuba(some(0, 300), some(0, 4097), some(0, 4097))


def _dense(rng: np.random.Generator, inputs: int, outputs: int) -> Layer:
    layer = dense(matrix(rng, (outputs, inputs)), _neuron(rng, (outputs,)))
    if rng.random() < 0.3:
        layer["weight"] = layer["weight"].ravel()
    if rng.random() < 0.4:
        layer["bias"] = rng.integers(-60, 60, outputs)
    delay = rng.integers(5)
    if rng.random() < 0.4:
        layer["type"] = "dense_rec"
        both = matrix(rng, (outputs, inputs + outputs))
        layer["weight"], layer["weight_rec"] = both[:, :inputs], both[:, inputs:]
    elif delay == 0:
        layer["delay"] = rng.integers(0, 7, (outputs, inputs))
    elif delay == 1:
        layer["delay"] = rng.integers(0, 7, outputs if rng.random() < 0.5 else inputs)
    return layer


def _conv(rng: np.random.Generator, source: tuple[int, ...]) -> tuple[Layer, tuple[int, ...]]:
    groups = int(rng.choice([g for g in (1, 2) if source[0] % g == 0]))
    kernel, stride, padding, dilation = (rng.integers(*r, 2) for r in ((1, 4), (1, 3), (0, 2), (1, 3)))
    short = np.maximum(dilation * (kernel - 1) + 1 - np.array(source[1:]), 0)
    padding = np.maximum(padding, -(-short // 2))
    height, width = ((np.array(source[1:]) + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1).tolist()
    shape = (groups * int(rng.integers(1, 3)), height, width)
    weights = rng.integers(-127, 128, (shape[0], source[0] // groups, *kernel)) * 2
    if rng.random() < 0.5:
        weights = weights[..., None]
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if rng.random() < 0.3:
        geometry = {n: v if n == "groups" else (int(v[0]) if v[0] == v[1] else v) for n, v in geometry.items()}
    layer = conv(weights, shape, _neuron(rng, shape), **geometry)
    if rng.random() < 0.5:
        layer["bias"] = rng.integers(-60, 60, shape[0] if rng.random() < 0.5 else shape[::-1])
    return layer, shape


def special_nets() -> dict[str, tuple[list[Layer], NDArray[np.int32], int]]:
    """Layers, input (T, *shape) and netx's input_message_bits, for what :func:`random_net` leaves out."""
    rng = np.random.default_rng(5)

    def spikes(*shape: int) -> NDArray[np.int32]:
        return (rng.random((25, *shape)) < 0.4).astype(np.int32)

    def even(*shape: int) -> NDArray[np.int64]:
        weights = rng.integers(-60, 61, shape) * 2
        weights.flat[0] = 200
        return weights

    def rf(kind: bytes, n: int) -> dict[str, Any]:
        # integers would come back as themselves or one less, as the machine's sine has it
        turn = {f"neuron/{f}Decay": rng.integers(-2000, 2600, n) + 0.5 for f in ("sin", "cos")}
        return {"neuron/type": kind, "neuron/vThMant": 30, **turn}

    def complex_weights(n_out: int, n_in: int) -> dict[str, Any]:
        return {
            "weight/real": rng.integers(-120, 121, (n_out, n_in)),
            "weight/imag": rng.integers(0, 99, (n_out, n_in)),
        }

    graded = rng.integers(-40, 41, (25, 4)).astype(np.int32)
    sdnn_input = {"type": "input", "shape": [4], **SDNN}
    sigma = SDNN | {"neuron/sigma_output": True}
    return {
        "recurrence with delays": (
            [dense(even(4, 4), type="dense_rec", weight_rec=even(4, 4), delay=rng.integers(0, 5, (4, 4)))],
            spikes(4),
            0,
        ),
        "nine bits": ([dense(np.array([[-255, 203, 254], [177, 101, -129]]), cuba(5))], spikes(3), 0),
        "graded input": ([dense(even(3, 4), SDNN), dense(rng.integers(-5, 9, (2, 3)), sigma)], graded * 64, 13),
        "sigma-delta": (
            [
                sdnn_input,
                dense(rng.integers(-9, 20, (6, 4)), SDNN, bias=rng.integers(-9, 30, 6)),
                dense(even(5, 6), SDNN, type="dense_rec", weight_rec=rng.integers(-3, 4, (5, 5))),
                dense(rng.integers(-9, 20, (3, 5)), SDNN, delay=rng.integers(0, 4, (3, 5))),
                dense(rng.integers(-9, 20, (2, 3)), sigma),
            ],
            graded,
            0,
        ),
        "sigma-delta behind spikes": ([dense(even(3, 4)), dense(even(2, 3), SDNN)], spikes(4), 0),
        "map into sigma-delta": (
            [{"type": "input", "shape": [2, 3, 4], **SDNN}, {"type": "flatten"}, dense(even(3, 24), sigma)],
            rng.integers(-40, 41, (9, 2, 3, 4)).astype(np.int32),
            0,
        ),
        "map into dense": ([{"type": "input", "shape": [2, 3, 4]}, dense(even(3, 24))], spikes(2, 3, 4), 0),
        "resonators": (
            [
                {"type": "dense", "shape": [5], **complex_weights(5, 4), **rf(b"RF_PHASE", 5)},
                {"type": "dense", "shape": [4], **complex_weights(4, 5), **rf(b"RF_IZHIKEVICH", 4)},
                dense(even(3, 4)),
            ],
            spikes(4),
            0,
        ),
        "driven by bias": (
            [
                {
                    "type": "input",
                    "shape": [2, 4, 3],
                    "weight": [36],
                    "bias": [-4],
                    **cuba(rng.integers(20, 90, 2), 77, 99),
                },
                conv(even(3, 2, 2, 2), (3, 3, 2), cuba(60), bias=rng.integers(-9, 9, 3)),
            ],
            rng.integers(-300, 999, (8, 2, 4, 3)).astype(np.int32),
            0,
        ),
    }
