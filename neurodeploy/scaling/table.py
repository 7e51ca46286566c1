"""The table of a sweep: a CSV file of whole rows, and a manifest that says how it was made."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import replacing
from neurodeploy.errors import UnreadableFile
from neurodeploy.scaling.cell import COLUMNS, Row
from neurodeploy.scaling.protocol import Cell, Protocol
from neurodeploy.version import installed_version

TABLE, MANIFEST = "table.csv", "manifest.json"
FORMAT = "neurodeploy scaling table 1"
HEADER = ",".join(COLUMNS) + "\n"


@dataclass(frozen=True, eq=False)
class Table:
    """A finished sweep.

    Attributes:
        protocol: What was done.
        rows: In the order of the protocol's cells.
        sha256: Of the CSV file.
        folder: Where it is.
    """

    protocol: Protocol
    rows: list[Row]
    sha256: str
    folder: Path


def line_of(row: Mapping[str, Any]) -> str:
    """A row as text; floats so that they are read back to the same bits, None as nothing."""
    buffer = io.StringIO()
    values = (row[name] for name in COLUMNS)
    csv.writer(buffer, lineterminator="\n").writerow(
        ["" if v is None else repr(v) if isinstance(v, float) else v for v in values]
    )
    return buffer.getvalue()


def cell_of(row: Mapping[str, Any]) -> Cell:
    """N, S, K and seed."""
    return row["N"], row["S"], row["K"], row["seed"]


def read_rows(path: Path) -> tuple[list[Row], int]:
    """All whole rows, and the bytes that they and the header take: what follows was cut off while it was written.

    Raises:
        UnreadableFile: Missing, of another kind, or with a whole row that is none.
    """
    where = str(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _unreadable(f"no table: {error.strerror}", where) from error
    whole = text[: text.rfind(b"\n") + 1]
    lines = whole.decode("utf-8", errors="replace").splitlines(keepends=True)
    if not lines:
        return [], 0
    if lines[0] != HEADER:
        raise _unreadable("its first line is not the header of a scaling table", where)
    rows = []
    for number, values in enumerate(csv.reader(lines[1:]), start=2):
        try:
            rows.append(_row(values))
        except ValueError as error:
            raise _unreadable(f"line {number}: {error}", where) from error
    return rows, len(whole)


def _row(values: list[str]) -> Row:
    if len(values) != len(COLUMNS):
        raise ValueError(f"{len(values)} values, not {len(COLUMNS)}")
    found = zip(COLUMNS.items(), values, strict=True)
    return {name: None if text == "" else kind(text) for (name, kind), text in found}


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    """Write a whole table at once; its SHA-256."""
    contents = (HEADER + "".join(line_of(row) for row in rows)).encode()
    with replacing(path) as temporary:
        temporary.write_bytes(contents)
    return hashlib.sha256(contents).hexdigest()


def write_manifest(folder: Path, protocol: Protocol, sha256: str | None) -> None:
    """What makes a sweep repeatable; ``table_sha256`` is None until it is complete."""
    facts = {
        "format": FORMAT,
        "neurodeploy": installed_version(),
        "numpy": np.__version__,
        "protocol": protocol.to_dict(),
        "protocol_sha256": protocol.digest,
        "cells": len(protocol),
        "table": TABLE,
        "table_sha256": sha256,
        "complete": sha256 is not None,
    }
    with replacing(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, with a legal protocol under ``protocol``.

    Raises:
        UnreadableFile: Missing, damaged, or of another version.
    """
    where = str(folder / MANIFEST)
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']!r}")
        protocol = Protocol.from_dict(found["protocol"])
        if protocol.digest != found["protocol_sha256"]:
            raise ValueError("the protocol is not that of its hash")
    except OSError as error:
        raise _unreadable(f"no manifest: {error.strerror}", where) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(f"not a manifest of this version: {error}", where) from error
    return {**found, "protocol": protocol}


def load_table(folder: str | Path) -> Table:
    """A finished sweep's table, for fits without simulation.

    Raises:
        UnreadableFile: The sweep is not complete, or the table is not the one that it wrote.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if not manifest["complete"]:
        raise UnreadableFile(
            "this sweep was interrupted",
            where=str(folder),
            remedy="continue it with the same `neurodeploy scaling sweep`",
        )
    path = folder / TABLE
    rows, _ = read_rows(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != manifest["table_sha256"]:
        raise _unreadable("the table is not the one that the sweep wrote (its hash differs)", str(path))
    return Table(manifest["protocol"], rows, digest, folder)


def _unreadable(what: str, where: str) -> UnreadableFile:
    return UnreadableFile(what, where=where, remedy="give the folder that `neurodeploy scaling sweep -o FOLDER` made")
