"""Networks whose cores nengo-loihi has counted, and our count of the same cores.

Shared by a test and ``tools/mapping_bench/parity.py``, which asks nengo-loihi.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mapping_networks import Layer, network

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.capacity import core_loads
from neurodeploy.mapping.constraints import uses
from neurodeploy.mapping.partition import partition
from neurodeploy.mapping.rows import Ints
from neurodeploy.target import load_target

GOLDEN = Path(__file__).parent / "golden" / "nengo_loihi.json"
CASES: dict[str, dict[str, Any]] = {
    "784-512-256-10": {"shape": [784], "layers": [{"outputs": 512}, {"outputs": 256}, {"outputs": 10}]},
    "two convolutions in tiles, and dense": {
        "shape": [2, 12, 12],
        "layers": [
            {"outputs": 4, "kernel": [3, 3], "block": [4, 5, 5]},
            {"outputs": 6, "kernel": [3, 3], "block": [3, 8, 4]},
            {"outputs": 10},
        ],
    },
    "more pixels than a base can address": {
        "shape": [3, 40, 40],
        "layers": [{"outputs": 8, "kernel": [3, 3], "block": [2, 19, 19]}],
    },
    "strides, tiles that differ, and a pointwise convolution": {
        "shape": [2, 23, 27],
        "layers": [
            {"outputs": 6, "kernel": [5, 5], "stride": [2, 2], "block": [6, 6, 5]},
            {"outputs": 32, "kernel": [1, 1], "block": [32, 5, 4]},
        ],
    },
    "one core": {"shape": [3, 8, 8], "layers": [{"outputs": 20, "kernel": [3, 3], "block": [20, 6, 6]}]},
}
"""By name, as ``tools/mapping_bench/nengo_worker.py`` takes them."""

RESOURCES = {
    "compartments": "neurons",
    "in-axons": "in_axons",
    "out-axons": "out_axon_slots",
    "synapses": "synapse_words",
}
LOIHI1 = load_target("loihi1")


class Compared(NamedTuple):
    """Cores that our own mapping takes, and where our count of nengo-loihi's cores differs from its own."""

    cores: int
    differences: list[str]


def random_case(seed: int) -> dict[str, Any]:
    """Two convolutions of any kernel up to 4 x 4 and stride up to 2, in tiles of any shape of at least two pixels.

    Every source pixel is used: a stride is never larger than the kernel.
    """
    rng = np.random.default_rng(seed)
    while True:
        shape = [int(n) for n in rng.integers([1, 6, 6], [5, 30, 30])]
        maps, layers = shape, []
        for _ in range(2):
            kernel = int(rng.integers(1, 5))
            stride = [int(n) for n in rng.integers(1, min(3, kernel + 1), 2)]
            maps = [int(rng.integers(1, 12)), *((n - kernel) // s + 1 for n, s in zip(maps[1:], stride, strict=True))]
            if min(maps) < 1:
                break
            block = [int(rng.integers(1, n + 1)) for n in maps]
            layers.append({"outputs": maps[0], "kernel": [kernel, kernel], "stride": stride, "block": block})
            tiles = prod(-(-n // k) for n, k in zip(maps, block, strict=True))
            if prod(block) > 1024 or prod(block[1:]) < 2 or not 1 < tiles <= 60:
                break
        else:
            return {"shape": shape, "layers": layers}


def compare(case: dict[str, Any], outcome: dict[str, Any]) -> Compared:
    """Count the cores that nengo-loihi made of a case."""
    net = build(case)
    labels, cores = {}, 0
    for k, layer in enumerate(case["layers"], start=1):
        sizes = [b["used"]["compartments"] for b in outcome["blocks"] if f"'l{k}'" in b["layer"]]
        labels[f"l{k}"] = cores + _labels(net.populations[f"l{k}"].shape, layer.get("block"), sizes)
        cores += len(sizes)
    found = uses(core_loads(net, labels, cores, LOIHI1), LOIHI1)
    differences = []
    shares: dict[str, list[float]] = {}
    for at, (block, line) in enumerate(zip(outcome["blocks"], outcome["summary"], strict=False)):
        texts = []
        for theirs, ours in RESOURCES.items():
            scale = LOIHI1.core.word_bits.value if theirs == "synapses" else 1
            needed, limit = int(found[ours][0][at]), found[ours][1]
            if needed * scale != block["used"][theirs]:
                differences.append(f"{block['layer']}: {theirs} {needed * scale}, not {block['used'][theirs]}")
            shares.setdefault(theirs, []).append(needed / limit)
            texts.append(f"{100 * needed / limit:0.1f}% {theirs}")
        if (summary := f"{block['layer']}: {', '.join(texts)}") != line:
            differences.append(f"'{summary}', not '{line}'")
    means = ", ".join(f"{100 * np.mean(v):0.1f}% {k}" for k, v in shares.items())
    if (average := f"Average ({cores} blocks): {means}") != outcome["summary"][-1]:
        differences.append(f"'{average}', not '{outcome['summary'][-1]}'")
    own = partition(net, LOIHI1)
    assert not own.impossible
    return Compared(own.cores, differences)


def build(case: dict[str, Any]) -> ChipNetwork:
    """The same network as ours."""
    layers = [Layer(e["outputs"], e.get("kernel", [0])[0], tuple(e.get("stride", (1, 1)))) for e in case["layers"]]
    return network(tuple(case["shape"]), layers)


def _labels(shape: tuple[int, ...], block: list[int] | None, sizes: list[int]) -> Ints:
    """Block of each neuron: products of equal ranges, the last of them shorter, or runs of given sizes."""
    if block is None:
        return np.repeat(np.arange(len(sizes)), sizes)
    at = np.unravel_index(np.arange(prod(shape)), shape)
    grid = [-(-n // k) for n, k in zip(shape, block, strict=True)]
    labels: Ints = np.ravel_multi_index([i // k for i, k in zip(at, block, strict=True)], grid)
    return labels
