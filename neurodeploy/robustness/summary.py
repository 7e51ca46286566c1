"""What rows of a sweep say: means over seeds with intervals, differences to the chip without faults, and yields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurodeploy.intervals import mean_interval, share_interval
from neurodeploy.robustness.cell import FAULT_FREE, Row

GROUP = ("model", "target", "fault", "severity")


@dataclass(frozen=True)
class Demand:
    """What a chip must reach to be good: an accuracy, or at most so much below the chip without faults.

    Attributes:
        accuracy: At least this share of samples.
        drop: At most so much less than without faults, counted in samples, so that equality is exact.
    """

    accuracy: float | None = None
    drop: float | None = None

    def met(self, row: Mapping[str, Any], healthy: Mapping[str, Any]) -> bool:
        """Whether the chip of a row is good."""
        if self.accuracy is not None:
            return bool(row["correct"] >= self.accuracy * row["samples"] - 1e-9)
        lost = int(healthy["correct"]) - int(row["correct"])
        return bool(lost <= (self.drop or 0.0) * row["samples"] + 1e-9)


def summarise(rows: Sequence[Row], confidence: float = 0.95) -> list[dict[str, Any]]:
    """A line for each model, fault and severity: means over seeds of accuracy, spikes, SynOps and rate, per inference.

    ``accuracy_low .. accuracy_high`` is Student's t interval over the seeds of the fault, None for a single chip.
    ``difference`` is that of each seed's accuracy to the same program on the same samples without faults, averaged,
    with its interval: paired, so that the samples and the training do not enter. Neither interval speaks of other
    samples or of other trained networks.
    """
    lines = []
    for group, members, healthy in _groups(rows):
        accuracy = mean_interval([r["accuracy"] for r in members], confidence)
        paired = mean_interval([(r["correct"] - healthy["correct"]) / r["samples"] for r in members], confidence)
        line = dict(zip(GROUP, group, strict=True)) | {"seeds": len(members), "samples": members[0]["samples"]}
        for name, found in (("accuracy", accuracy), ("difference", paired)):
            line |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        line["accuracy_min"] = min(r["accuracy"] for r in members)
        for name in ("spikes", "synops", "rate", "hit", "changed", "parts"):
            line[name] = sum(r[name] for r in members) / len(members)
        lines.append(line)
    return lines


def yields(
    rows: Sequence[Row], demand: Demand, *, confidence: float = 0.95, method: str = "exact"
) -> list[dict[str, Any]]:
    """A line for each model, fault and severity: which share of the chips (seeds) is good, with its interval."""
    lines = []
    for group, members, healthy in _groups(rows):
        good = sum(demand.met(row, healthy) for row in members)
        found = share_interval(good, len(members), confidence, method)
        drawn = len(members) > 1
        line = dict(zip(GROUP, group, strict=True)) | {"chips": len(members), "good": good, "yield": found.value}
        line |= {"yield_low": found.low if drawn else None, "yield_high": found.high if drawn else None}
        line["accuracy"] = sum(r["accuracy"] for r in members) / len(members)
        line["accuracy_min"] = min(r["accuracy"] for r in members)
        lines.append(line)
    return lines


def _groups(rows: Sequence[Row]) -> list[tuple[tuple[Any, ...], list[Row], Row]]:
    """Rows that differ in their seeds only, and the row without faults of the same program and data."""
    healthy = {_origin(row): row for row in rows if row["fault"] == FAULT_FREE}
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((*_origin(row), row["fault"], row["severity"]), []).append(row)
    return [
        (tuple(members[0][name] for name in GROUP), members, healthy[_origin(members[0])])
        for members in groups.values()
    ]


def _origin(row: Row) -> tuple[Any, ...]:
    return row["model"], row["target"], row["program"], row["data"]
