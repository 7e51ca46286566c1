"""What tools/worlds_table.py measures, as tables and as a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from neurodeploy.report.study import Axis, Bar, Bars, Column, Study, StudySection, StudyTable

Rows = Sequence[dict[str, Any]]
MEASURES = {"obstacles": ("success", "%", "success"), "pendulum": ("mean_return", "", "return")}
"""By world, the key of what it is judged by, its unit and its name."""


def tables(plain: Rows, costs: Rows, faulty: Rows, seeds: int) -> list[StudyTable]:
    """What the page and the study show."""
    note = f"Means over {seeds} seeds, in brackets their 95 % interval (Student's t)."

    def with_interval(key: str, title: str, unit: str = "") -> Column:
        return Column(key, title, unit, f"{key}_low", f"{key}_high")

    found = [
        StudyTable(
            "Undisturbed",
            [
                Column("world"),
                Column("policy"),
                Column("episodes"),
                with_interval("success", "success", "%"),
                with_interval("mean_return", "return"),
            ],
            plain,
            note,
        ),
        StudyTable(
            "One decision on loihi2",
            [
                *(Column(key) for key in ("world", "neurons", "synapses", "cores", "spikes")),
                Column("syn_ops", "SynOps"),
                Column("quiet", "hidden neurons below 0.02 spikes/step", "%"),
                Column("energy_j", "energy (estimate)", "J", "energy_low", "energy_high"),
                Column("latency_s", "latency (estimate)", "s", "latency_low", "latency_high"),
            ],
            costs,
            "Mean of the decisions of undisturbed episodes; energy and latency are estimates with their ranges.",
        ),
    ]
    for world, (key, unit, title) in MEASURES.items():
        rows = [row for row in faulty if row["world"] == world]
        found.append(
            StudyTable(
                f"Degraded: {world}",
                [
                    Column("condition", "degradation"),
                    with_interval(f"{key}_off", f"{title}, off", unit),
                    with_interval(f"{key}_on", f"{title}, homeo_gain", unit),
                    with_interval(f"{key}_gain", "difference, paired", unit),
                    *_second(world, with_interval),
                ],
                rows,
                note,
            )
        )
        measures = [("mean", "FR_m"), ("std_mean", "FR_std^m"), ("std_std", "FR_std^s")]
        rates = [Column(f"fr_{m}_{side}", f"{t}, {side}") for m, t in measures for side in ("off", "on")]
        found.append(StudyTable(f"Firing rates: {world}", [Column("condition", "degradation"), *rates], rows))
    return found


def _second(world: str, with_interval: Callable[[str, str, str], Column]) -> list[Column]:
    """The pendulum is judged by its return; its success stands beside it."""
    if world == "obstacles":
        return []
    return [with_interval(f"success_{side}", f"success, {side}", "%") for side in ("off", "on")]


def study(found: Sequence[StudyTable], faulty: Rows, command: str, seeds: Sequence[int]) -> Study:
    """The page of the study; its text says what these numbers say, whatever they are."""
    charts = []
    for world, (key, unit, _) in MEASURES.items():
        bars = [
            Bar(row["condition"], *(row[f"{key}_gain{end}"] for end in ("", "_low", "_high")))
            for row in faulty
            if row["world"] == world
        ]
        axis = Axis("points of success" if unit else "return", unit)
        charts.append(Bars(f"What homeostasis changes: {world}", "Paired over seeds, with 95 % intervals.", axis, bars))
    return Study(
        "Spiking policies in small worlds",
        "What is left of a cloned controller on a chip, and on a broken one, and does homeostasis help?",
        [
            verdict(faulty),
            "Simulated bit for bit; energies are estimates. Own worlds, own policies: no claim about others.",
        ],
        [
            StudySection(
                "Undisturbed", ["The expert is told the true state; the policies see their sensors."], found[:2]
            ),
            StudySection("Degraded", ["Off is the static network; homeo_gain first acts unscored."], found[2:], charts),
        ],
        command,
        seeds,
    )


def verdict(faulty: Rows) -> str:
    """Counts of clear differences, by the interval of the paired difference."""
    sentences = []
    for world, (key, _, _) in MEASURES.items():
        rows = [row for row in faulty if row["world"] == world]
        better = [row["condition"] for row in rows if row[f"{key}_gain_low"] > 0]
        worse = [row["condition"] for row in rows if row[f"{key}_gain_high"] < 0]
        sentences.append(
            f"{world}: of {len(rows)} conditions homeostasis is better in {_listed(better)}, "
            f"worse in {_listed(worse)}, without a clear difference in the others."
        )
    return " ".join(sentences)


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(repr(name) for name in names)})" if names else "none"
