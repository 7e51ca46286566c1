"""Run all cells of a protocol, here or on a cluster; an interrupted sweep goes on where it stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from neurodeploy.atomic import make_folder
from neurodeploy.cluster import Cluster, connect
from neurodeploy.cluster.gather import completed, submit
from neurodeploy.cluster.wire import error_from_plain, error_to_plain
from neurodeploy.errors import NeurodeployError, UnwritableFile
from neurodeploy.scaling.cell import Row, run_cell
from neurodeploy.scaling.errors import ScalingError
from neurodeploy.scaling.protocol import Cell, Protocol
from neurodeploy.scaling.table import (
    MANIFEST,
    TABLE,
    Table,
    cell_of,
    line_of,
    load_table,
    read_manifest,
    read_rows,
    write_manifest,
    write_rows,
)
from neurodeploy.target import load_target
from neurodeploy.version import installed_version

Progress = Callable[[int, int], None]


def sweep(
    protocol: Protocol,
    folder: str | Path,
    *,
    cluster: str | Cluster | None = None,
    progress: Progress = lambda done, total: None,
) -> Table:
    """Run what a folder does not have yet, and write ``table.csv`` and ``manifest.json`` there.

    Each row is appended and synced when its cell is done. When all are there, the table is put in the protocol's order
    and replaced at once, so that it is the same bytes whatever the order in which they came, and however often the
    sweep was interrupted.

    Args:
        protocol: What to run.
        folder: New, empty, or that of an earlier sweep with the same protocol.
        cluster: An address or an open Cluster to share the cells out to; None: this process.
        progress: Told how many cells of how many are done.

    Raises:
        ScalingError: The folder has a sweep of another protocol or version.
        UnreadableFile: The folder has a table that was not made by a sweep.
        UnwritableFile: It cannot be written, or another sweep writes there.
        TargetError: There is no such target.
        ClusterError: See :func:`neurodeploy.cluster.connect`.
    """
    folder = Path(folder)
    if protocol.target is not None:
        load_target(protocol.target)
    make_folder(folder)
    with _alone(folder):
        rows = {cell_of(row): row for row in _begin(protocol, folder)}
        progress(len(rows), len(protocol))
        missing = [cell for cell in protocol.cells() if cell not in rows]
        with open(folder / TABLE, "a", encoding="utf-8", newline="") as file:
            for row in _results(protocol, missing, cluster):
                _append(file, line_of(row))
                rows[cell_of(row)] = row
                progress(len(rows), len(protocol))
        write_manifest(folder, protocol, write_rows(folder / TABLE, (rows[cell] for cell in protocol.cells())))
    return load_table(folder)


def _begin(protocol: Protocol, folder: Path) -> list[Row]:
    """Check what is there, cut off a row that was half written, and hand back the whole ones."""
    if not (folder / MANIFEST).exists() and not (folder / TABLE).exists():
        write_manifest(folder, protocol, None)
        write_rows(folder / TABLE, [])
        return []
    manifest = read_manifest(folder)
    _check_same(manifest, protocol, folder)
    if manifest["complete"]:
        return load_table(folder).rows
    if not (folder / TABLE).exists():  # stopped between the two files
        write_rows(folder / TABLE, [])
    rows, length = read_rows(folder / TABLE)
    os.truncate(folder / TABLE, length)
    if not length:
        write_rows(folder / TABLE, [])
    known = set(protocol.cells())
    strange = [cell_of(row) for row in rows if cell_of(row) not in known]
    if strange or len({cell_of(row) for row in rows}) < len(rows):
        raise ScalingError(
            f"the table has a cell {strange[0]} that is not the sweep's" if strange else "the table has a cell twice",
            where=str(folder / TABLE),
            remedy="give a new folder",
        )
    return rows


def _check_same(manifest: dict[str, Any], protocol: Protocol, folder: Path) -> None:
    there, wanted = manifest["protocol"].to_dict(), protocol.to_dict()
    other = [f"{name} = {there[name]}, not {wanted[name]}" for name in wanted if there[name] != wanted[name]]
    if manifest["neurodeploy"] != installed_version():
        other.append(f"neurodeploy {manifest['neurodeploy']}, not {installed_version()}")
    if other:
        raise ScalingError(
            f"the folder has another sweep: {'; '.join(other)}",
            where=str(folder),
            remedy="give a new folder, or the options of the sweep that is there",
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """UnwritableFile where another sweep is at work in the folder."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise UnwritableFile(
            "another sweep writes here", where=str(folder), remedy="wait for it, or give another folder"
        ) from error
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(handle)


def _append(file: IO[str], line: str) -> None:
    try:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise UnwritableFile(
            f"cannot write: {error.strerror}", where=str(file.name), remedy="make space, and run the same again"
        ) from error


def _results(protocol: Protocol, missing: Sequence[Cell], cluster: str | Cluster | None) -> Iterator[Row]:
    if not missing:
        return
    if cluster is None:
        yield from (run_cell(protocol, cell) for cell in missing)
        return
    plain, version = protocol.to_dict(), installed_version()
    with connect(cluster) as opened:
        tasks = ((cell, submit(opened, cell_task, version, plain, list(cell))) for cell in missing)
        for _, result in completed(opened, tasks):
            if "error" in result:
                raise error_from_plain(result["error"])
            yield result["row"]


def cell_task(version: str, protocol: dict[str, Any], cell: Sequence[int]) -> dict[str, Any]:
    """What a worker does: ``{"row": ...}``, ``{"error": ...}``, or what tells :func:`completed` of another version."""
    if version != installed_version():
        return {"other_version": installed_version()}
    neurons, channels, categories, seed = cell
    try:
        return {"row": run_cell(Protocol.from_dict(protocol), (neurons, channels, categories, seed))}
    except NeurodeployError as error:
        return {"error": error_to_plain(error)}
