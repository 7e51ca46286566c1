"""The groups and datasets of a NIR file as a tree of plain records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.errors import ModelError, UnreadableFile, UnsupportedNode
from neurodeploy.frontends.nir.heaps import damaged_heap, longest_text

AGAIN = "write it again with nir 1.0.8 (nir.write), and check that nir.read accepts it"
OURS = "neurodeploy"
"""Key of our own entries in the metadata of graphs and nodes."""
MOST_NODES = 100_000
DEEPEST = 32
"""Groups inside each other, be they graphs or metadata."""
MOST_VALUES_PER_BYTE = 1032
"""What deflate can do at most; a damaged file may claim more than any memory holds."""
KINDS = ((b"PK\x03\x04", "a zip archive, such as torch.save and numpy.savez write"), (b"\x80", "a pickle"))
"""First bytes of files that people take for NIR."""


@dataclass(frozen=True, eq=False)
class Record:
    """A node as it stands in the file.

    Attributes:
        name: With those of the graphs around it before dots; empty for the file's own graph.
        type: NIR's type name.
        depth: 0 for the file's own graph, 1 for its nodes, and so on.
        data: Arrays and strings by key.
        metadata: Our own entries of the node's metadata: arrays, strings and mappings of such.
        nodes: Of a graph.
        edges: Of a graph, in the file's order.
    """

    name: str
    type: str
    depth: int
    data: Mapping[str, Any]
    metadata: Mapping[str, Any]
    nodes: tuple[Record, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()


def place(origin: str, name: str) -> str:
    """A node, or the file itself, for messages."""
    return f"{origin}, node '{name}'" if name else origin


def read_tree(path: Path) -> Record:
    """The graph of a file.

    Raises:
        UnreadableFile: Missing, not HDF5, damaged, or not NIR.
        UnsupportedNode: Values that are neither numbers nor text.
    """
    import h5py

    where = str(path)
    if not path.is_file():
        raise UnreadableFile("no such file", where=where, remedy="check the path; bundled models go by name")
    try:
        _check_kind(path)
        if (heap := damaged_heap(path)) is not None:
            raise UnreadableFile(f"the file is damaged at byte {heap}", where=where, remedy="copy or write it again")
        with h5py.File(path, "r") as file:
            return _Reader(path).top(file)
    except ModelError:
        raise
    except Exception as error:  # h5py raises whatever a damaged file makes it meet
        raise UnreadableFile(
            f"not a readable NIR file: {type(error).__name__}: {error}", where=where, remedy=AGAIN
        ) from error


def _check_kind(path: Path) -> None:
    import h5py

    if h5py.is_hdf5(path):
        return
    with path.open("rb") as file:
        start = file.read(4)
    kind = next((name for magic, name in KINDS if start.startswith(magic)), "not HDF5") if start else "empty"
    raise UnreadableFile(
        f"not a readable NIR file: it is {kind}",
        where=str(path),
        remedy="give a file of nir.write, or a torch module as package.module:factory",
    )


class _Reader:
    """Reads groups; counts nodes, because links can make a small file endless."""

    def __init__(self, path: Path) -> None:
        self._path, self._origin = path, str(path)
        self._bytes = path.stat().st_size
        self._nodes = 0

    def top(self, file: Any) -> Record:
        import h5py

        group = file.get("node")
        if not isinstance(group, h5py.Group):
            raise self._fault("", "the file is HDF5 but not NIR", "give a file of nir.write")
        if self._text(group, "") != "NIRGraph":
            raise self._fault("", "the file holds a single node, not a graph", "wrap it in a nir.NIRGraph")
        return self._graph(group, "", 0)

    def _graph(self, group: Any, name: str, depth: int) -> Record:
        import h5py

        if depth > DEEPEST:
            raise self._fault(name, f"graphs are nested more than {DEEPEST} deep")
        listed = group.get("nodes")
        if not isinstance(listed, h5py.Group) or not len(listed):
            raise self._fault(name, "the graph has no nodes")
        nodes = tuple(
            self._node(node, f"{name}.{inner}" if name else inner, depth + 1)
            for inner, node in self._entries(listed, name)
        )
        return Record(name, "NIRGraph", depth, {}, self._metadata(group, name), nodes, self._edges(group, name))

    def _node(self, group: Any, name: str, depth: int) -> Record:
        import h5py

        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._fault("", f"the file has more than {MOST_NODES:,} nodes")
        if not isinstance(group, h5py.Group) or "type" not in group:
            inner = [n for n, g in group.items() if "type" in g] if isinstance(group, h5py.Group) else []
            hint = f"was the node called '{name}/{inner[0]}'? " if inner else ""
            raise self._fault(name, "the node has no type", f"{hint}use names without '/'; {AGAIN}")
        kind = self._text(group, name)
        if kind == "NIRGraph":
            return self._graph(group, name, depth)
        data = {k: self._value(v, k, name) for k, v in self._entries(group, name) if k not in ("type", "metadata")}
        return Record(name, kind, depth, data, self._metadata(group, name))

    def _edges(self, group: Any, name: str) -> tuple[tuple[str, str], ...]:
        array = np.asarray(self._value(group["edges"], "edges", name)) if "edges" in group else np.array(None)
        if array.size == 0:
            return ()
        if array.ndim != 2 or array.shape[1] != 2 or not isinstance(array.flat[0], str):
            raise self._fault(name, f"the edges are {array.dtype} of shape {array.shape}, not pairs of names")
        return tuple((a, b) for a, b in array.tolist())

    def _metadata(self, group: Any, name: str) -> Mapping[str, Any]:
        import h5py

        found = group.get("metadata")
        ours = found.get(OURS) if isinstance(found, h5py.Group) else None
        return self._mapping(ours, name, 0) if isinstance(ours, h5py.Group) else {}

    def _mapping(self, group: Any, name: str, depth: int) -> dict[str, Any]:
        import h5py

        if depth > DEEPEST:
            raise self._fault(name, "the metadata are nested without end")
        return {
            key: self._mapping(value, name, depth + 1)
            if isinstance(value, h5py.Group)
            else self._value(value, key, name)
            for key, value in self._entries(group, name)
        }

    def _text(self, group: Any, name: str) -> str:
        value = self._value(group.get("type"), "type", name)
        if not isinstance(value, str):
            raise self._fault(name, "the type is not text")
        return value

    def _value(self, dataset: Any, key: str, name: str) -> Any:
        """An array or a string; types and sizes are checked first, because libhdf5 can crash or exhaust memory."""
        import h5py

        if not isinstance(dataset, h5py.Dataset):
            raise self._fault(name, f"'{key}' is missing or a group, not a value")
        kind = dataset.id.get_type().get_class()
        if kind not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM):
            raise UnsupportedNode(
                f"{key} holds {dataset.dtype} values",
                where=place(self._origin, name),
                remedy="export real numbers",
            )
        if dataset.shape is None:
            raise self._fault(name, f"'{key}' is empty")
        stored = dataset.id.get_storage_size()
        claimed = dataset.size * dataset.dtype.itemsize
        if dataset.external or dataset.is_virtual or stored > self._bytes or claimed > MOST_VALUES_PER_BYTE * stored:
            raise self._fault(name, f"'{key}' claims shape {dataset.shape}, which the file does not hold")
        if kind == h5py.h5t.STRING:
            offset = dataset.id.get_offset() if dataset.dtype.kind == "O" else None
            if offset is not None and longest_text(self._path, offset, dataset.size) > self._bytes:
                raise self._fault(name, f"'{key}' claims a text that the file does not hold")
            return _decoded(dataset[()])
        array = np.asarray(dataset[()])
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _entries(self, group: Any, name: str) -> Iterator[tuple[str, Any]]:
        """Members by name; only those that are in the file itself."""
        import h5py

        for given in group:
            key = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
            if not isinstance(group.get(given, getlink=True), h5py.HardLink):
                raise self._fault(name, f"'{key}' is a link to elsewhere")
            yield key, group[given]

    def _fault(self, name: str, what: str, remedy: str = AGAIN) -> UnreadableFile:
        return UnreadableFile(what, where=place(self._origin, name), remedy=remedy)


def _decoded(value: Any) -> Any:
    """Bytes, alone or in an array, as str."""
    if isinstance(value, np.ndarray):
        return np.array([_decoded(v) for v in value.ravel().tolist()], dtype=object).reshape(value.shape)
    return value.decode("utf-8") if isinstance(value, bytes) else value
