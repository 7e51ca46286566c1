"""The table of a sweep: a CSV file to which whole rows are added, so that an interruption loses nothing."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from neurodeploy.atomic import check_writable, replacing
from neurodeploy.errors import UnreadableFile, UnwritableFile
from neurodeploy.robustness.cell import COLUMNS, KEY, Row

HEADER = ",".join(COLUMNS) + "\n"
Key = tuple[Any, ...]


def key_of(row: Mapping[str, Any]) -> Key:
    """What identifies a row."""
    return tuple(row[name] for name in KEY)


class Table:
    """Rows by key, in memory and, where there is a path, in a file; open in a ``with`` block.

    Each row is written and synced as a whole. What a crash has left of half a row is dropped when the file is opened
    again. When the block ends without an error, the rows are put in order: the same bytes however often the sweep was
    interrupted, and in whatever order its cells were done.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = None if path is None else check_writable(path)
        self.rows: dict[Key, Row] = {}
        self._handle: Any = None

    def __enter__(self) -> Table:
        if self.path is None:
            return self
        handle = self.path.open("r+b" if self.path.exists() else "x+b")
        try:
            _claim(handle, self.path)
            rows, whole = read_rows(self.path)
        except BaseException:
            handle.close()
            raise
        self.rows = {key_of(row): row for row in rows}
        self._handle = handle
        self._handle.truncate(whole)
        self._handle.seek(whole)
        if not whole:
            self._write(HEADER)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        if self._handle is None or self.path is None:
            return
        self._handle.close()
        if kind is None:
            text = HEADER + "".join(line_of(self.rows[key]) for key in sorted(self.rows, key=_order))
            with replacing(self.path) as temporary:
                temporary.write_bytes(text.encode())

    def add(self, row: Row) -> None:
        """Keep a row."""
        self.rows[key_of(row)] = row
        if self._handle is not None:
            self._write(line_of(row))

    def _write(self, text: str) -> None:
        try:
            self._handle.write(text.encode())
            self._handle.flush()
            os.fsync(self._handle.fileno())
        except OSError as error:
            raise UnwritableFile(
                f"cannot write: {error.strerror}",
                where=str(self.path),
                remedy="make space, and give the same command again: whole rows are kept",
            ) from error


def _claim(handle: Any, path: Path) -> None:
    """UnwritableFile while another sweep has the table open, or has just replaced it."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except BlockingIOError:
        same = False
    except OSError:  # a file system without locks
        return
    if not same:
        raise UnwritableFile(
            "another sweep writes this table", where=str(path), remedy="wait for it, or give -o another name"
        )


def line_of(row: Mapping[str, Any]) -> str:
    """A row as a line of CSV; floats are read back to the same bits."""
    text = io.StringIO()
    values = (row[name] for name in COLUMNS)
    csv.writer(text, lineterminator="\n").writerow(
        ["" if v is None else repr(float(v)) if isinstance(v, float) else v for v in values]
    )
    return text.getvalue()


def read_rows(path: Path) -> tuple[list[Row], int]:
    """All whole rows, and how many bytes they and the header take.

    Raises:
        UnreadableFile: Missing, or another kind of file.
    """
    where = str(path)
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot read: {error.strerror}", where=where, remedy="check the path") from error
    whole = contents.rfind(b"\n") + 1
    if not whole and HEADER.encode().startswith(contents):
        return [], 0
    lines = contents[:whole].decode("utf-8", errors="replace").splitlines(keepends=True)
    if not lines or lines[0] != HEADER:
        raise _other(where, "its first line is another")
    rows = []
    for number, values in enumerate(csv.reader(lines[1:]), start=2):
        try:
            rows.append(_row(values))
        except ValueError as error:
            raise _other(where, f"line {number}: {error}") from error
    return rows, whole


def _row(values: Iterable[str]) -> Row:
    pairs = zip(COLUMNS.items(), values, strict=True)
    return {name: None if text == "" else kind(text) for (name, kind), text in pairs}


def _order(key: Key) -> Key:
    return tuple((value is not None, value) if not isinstance(value, str) else value for value in key)


def _other(where: str, why: str) -> UnreadableFile:
    remedy = "give -o another name, or a table that `neurodeploy faults` wrote"
    return UnreadableFile(f"the file is not a table of a fault sweep: {why}", where=where, remedy=remedy)
