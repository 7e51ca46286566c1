"""Random networks that Lava can run exactly, and what Lava made of them, in a few worker processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava_case import Case
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Connection, Conv2d, Dense, Sparse
from neurodeploy.export.lava import run_lava_many
from neurodeploy.simulate.plan import Plan

NETWORKS = {"small": 28, "large": 28, "extreme": 8}
WORKERS = 2
TIMEOUT_S = 600.0
MODES = {"mixed": (-256, 256), "excitatory": (0, 256), "inhibitory": (-255, 1)}


@dataclass(eq=False)
class Draft:
    """A network being built, and the weights as given."""

    net: ChipNetwork = field(default_factory=ChipNetwork)
    given: list[Connection] = field(default_factory=list)

    def attach(self, source: str, target: str, connection: Connection, **options: Any) -> None:
        self.net.attach(source, target, connection, **options)
        self.given.append(connection)

    def case(self, label: str, spikes: dict[str, NDArray[np.uint8]], steps: int) -> Case:
        """Spikes (B, T, size) by input; both registers of every population are recorded."""
        net = self.net
        pairs = zip(net.projections, self.given, strict=True)
        raw = ChipNetwork(net.inputs, net.populations, [replace(p, connection=c) for p, c in pairs])
        registers = dict.fromkeys(net.populations, ("u", "v"))
        return Case(label, *(Plan(n, spikes, steps, steps, registers, False) for n in (net, raw)))


def random_case(seed: int, regime: str) -> Case:
    """Layers of all kinds, then up to three further projections: fan-in, skips, recurrence."""
    rng = np.random.default_rng(seed)
    draft = Draft()
    draft.net.add_input("in", shape=(int(rng.integers(1, 4)), int(rng.integers(2, 7)), int(rng.integers(2, 7))))
    names = ["in"]
    for k in range(int(rng.integers(1, 4))):
        source = draft.net.shape_of(names[-1])
        if len(source) == 3 and rng.random() < 0.6:
            conv = _conv(rng, source)
            _population(rng, draft.net, f"p{k}", conv.target_shape, regime)
            draft.attach(names[-1], f"p{k}", conv)
        else:
            _population(rng, draft.net, f"p{k}", (int(rng.integers(1, 14)),), regime)
            _matrix(rng, draft, names[-1], f"p{k}", regime)
        names.append(f"p{k}")
    if rng.random() < 0.25:
        draft.net.add_input("in2", shape=5)
        _matrix(rng, draft, "in2", names[-1], regime)
    for _ in range(int(rng.integers(0, 4))):
        _matrix(rng, draft, str(rng.choice(names)), str(rng.choice(names[1:])), regime)
    batch, steps = (2 if rng.random() < 0.1 else 1), int(rng.integers(15, 30))
    rate = rng.choice([0.1, 0.3, 0.7])
    spikes = {n: (rng.random((batch, steps - 3, p.size)) < rate).astype(np.uint8) for n, p in draft.net.inputs.items()}
    return draft.case(f"{regime} network, seed {seed}", spikes, steps)


def _population(rng: np.random.Generator, net: ChipNetwork, name: str, shape: tuple[int, ...], regime: str) -> None:
    def integers(low: int, high: int) -> NDArray[np.int64] | int:
        return rng.integers(low, high, shape) if rng.random() < 0.5 else int(rng.integers(low, high))

    edge = 2**23 - 1
    ranges = {
        "small": ((-1, 4096), (0, 4097), (-2, 60), (-40, 40), (-3, 8), (-2000, 2000)),
        "large": ((-1, 60), (0, 60), (131000, 131073), (-4096, 4096), (-3, 8), (-edge, edge + 1)),
        "extreme": ((-1, 4096), (0, 4097), (-131072, 131073), (-32768, 32768), (-31, 32), (-edge, edge + 1)),
    }[regime]
    fields = dict(zip(("du", "dv", "vth", "bias_mant", "bias_exp"), ranges, strict=False))
    start = ranges[-1] if rng.random() < 0.5 else (0, 1)
    net.add_population(
        name, shape=shape, u0=integers(*start), v0=integers(*start), **{f: integers(*r) for f, r in fields.items()}
    )


def _matrix(rng: np.random.Generator, draft: Draft, source: str, target: str, regime: str) -> None:
    ends = draft.net.shape_of(source), draft.net.shape_of(target)
    mode = str(rng.choice(list(MODES)))
    weights = rng.integers(*MODES[mode], (draft.net.size_of(target), draft.net.size_of(source)))
    if rng.random() < 0.5:
        connection: Connection = Sparse.from_matrix(weights * (rng.random(weights.shape) < 0.4), *ends)
    else:
        connection = Dense(weights, *ends)
    low, high = {"small": (-5, 2), "large": (4, 12), "extreme": (-16, 17)}[regime]
    draft.attach(
        source,
        target,
        connection,
        weight_exp=int(rng.integers(low, high)),
        num_weight_bits=int(rng.integers(1, 10 if mode == "mixed" else 9)),
        sign_mode=mode,
        delay=int(rng.choice([0, 0, 0, 1, 2, 5, 9])),
    )


def _conv(rng: np.random.Generator, source: tuple[int, ...]) -> Conv2d:
    groups = int(rng.choice([g for g in (1, 2, 3) if source[0] % g == 0]))
    kernel, stride, padding, dilation = (rng.integers(*r, 2) for r in ((1, 4), (1, 3), (0, 3), (1, 3)))
    short = np.maximum(dilation * (kernel - 1) + 1 - np.array(source[1:]), 0)
    padding = np.maximum(padding, -(-short // 2))
    weights = rng.integers(-256, 256, (groups * int(rng.integers(1, 4)), source[0] // groups, *kernel))
    pairs = {"stride": stride, "padding": padding, "dilation": dilation}
    return Conv2d.build(
        weights, source, groups=groups, where="test", **{k: (int(v[0]), int(v[1])) for k, v in pairs.items()}
    )


def _trace(
    weights: list[list[int]], times: list[int], steps: int, *, delay: int = 0, exp: int = 0, **fields: Any
) -> Draft:
    draft = Draft()
    draft.net.add_input("in", shape=1)
    draft.net.add_population("out", shape=len(weights), **fields)
    draft.attach("in", "out", Dense(np.array(weights), (1,), (len(weights),)), delay=delay, weight_exp=exp)
    return draft


VECTORS: dict[str, tuple[dict[str, Any], dict[str, list[list[int]]]]] = {
    "LIF trace": (
        {"weights": [[41], [-41]], "times": [1, 2, 5], "steps": 12}
        | {"du": 1000, "dv": 500, "vth": 100, "bias_mant": 3, "bias_exp": 2},
        {
            "u": [
                [0, 2560, 4494, 3395, 2565, 4498, 3398, 2567, 1939, 1465, 1106, 835],
                [0, -2688, -4719, -3565, -2693, -4722, -3568, -2696, -2037, -1539, -1162, -878],
            ],
            "v": [
                [12, 2582, 0, 3407, 5568, 0, 3410, 5572, 0, 1477, 2414, 2966],
                [12, -2666, -7047, -9739, -11231, -14570, -16347, -17035, -16980, -16434, -15577, -14541],
            ],
            "s": [[0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0], [0] * 12],
        },
    ),
    "wrap of u": (
        {"weights": [[64], [-64]], "times": [1], "steps": 2, "exp": 11, "du": 4095, "dv": 4095, "vth": 131071},
        {"u": [[0, 8388608], [0, 8388608]], "s": [[0, 1], [0, 1]]},
    ),
    "single correction": (
        {"weights": [[254], [-256]], "times": [1], "steps": 2, "exp": 16, "du": 4095, "dv": 4095, "vth": 131071},
        {"u": [[0, 254 * 2**22 - 2**24], [0, -(2**30) + 2**24]], "v": [[0, 0], [0, -8388607]], "s": [[0, 1], [0, 0]]},
    ),
    "no decay": ({"weights": [[2]], "times": [], "steps": 3, "du": -1, "u0": 1000, "vth": 131072}, {"u": [[1000] * 3]}),
    "strict threshold": (
        {"weights": [[2]] * 3, "times": [], "steps": 1, "vth": 10, "bias_mant": [639, 640, 641]},
        {"v": [[639], [640], [0]], "s": [[0], [0], [1]]},
    ),
    "floor of the sum": (
        {"weights": [[6], [-6]], "times": [1], "steps": 2, "exp": -2, "vth": 131072},
        {"u": [[0, 64], [0, -128]]},
    ),
    **{
        f"delay {d}": (
            {"weights": [[6]], "times": [1, 6], "steps": 12, "delay": d, "vth": 131072},
            {"u": [[384 * (t in (2 + d, 7 + d)) for t in range(1, 13)]]},
        )
        for d in (0, 1, 3)
    },
}


def vector_case(label: str) -> Case:
    """A measured vector of the specification as a network."""
    options = VECTORS[label][0]
    raster = np.zeros((1, options["steps"], 1), np.uint8)
    raster[0, np.array(options["times"], dtype=int) - 1] = 1
    return _trace(**options).case(label, {"in": raster}, options["steps"])


@pytest.fixture(scope="session")
def cases(lava_python: Path) -> dict[str, Case]:
    """All vectors, then all random networks, run on Lava; by label."""
    made = [vector_case(label) for label in VECTORS]
    for regime, count in NETWORKS.items():
        made += [random_case(seed, regime) for seed in range(count)]

    def on_lava(part: list[Case]) -> dict[str, Case]:
        outcomes = run_lava_many([c.unprepared for c in part], python=lava_python, timeout_s=TIMEOUT_S)
        return {c.label: replace(c, lava=outcome) for c, outcome in zip(part, outcomes, strict=True)}

    # building a network keeps Lava busy on one core for longer than running it does
    with ThreadPoolExecutor(WORKERS) as pool:
        first, *others = pool.map(on_lava, [made[k::WORKERS] for k in range(WORKERS)])
    for part in others:
        first |= part
    return first


@pytest.fixture(scope="session")
def vectors() -> dict[str, tuple[dict[str, Any], dict[str, list[list[int]]]]]:
    """What the specification says of each vector: options and expected registers."""
    return VECTORS
