"""Models, faults, severities and seeds: a row for each, here or on a cluster; an interrupted sweep goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neurodeploy.cluster import Cluster, connect, tasks
from neurodeploy.cluster.gather import completed, submit
from neurodeploy.cluster.wire import error_from_plain, pack, program_bytes
from neurodeploy.errors import InvalidFault
from neurodeploy.faults import is_open, parse
from neurodeploy.robustness.cases import Case
from neurodeploy.robustness.cell import FAULT_FREE, Cell, Row, cell_task, is_drawn, measure
from neurodeploy.robustness.table import Table, key_of
from neurodeploy.version import installed_version

Progress = Callable[[int, int], None]
Job = tuple[Case, Cell]


def cells_of(faults: Sequence[str], severities: Sequence[float], seeds: int) -> list[Cell]:
    """What is measured of each model: the chip without faults, then each fault at each severity with each seed.

    A fault whose text has a severity is taken at that alone. Where a seed draws nothing (a gain, or severity 0), there
    is one chip and not ``seeds`` of them.

    Raises:
        InvalidFault: No such fault; or it has no severity, and none is given.
    """
    cells = [Cell(FAULT_FREE, None, 0)]
    for text in faults:
        if is_open(text) and not severities:
            parse(text)  # says which severities there are
        for severity in severities if is_open(text) else (None,):
            drawn = is_drawn(text, severity)
            cells += [Cell(text, severity, seed) for seed in range(seeds if drawn else 1)]
    if len(set(cells)) < len(cells):
        raise InvalidFault("a fault or severity is given twice", where="fault sweep", remedy="give each of them once")
    return cells


def sweep(
    cases: Sequence[Case],
    cells: Sequence[Cell],
    *,
    table: Path | None = None,
    cluster: str | Cluster | None = None,
    engine: str = "fast",
    steps: int | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Row]:
    """Measure every cell of every case that the table does not have yet.

    Args:
        cases: Programs and data, see :func:`neurodeploy.robustness.load_case`.
        cells: See :func:`cells_of`.
        table: A CSV file, continued where it exists; rows of other models, data and faults in it are kept.
        cluster: An address or an open Cluster to share the runs out to; None: this process.
        engine: ``fast`` or ``reference``.
        steps: Chip steps per sample; default all.
        progress: Told how many runs of how many are done.

    Returns:
        The rows of these cases and cells, in that order.

    Raises:
        InvalidFault: A network cannot have a fault.
        UnreadableFile: The table is another kind of file.
        UnwritableFile: It cannot be written.
        ClusterError: See :func:`neurodeploy.cluster.connect`.
    """
    jobs = [(case, cell) for case in cases for cell in cells]
    settings = {"engine": engine, "steps": steps}
    with Table(table) as found:
        missing = [job for job in jobs if _key(*job) not in found.rows]
        done = len(jobs) - len(missing)
        progress(done, len(jobs))
        results = _here(missing, settings) if cluster is None else _there(missing, settings, cluster)
        for (case, _), row in results:
            found.add({**case.head, **row})
            done += 1
            progress(done, len(jobs))
        return [found.rows[_key(*job)] for job in jobs]


def _key(case: Case, cell: Cell) -> tuple[Any, ...]:
    return key_of({**case.head, **asdict(cell)})


def _here(jobs: Iterable[Job], settings: dict[str, Any]) -> Iterator[tuple[Job, Row]]:
    for case, cell in jobs:
        yield (case, cell), measure(case.program, case.spikes, case.labels, cell, **settings)


def _there(jobs: Sequence[Job], settings: dict[str, Any], cluster: str | Cluster) -> Iterator[tuple[Job, Row]]:
    if not jobs:
        return
    with connect(cluster) as opened:
        held: dict[int, tuple[Any, Any]] = {}

        def submitted() -> Iterator[tuple[Job, Any]]:
            for case, cell in jobs:
                if id(case) not in held:
                    parts = program_bytes(case.program), {"messages": pack(case.spikes), "labels": case.labels}
                    held[id(case)] = submit(opened, tasks.hold, parts[0]), submit(opened, tasks.hold, parts[1])
                arguments = (installed_version(), *held[id(case)], asdict(cell), settings)
                yield (case, cell), submit(opened, cell_task, *arguments)

        for job, result in completed(opened, submitted()):
            if "error" in result:
                raise error_from_plain(result["error"])
            yield job, result["row"]
