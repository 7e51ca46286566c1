"""Results as plain values and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from neurodeploy.conformance.judge import (
    ACCEPTED,
    CRASHED,
    EXACT,
    FAULTS,
    NOT_DECLARED,
    REFUSED,
    REJECTED,
    TIMEOUT,
    WITHIN,
    WRONG,
    Result,
)
from neurodeploy.conformance.runner import Report

STATUSES = (EXACT, WITHIN, REJECTED, REFUSED, NOT_DECLARED, WRONG, ACCEPTED, TIMEOUT, CRASHED)


def to_dict(report: Report) -> dict[str, Any]:
    """Everything, for JSON."""
    return {
        "backend": report.backend,
        "declaration": asdict(report.declaration),
        "counts": report.counts,
        "faults": report.faults,
        "results": [asdict(result) | {"max_dv": _finite(result.max_dv)} for result in report.results],
    }


def _finite(value: float | None) -> float | str | None:
    """JSON has no infinity."""
    return value if value is None or math.isfinite(value) else str(value)


def rows(report: Report) -> list[dict[str, Any]]:
    """A line for each case."""
    return [
        {
            "case": r.case,
            "result": r.status,
            "mismatching": f"{r.mismatching:,} of {r.compared:,}" if r.compared else "-",
            "max |dv|": "-" if r.max_dv is None else f"{r.max_dv:.2g}",
            "first divergence, or why": where(r) or r.detail,
        }
        for r in report.results
    ]


def where(result: Result) -> str:
    """The first divergence in words."""
    if result.first is None:
        return ""
    f = result.first
    what = {"sent": "sends", "v": "has v ="}[f["what"]]
    return f"sample {f['sample']}, step {f['step']}: {f['node']}{f['index']} {what} {f['found']}, not {f['expected']}"


def markdown(reports: Sequence[Report]) -> str:
    """A table of counts, one of cases by backends, and the faults and reasons beneath."""
    lines = ["| backend | numbers | " + " | ".join(STATUSES) + " |", "|---|---|" + "---|" * len(STATUSES)]
    for report in reports:
        counts = (str(report.counts.get(s, 0)) for s in STATUSES)
        lines.append(f"| {report.declaration.name} | {report.declaration.number_format} | {' | '.join(counts)} |")
    lines += ["", "| case | " + " | ".join(r.declaration.name for r in reports) + " |", "|---|" + "---|" * len(reports)]
    results = [{r.case: r for r in report.results} for report in reports]
    for case in results[0]:
        lines.append(f"| {case} | " + " | ".join(_cell(by_case.get(case)) for by_case in results) + " |")
    for report in reports:
        lines += ["", f"### {report.declaration.name}", ""]
        lines += [report.declaration.note, ""] if report.declaration.note else []
        lines += _reasons(report.results)
    return "\n".join(lines) + "\n"


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    if result.compared and result.status in (WITHIN, WRONG):
        dv = "" if result.max_dv is None else f", dv {result.max_dv:.2g}"
        return f"{result.status} {100 * result.mismatching / result.compared:.3g} %{dv}"
    return result.status


def _reasons(results: Sequence[Result]) -> list[str]:
    """One line for each reason, with the cases that it holds for."""
    found: dict[tuple[str, str], list[str]] = {}
    for r in results:
        if r.status in (*FAULTS, REFUSED):
            found.setdefault((r.status, where(r) or _short(r.detail)), []).append(r.case)
    return [f"* {status}: {', '.join(cases)}: {_escaped(reason)}" for (status, reason), cases in sorted(found.items())]


def _short(detail: str) -> str:
    """The first words; the place in a temporary folder says nothing."""
    return detail.split(" at: ")[0][:160]


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "*_|<>[]`" else c for c in text)
