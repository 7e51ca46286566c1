"""From files to faulty programs and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from neurodeploy.atomic import check_writable
from neurodeploy.compilation import Options
from neurodeploy.errors import ModelError
from neurodeploy.faults import Manifest, inject
from neurodeploy.robustness.cases import load_case, named_apart
from neurodeploy.robustness.cell import Row
from neurodeploy.robustness.sweep import cells_of, sweep
from neurodeploy.storage import is_program, load, save


def inject_file(program: Path, spec: str, seed: int, out: Path) -> Manifest:
    """Write a faulty program beside a program.

    Raises:
        UnreadableFile: Not a program.
        InvalidFault: No such fault, or this program cannot have it.
        UnwritableFile: ``out`` is the program, or cannot be written.
    """
    check_writable(out, keep=(program,))
    faulty = inject(load(program), spec, seed)
    save(faulty.image, out)
    return faulty.manifest


def study(
    faults: Sequence[str],
    *,
    models: Sequence[str],
    target: str,
    options: Options,
    table: Path,
    data: Path | None = None,
    severities: Sequence[float] | None = None,
    seeds: int = 10,
    samples: int | None = None,
    steps: int | None = None,
    cluster: str | None = None,
    engine: str = "fast",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Compile all models and sweep them; see :func:`neurodeploy.robustness.sweep`.

    Raises:
        ModelError: Options of a compilation, and nothing to compile.
    """
    cells = cells_of(faults, severities or (), seeds)
    if all(map(is_program, models)) and (given := _given(options)):
        raise ModelError(
            f"{', '.join(given)}: programs are compiled already", where=", ".join(models), remedy="drop the option"
        )
    check_writable(table, keep=(*models, *([] if data is None else [data])))
    cases = named_apart([load_case(model, target, options, data, samples=samples, steps=steps) for model in models])
    return sweep(cases, cells, table=table, cluster=cluster, engine=engine, steps=steps, progress=progress)


def _given(options: Options) -> list[str]:
    """Options that are not at their defaults, as flags."""
    usual = Options()
    names = [name for name, value in options.semantics.items() if value is not None]
    for f in fields(Options):
        value = getattr(options, f.name)
        if f.name not in ("semantics", "calibrate") and value != getattr(usual, f.name):
            names.append(f.name)
    names += ["calibrate"] * (options.calibrate is not None)  # spikes, which cannot be compared with None
    return ["--" + name.replace("_", "-") for name in names]
