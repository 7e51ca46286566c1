"""What a program does and costs, as a page that a person understands in a minute, and as files of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurodeploy.errors import MissingDependency
from neurodeploy.evaluate import Samples
from neurodeploy.program import Program


def check_installed() -> None:
    """MissingDependency where the extra ``report`` is not installed."""
    if find_spec("jinja2") is None:
        raise MissingDependency(
            "reports need the Python package 'jinja2'",
            where="report",
            remedy="pip install 'neurodeploy-snn[report]'",
        )


def report(
    program: Program,
    spikes: Any,
    out: str | Path,
    *,
    labels: Any = None,
    model: Any = None,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Run a program on spikes and write ``out``, an HTML page, with ``report.json`` and two CSV files beside it.

    Args:
        program: The program.
        spikes: (N, T, *shape) of its only input.
        out: The page.
        labels: (N,) class numbers, where they are known.
        model: The float model that it was made of, to compare with.
        progress: Told what is being done.

    Returns:
        The answers of ``report.json`` and the ``files`` written; ``docs/report.md`` says what each is.

    Raises:
        MissingDependency: The extra ``report`` is not installed.
        UnreadableFile: The labels are not one class number >= 0 for each sample.
        UnwritableFile: A file cannot be written.
        NeurodeployError: As :func:`neurodeploy.report.evidence.gather`.
    """
    check_installed()
    import numpy as np

    from neurodeploy.evaluate import check_labels
    from neurodeploy.report.evidence import gather
    from neurodeploy.report.write import TABLES, checked_paths, write

    paths = checked_paths(Path(out), TABLES, ())
    known = None if labels is None else np.asarray(labels)
    check_labels(known, len(spikes), "labels")
    samples = Samples(np.asarray(spikes), None if known is None else known.astype(np.int64))
    return write(gather(program, samples, model, progress=progress), paths)


__all__ = ["check_installed", "report"]
