"""The benchmarked networks W1-W4: seeded integers, one .npy file per array, so that any Python can map them.

All populations are ``cuba`` neurons of u = rtz(u * 3072 / 4096) + (input << 6), v = rtz(v * 3840 / 4096) + u + bias,
a spike where v > vth << 6, then v = 0; a spike of step t arrives in step t + 1. No register wraps or saturates.

=========  =========================================================================  =====================
workload   network                                                                    steps, samples
=========  =========================================================================  =====================
W1         784-1000-1000-10 dense, 5 % of the inputs spike in each step               100, 1 (W1x256: 256)
W2         28x28 -> 16c5 -> pool2 -> 32c3 -> pool2 -> dense 10, 5 % input             50, 1 (W2x64: 64)
W3         10,000 recurrent neurons, each pair connected with probability 1 %, bias   1000, 1
W4         1,000,000 recurrent neurons, 100 synapses each, bias, settled start        100, 1
=========  =========================================================================  =====================
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

DU, DV = 1023, 256
"""Fields of the chip: u keeps 4095 - DU, v keeps 4096 - DV of 4096."""
KEEP_U, KEEP_V = 0.75, 0.9375
WEIGHT_SPREAD = 40
FORMAT = 2
"""Raised when the same name means other numbers, so that stored workloads are made again."""

# Threshold mantissas that give the activity stated in performance tables: about 7 % (W1, W2), 1.6 % (W3), 0.5 % (W4).
VTH = {"W1": (1173, 2514, 3962), "W2": (184, 2623, 10009), "W3": (3125,), "W4": (1562,)}
SIZES = {"W3": (10_000, 100, 18_800, 3), "W4": (1_000_000, 100, 6_631, 4)}
SETTLING_STEPS = 150


@dataclass(frozen=True)
class Spec:
    """What a workload's name stands for.

    Attributes:
        name: As given on the command line.
        base: W1, W2, W3 or W4: which network.
        steps: Chip steps of a run.
        samples: Batch size.
    """

    name: str
    base: str
    steps: int
    samples: int = 1

    @property
    def layered(self) -> bool:
        """Whether spikes come from an input; otherwise a bias drives recurrent neurons."""
        return self.base in ("W1", "W2")

    @property
    def big(self) -> bool:
        """Whether two networks of it at a time are as much as a common machine holds."""
        return self.base == "W4"


SPECS = {
    spec.name: spec
    for spec in (
        Spec("W1", "W1", 100),
        Spec("W1x256", "W1", 100, 256),
        Spec("W2", "W2", 50),
        Spec("W2x64", "W2", 50, 64),
        Spec("W3", "W3", 1000),
        Spec("W4", "W4", 100),
    )
}


@dataclass(frozen=True)
class Workload:
    """A workload read from its folder.

    Attributes:
        spec: What it is.
        arrays: ``spikes`` (B, T, *shape) uint8; ``vth`` (layers,), mantissas; ``weights0..2`` int8: (n_target,
            n_source) or PyTorch kernels (C_out, C_in, KH, KW). W3 and W4: ``indptr`` (n + 1,), ``targets`` and
            ``weights`` (nnz,) by source, sorted, without duplicates; ``bias``, ``u0``, ``v0`` (n,).
    """

    spec: Spec
    arrays: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    @property
    def thresholds(self) -> list[int]:
        """Register values that v must exceed, per layer."""
        return [int(v) << 6 for v in self["vth"]]


def stored(spec: Spec, cache: Path) -> Path:
    """The folder of a workload, made where it is not there yet."""
    folder = cache / "workloads" / f"{spec.name}-{FORMAT}"
    if not (folder / "spec.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in generate(spec).items():
            np.save(folder / f"{name}.npy", values)
        (folder / "spec.json").write_text(json.dumps(asdict(spec)))
    return folder


def read(folder: Path) -> Workload:
    """A stored workload, its arrays mapped, not copied."""
    spec = Spec(**json.loads((folder / "spec.json").read_text()))
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    return Workload(spec, arrays)


def generate(spec: Spec) -> dict[str, Any]:
    """The arrays of a workload."""
    made = {"W1": _dense, "W2": _convolutional}.get(spec.base, _recurrent)(spec)
    return made | {"vth": np.array(VTH[spec.base], dtype=np.int32)}


def draw_weights(rng: np.random.Generator, shape: Any) -> Any:
    """Normal, rounded, within int8; never 0, so that a synapse is one."""
    drawn = np.clip(np.rint(rng.standard_normal(shape, dtype=np.float32) * WEIGHT_SPREAD), -127, 127).astype(np.int8)
    drawn[drawn == 0] = 1
    return drawn


def strips(rng: np.random.Generator, neurons: int, fan_out: int) -> Any:
    """Targets by source, one in each of ``fan_out`` equal strips: sorted and distinct without a sort of 1e8 numbers."""
    strip = neurons // fan_out
    starts = np.arange(fan_out, dtype=np.int32) * strip
    return (rng.integers(0, strip, (neurons, fan_out), dtype=np.int32) + starts).ravel()


def _input(spec: Spec, shape: tuple[int, ...], seed: int) -> Any:
    rng = np.random.default_rng(seed)
    drawn = [rng.random((spec.steps, *shape), dtype=np.float32) < 0.05 for _ in range(spec.samples)]
    return np.stack(drawn).astype(np.uint8)


def _dense(spec: Spec) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    sizes = (784, 1000, 1000, 10)
    weights = [draw_weights(rng, pair) for pair in zip(sizes[1:], sizes[:-1])]  # noqa: B905 (Python 3.9)
    return {f"weights{k}": w for k, w in enumerate(weights)} | {"spikes": _input(spec, (784,), 1001)}


def _convolutional(spec: Spec) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    shapes = ((16, 1, 5, 5), (32, 16, 3, 3), (10, 32 * 5 * 5))
    weights = [draw_weights(rng, shape) for shape in shapes]
    return {f"weights{k}": w for k, w in enumerate(weights)} | {"spikes": _input(spec, (1, 28, 28), 1002)}


def _recurrent(spec: Spec) -> dict[str, Any]:
    neurons, fan_out, most_bias, seed = SIZES[spec.base]
    rng = np.random.default_rng(seed)
    if spec.base == "W3":
        rows = [np.flatnonzero(rng.random(neurons, dtype=np.float32) < fan_out / neurons) for _ in range(neurons)]
        degrees = np.array([len(row) for row in rows])
        targets = np.concatenate(rows).astype(np.int32)
    else:
        degrees = np.full(neurons, fan_out)
        targets = strips(rng, neurons, fan_out)
    vth = VTH[spec.base][0] << 6
    made = {
        "indptr": np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64),
        "targets": targets,
        "weights": draw_weights(rng, len(targets)),
        "bias": rng.integers(0, most_bias, neurons, dtype=np.int32),
        "u0": np.zeros(neurons, np.int32),
        "v0": rng.integers(0, vth, neurons, dtype=np.int32),
        "spikes": np.zeros((spec.samples, spec.steps, 1), np.uint8),
    }
    if spec.base == "W4":
        from peers.numpy_events import Recurrent

        settled = Recurrent(made | {"vth": np.array(VTH["W4"])})
        for _ in range(SETTLING_STEPS):
            settled.step()
        made["u0"], made["v0"] = settled.u, settled.v
    return made
