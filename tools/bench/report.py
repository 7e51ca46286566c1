"""From measured figures to tables, faults and the page of the documentation."""

from __future__ import annotations

import math

import floors
import scale
import stress
import tables
from acceptance import Row, acceptance, fastest, floor_distance, floor_s, measured, work_of
from floors import floor_of
from workloads import SPECS


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
    found += scale.faults(document["scale"]) if "scale" in document else []
    return found + document.get("failed", [])


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


def table(document: Row, workload: str) -> list[list[str]]:
    """Heading and rows, fastest first."""
    head = ["simulator", "min", "median", "90 %", "runs", "ours is faster by", "over the floor"]
    head += ["set-up", "peak memory", "spikes"]
    rows = sorted(measured(document, workload), key=lambda r: r["min_s"])
    ours = {r["threads"]: r for r in rows if r["peer"] == "ours" and not r["level"]}
    lines = []
    for row in rows:
        same, distance = ours.get(row["threads"]), floor_distance(document, row)
        relation = f"{row['min_s'] / same['min_s']:.3g} x" if same and same is not row else "-"
        floor = "-" if distance is None else f"{distance:,.2g} x"
        found = agreement(row, ours[1]) if 1 in ours else "-"
        if "check" in row:
            c = row["check"]
            found = f"equals `reference` ({c['samples']} x {c['steps']} steps)" if c["equal"] else "DIFFERS"
        times = [milliseconds(row[k]) for k in ("min_s", "median_s", "p90_s")]
        memory = f"{row['peak_bytes'] / 2**20:,.0f} MiB"
        more = [relation, floor, f"{row['setup_s']:.3g} s", memory, found]
        lines.append([row["name"], *times, str(row["repeats"]), *more])
    return [head, *lines]


def missing(document: Row, workload: str) -> list[str]:
    """Entrants without figures, and why; a peer without threads once."""
    rows = [r for r in document["results"] if r["workload"] == workload and "unavailable" in r]
    alone = {r["peer"]: r["unavailable"] for r in reversed(rows)}
    return [
        f"{r['name']}: {r['unavailable']}" for r in rows if r["threads"] == 1 or alone[r["peer"]] != r["unavailable"]
    ]


def milliseconds(seconds: float) -> str:
    """Three digits."""
    value = 1e3 * seconds
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{digits}f} ms"


def activity(document: Row, workload: str) -> str:
    """Spikes of our run per layer, synaptic events and neuron updates, and the floor of that work."""
    spec, work = SPECS[workload], work_of(document, workload)
    ours = fastest(document, workload, ("ours",), 1)
    if ours is None or work is None:
        return f"{spec.samples} x {spec.steps} steps"
    spikes = ", ".join(f"{s:,}" for s in ours["spikes"])
    text = (
        f"{spec.samples} x {spec.steps} steps; spikes per layer {spikes}; {work['synaptic_events']:,} synaptic events"
    )
    text += f", {work['neuron_updates']:,} neuron updates"
    for threads in document["settings"]["threads"]:
        if floor := floor_s(document, workload, threads):
            parts = floor_of(spec.base, work, document["floors"]["rates"][str(threads)])
            shares = f"{milliseconds(parts.synapses_s)} synapses + {milliseconds(parts.neurons_s)} neurons"
            text += f"; floor with {threads}T {milliseconds(floor)} ({shares})"
    return text


def verdicts(document: Row) -> list[list[str]]:
    """Heading and rows of the acceptance."""
    rows = [["acceptance", "measured", "must be", "verdict", "figures"]]
    for line in acceptance(document):
        value = "-" if line.found is None else f"{line.found:.3g}"
        bound = "-" if line.bound is None else f"{'<=' if line.at_most else '>='} {line.bound:g}"
        rows.append([line.what, value, bound, line.verdict, line.note])
    return rows


def text(document: Row) -> str:
    """For the terminal."""
    parts = [machine_line(document)]
    for workload in workloads_of(document):
        parts += ["", f"== {workload}: {activity(document, workload)}", *tables.aligned(table(document, workload))]
        parts += [f"   without figures: {line}" for line in missing(document, workload)]
    if "floors" in document:
        parts += ["", "== rates of this machine", *tables.aligned(floors.table(document["floors"]))]
    parts += ["", scale.text(document["scale"])] if "scale" in document else []
    parts += ["", stress.text(document["stress"])] if "stress" in document else []
    return "\n".join([*parts, "", *tables.aligned(verdicts(document))])


def machine_line(document: Row) -> str:
    """What everything was measured on, and how."""
    m, s = document["machine"], document["settings"]
    caches = ", ".join(f"{name} {size}" for name, size in m["caches"].items())
    return (
        f"Measured on {document['date']} on {m['processor']} (family / model {m['family_model']}, "
        f"{', '.join(m['instruction_sets'])}; {caches}), {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}, "
        f"{m['compiler']}. Load average {m['load_before'][0]} before and {m['load_after'][0]} after; "
        f"{m['stolen']:.1%} of the processors' time went to other machines. One run of {s['minutes']} minutes, in "
        f"which each simulator of a table took {s['rounds']} turns of at least {s['budget_s']} s."
    )


def markdown(document: Row) -> str:
    """The measured part of the documentation's page."""
    out = [machine_line(document), "", "## Acceptance", "", *tables.markdown(verdicts(document)), ""]
    for workload in workloads_of(document):
        out += [f"## {workload}", "", f"{activity(document, workload)}.", ""]
        out += [*tables.markdown(table(document, workload)), ""]
        lines = missing(document, workload)
        out += ["Without figures:", "", *(f"* {line}" for line in lines), ""] if lines else []
    if "floors" in document:
        out += ["## Rates of this machine", "", *tables.markdown(floors.table(document["floors"])), ""]
    if found := document.get("scale"):
        out += ["## Scale", "", f"In a process of its own, {found['memory_note']}.", ""]
        out += [*tables.markdown(scale.sizes(found)), "", "Growth of recurrent networks, one thread:", ""]
        out += [*tables.markdown(scale.growth(found)), "", *(f"* {line}" for line in scale.formulas(found)), ""]
    if found := document.get("stress"):
        out += ["## Under load", "", stress.explained(found), "", *tables.markdown(stress.table(found)), ""]
    return "\n".join([*out, "## Versions", "", *(f"* {line}" for line in versions(document))]) + "\n"


def versions(document: Row) -> list[str]:
    """One line per peer, with what its worker says of it."""
    lines = {}
    for row in document["results"]:
        if "versions" in row:
            packages = ", ".join(f"{name} {number}" for name, number in row["versions"].items())
            lines[row["peer"]] = f"{row['peer']}: {packages}{'; ' + row['notes'] if row['notes'] else ''}"
    return list(lines.values())
