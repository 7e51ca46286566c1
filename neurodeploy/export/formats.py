"""What programs can be exported to; a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodeploy.atomic import check_writable
from neurodeploy.compilation import Options
from neurodeploy.errors import ModelError
from neurodeploy.export.lava.script import export_lava
from neurodeploy.export.netx import export_netx
from neurodeploy.export.nir import export_nir
from neurodeploy.program import Program
from neurodeploy.storage import is_program, load


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        what: What is written, in a few words.
        write: Writes a program to a path and returns facts to print, among them ``notes``, a list of sentences.
        is_folder: Whether the path is a folder, which ``write`` makes, instead of a file.
        of_model: Instead of ``write``: writes a float model, which it reads itself, under options.
    """

    what: str
    write: Callable[[Program, Path], Mapping[str, Any]] | None = None
    is_folder: bool = False
    of_model: Callable[..., Mapping[str, Any]] | None = None


FORMATS: Mapping[str, Format] = {
    "netx": Format("a .net file (HDF5), which lava-dl's netx loads", export_netx),
    "lava": Format("a folder with a script that builds it of Lava's processes", export_lava, is_folder=True),
    "nir": Format("a NIR file of a model's float network (.nir), with its conventions", of_model=export_nir),
}


def export_file(
    source: str, name: str, out: Path, options: Options | None = None, *, allow_lossy: bool = False
) -> dict[str, Any]:
    """Export a stored program, or a model; facts to print.

    Args:
        source: A ``.ndp`` file; or, for formats of float models, what can be compiled.
        name: Of a format.
        out: The file or folder to write.
        options: For reading a model; None where none were given.
        allow_lossy: Whether a model may be written though other tools would run it differently.

    Raises:
        CannotExport: The format cannot hold the program; with all reasons.
        LossyExport: Other tools would run the model differently; with all differences.
        ModelError: A program where a model is needed, or options for reading a model beside a program.
        UnwritableFile: ``out`` cannot be written.
    """
    chosen = FORMATS[name]
    if not chosen.is_folder:
        check_writable(out, keep=(source,))
    if chosen.of_model is not None:
        if is_program(source):
            remedy = "give the model that the program was compiled from; '--to netx' and '--to lava' take programs"
            raise ModelError("a program holds integers, no float network", where=source, remedy=remedy)
        facts = chosen.of_model(source, out, options, allow_lossy=allow_lossy)
        return {"model": source, "format": name, "result": str(out), **facts}
    assert chosen.write is not None
    if allow_lossy or options is not None:
        remedy = "drop them: a program has them in it already"
        raise ModelError(f"options for reading a model do not go with --to {name}", where=source, remedy=remedy)
    return {"program": source, "format": name, "result": str(out), **chosen.write(load(Path(source)), out)}
