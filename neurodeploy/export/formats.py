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
from neurodeploy.export.nir import export_nir, export_program
from neurodeploy.export.sanafe import export_sanafe
from neurodeploy.program import Program
from neurodeploy.storage import is_program, load


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        what: What is written, in a few words.
        write: Writes a program to a path and returns facts to print, among them ``notes``, a list of sentences.
        is_folder: Whether the path is a folder, which ``write`` makes, instead of a file.
        of_run: Instead of ``write``: writes a program with the spikes of a stored run.
        of_model: Writes a float model, which it reads itself, under options.
        of_program: Beside it: writes a program.
    """

    what: str
    write: Callable[[Program, Path], Mapping[str, Any]] | None = None
    is_folder: bool = False
    of_run: Callable[[Program, Path, Path], Mapping[str, Any]] | None = None
    of_model: Callable[..., Mapping[str, Any]] | None = None
    of_program: Callable[..., Mapping[str, Any]] | None = None


FORMATS: Mapping[str, Format] = {
    "netx": Format("a .net file (HDF5), which lava-dl's netx loads", export_netx),
    "lava": Format("a folder with a script that builds it of Lava's processes", export_lava, is_folder=True),
    "sanafe": Format(
        "a folder that replays a run (--run) of it in SANA-FE 2.2.9", is_folder=True, of_run=export_sanafe
    ),
    "nir": Format(
        "a NIR file (.nir) of a model's float network, or of a program's integers, with what NIR cannot say",
        of_model=export_nir,
        of_program=export_program,
    ),
}


def export_file(
    source: str,
    name: str,
    out: Path,
    options: Options | None = None,
    *,
    allow_lossy: bool = False,
    run: Path | None = None,
) -> dict[str, Any]:
    """Export a stored program, or a model; facts to print.

    Args:
        source: A ``.ndp`` file; or, for formats of float models, what can be compiled.
        name: Of a format.
        out: The file or folder to write.
        options: For reading a model; None where none were given.
        run: ``RUN.npz`` of the program, for formats that hold spikes.
        allow_lossy: Whether a model may be written though other tools would run it differently.

    Raises:
        CannotExport: The format cannot hold the program; with all reasons.
        LossyExport: Other tools would run the model differently; with all differences.
        ModelError: A program where a model is needed, or options for reading a model beside a program; no run where
            one is needed, or one where none is.
        UnwritableFile: ``out`` cannot be written.
    """
    chosen = FORMATS[name]
    if (run is None) != (chosen.of_run is None):
        needs = "needs the spikes of a run" if run is None else "holds no spikes"
        remedy = "give --run RUN.npz, from `neurodeploy run ... -o RUN.npz`" if run is None else "drop --run"
        raise ModelError(f"--to {name} {needs}", where=source, remedy=remedy)
    if not chosen.is_folder:
        check_writable(out, keep=(source,))
    if chosen.of_model is not None:
        if chosen.of_program is not None and is_program(source):
            _refuse_reading(options is not None, name, source)
            facts = chosen.of_program(load(Path(source)), out, allow_lossy=allow_lossy)
            return {"program": source, "format": name, "result": str(out), **facts}
        facts = chosen.of_model(source, out, options, allow_lossy=allow_lossy)
        return {"model": source, "format": name, "result": str(out), **facts}
    _refuse_reading(allow_lossy or options is not None, name, source)
    program = load(Path(source))
    if chosen.of_run is not None:
        assert run is not None
        written = chosen.of_run(program, out, run)
    else:
        assert chosen.write is not None
        written = chosen.write(program, out)
    return {"program": source, "format": name, "result": str(out), **written}


def _refuse_reading(given: bool, name: str, source: str) -> None:
    if given:
        remedy = "drop them: a program has them in it already"
        raise ModelError(
            f"options for reading a model do not go with --to {name} of a program", where=source, remedy=remedy
        )
