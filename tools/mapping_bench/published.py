"""Our core counts beside the published ones: ``python tools/mapping_bench/published.py [--write] [--check]``.

Loihi 2: the networks of lava-dl's compile reports under the limits of each report. Loihi 1: MobileNet on 128 x 128
images, layer by layer. Prints the processor time of each partition to stderr. ``--write`` puts the tables into
docs/core-counts.md, ``--check`` compares them with it: exit code 1 where they differ.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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

DOCS = ROOT / "docs" / "core-counts.md"
START, END = "<!-- tables: tools/mapping_bench/published.py -->\n", "<!-- end -->\n"
NXTF_CHIPS = 16
"""What NxTF (Rueckauer et al. 2021) prints for a 28-layer MobileNet with 4 million parameters."""


def main() -> int:
    """Print both tables; exit code 1 with ``--check`` where the page is out of date."""
    made = "".join(f"{line}\n" for line in tables())
    print(made, end="")
    text = DOCS.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    updated = head + START + made + END + rest.partition(END)[2]
    if "--write" in sys.argv[1:]:
        DOCS.write_text(updated, encoding="utf-8")
    elif "--check" in sys.argv[1:] and updated != text:
        print(f"{DOCS.name} is out of date: run python tools/mapping_bench/published.py --write", file=sys.stderr)
        return 1
    return 0


def tables() -> Iterator[str]:
    """Markdown, line by line."""
    yield "| network on Loihi 2 | words of synapse memory | printed | ours | neurons alone need |"
    yield "|---|---|---|---|---|"
    for report in REPORTS:
        yield _report(report)
    yield ""
    yield from _mobilenet()


def _report(report: Report) -> str:
    """Cores, and in parentheses those of each layer, first to last."""
    net, target = report.network(), report.target()
    found = _partition(report.name, net, target)
    size = target.core.neurons.value
    printed = [row.cores for row in reversed(report.rows)]
    ours = [len(np.unique(labels)) for labels in found.core_of.values()]
    least = [-(-population.size // size) for population in net.populations.values()]
    cells = [(report.cores, printed), (found.cores, ours), (-(-net.neurons // size), least)]
    shown = " | ".join(f"{cores} ({', '.join(map(str, layers))})" for cores, layers in cells)
    return f"| {report.name} | {report.synapse_words:,} | {shown} |"


def _mobilenet() -> Iterator[str]:
    net, target = network((3, 128, 128), mobilenet()), load_target("loihi1")
    found = _partition("MobileNet", net, target)
    table = uses(core_loads(net, found.core_of, found.cores, target), target)
    shares: dict[str, NDArray[np.float64]] = {name: needed / limit for name, (needed, limit) in table.items()}
    names, stacked = list(shares), np.stack(list(shares.values()))
    binding, largest = stacked.argmax(axis=0), stacked.max(axis=0)
    yield "| MobileNet on Loihi 1 | maps | cores | binding resource | its mean share | share of neurons |"
    yield "|---|---|---|---|---|---|"
    for name, labels in found.core_of.items():
        own = np.unique(labels)
        resource = names[Counter(binding[own].tolist()).most_common(1)[0][0]]
        shape = " x ".join(map(str, net.populations[name].shape))
        full, neurons = 100 * largest[own].mean(), 100 * shares["neurons"][own].mean()
        yield f"| {name} | {shape} | {len(own)} | {resource} | {full:.1f} % | {neurons:.1f} % |"
    per_chip = target.mesh.cores_per_chip.value
    chips = -(-found.cores // per_chip)
    weights = sum(p.connection.weights.size for p in net.projections)
    yield ""
    yield f"{weights:,} weights, {net.neurons:,} neurons, {net.synapses:,} synapses:"
    yield f"{found.cores:,} cores on {chips} chips (NxTF: {NXTF_CHIPS} chips)."
    yield f"The neurons alone need {-(-net.neurons // target.core.neurons.value):,} cores."
    yield f"The binding resource is used to {100 * largest.mean():.1f} % on a used core on average; that is"
    yield f"{100 * largest.sum() / (chips * per_chip):.1f} % of all cores of {chips} chips."


def _partition(name: str, net: ChipNetwork, target: Target) -> Partition:
    began = time.process_time()
    found = partition(net, target)
    print(f"{name}: {time.process_time() - began:.1f} s", file=sys.stderr)
    if found.impossible:
        raise SystemExit(f"{name} does not fit: {found.impossible}")
    return found


if __name__ == "__main__":
    sys.exit(main())
