"""``neurodeploy compile --budget``: weight bits of each layer under a budget, with the frontier of what is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from neurodeploy import cli_print as show
from neurodeploy.atomic import check_writable
from neurodeploy.cli_options import Choice, chosen_options
from neurodeploy.precision.measure import METRICS
from neurodeploy.quantize import BITS_DEFAULT

if TYPE_CHECKING:
    from neurodeploy.precision import MixedPrecision

F = TypeVar("F", bound=Callable[..., Any])
OF_BUDGET = ("metric", "budget_samples", "plot")
"""Options that mean something beside --budget only."""


def budget_options(command: F) -> F:
    """Options of the search for bits."""
    add = [
        click.option(
            "--budget",
            metavar="RESOURCE=AMOUNT",
            help="Choose the weight bits of each layer by measurement: memory=0.6 (of what the widest weights take), "
            "memory=1200words, memory=48KiB, energy=200nJ, cores=2. Needs --calibrate.",
        ),
        click.option("--metric", type=Choice(list(METRICS)), help=f"What is kept small: {_meanings()}."),
        click.option("--budget-samples", type=click.IntRange(min=1), help="Of --calibrate at most; default 256."),
        click.option(
            "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write the frontier as a picture (.svg)."
        ),
    ]
    for option in reversed(add):
        command = option(command)
    return command


def _meanings() -> str:
    return "; ".join(f"{name}: {what}" for name, what in METRICS.items()) + "; default output"


def check_budget(values: Mapping[str, Any], stop_after: str | None) -> None:
    """UsageError for options that do not go together."""
    if values["budget"] is None:
        if given := [name for name in OF_BUDGET if values[name] is not None]:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise click.UsageError(f"{flags}: only with --budget.")
        return
    if values["calibrate"] is None:
        raise click.UsageError("--budget measures: give it data with --calibrate DATA.npz.")
    if values["bits"] != BITS_DEFAULT:
        raise click.UsageError("--budget chooses the bits: drop --bits.")
    if stop_after is not None:
        raise click.UsageError("--budget compiles many times: drop --stop-after.")
    if values["plot"] is not None:
        if values["plot"].suffix.lower() != ".svg":
            raise click.UsageError("--plot writes an .svg file.")
        check_writable(values["plot"])


def choose_bits(model: str, target: str, values: Mapping[str, Any], progress: Callable[[str], None]) -> MixedPrecision:
    """Search, and draw what was found where that is wanted."""
    from neurodeploy.precision import mixed_precision
    from neurodeploy.precision.choose import SAMPLES

    data = values["calibrate"]
    found = mixed_precision(
        model,
        target,
        budget=values["budget"],
        data=data.spikes,
        labels=data.labels,
        options=chosen_options(values),
        metric=values["metric"] or "output",
        samples=values["budget_samples"] or SAMPLES,
        seed=values["seed"],
        progress=progress,
    )
    if values["plot"] is not None:
        from neurodeploy.precision.plot import write_plot

        write_plot(found, values["plot"])
    return found


def precision(facts: Mapping[str, Any]) -> None:
    """The frontier, the uniform settings beside it, and the choice."""
    points: list[Mapping[str, Any]] = []
    for point in (*facts["frontier"], *facts["uniform"], facts["chosen"]):
        if point not in points:
            points.append(point)
    resource = {"memory": "memory_words", "energy": "energy_j", "cores": "cores"}[facts["resource"]]
    rows = []
    for point in sorted(points, key=lambda point: (point[resource], point["loss"])):
        notes = ["chosen"] * (point == facts["chosen"]) + ["frontier"] * (point in facts["frontier"])
        rows.append(_row(point, [*notes, *["uniform"] * (len(set(point["bits"].values())) == 1)]))
    print()
    title = f"bits by layer: {facts['measured']} settings measured on {facts['samples']} samples, seed {facts['seed']}"
    show.rows(rows, title=title)
    print(f"loss: {facts['metric']}, {facts['metric_means']}")
    if facts["float_accuracy"] is not None:
        print(f"accuracy of the float network on these samples: {100 * facts['float_accuracy']:.2f} %")
    words = ",".join(f"{name}={n}" for name, n in facts["bits"].items())
    print(f"chosen under {facts['budget']}: --bits {words}")


def _row(point: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    row = {**point["bits"], "fields": point["fields"], "memory (words)": point["memory_words"], "cores": point["cores"]}
    row |= {"energy (est.)": show.si(point["energy_j"], "J"), "loss": f"{point['loss']:.3g}"}
    if point["flips"] is not None:
        row["decisions that differ"] = point["flips"]
    if point["accuracy"] is not None:
        row["accuracy"] = f"{100 * point['accuracy']:.2f} %"
    return row | {"note": ", ".join(notes)}
