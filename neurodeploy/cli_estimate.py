"""``neurodeploy estimate`` and ``calibrate``: what an inference costs, and constants from your own measurements."""

from __future__ import annotations

from pathlib import Path

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import TARGET, Choice, as_json, profile_option
from neurodeploy.estimate.calibrate import ENERGY, TIME

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("program", type=FILE)
@click.argument("run", type=FILE)
@profile_option
@as_json
def estimate(program: Path, run: Path, energy_profile: str | None, as_json: bool) -> None:
    """Cost a stored RUN.npz of a PROGRAM, without running it again."""
    from neurodeploy.estimate_job import estimate_job

    facts = estimate_job(program, run, energy_profile)
    if as_json:
        show.json_out(facts)
    else:
        show.costs(facts["costs"])


@click.command()
@click.argument("measurements", type=FILE)
@click.option("--target", type=TARGET, required=True, help="Whose other constants hold.")
@click.option("-o", "--out", type=FILE, required=True, help="The target file to write.")
@click.option("--name", help="Of the new target; default: that of the file.")
@click.option("--fit", "wanted", type=Choice((*TIME, *ENERGY)), multiple=True, help="A constant; default: all.")
@as_json
def calibrate(
    measurements: Path, target: str, out: Path, name: str | None, wanted: tuple[str, ...], as_json: bool
) -> None:
    """Fit a target's overhead constants to your own MEASUREMENTS (CSV: program, run, energy_j, time_s)."""
    from neurodeploy.calibrate_job import calibrate_job

    facts = calibrate_job(measurements, target, out, name, wanted or (*TIME, *ENERGY))
    if as_json:
        show.json_out(facts)
    else:
        show.calibration(facts)
