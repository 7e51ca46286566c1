"""Our core counts beside the published ones: ``python tools/mapping_bench/published.py``.

Loihi 2: the networks of lava-dl's compile reports under the limits of each report. Loihi 1: MobileNet on 128 x 128
images, layer by layer. Processor seconds are those of the partition alone.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from compile_reports import REPORTS, Report  # noqa: E402
from mapping_networks import mobilenet, network  # noqa: E402

from neurodeploy.chipnet import ChipNetwork  # noqa: E402
from neurodeploy.mapping.capacity import core_loads  # noqa: E402
from neurodeploy.mapping.constraints import uses  # noqa: E402
from neurodeploy.mapping.partition import Partition, partition  # noqa: E402
from neurodeploy.target import load_target  # noqa: E402
from neurodeploy.target_schema import Target  # noqa: E402

NXTF_CHIPS = 16
"""What NxTF (Rueckauer et al. 2021) prints for a 28-layer MobileNet with 4 million parameters."""


def main() -> None:
    """Print both tables."""
    for report in REPORTS:
        _report(report)
    net, target = network((3, 128, 128), mobilenet()), load_target("loihi1")
    found, seconds = _timed(net, target)
    weights = sum(p.connection.weights.size for p in net.projections)
    print(f"MobileNet 128 x 128: {weights:,} weights, {net.neurons:,} neurons, {net.synapses:,} synapses")
    shares = _shares(net, found, target)
    names, binding = list(shares), np.stack(list(shares.values())).argmax(axis=0)
    worst = np.stack(list(shares.values())).max(axis=0)
    print("  layer      maps            cores  binding resource     its mean share  neurons")
    for name, labels in found.core_of.items():
        own = np.unique(labels)
        resource = names[Counter(binding[own].tolist()).most_common(1)[0][0]]
        shape = " x ".join(map(str, net.populations[name].shape))
        print(
            f"  {name:9s}  {shape:14s}  {len(own):5d}  {resource:19s}  {100 * worst[own].mean():12.1f} %"
            f"  {100 * shares['neurons'][own].mean():5.1f} %"
        )
    per_chip = target.mesh.cores_per_chip.value
    chips = -(-found.cores // per_chip)
    least = -(-net.neurons // target.core.neurons.value)
    print(f"  {found.cores} cores on {chips} chips (NxTF: {NXTF_CHIPS}); no mapping takes fewer than {least} cores")
    print(f"  binding resource: {100 * worst.mean():.1f} % of a used core on average", end="")
    print(f", {100 * worst.sum() / (chips * per_chip):.1f} % of all cores of {chips} chips", end="")
    print(f", {100 * worst.sum() / (NXTF_CHIPS * per_chip):.1f} % of {NXTF_CHIPS}; {seconds:.1f} s")


def _report(report: Report) -> None:
    net, target = report.network(), report.target()
    found, seconds = _timed(net, target)
    size = target.core.neurons.value
    least = [-(-population.size // size) for population in net.populations.values()]
    print(f"{report.name}: {report.synapse_words:,} words of synapse memory")
    print(f"  printed          {sum(row.cores for row in report.rows):4d}:", *(row.cores for row in report.rows[::-1]))
    alone = [len(np.unique(labels)) for labels in found.core_of.values()]
    print(
        f"  ours             {found.cores:4d}:", *alone, "(layers of one core share cores)" * (sum(alone) > found.cores)
    )
    print(f"  neurons need     {-(-net.neurons // size):4d}:", *least, f" ({seconds:.1f} s)")


def _timed(net: ChipNetwork, target: Target) -> tuple[Partition, float]:
    began = time.process_time()
    found = partition(net, target)
    seconds = time.process_time() - began
    if found.impossible:
        raise SystemExit(f"does not fit: {found.impossible}")
    return found, seconds


def _shares(net: ChipNetwork, found: Partition, target: Target) -> dict[str, np.ndarray]:
    """Used share of each resource, per core."""
    table = uses(core_loads(net, found.core_of, found.cores, target), target)
    return {name: needed / limit for name, (needed, limit) in table.items()}


if __name__ == "__main__":
    main()
