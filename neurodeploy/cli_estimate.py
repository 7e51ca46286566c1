"""``neurodeploy estimate`` and ``calibrate``: what an inference costs, and constants from your own measurements."""

from __future__ import annotations

from pathlib import Path

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import as_json, profile_option

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
