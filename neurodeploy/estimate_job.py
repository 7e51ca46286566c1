"""Cost a stored run of a stored program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodeploy.energy_profile import with_profile
from neurodeploy.estimate.model import costs_of
from neurodeploy.program import Program
from neurodeploy.storage import load
from neurodeploy.stored_run import load_run


def profiled(program: Program, profile: str | None) -> Program:
    """The program with the energies and times of a profile in place of its target's.

    Raises:
        UnknownTarget: No such profile.
        InvalidTarget: A profile's file that breaks the schema.
    """
    return program if profile is None else replace(program, target=with_profile(program.target, profile))


def estimate_job(program_path: Path, run_path: Path, profile: str | None = None) -> dict[str, Any]:
    """What one inference of a stored run costs; nothing is simulated.

    Args:
        program_path: A ``.ndp`` file.
        run_path: ``RUN.npz`` of it, see :mod:`neurodeploy.stored_run`.
        profile: An energy profile; default the program's target's.

    Raises:
        UnreadableFile: Not a run of this program.
        UnknownTarget: No such profile.
    """
    program = profiled(load(program_path), profile)
    counters = load_run(run_path, program).counters()
    return {
        "program": str(program_path),
        "run": str(run_path),
        "target": program.target.name,
        "samples": counters.samples,
        "costs": costs_of(counters, program).to_dict(),
    }
