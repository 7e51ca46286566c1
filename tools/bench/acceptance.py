"""What the fast engine must reach, row by row: measured, met or missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from floors import floor_of
from workloads import SPECS

Row = dict[str, Any]
TORCH = ("torch_loop", "torch_layers", "torch_int8")
FRAMEWORKS = ("snntorch", "norse", "spikingjelly")
MOST_OF_PROTOTYPE = 1.3
ACCEPTED = ("W1", "W1x256", "W2x64", "W3", "W4")
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
SETUP = ("W4", "nest", 20.0)
MOST_SLOWDOWN = 4.0
STRESS_RUNS = 100
MOST_SCALE_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Line:
    """A row of the acceptance.

    Attributes:
        what: Workload, thread count and what is compared.
        found: The measured value, or None where it is missing.
        bound: What it must be; None where a figure is only to be stated.
        at_most: Whether ``bound`` is a maximum.
        note: Absolute times, distance from the floor, or why there is no value.
    """

    what: str
    found: float | None
    bound: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, ``NOT MEASURED`` or ``stated``."""
        if self.found is None:
            return "NOT MEASURED"
        if self.bound is None:
            return "stated"
        return "met" if (self.found <= self.bound if self.at_most else self.found >= self.bound) else "MISSED"


def acceptance(document: Row) -> list[Line]:
    """All rows that this run was asked to measure."""
    asked = document["settings"]
    lines: list[Line] = []
    for workload in ACCEPTED:
        if workload in asked["workloads"]:
            for threads in asked["threads"]:
                lines += _of_workload(document, workload, threads)
    lines += [line for workload in asked["workloads"] for line in _equality(document, workload)]
    lines += [line for workload in asked["workloads"] for line in _levels(document, workload)]
    if start := document.get("start"):
        lines.append(Line("`neurodeploy demo` to its first result, cold, s", start["cold_s"], note=start["cold"]))
        lines.append(Line("`neurodeploy demo` to its first result, warm, s", start["warm_s"]))
    for row in document.get("stress", {}).get("rows", ()):
        lines.append(Line(f"{row['name']} under load: wrong runs of {row['runs']}", row["wrong"], 0, True))
        lines.append(Line(f"{row['name']} under load: times slower", row["slowdown"], MOST_SLOWDOWN, True))
    if scale := document.get("scale"):
        size = f"{scale['neurons']:,} neurons, {scale['synapses']:,} synapses"
        peak = scale["peak_bytes"] / 2**30
        lines.append(Line(f"{size}: peak memory, GiB", peak, MOST_SCALE_BYTES / 2**30, True, scale["memory_note"]))
    return lines


def missed(document: Row) -> list[str]:
    """One line for every row that is not met."""
    return [
        f"{line.verdict}: {line.what}" for line in acceptance(document) if line.verdict in ("MISSED", "NOT MEASURED")
    ]


def _of_workload(document: Row, workload: str, threads: int) -> list[Line]:
    ours = fastest(document, workload, ("ours",), threads)
    where = f"{workload}, {threads}T"
    lines = []
    for what, peers, bound, at_most in (
        ("time over the prototype's", ("prototype",), MOST_OF_PROTOTYPE, True),
        *((f"times faster than {what}", peers, least, False) for w, what, peers, least in LEAST if w == workload),
    ):
        if not set(peers) & set(document["settings"]["peers"]):
            continue
        peer = fastest(document, workload, peers, threads)
        if ours and peer:
            a, b = (ours, peer) if at_most else (peer, ours)
            note = f"{1e3 * ours['min_s']:.3g} ms, {peer['name']} {1e3 * peer['min_s']:.3g} ms"
            distance = floor_distance(document, ours) if at_most else None
            note += f"; {distance:.2g} x the floor" if distance else ""
            lines.append(Line(f"{where}: {what}", a["min_s"] / b["min_s"], bound, at_most, note))
        elif threads == 1:  # more are compared with those that can
            lines.append(Line(f"{where}: {what}", None, bound, at_most))
    if workload == SETUP[0] and SETUP[1] in document["settings"]["peers"] and threads == 1:
        peer = fastest(document, workload, SETUP[1:2], threads)
        ratio = peer["setup_s"] / ours["setup_s"] if peer and ours else None
        note = f"{ours['setup_s']:.3g} s, {peer['setup_s']:.3g} s" if peer and ours else ""
        lines.append(Line(f"{where}: set-up times faster than NEST", ratio, SETUP[2], False, note))
    return lines


def _equality(document: Row, workload: str) -> list[Line]:
    lines = []
    for row in (r for r in measured(document, workload) if r["peer"] == "ours"):
        check = row.get("check", {})
        part = f"{check['samples']} x {check['steps']} steps" if check else ""
        differing = int(not check["equal"]) if check else None
        lines.append(Line(f"{workload}, {row['name']}: results unequal to `reference`", differing, 0, True, part))
    return lines


def _levels(document: Row, workload: str) -> list[Line]:
    lines = []
    for row in (r for r in measured(document, workload) if r["peer"] == "ours" and r["level"]):
        best = fastest(document, workload, ("ours",), row["threads"])
        if best:
            what = f"{workload}, {row['threads']}T: time of level {row['level']} over that of the highest level"
            lines.append(Line(what, row["min_s"] / best["min_s"], note=f"{1e3 * row['min_s']:.3g} ms"))
    return lines


def measured(document: Row, workload: str) -> list[Row]:
    """Rows with times."""
    return [r for r in document["results"] if r["workload"] == workload and "min_s" in r]


def fastest(document: Row, workload: str, peers: tuple[str, ...], threads: int) -> Row | None:
    """The quickest row of some peers, our forced levels aside."""
    rows = [
        r for r in measured(document, workload) if r["peer"] in peers and r["threads"] == threads and not r["level"]
    ]
    return min(rows, key=lambda r: r["min_s"], default=None)


def work_of(document: Row, workload: str) -> dict[str, int] | None:
    """Synaptic events and neuron updates of a whole run, as ours counts them."""
    rows = [r for r in measured(document, workload) if r["peer"] == "ours" and r.get("work")]
    return rows[0]["work"] if rows else None


def floor_s(document: Row, workload: str, threads: int) -> float | None:
    """The physical floor, or None where it was not measured."""
    rates, work = document.get("floors", {}).get("rates", {}).get(str(threads)), work_of(document, workload)
    return None if rates is None or work is None else floor_of(SPECS[workload].base, work, rates).total_s


def floor_distance(document: Row, row: Row) -> float | None:
    """A row's time over the floor for its thread count."""
    floor = floor_s(document, row["workload"], row["threads"])
    return None if floor is None else float(row["min_s"] / floor)
