#!/usr/bin/env python3
"""Time and memory of mapping against the size of the network: 100 synapses per neuron onto many chips.

``python tools/mapping_bench/scale.py`` builds networks of 10,000, 100,000 and 1,000,000 recurrent neurons, each in a
process of its own, maps them and prints one row each: random wiring, as tools/bench/scale.py runs it, of which no
order makes anything, and local wiring with shuffled neurons, whose order must be found. Exits 1 where the largest took
longer or more memory than ``--most-s`` and ``--most-gib``, or a limit is not kept.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

FAN_OUT = 100
SIZES = (10_000, 100_000, 1_000_000)
SPREAD = 0.02
"""Of local wiring: standard deviation of a synapse's length, in parts of the network."""


def matrix(neurons: int, wiring: str) -> Any:
    """(n_target, n_source) int8 weights, ``FAN_OUT`` synapses per source, fewer where two drawn ones coincide."""
    from scipy.sparse import csc_array

    rng = np.random.default_rng(neurons)
    if wiring == "random":
        strip = neurons // FAN_OUT  # a target in each strip: sorted and distinct without a sort
        targets = rng.integers(0, strip, (neurons, FAN_OUT), dtype=np.int32)
        targets += np.arange(FAN_OUT, dtype=np.int32) * strip
    else:
        place = rng.permutation(neurons).astype(np.int32)
        neuron_at = np.argsort(place).astype(np.int32)
        targets = np.empty((neurons, FAN_OUT), np.int32)
        for low in range(0, neurons, 10_000):
            own = place[low : low + 10_000, None]
            offset = np.rint(rng.normal(0, SPREAD * neurons, (len(own), FAN_OUT))).astype(np.int32)
            targets[low : low + 10_000] = np.sort(neuron_at[(own + offset) % neurons], axis=1)
    distinct = np.ones(targets.shape, bool)
    distinct[:, 1:] = targets[:, 1:] != targets[:, :-1]
    ends = np.concatenate([[0], np.cumsum(distinct.sum(axis=1))])
    weights = np.full(int(ends[-1]), 2, np.int8)
    return csc_array((weights, targets[distinct], ends.astype(np.int32)), shape=(neurons, neurons))


def build(neurons: int, wiring: str) -> Any:
    """The network."""
    import neurodeploy as nd

    net = nd.ChipNetwork()
    net.add_input("none", shape=1)
    net.add_population("neurons", shape=neurons, vth=5000)
    net.connect("neurons", "neurons", matrix(neurons, wiring), kind="sparse")
    return net


def peak_bytes() -> int:
    """Most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(neurons: int, wiring: str, target: str, objective: str) -> dict[str, Any]:
    """One row, in this process."""
    import neurodeploy as nd
    from neurodeploy.mapping import map_network
    from neurodeploy.mapping.capacity import core_loads
    from neurodeploy.mapping.constraints import uses, violated

    net, chip = build(neurons, wiring), nd.load_target(target)
    built, began, cpu = peak_bytes(), time.perf_counter(), time.process_time()
    mapping = map_network(net, chip, objective=objective)
    seconds, cpu, peak = time.perf_counter() - began, time.process_time() - cpu, peak_bytes()
    labels = {name: at.astype(np.int64) for name, at in mapping.core_of.items()}
    loads = core_loads(net, labels, mapping.cores, chip)
    shares = {name: float(needed.mean() / limit) for name, (needed, limit) in uses(loads, chip).items()}
    binding = max(shares, key=lambda name: shares[name])
    local = _local_pairs(net, labels["neurons"], mapping.cores)
    return {
        "neurons": neurons,
        "synapses": net.synapses,
        "wiring": wiring,
        "target": target,
        "cores": mapping.cores,
        "chips": mapping.chips,
        "km1": int(loads.axons_in.sum()) - local,
        "binding": f"{binding} {shares[binding]:.0%}",
        "map_s": seconds,
        "cpu_s": cpu,
        "built_gib": built / 2**30,
        "peak_gib": peak / 2**30,
        "violated": violated(loads, chip),
    }


def _local_pairs(net: Any, labels: Any, cores: int) -> int:
    """Neurons with a synapse on their own core."""
    connection = net.projections[0].connection
    found = 0
    for low in range(0, len(labels), 100_000):
        ptr = connection.indptr[low : low + 100_001]
        senders = np.repeat(np.arange(low, low + len(ptr) - 1), np.diff(ptr))
        at_home = labels[connection.indices[ptr[0] : ptr[-1]]] == labels[senders]
        found += len(np.unique(senders[at_home]))
    return found


def text(rows: list[dict[str, Any]]) -> str:
    """A Markdown table."""
    head = ["neurons", "synapses", "wiring", "target", "cores", "chips", "km1", "binding (mean)"]
    lines = [[*head, "map, wall", "map, CPU", "peak before", "peak"]]
    for r in rows:
        numbers = (f"{r[name]:,}" for name in ("neurons", "synapses"))
        counts = (f"{r[name]:,}" for name in ("cores", "chips", "km1"))
        times = (f"{r[name]:.1f} s" for name in ("map_s", "cpu_s"))
        sizes = (f"{r[name]:.2f} GiB" for name in ("built_gib", "peak_gib"))
        lines.append([*numbers, r["wiring"], r["target"], *counts, r["binding"], *times, *sizes])
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--wiring", nargs="+", choices=("random", "local"), default=("random", "local"))
    parser.add_argument("--target", nargs="+", default=("loihi1",))
    parser.add_argument("--objective", default="cores")
    parser.add_argument("--most-s", type=float, default=300.0)
    parser.add_argument("--most-gib", type=float, default=12.0)
    parser.add_argument("--json", type=Path, help="write the figures")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        neurons, wiring, target, objective = given.child
        print(json.dumps(measure(int(neurons), wiring, target, objective)))
        return 0
    rows = []
    for target in given.target:
        for wiring in given.wiring:
            for neurons in given.sizes:
                command = [sys.executable, __file__, "--child", str(neurons), wiring, target, given.objective]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                rows.append(json.loads(done.stdout.splitlines()[-1]))
                print(rows[-1], file=sys.stderr)
    print(text(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    wrong = [r for r in rows if r["violated"] or r["map_s"] > given.most_s or r["peak_gib"] > given.most_gib]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
