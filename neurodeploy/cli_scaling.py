"""``neurodeploy scaling``: laws of scale of small networks, in float and deployed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import TARGET, Choice, Cluster, Group, Shape, as_json
from neurodeploy.scaling.cells import ACCURACIES
from neurodeploy.scaling.protocol import NETWORKS, Protocol

DEFAULT = Protocol()
PROPOSERS = ("template", "grammar", "evolution")
folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
value_option = click.option("--value", type=Choice(ACCURACIES), help="Column; default: acc_int where there is one.")
split_option = click.option("--split", type=click.FloatRange(min=2), help="Extrapolations are fitted up to this K.")
weighted_option = click.option("--weighted", is_flag=True, help="Weight cells by their inverse binomial variance.")
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all fits.")


@click.group(cls=Group)
def scaling() -> None:
    """How accuracy and cost of small networks grow with neurons N, input channels S and categories K.

    The protocol is our own; the paper it follows was withdrawn. See docs/scaling.md.
    """


def _levels(values: tuple[int, ...]) -> str:
    return ",".join(map(str, values))


@scaling.command()
@click.option(
    "-o",
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="For the table and its manifest.",
)
@click.option(
    "--neurons",
    type=Shape(),
    metavar="N,N,...",
    default=_levels(DEFAULT.neurons),
    show_default=True,
    help="Levels of N, hidden neurons.",
)
@click.option(
    "--channels",
    type=Shape(),
    metavar="S,S,...",
    default=_levels(DEFAULT.channels),
    show_default=True,
    help="Levels of S.",
)
@click.option(
    "--categories",
    type=Shape(),
    metavar="K,K,...",
    default=_levels(DEFAULT.categories),
    show_default=True,
    help="Levels of K.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=DEFAULT.seeds, show_default=True, help="Of each cell.")
@click.option("--network", type=Choice(NETWORKS), default=DEFAULT.network, show_default=True, help="Random or trained.")
@click.option("--target", type=TARGET, help="Also deploy every network on this chip.")
@click.option(
    "--n-per-class", type=click.IntRange(min=3), default=DEFAULT.n_per_class, show_default=True, help="Samples."
)
@click.option("--epochs", type=click.IntRange(min=1), default=DEFAULT.epochs, show_default=True, help="Of training.")
@click.option("--shuffled", is_flag=True, help="Permute the labels: the control, which must stay at chance.")
@click.option(
    "--cluster", type=Cluster(), metavar="ADDRESS", help="Share the cells out: local, local:4 or tcp://host:8786."
)
@as_json
def sweep(folder: Path, cluster: str | None, as_json: bool, **values: Any) -> None:
    """Run every cell N x S x K x seeds; an interrupted sweep continues with the same command."""
    from neurodeploy.scaling.sweep import sweep as run_sweep

    with show.bar("cells") as progress:
        table = run_sweep(Protocol(**values), folder, cluster=cluster, progress=progress)
    failed = [row for row in table.rows if row["error"]]
    facts = {"folder": str(folder), "cells": len(table.rows), "table_sha256": table.sha256, "not_deployed": len(failed)}
    if as_json:
        show.json_out(facts)
        return
    show.rows([facts])
    for row in failed[:3]:
        click.echo(f"N, S, K = {row['N']}, {row['S']}, {row['K']}: {row['error']}")


@scaling.command()
@folder_argument
@value_option
@click.option("--kappa", is_flag=True, help="Fit (A - 1/K)/(1 - 1/K) instead of the accuracy A.")
@weighted_option
@split_option
@seed_option
@as_json
def fit(folder: Path, value: str | None, split: float | None, as_json: bool, **values: Any) -> None:
    """Fit all forms to a finished sweep, without simulating anything."""
    from neurodeploy.scaling.analysis import analyse
    from neurodeploy.scaling.table import load_table

    table = load_table(folder)
    column = value or ("acc_int" if table.protocol.target else "acc")
    with show.status() as progress:
        progress(f"fit {column}")
        facts = analyse(table.rows, column, most_k=split, **values).to_dict()
    if as_json:
        show.json_out(facts)
    else:
        _print_analysis(facts)


def _print_analysis(facts: dict[str, Any]) -> None:
    columns = ("form", "k", "aicc", "bic", "rmse", "extrapolation", "r2")
    errors = ("left_out_N", "left_out_S", "left_out_K")
    lines = [
        {"": "*" if row["chosen"] else ""} | {c: _shown(row[c]) for c in (*columns, *errors)} for row in facts["forms"]
    ]
    show.rows(lines, title=f"{facts['value']}: {facts['cells']} cells, extrapolation beyond K = {facts['split_k']:g}")
    click.echo(f"\nchosen: {facts['chosen']}, {facts['expression']}")
    show.rows(
        [{"parameter": p} | {name: _shown(v) for name, v in found.items()} for p, found in facts["parameters"].items()]
    )
    show.rows([{"factor": f} | {name: _shown(v) for name, v in found.items()} for f, found in facts["shares"].items()])
    for failed in facts["failed"]:
        click.echo(f"not fitted: {failed['form']}: {failed['why']}")


def _shown(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else value


@scaling.command()
@folder_argument
@click.option(
    "--accuracy", type=click.FloatRange(0, 1, min_open=True, max_open=True), required=True, help="Wanted, 0..1."
)
@click.option("--k", "categories", type=click.IntRange(min=2), required=True, help="Categories.")
@click.option("--s", "channels", type=click.IntRange(min=1), required=True, help="Input channels.")
@value_option
@click.option("--target", type=TARGET, help="Chip; default: the sweep's.")
@click.option("--measure", type=click.IntRange(min=0), default=0, help="Also run so many networks of that size.")
@seed_option
@as_json
def size(folder: Path, accuracy: float, as_json: bool, **values: Any) -> None:
    """The smallest network, and its cores, for a wanted accuracy, by the law of a finished sweep."""
    from neurodeploy.scaling.size import smallest
    from neurodeploy.scaling.table import load_table

    with show.status() as progress:
        found = smallest(load_table(folder), accuracy, progress=progress, **values)
    if as_json:
        show.json_out(vars(found))
        return
    beyond = f"more than {found.limit}"
    ends = f"{found.low or beyond} .. {found.high or beyond}"
    click.echo(f"N = {found.N or beyond} hidden neurons (95 % interval {ends}), by {found.form} of {found.value}")
    for name, cores in found.cores.items():
        why = cores["why"]
        known = f"{cores['cores']} cores, {cores['chips']} chips" if why is None else f"unknown: {why}"
        click.echo(f"{found.target}, {'N' if name == 'N' else name + ' end'}: {known}")
    for outside in found.extrapolates:
        click.echo(f"this extrapolates: {outside}")
    if found.measured:
        show.rows([{k: _shown(v) for k, v in row.items()} for row in found.measured], title="run at that size")


@scaling.command()
@folder_argument
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="HTML page to write, with tables.")
@click.option("--proposer", type=Choice(PROPOSERS), default="template", show_default=True, help="Who proposes forms.")
@click.option("--command", help="A program that proposes instead: JSON in, expressions out.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Of it, in seconds.")
@click.option("--recorded", type=click.Path(dir_okay=False, path_type=Path), help="A record to replay instead.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Keep what is proposed in this file.")
@weighted_option
@split_option
@seed_option
@as_json
def report(
    folder: Path,
    out: Path | None,
    proposer: str,
    command: str | None,
    timeout: float,
    recorded: Path | None,
    record: Path | None,
    split: float | None,
    seed: int,
    as_json: bool,
    weighted: bool,
) -> None:
    """All analyses of a finished sweep: float beside deployed, costs, proposers against lines and polynomials."""
    from neurodeploy.atomic import check_writable
    from neurodeploy.scaling import proposers
    from neurodeploy.scaling.page import write_page
    from neurodeploy.scaling.study import study
    from neurodeploy.scaling.table import load_table

    if command is not None and recorded is not None:
        raise click.UsageError("Give either --command or --recorded.")
    for path in (out, record):
        if path is not None:
            check_writable(path, keep=() if recorded is None else (recorded,))
    made: proposers.Proposer
    if command is not None:
        made = proposers.CommandProposer(shlex.split(command), timeout_s=timeout)
    elif recorded is not None:
        made = proposers.RecordedProposer(recorded)
    elif proposer == "template":
        made = proposers.TemplateProposer()
    elif proposer == "grammar":
        made = proposers.GrammarProposer(seed=seed)
    else:
        made = proposers.EvolutionProposer(seed=seed)
    table = load_table(folder)
    with show.status() as progress:
        facts = study(
            table,
            proposer=made,
            record=record,
            most_k=split,
            weighted=weighted,
            seed=seed,
            progress=progress,
        )
    if out is not None:
        facts["page"] = write_page(table, facts, out, f"neurodeploy scaling report {folder} -o {out}")
    if as_json:
        show.json_out(facts)
        return
    for found in facts["analyses"].values():
        _print_analysis(found)
        click.echo()
    for title in ("side_by_side", "costs"):
        if facts[title]:
            show.rows([_short(row) for row in facts[title]], title=title.replace("_", " "))
    kept = ("entry", "form", "k", "bic", "rmse", "extrapolation")
    show.rows([{k: _shown(row[k]) for k in kept} for row in facts["contest"]["rows"]], title="proposer against others")
    click.echo(f"\n{facts['note']}")
    for path in facts.get("page", ()):
        click.echo(f"written: {path}")


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {k: " .. ".join(f"{x:.3g}" for x in v) if isinstance(v, list) else _shown(v) for k, v in row.items()}
