"""Reports as files: an HTML page, and beside it its numbers as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from neurodeploy.atomic import check_writable, replacing
from neurodeploy.errors import UnwritableFile
from neurodeploy.estimate_job import profiled
from neurodeploy.evaluate import load_samples
from neurodeploy.report.evidence import Evidence, gather
from neurodeploy.report.page import report_page
from neurodeploy.report.record import core_rows, layer_rows, record
from neurodeploy.report.versus import comparison_page, comparison_record
from neurodeploy.storage import load

Progress = Callable[[str], None]
TABLES = ("layers.csv", "cores.csv")
"""Written beside a page; a page of another name than ``report.html`` puts its own before theirs."""


def report_files(
    program: Path,
    data: Path,
    out: Path,
    *,
    model: str | None = None,
    energy_profile: str | None = None,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """Run a stored program on a stored data set and write its report.

    Args:
        program: A ``.ndp`` file.
        data: ``DATA.npz``, see :func:`neurodeploy.evaluate.load_samples`.
        out: The page; ``report.html`` has ``report.json``, ``layers.csv`` and ``cores.csv`` beside it, ``x.html`` has
            ``x.json``, ``x.layers.csv`` and ``x.cores.csv``.
        model: The float model that the program was made of; default see :func:`neurodeploy.report.evidence.gather`.
        energy_profile: Whose energies and times; default the target's own.
        progress: Told what is being done.

    Returns:
        The answers of ``report.json``, and ``files``, the paths that were written.
    """
    paths = checked_paths(out, TABLES, (program, data))
    made = _gather(program, data, model, energy_profile, progress)
    return write(made, paths)


def compare_files(
    first: Path,
    second: Path,
    data: Path,
    out: Path,
    *,
    energy_profile: str | None = None,
    progress: Progress = lambda text: None,
) -> dict[str, Any]:
    """Run two programs on one data set and put them side by side; the JSON beside the page holds both.

    Returns:
        ``files``, the paths that were written, and ``differences``, rows of what differs.
    """
    paths = checked_paths(out, (), (first, second, data))
    a, b = (_gather(path, data, None, energy_profile, progress) for path in (first, second))
    facts = comparison_record(a, b)
    write_all({paths[0]: comparison_page(a, b), paths[1]: _json(facts)})
    return {"differences": facts["differences"], "files": [str(path) for path in paths]}


def write(made: Evidence, paths: Sequence[Path]) -> dict[str, Any]:
    """Write the page and its tables, all of them or none."""
    facts = record(made)
    page, as_json, layers, cores = paths
    contents = {
        page: report_page(made),
        as_json: _json(facts),
        layers: csv_text(layer_rows(made)),
        cores: csv_text(core_rows(made)),
    }
    write_all(contents)
    return {**facts["answers"], "name": made.name, "files": [str(path) for path in paths]}


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with equal keys as CSV; None is an empty cell, a list has spaces between its elements."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(rows[0])
    for row in rows:
        table.writerow(" ".join(map(str, v)) if isinstance(v, list) else v for v in row.values())
    return text.getvalue()


def _gather(program: Path, data: Path, model: str | None, profile: str | None, progress: Progress) -> Evidence:
    loaded, samples = profiled(load(program), profile), load_samples(data)
    files = {"program": program, "data": data} | ({"model": Path(model)} if model and Path(model).is_file() else {})
    options = {"--model": model and Path(model).name, "--energy-profile": profile and Path(profile).name}
    given = {flag: value for flag, value in options.items() if value}
    return gather(loaded, samples, model, files=files, options=given, progress=progress)


def checked_paths(out: Path, tables: Sequence[str], inputs: Sequence[Path]) -> list[Path]:
    """The page, its JSON and its tables, all of which can be written.

    Raises:
        UnwritableFile: One of them cannot, or is an input.
    """
    prefix = "" if out.stem == "report" else f"{out.stem}."
    if out.suffix.lower() not in (".html", ".htm"):
        raise UnwritableFile("a report is an HTML page", where=str(out), remedy="give a name that ends in .html")
    paths = [out, out.with_suffix(".json"), *(out.with_name(prefix + name) for name in tables)]
    for path in paths:
        check_writable(path, keep=inputs)
    return paths


def write_all(contents: Mapping[Path, str]) -> None:
    """Every file complete on the disk before the first takes its place."""
    with ExitStack() as stack:
        for path, text in contents.items():
            stack.enter_context(replacing(path)).write_text(text, encoding="utf-8", newline="\n")


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, indent=1, allow_nan=False, default=lambda value: value.tolist()) + "\n"
