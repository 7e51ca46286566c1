"""What the numbers rest on, and how to get them again."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodeploy.estimate.costs import NOT_INCLUDED
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.scales import quantity
from neurodeploy.report.parts import Section, Table, words
from neurodeploy.version import installed_version

UNITS = {"j": "J", "w": "W", "s": "s"}
"""By the end of a constant's name."""


def assumptions(e: Evidence) -> Section:
    """Conventions and constants, each with its source."""
    target = e.program.target
    statuses = {row["status"] for row in e.costs.sources.values()}
    lead = (
        f"Spikes, accuracy and counts are exact for the integers of the program. Energy and time are estimates from "
        f"published or inferred constants (profile {e.costs.profile}); nothing here was measured on a chip. "
        f"The description of {target.title} as a whole is {target.status}."
    )
    rows = [(_title(name), *_numbers(name, row), row["status"], row["source"]) for name, row in e.costs.sources.items()]
    heads = ("Constant", "Value", "Low", "High", "Status", "Source")
    note = "Published: printed or measured by the source. Inferred: derived, fitted or borrowed, as it says."
    tables = [
        Table("constants", "Constants of the estimates", heads, rows, frozenset({1, 2, 3}), note, prose=frozenset({5})),
        Table("conventions", "How the model was read", ("Convention", "Value"), _conventions(e), prose=frozenset({1})),
    ]
    notes = [f"{NOT_INCLUDED[0].upper()}{NOT_INCLUDED[1:]}."]
    if e.costs.missing:
        notes.append(f"The profile has no figure for {', '.join(map(words, e.costs.missing))}: counted as 0.")
    if "example" in statuses:
        notes.append("Some constants are examples, made up for a target that does not exist.")
    return Section("assumptions", "Assumptions and sources", lead, tables=tables, notes=notes)


def _title(name: str) -> str:
    """``synop_j`` as energy of a synop."""
    kinds = {"_j": "energy", "_w": "power", "_per_s": "", "_s": "time"}
    ending = next((end for end in kinds if name.endswith(end)), "")
    kind = kinds.get(ending, "")
    return words(name.removesuffix(ending)) + (f", {kind}" if kind else "")


def _numbers(name: str, row: Mapping[str, Any]) -> tuple[str, str, str]:
    unit = UNITS.get(name.rsplit("_", 1)[-1], "")
    if name.endswith("_per_s"):
        unit = "/s"
    value, low, high = (row[k] for k in ("value", "low", "high"))
    if not all(isinstance(x, (int, float)) for x in (value, low, high)):
        return str(value), "", ""
    return quantity(value, unit), quantity(low, unit), quantity(high, unit)


def _conventions(e: Evidence) -> list[tuple[str, str]]:
    known = {k: v for k, v in e.program.semantics.items() if k not in ("layers", "notes", "exported") and v is not None}
    rows = [(words(k), quantity(v, "s") if k == "dt_s" and isinstance(v, float) else str(v)) for k, v in known.items()]
    layers: Any = e.program.semantics.get("layers", {})
    rows += [(f"layer {name}", "; ".join(f"{words(k)} {v}" for k, v in own.items())) for name, own in layers.items()]
    return rows if "readout" in known else [*rows, ("readout", words(e.program.readout))]


def reproduction(e: Evidence) -> Section:
    """Versions, digests and the command."""
    p = e.program.provenance
    files = {"program": "program.ndp", "data": "data.npz"} | {k: f["name"] for k, f in e.files.items()}
    more = "".join(f" {flag} {value}" for flag, value in e.options.items())
    rows = [
        ("command", f"neurodeploy report {files['program']} --input {files['data']}{more} -o report.html"),
        (
            "neurodeploy",
            f"{installed_version()}; the program was compiled with {p.get('neurodeploy', 'an unknown one')}",
        ),
        ("compiled", str(p.get("date", "unknown"))),
        ("engine", f"{e.run.engine}, integers bit for bit"),
        ("Python and NumPy", f"{platform.python_version()}, {np.__version__}"),
        ("model", f"{p.get('model', 'unknown')}, sha256 {p.get('model_sha256', 'unknown')}"),
        ("target", f"{e.program.target.name}, sha256 {e.program.target.digest}"),
        *((f"{kind} file", f"{facts['name']}, sha256 {facts['sha256']}") for kind, facts in e.files.items()),
        ("samples", f"{e.samples:,} of {e.input_steps:,} steps"),
    ]
    options = {k: v for k, v in p.items() if k in ("bits", "max_neurons_per_core") and v is not None}
    rows += [(words(k), str(v)) for k, v in options.items()]
    proof: Any = p.get("proof")
    notes = []
    if proof:
        notes.append(
            f"The program came from a {proof['framework']} module, whose spikes on {proof['samples']} samples were "
            f"compared with what was read from it: {proof['ties']:,} differ, all by rounding in single precision."
        )
    lead = "The same files, versions and command give the same page, byte for byte."
    table = Table("reproduction", "What was run", ("Item", "Value"), rows, prose=frozenset({1}))
    return Section("reproduce", "Reproduce", lead, tables=(table,), notes=notes)
