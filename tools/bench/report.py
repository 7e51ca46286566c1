"""From measured figures to tables, ratios, targets and faults."""

from __future__ import annotations

import math
from typing import Any

from workloads import SPECS

Row = dict[str, Any]
TORCH = ("torch_loop", "torch_layers")
FRAMEWORKS = ("snntorch", "norse", "spikingjelly")
MOST_OF_PROTOTYPE = 1.3
LEAST: tuple[tuple[str, str, tuple[str, ...], float], ...] = (
    ("W1", "Lava", ("lava",), 300),
    ("W1", "snnTorch", ("snntorch",), 150),
    ("W1", "Brian2 C++ standalone", ("brian2",), 60),
    ("W1", "the best PyTorch loop", TORCH, 30),
    ("W1x256", "the fastest SNN framework", FRAMEWORKS, 20),
    ("W1x256", "an exact int8 GEMM loop", ("torch_int8",), 7),
    ("W2x64", "the fastest SNN framework", FRAMEWORKS, 12),
    ("W3", "Brian2 C++ standalone", ("brian2",), 2.4),
    ("W3", "NEST", ("nest",), 30),
    ("W4", "Brian2 C++ standalone", ("brian2",), 8),
)
SETUP_LEAST = ("W4", "nest", 20.0)
# The prototype's time over the physical floor (synaptic work at the measured peak rate, plus one sweep of the neurons),
# measured on one machine with one and two threads; our distance is our ratio to the prototype times this.
PROTOTYPE_OVER_FLOOR = {
    "W1": {1: 1.8, 2: 2.7},
    "W1x256": {1: 1.65, 2: 2.0},
    "W2": {1: 1.8},
    "W2x64": {1: 2.0, 2: 2.1},
    "W3": {1: 1.5, 2: 1.8},
    "W4": {1: 1.36, 2: 1.9},
}


def faults(document: Row) -> list[str]:
    """Results that must be equal and are not, and checks that did not happen."""
    found = []
    for name in workloads_of(document):
        rows = measured(document, name)
        ours = [r for r in rows if r["peer"] == "ours"]
        if not ours:
            found.append(f"{name}: ours did not run")
        for row in ours:
            if not row.get("check", {}).get("equal"):
                found.append(f"{name}: {row['name']} differs from the reference")
            elif row["check"]["overflows"]:
                found.append(f"{name}: registers overflow, where other simulators differ")
        for row in rows:
            if ours and agreement(row, ours[0]) == "DIFFERS":
                found.append(f"{name}: the spikes of {row['name']} are not those of {ours[0]['name']}")
    return found


def agreement(row: Row, ours: Row) -> str:
    """How a peer's spikes compare with ours: whole rasters, counts per step, or the rate of a float model."""
    if row["exact"]:
        for key, same in (("digest", "same spikes"), ("counts", "same counts per step")):
            if row[key] is not None and ours[key] is not None:
                return same if row[key] == ours[key] else "DIFFERS"
    if not row["spikes"]:
        return "not recorded"
    return f"{sum(row['spikes']) / max(1, sum(ours['spikes'])):.2f} of our spikes"


def workloads_of(document: Row) -> list[str]:
    """In order of measurement."""
    return list(dict.fromkeys(r["workload"] for r in document["results"]))


def measured(document: Row, workload: str) -> list[Row]:
    """Rows with times."""
    return [r for r in document["results"] if r["workload"] == workload and "min_s" in r]


def fastest(document: Row, workload: str, peers: tuple[str, ...], threads: int) -> Row | None:
    """The quickest row of some peers, our forced levels aside."""
    rows = [
        r for r in measured(document, workload) if r["peer"] in peers and r["threads"] == threads and not r["level"]
    ]
    return min(rows, key=lambda r: r["min_s"], default=None)


def targets(document: Row) -> list[str]:
    """One line per target that this run can judge, with one thread each."""
    lines = []

    def line(what: str, ratio: float, bound: float, at_most: bool) -> None:
        verdict = "met" if (ratio <= bound if at_most else ratio >= bound) else "MISSED"
        lines.append(f"{what}: {ratio:.3g} ({'at most' if at_most else 'at least'} {bound:g}): {verdict}")

    for workload in workloads_of(document):
        ours = fastest(document, workload, ("ours",), 1)
        prototype = fastest(document, workload, ("prototype",), 1)
        if ours and prototype:
            line(
                f"{workload}, our time over the prototype's",
                ours["min_s"] / prototype["min_s"],
                MOST_OF_PROTOTYPE,
                True,
            )
        for _, what, peers, least in (entry for entry in LEAST if entry[0] == workload):
            peer = fastest(document, workload, peers, 1)
            if ours and peer:
                line(
                    f"{workload}, times faster than {what} ({peer['name']})",
                    peer["min_s"] / ours["min_s"],
                    least,
                    False,
                )
        peer = fastest(document, workload, SETUP_LEAST[1:2], 1)
        if workload == SETUP_LEAST[0] and ours and peer:
            line(
                f"{workload}, set-up faster than {peer['name']}",
                peer["setup_s"] / ours["setup_s"],
                SETUP_LEAST[2],
                False,
            )
    return lines


def floor_distance(document: Row, row: Row) -> float | None:
    """Our time over the physical floor, by way of the prototype of the same run."""
    over = PROTOTYPE_OVER_FLOOR[row["workload"]].get(row["threads"])
    prototype = fastest(document, row["workload"], ("prototype",), row["threads"])
    if row["peer"] != "ours" or over is None or prototype is None:
        return None
    return float(row["min_s"] / prototype["min_s"] * over)


def table(document: Row, workload: str) -> list[list[str]]:
    """Heading and rows, fastest first; then what could not run."""
    head = ["simulator", "min", "median", "90 %", "runs", "ours is faster by", "set-up", "peak memory", "spikes"]
    rows = sorted(measured(document, workload), key=lambda r: r["min_s"])
    ours = {r["threads"]: r for r in rows if r["peer"] == "ours" and not r["level"]}
    lines = []
    for row in rows:
        same = ours.get(row["threads"])
        distance = floor_distance(document, row)
        if row["peer"] != "ours":
            relation = f"{row['min_s'] / same['min_s']:.3g} x" if same else "-"
        else:
            relation = "-" if distance is None else f"{distance:.2g} x the floor"
        found = agreement(row, ours[1]) if 1 in ours else "-"
        if "check" in row:
            c = row["check"]
            found = f"equals `reference` ({c['samples']} x {c['steps']} steps)" if c["equal"] else "DIFFERS"
        times = [milliseconds(row[k]) for k in ("min_s", "median_s", "p90_s")]
        memory = f"{row['peak_bytes'] / 2**20:,.0f} MiB"
        lines.append([row["name"], *times, str(row["repeats"]), relation, f"{row['setup_s']:.3g} s", memory, found])
    return [head, *lines]


def missing(document: Row, workload: str) -> list[str]:
    """Entrants without figures, and why."""
    rows = [r for r in document["results"] if r["workload"] == workload and "unavailable" in r]
    return [f"{r['name']}: {r['unavailable']}" for r in rows]


def milliseconds(seconds: float) -> str:
    """Three digits."""
    value = 1e3 * seconds
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{digits}f} ms"


def activity(document: Row, workload: str) -> str:
    """Spikes of our run per layer, and synaptic events where counted."""
    spec = SPECS[workload]
    ours = fastest(document, workload, ("ours",), 1)
    if ours is None:
        return f"{spec.samples} x {spec.steps} steps"
    events = ours.get("check", {}).get("synaptic_events")
    share = "" if events is None else f"; {events:,} synaptic events in the checked part"
    return f"{spec.samples} x {spec.steps} steps; spikes per layer {', '.join(f'{s:,}' for s in ours['spikes'])}{share}"


def text(document: Row) -> str:
    """For the terminal."""
    parts = []
    for workload in workloads_of(document):
        rows = table(document, workload)
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        parts.append(f"== {workload}: {activity(document, workload)}")
        parts += ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        parts += [f"   without figures: {line}" for line in missing(document, workload)]
    return "\n".join([*parts, "== targets", *targets(document)])


def markdown(document: Row) -> str:
    """The page of the documentation."""
    m, s = document["machine"], document["settings"]
    out = [
        "# Benchmarks",
        "",
        "Written by `python tools/bench` from its JSON file; do not edit. The workloads are described in "
        "`tools/bench/workloads.py`, what is timed of each simulator at the top of its file in `tools/bench/peers`.",
        "",
        f"Measured on {document['date']} on {m['processor']} (family / model {m['family_model']}, "
        f"{', '.join(m['instruction_sets'])}), {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}, "
        f"{m['compiler']}. Load average {m['load_before'][0]} before and {m['load_after'][0]} after. All simulators of "
        f"a table ran in one run of {s['minutes']} minutes, taking {s['rounds']} turns of at least {s['budget_s']} s "
        "each. One thread unless the name says otherwise (2T).",
        "",
        "Compare the minima. *Set-up* is the time to the first result beyond that of a later run; *peak memory* is "
        "that of the simulator's process with the workload's arrays. *x the floor* estimates the distance from the "
        "physical limit: our ratio to the prototype times the prototype's measured distance.",
        "",
    ]
    for workload in workloads_of(document):
        head, *rows = table(document, workload)
        out += [f"## {workload}", "", f"{activity(document, workload)}.", ""]
        out += [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows), ""]
        lines = missing(document, workload)
        out += ["Without figures:", "", *(f"* {line}" for line in lines), ""] if lines else []
    out += ["## Targets", "", *(f"* {line}" for line in targets(document)), "", "## Versions", ""]
    out += [f"* {line}" for line in versions(document)]
    return "\n".join(out) + "\n"


def versions(document: Row) -> list[str]:
    """One line per peer, with what its worker says of it."""
    lines = {}
    for row in document["results"]:
        if "versions" in row:
            packages = ", ".join(f"{name} {number}" for name, number in row["versions"].items())
            lines[row["peer"]] = f"{row['peer']}: {packages}{'; ' + row['notes'] if row['notes'] else ''}"
    return list(lines.values())
