"""What is made faulty: programs with labelled data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bundled import list_models, load_model
from neurodeploy.compilation import Options
from neurodeploy.errors import UnreadableFile
from neurodeploy.evaluate import check_data, load_samples, output_of
from neurodeploy.pipeline import compile_model
from neurodeploy.program import Program
from neurodeploy.storage import PROJECTION_SETTINGS, is_program, load
from neurodeploy.target import load_target


@dataclass(frozen=True, eq=False)
class Case:
    """A program and the samples on which it is measured.

    Attributes:
        model: The user's name.
        program: Compiled.
        spikes: (N, T, *shape).
        labels: (N,).
        program_digest: Of everything that decides what it computes, and where it sits.
        data_digest: Of spikes, labels and steps.
    """

    model: str
    program: Program
    spikes: NDArray[Any]
    labels: NDArray[np.int64]
    program_digest: str
    data_digest: str

    @property
    def head(self) -> dict[str, str]:
        """The first columns of its rows."""
        names = {"model": self.model, "target": self.program.target.name}
        return names | {"program": self.program_digest, "data": self.data_digest}


def load_case(
    model: str,
    target: str,
    options: Options | None = None,
    data: str | Path | None = None,
    *,
    samples: int | None = None,
    steps: int | None = None,
) -> Case:
    """Compile, and read the data.

    Args:
        model: A ``.ndp`` program for the target, or what :func:`neurodeploy.pipeline.compile_model` takes.
        target: A target.
        options: Of the compilation.
        data: ``DATA.npz`` with labels; default the test data of a bundled model.
        samples: Only the first so many.
        steps: Chip steps per sample.

    Raises:
        UnreadableFile: No data, or data without labels.
        NeurodeployError: The model cannot be compiled, or not run on these data.
    """
    if is_program(model):
        program = load(model)
        if (chip := load_target(target)).name != program.target.name:
            raise UnreadableFile(
                f"the program was compiled for {program.target.name}, not {chip.name}",
                where=model,
                remedy=f"give --target {program.target.name}, or the model",
            )
    else:
        program = compile_model(model, target, options)
    if data is None and model in list_models() and not Path(model).exists():
        data = load_model(model).test
    if data is None:
        raise UnreadableFile("there are no data to run it on", where=model, remedy="give --input DATA.npz, with labels")
    found = load_samples(data)
    if found.labels is None:
        raise UnreadableFile("no labels, so no accuracy", where=str(data), remedy="store labels (N,) beside the spikes")
    spikes, labels = found.spikes[:samples], found.labels[:samples]
    check_data(program, spikes)
    output_of(program)
    return Case(model, program, spikes, labels, digest_of(program), _digest(spikes, labels, np.int64(steps or 0)))


def digest_of(program: Program) -> str:
    """Of the integers, settings and places of a program; not of when and by whom it was made."""
    net = program.net
    parts: list[Any] = [program.readout, sorted(program.outputs.items()), program.target.digest]
    parts += [v for k, v in vars(net).items() if k not in ("populations", "projections")]
    for p in net.populations.values():
        parts += [{k: v for k, v in vars(p).items() if k not in ("fields", "scale", "offset")}, p.scale, p.offset]
        parts += [part for name in sorted(p.fields) for part in (name, p.fields[name])]
        parts.append(program.mapping.core_of[p.name])
    for q in net.projections:
        parts += [q.source, [getattr(q, name) for name in PROJECTION_SETTINGS], q.target, q.connection.geometry()]
        parts += [*q.connection.arrays().values(), q.delays]
    return _digest(*parts)


def _digest(*parts: Any) -> str:
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, (np.ndarray, np.generic)):
            found.update(f"{part.dtype.str}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        else:
            found.update(repr(part).encode())
    return found.hexdigest()[:12]


def named_apart(cases: Sequence[Case]) -> list[Case]:
    """The cases without their folders' names where the files' names differ."""
    short = [Path(case.model).name if Path(case.model).is_file() else case.model for case in cases]
    unique = len(set(short)) == len(short)
    return [replace(c, model=s) if unique else c for c, s in zip(cases, short, strict=True)]
