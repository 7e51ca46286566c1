"""Writes a Program and the spikes of a run for SANA-FE."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodeploy.atomic import making_folder
from neurodeploy.energy_profile import with_profile
from neurodeploy.export.errors import CannotExport, Obstacle
from neurodeploy.export.sanafe.arch import arch_text
from neurodeploy.export.sanafe.replay import Replay
from neurodeploy.program import Program
from neurodeploy.stored_run import load_run

PROFILE = "sanafe"
NETWORK, ARCH, SCRIPT = "network.json", "arch.yaml", "replay.py"


def export_sanafe(program: Program, folder: str | Path, run_path: Path) -> dict[str, Any]:
    """Write ``network.json``, ``arch.yaml`` and ``replay.py``, with the constants of the profile ``sanafe``.

    The script replays the spikes of the run, sample after sample, and prints what SANA-FE counts.

    Args:
        program: The program.
        folder: Made by this function; may exist if it is empty.
        run_path: ``RUN.npz`` of this program.

    Raises:
        CannotExport: The program takes several chips; SANA-FE has one mesh.
        UnreadableFile: Not a run of this program.
        UnwritableFile: The folder is not empty or cannot be made.
    """
    if program.mapping.chips > 1:
        what = f"it takes {program.mapping.chips} chips, and SANA-FE has one mesh"
        raise CannotExport("SANA-FE", [Obstacle("network", what, "compile for fewer cores, or a smaller network")])
    program = replace(program, target=with_profile(program.target, PROFILE))
    run = load_run(run_path, program)
    replay = Replay(run)
    described = {"steps": run.samples * run.steps, "groups": replay.groups, "connections": replay.connections}
    with making_folder(folder) as made:
        (made / NETWORK).write_text(json.dumps(described), encoding="utf-8")
        (made / ARCH).write_text(arch_text(program.target, replay.units), encoding="utf-8")
        (made / SCRIPT).write_bytes((Path(__file__).parent / "replay_script.py").read_bytes())
    notes = [
        f"run it with an interpreter that has sanafe 2.2.9 (GPL-3): python {Path(folder) / SCRIPT} simple",
        f"it replays {run.samples} samples of {run.steps} steps one after the other",
    ]
    return {"files": [NETWORK, ARCH, SCRIPT], "notes": notes}
