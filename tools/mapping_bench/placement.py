"""Placement against others: python placement.py [--markdown ../../docs/placement.md], with pymetis installed.

Every entrant places the same cores of the same partition; one scorer measures all. Seconds are of the thread's
processor, once; the baselines are in Python, ours searches in C: they tell what ours costs, not who is faster.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path

from baselines import hilbert_force_directed, mesh_order, metis_annealing
from networks import Case, networks

from neurodeploy import Target
from neurodeploy.chipmap import Mapping
from neurodeploy.mapping.flows import Flows
from neurodeploy.mapping.metrics import PlacementMetrics, placement_metrics
from neurodeploy.mapping.place import place_flows

START, END = "<!-- placement: tools/mapping_bench/placement.py -->", "<!-- end -->"


def ours(flows: Flows, target: Target) -> Mapping:
    """What map_network does."""
    return place_flows(flows, {}, target)


ENTRANTS: dict[str, Callable[[Flows, Target], Mapping]] = {
    "mesh order": mesh_order,
    "METIS + annealing": metis_annealing,
    "Hilbert + force-directed": hilbert_force_directed,
    "neurodeploy": ours,
}


def measure(case: Case) -> dict[str, tuple[PlacementMetrics, float]]:
    """Metrics and processor seconds of each entrant."""
    found = {}
    for name, place in ENTRANTS.items():
        start = time.thread_time()
        mapping = place(case.flows, case.target)
        seconds = time.thread_time() - start
        found[name] = placement_metrics(case.flows, mapping, case.target), seconds
    return found


def tables() -> str:
    """Both tables in Markdown."""
    first = [
        "| network | cores, chips | traffic | placement | spike-hops | multicast hops | busiest link | chip links "
        "| s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    second = [
        "| network | hops: mesh order | METIS + annealing | Hilbert + force | link: mesh order | METIS + annealing "
        "| Hilbert + force |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in networks():
        found = measure(case)
        chips = -(-case.flows.cores // case.target.mesh.cores_per_chip.value)
        for k, (name, (m, seconds)) in enumerate(found.items()):
            about = (case.name, f"{case.flows.cores}, {chips}", case.traffic) if k == 0 else ("", "", "")
            values = (m.spike_hops, m.multicast_hops, m.link_max, m.inter_chip_crossings)
            first.append(f"| {' | '.join((*about, name, *(f'{v:,.0f}' for v in values), f'{seconds:.2f}'))} |")
        own, others = found["neurodeploy"][0], [found[n][0] for n in ENTRANTS if n != "neurodeploy"]
        changes = [own.spike_hops / other.spike_hops - 1 for other in others]
        changes += [own.link_max / other.link_max - 1 for other in others]
        second.append(f"| {case.name} | {' | '.join(f'{100 * c:+.1f} %' for c in changes)} |")
    return "\n".join([*first, "", "Ours against the others:", "", *second])


def main() -> None:
    """Print the tables, or put them between their marks in a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--markdown", type=Path)
    path: Path | None = parser.parse_args().markdown
    text = tables()
    if path is None:
        print(text)
        return
    page = path.read_text(encoding="utf-8")
    new = re.sub(f"{START}.*?{END}", lambda _: f"{START}\n{text}\n{END}", page, flags=re.DOTALL)
    path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
