"""What programs can be exported to; a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodeploy.atomic import check_writable
from neurodeploy.export.lava.script import export_lava
from neurodeploy.export.netx import export_netx
from neurodeploy.program import Program
from neurodeploy.storage import load


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        what: What is written, in a few words.
        write: Writes a program to a path and returns facts to print, among them ``notes``, a list of sentences.
        is_folder: Whether the path is a folder, which ``write`` makes, instead of a file.
    """

    what: str
    write: Callable[[Program, Path], Mapping[str, Any]]
    is_folder: bool = False


FORMATS: Mapping[str, Format] = {
    "netx": Format("a .net file (HDF5), which lava-dl's netx loads", export_netx),
    "lava": Format("a folder with a script that builds it of Lava's processes", export_lava, is_folder=True),
}


def export_file(program: Path, name: str, out: Path) -> dict[str, Any]:
    """Export a stored program; facts to print.

    Args:
        program: A ``.ndp`` file.
        name: Of a format.
        out: The file or folder to write.

    Raises:
        CannotExport: The format cannot hold the program; with all reasons.
        UnwritableFile: ``out`` cannot be written.
    """
    chosen = FORMATS[name]
    if not chosen.is_folder:
        check_writable(out, keep=(program,))
    facts = chosen.write(load(program), out)
    return {"program": str(program), "format": name, "result": str(out), **facts}
