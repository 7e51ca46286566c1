"""Writes a Program as a Python script of Lava processes, for whoever has the chip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import making_folder
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.export.errors import CannotExport, Obstacle, refuse_adapting
from neurodeploy.export.lava.late import Start, late_start
from neurodeploy.export.lava.limits import Fault, population_fault, projection_fault
from neurodeploy.export.lava.source import source_text
from neurodeploy.program import Program

SCRIPT, ARRAYS, LIST = "network.py", "arrays.npz", "requirements.txt"
DEPENDENCIES = Path(__file__).parent / "requirements" / "lava-dependencies.txt"


def export_lava(program: Program, folder: str | Path) -> dict[str, Any]:
    """Write ``network.py``, ``arrays.npz`` and ``requirements.txt``.

    The script builds the program of Lava 0.10.0's own processes, needs no neurodeploy, and sends the same messages.

    Args:
        program: The program.
        folder: Made by this function; may exist if it is empty.

    Returns:
        ``files`` written, ``processes``: how many Lava processes the script makes, and ``notes``: what to know.

    Raises:
        CannotExport: Lava has no equal of something; with all reasons.
        UnwritableFile: The folder is not empty or cannot be made.
    """
    refuse_adapting(program, SCRIPT)
    starts = _starts(program.net)
    text, arrays, processes = source_text(program, starts)
    with making_folder(folder) as made:
        (made / SCRIPT).write_text(text, encoding="utf-8")
        (made / LIST).write_bytes(DEPENDENCIES.read_bytes())
        with (made / ARRAYS).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stubs: any keyword may be theirs
    late = [name for name, start in starts.items() if start.values]
    notes = [f"run it with an interpreter that has lava-nc 0.10.0: python {Path(folder) / SCRIPT} DATA.npz"]
    if late:
        notes.append(f"the script sets biases and initial values of {', '.join(late)} when they start")
    return {"files": [SCRIPT, ARRAYS, LIST], "processes": processes, "notes": notes}


def _starts(net: ChipNetwork) -> dict[str, Start]:
    """How every population begins; CannotExport with all that Lava has no equal of."""
    found: list[Obstacle] = []
    starts: dict[str, Start] = {}

    def note(layer: str, fault: Fault | None) -> None:
        if fault is not None:
            what, remedy = fault
            found.append(Obstacle(layer, f"{what}; Lava 0.10.0 has no fixed_pt equal", remedy))

    apart = _apart(net)
    for name, population in net.populations.items():
        note(name, population_fault(population))
        for projection in net.incoming(name):
            note(name, projection_fault(net, projection))
        begin = late_start(net, population)
        if isinstance(begin, Start):
            starts[name] = begin
        else:
            note(name, begin)
        if name in apart:
            note(name, ("no connection with the rest of the network, which Lava then runs without it", "connect it"))
    if found:
        raise CannotExport(SCRIPT, found)
    return starts


def _apart(net: ChipNetwork) -> set[str]:
    """Populations that no path of projections, whatever their direction, joins to the first."""
    links = [(net.sender_of(p.source), p.target) for p in net.projections]
    reached, waiting = set(), [next(iter(net.populations))]
    while waiting:
        here = waiting.pop()
        if here not in reached:
            reached.add(here)
            waiting += [b if a == here else a for a, b in links if here in (a, b)]
    return set(net.populations) - reached
