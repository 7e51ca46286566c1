"""``neurodeploy conformance``: test a NIR backend, ours or anybody's."""

from __future__ import annotations

import math
from pathlib import Path

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import Group, as_json


@click.group(cls=Group)
def conformance() -> None:
    """Cases that say bit for bit what a NIR graph does, for any backend.

    BACKEND is package.module:factory, a function that makes an adapter with load, reset and step; ours are
    neurodeploy.conformance.own:float_reference and neurodeploy.conformance.own:integer_engine.
    """


@conformance.command("list")
@as_json
def list_command(as_json: bool) -> None:
    """The cases and what they test."""
    from neurodeploy.conformance.suite import all_cases

    rows = [{"case": case.name, "tests": case.about} for case in all_cases()]
    if as_json:
        show.json_out(rows)
    else:
        show.rows(rows)


@conformance.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--dt-s", type=float, help="Time step in seconds that the time constants are multiples of; default 2^-13."
)
@as_json
def write(folder: Path, dt_s: float | None, as_json: bool) -> None:
    """Write the suite into a new FOLDER: a .nir and an .npz file per case, and manifest.json."""
    from neurodeploy.atomic import making_folder
    from neurodeploy.conformance.suite import DT_S, load_suite, write_suite

    if dt_s is not None and not 0 < dt_s < math.inf:
        raise click.BadParameter(f"{dt_s} is not a positive number of seconds", param_hint="--dt-s")
    with making_folder(folder) as made:
        write_suite(made, DT_S if dt_s is None else dt_s)
    facts = {"folder": str(folder), "cases": len(load_suite(folder))}
    if as_json:
        show.json_out(facts)
    else:
        click.echo(f"{facts['cases']} cases written to {folder}")


@conformance.command()
@click.argument("backend")
@click.option(
    "--cases", type=click.Path(file_okay=False, path_type=Path), help="A suite's folder; default: as written."
)
@click.option("--only", multiple=True, metavar="PATTERN", help="Only cases of this name, such as 'node/*'; repeatable.")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="Seconds for each case."
)
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Also write the table to this file.")
@as_json
def run(
    backend: str, cases: Path | None, only: tuple[str, ...], timeout: float, markdown: Path | None, as_json: bool
) -> None:
    """Test BACKEND; exit code 8 where a case came out wrong, hung, or was taken though it must be refused."""
    from neurodeploy.atomic import check_writable, replacing
    from neurodeploy.conformance import report as tables
    from neurodeploy.conformance.runner import run_backend

    if markdown is not None:
        check_writable(markdown)
    with show.bar("cases") as progress:
        report = run_backend(backend, folder=cases, only=only, timeout_s=timeout, progress=progress)
    if markdown is not None:
        with replacing(markdown) as temporary:
            temporary.write_text(tables.markdown([report]), encoding="utf-8")
    if as_json:
        show.json_out(tables.to_dict(report))
    else:
        show.rows(tables.rows(report), title=report.declaration.name)
        click.echo(", ".join(f"{n} {status}" for status, n in report.counts.items()))
    if report.faults:
        raise click.exceptions.Exit(8)
