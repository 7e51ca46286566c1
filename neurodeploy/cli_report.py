"""``neurodeploy report``: a program, or two of them, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import MODEL, as_json, profile_option
from neurodeploy.units import si

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("programs", nargs=-1, type=FILE, required=True, metavar="PROGRAM")
@click.option("--compare", is_flag=True, help="Put two PROGRAMs side by side.")
@click.option("--input", "data", type=FILE, required=True, help="DATA.npz")
@click.option("--model", type=MODEL, help="The float model that PROGRAM was made of; default: a bundled one, if it is.")
@profile_option
@click.option("-o", "--out", type=FILE, required=True, help="The page (.html); its numbers go beside it.")
@as_json
def report(
    programs: tuple[Path, ...],
    compare: bool,
    data: Path,
    model: str | None,
    energy_profile: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Run PROGRAM on spikes and write all there is to know about it as one HTML page.

    Beside report.html: report.json, layers.csv and cores.csv (docs/report.md).
    """
    from neurodeploy.report import check_installed

    if len(programs) != 1 + compare:
        wanted = "two programs after --compare" if compare else "one program, or two with --compare"
        raise click.UsageError(f"{len(programs)} programs: give {wanted}.")
    if compare and model is not None:
        raise click.UsageError("--model goes with one program: drop it, or --compare.")
    check_installed()
    from neurodeploy.report.write import compare_files, report_files

    with show.status() as progress:
        if compare:
            facts = compare_files(programs[0], programs[1], data, out, energy_profile=energy_profile, progress=progress)
        else:
            facts = report_files(programs[0], data, out, model=model, energy_profile=energy_profile, progress=progress)
    if as_json:
        show.json_out(facts)
    else:
        _print(facts)


def _print(facts: dict[str, Any]) -> None:
    if "differences" in facts:
        show.rows(facts["differences"], title="what differs")
    else:
        accuracy = "not known" if facts["accuracy"] is None else f"{100 * facts['accuracy']:.2f} %"
        energy, latency = facts["energy_j"], facts["latency_s"]
        cores = f"{facts['cores']:,} core{'s' * (facts['cores'] != 1)}"
        print(f"{facts['name']}: fits on {cores}; accuracy {accuracy} of {facts['samples']:,} samples")
        print(
            f"estimates: energy {show.band(energy, 'J')}, time {si(latency['value'], 's')}, bound by {facts['bound']}"
        )
    for path in facts["files"]:
        print(f"written: {path}")
