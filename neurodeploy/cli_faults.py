"""``neurodeploy faults``: degraded chips, and what is left of the accuracy."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import (
    MODEL,
    TARGET,
    Choice,
    Group,
    as_json,
    chosen_options,
    cluster_option,
    compile_options,
    engine_option,
    semantics_options,
)
from neurodeploy.faults import FAULTS
from neurodeploy.intervals import SHARE_METHODS

FILE = click.Path(dir_okay=False, path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])
T_NOTE = "accuracy and difference to the chip without faults: mean over the seeds, with Student's t interval (95 %)"


class Numbers(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Numbers with commas between them."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(word) for word in value.split(","))
        except ValueError:
            self.fail(f"'{value}' is no list of numbers: give e.g. 0,0.1,0.3", param, ctx)


class Remembered(click.Command):
    """Keeps its arguments as they were given, for the page that says what made it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[Remembered.__name__] = shlex.join([*ctx.command_path.split(), *args])
        return super().parse_args(ctx, args)


@click.group(cls=Group)
def faults() -> None:
    """Put faults into a chip's integers, and see what is left of the accuracy."""


@faults.command("list")
@as_json
def faults_list(as_json: bool) -> None:
    """All faults, and what their severity is."""
    rows = [
        {"fault": name, "severity": kind.meaning, "none at": kind.neutral, "what": (kind.__doc__ or "").split("\n")[0]}
        for name, kind in FAULTS.items()
    ]
    if as_json:
        show.json_out(rows)
    else:
        show.rows(rows)


@faults.command("inject")
@click.argument("program", type=FILE)
@click.option("--fault", "spec", required=True, help="Such as weight_loss=0.5,dead=0.1@hidden; see docs/faults.md.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all draws.")
@click.option("-o", "--out", type=FILE, required=True, help="The faulty program (.ndp).")
@as_json
def inject_command(program: Path, spec: str, seed: int, out: Path, as_json: bool) -> None:
    """Write a PROGRAM with faults in it, and say what was hit (--json: each index)."""
    from neurodeploy.robustness.job import inject_file

    manifest = inject_file(program, spec, seed, out)
    if as_json:
        show.json_out({"program": str(out)} | manifest.to_dict())
    else:
        facts = manifest.to_dict(indices=False)["hits"]
        show.rows([h | {"effective": [f"{k} {v:.4g}" for k, v in h["effective"].items()]} for h in facts])


def study_options(command: F) -> F:
    """What a sweep and a yield are of."""
    command = compile_options(semantics_options(command))
    command = engine_option(cluster_option(command))
    for option in (
        click.option("--steps", type=click.IntRange(min=1), help="Chip steps per sample; default: all of them."),
        click.option("--samples", type=click.IntRange(min=1), help="Only the first so many of the data."),
        click.option(
            "-o",
            "--out",
            type=FILE,
            default="faults.csv",
            show_default=True,
            help="The table: a row for each run. The same command again goes on where it stopped.",
        ),
        click.option(
            "--report", type=FILE, help="Also a page of it (.html), with its tables as JSON and CSV beside it."
        ),
        click.option("--input", "data", type=FILE, help="DATA.npz with labels; default: test data of a bundled model."),
        click.option(
            "--seeds",
            type=click.IntRange(min=1),
            default=10,
            show_default=True,
            help="Faulty chips of each fault and severity, drawn with the seeds 0, 1, ...",
        ),
        click.option("--severities", type=Numbers(), metavar="S,S,...", help="Of the faults that have none."),
        click.option("--target", type=TARGET, default="loihi2", show_default=True),
        click.argument("models", metavar="MODEL...", type=MODEL, nargs=-1, required=True),
    ):
        command = option(command)
    return command


@faults.command("sweep", cls=Remembered)
@study_options
@click.option(
    "--fault",
    "specs",
    multiple=True,
    required=True,
    help="A fault, such as weight_loss or dead@hidden; repeat for more.",
)
@as_json
def sweep_command(specs: tuple[str, ...], as_json: bool, **values: Any) -> None:
    """Accuracy, spikes and rates of MODELs (or programs) over faults, severities and seeds."""
    from neurodeploy.robustness.summary import summarise

    rows = _rows(specs, values)
    _page(rows, values["report"])
    lines = summarise(rows)
    if as_json:
        show.json_out({"table": str(values["out"]), "intervals": T_NOTE, "summary": lines, "rows": rows})
        return
    show.rows([_percent(line, ("accuracy", "difference")) for line in lines], title=T_NOTE)
    _written(rows, values)


@faults.command("yield", cls=Remembered)
@study_options
@click.option(
    "--fault",
    "specs",
    multiple=True,
    default=("core_loss",),
    show_default=True,
    help="A fault; default: each core is lost with the probability of the severity.",
)
@click.option("--accuracy", type=click.FloatRange(0, 1), help="A chip is good from this accuracy on.")
@click.option("--drop", type=click.FloatRange(0, 1), help="Or where it loses at most so much, such as 0.02.")
@click.option(
    "--interval",
    "method",
    type=Choice(SHARE_METHODS),
    default=SHARE_METHODS[0],
    show_default=True,
    help="Clopper and Pearson's, which never promises too much, or Wilson's.",
)
@as_json
def yield_command(
    specs: tuple[str, ...], accuracy: float | None, drop: float | None, method: str, as_json: bool, **values: Any
) -> None:
    """Which share of degraded chips (seeds) still meets an accuracy, over severities; from the same table as sweep."""
    from neurodeploy.robustness.summary import Demand, yields

    if (accuracy is None) == (drop is None):
        raise click.UsageError("Give either --accuracy or --drop: what makes a chip good.")
    rows, demand = _rows(specs, values), Demand(accuracy, drop)
    _page(rows, values["report"], demand=demand, method=method)
    lines = yields(rows, demand, method=method)
    wanted = f"accuracy >= {accuracy:g}" if accuracy is not None else f"accuracy lost <= {drop:g}"
    names = {"exact": "Clopper and Pearson's", "wilson": "Wilson's"}
    note = f"chips (seeds) with {wanted}, with {names[method]} interval (95 %)"
    if as_json:
        show.json_out({"table": str(values["out"]), "good": wanted, "interval": note, "yields": lines, "rows": rows})
        return
    show.rows([_percent(line, ("yield",)) for line in lines], title=note)
    _written(rows, values)


def _rows(specs: tuple[str, ...], values: dict[str, Any]) -> list[dict[str, Any]]:
    from neurodeploy.report import check_installed
    from neurodeploy.report.write import checked_paths
    from neurodeploy.robustness.job import study

    if values["report"] is not None:
        check_installed()
        inputs = [Path(model) for model in values["models"]] + [values["data"]] * (values["data"] is not None)
        checked_paths(values["report"], (), [*inputs, values["out"]])
    names = ("models", "target", "data", "samples", "steps", "severities", "seeds", "cluster", "engine")
    with show.bar("chips") as progress:
        return study(
            specs,
            options=chosen_options(values),
            table=values["out"],
            progress=progress,
            **{n: values[n] for n in names},
        )


def _written(rows: list[dict[str, Any]], values: dict[str, Any]) -> None:
    page = "" if values["report"] is None else f", page: {values['report']}"
    click.echo(f"\n{len(rows)} runs: {values['out']}{page}")


def _page(rows: list[dict[str, Any]], path: Path | None, **wanted: Any) -> None:
    from neurodeploy.report.faults import fault_study
    from neurodeploy.report.study import write_study

    if path is not None:
        write_study(fault_study(rows, command=click.get_current_context().meta[Remembered.__name__], **wanted), path)


def _percent(line: dict[str, Any], intervals: tuple[str, ...]) -> dict[str, Any]:
    """A line for people: values with their intervals in one cell each."""
    ends = {f"{name}{end}" for name in intervals for end in ("_low", "_high")}
    shown = {k: v for k, v in line.items() if k not in ends | {"parts", "hit"}}
    for name in intervals:
        low, high = line[f"{name}_low"], line[f"{name}_high"]
        band = "" if low is None else f" ({100 * low:.2f} .. {100 * high:.2f})"
        shown[name] = f"{100 * line[name]:.2f} %{band}"
    return shown
