"""Ways to make a NIR file wrong."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from nir_raw import Tree, graph, lif, linear, node, nodes_of, small, write_tree


def spoilt(base: Callable[[], Tree], spoil: Callable[[Tree], object]) -> Callable[[Path], object]:
    """A file whose tree was changed."""

    def make(path: Path) -> None:
        tree = base()
        spoil(tree)
        write_tree(tree, path)

    return make


def bytes_of(tree: Tree, path: Path) -> bytearray:
    """What a sound file would hold."""
    return bytearray(write_tree(tree, path).read_bytes())


def damaged(change: Callable[[bytearray], Any]) -> Callable[[Path], object]:
    """A sound file with other bytes; ``change`` edits them, or returns those to keep."""

    def make(path: Path) -> None:
        data = bytes_of(small(), path)
        kept = change(data)
        path.write_bytes(data if kept is None else kept)

    return make


def _put(data: bytearray, at: int, value: int, size: int = 8) -> None:
    data[at : at + size] = value.to_bytes(size, "little")


def endless_strings(data: bytearray) -> None:
    """A collection of strings whose first object says that it is free and has no size."""
    at = data.find(b"GCOL")
    data[at + 16 : at + 32] = bytes(16)


def endless_names(data: bytearray) -> None:
    """A free block of a group's names that follows itself."""
    at = data.find(b"HEAP")
    start = int.from_bytes(data[at + 24 : at + 32], "little")
    _put(data, at + 16, 8)
    _put(data, start + 8, 8)


def long_string(data: bytearray) -> None:
    """A node's type of 4 GB: the length beside the reference to the text says so."""
    _put(data, data.find(len("CubaLIF").to_bytes(4, "little") + data.find(b"GCOL").to_bytes(8, "little")), 2**32 - 1, 4)


def files(data: dict[str, Any]) -> bytes:
    """A zip archive as numpy makes it."""
    stream = io.BytesIO()
    np.savez(stream, **data)
    return stream.getvalue()


def params(name: str, **changes: Any) -> Callable[[Tree], object]:
    """Other parameters of a node; ... takes one away."""

    def spoil(tree: Tree) -> None:
        group = nodes_of(tree)[name]
        for key, value in changes.items():
            if value is ...:
                del group[key]
            else:
                group[key] = value

    return spoil


def more(nodes: Tree, *edges: tuple[str, str]) -> Callable[[Tree], object]:
    """Further nodes, or others in their place, and edges."""

    def spoil(tree: Tree) -> None:
        nodes_of(tree).update(nodes)
        tree["node"]["edges"] += [list(e) for e in edges]

    return spoil


def top(**changes: Any) -> Callable[[Tree], object]:
    """Other entries of the file's graph; ... takes one away."""

    def spoil(tree: Tree) -> None:
        for key, value in changes.items():
            if value is ...:
                del tree["node"][key]
            else:
                tree["node"][key] = value

    return spoil


def recorded(**changes: Any) -> Callable[[Tree], object]:
    """Other entries of our metadata."""
    return lambda tree: tree["node"]["metadata"]["neurodeploy"].update(changes)


def renamed(name: str, new: str) -> Callable[[Tree], object]:
    """A node by another name, its edges too."""

    def spoil(tree: Tree) -> None:
        nodes_of(tree)[new] = nodes_of(tree).pop(name)
        tree["node"]["edges"] = [[new if end == name else end for end in e] for e in tree["node"]["edges"]]

    return spoil


def without(*names: str) -> Callable[[Tree], object]:
    """Nodes and their edges taken away."""

    def spoil(tree: Tree) -> None:
        for name in names:
            del nodes_of(tree)[name]
        tree["node"]["edges"] = [e for e in tree["node"]["edges"] if not set(e) & set(names)]

    return spoil


def nested(edges: list[tuple[str, str]], **nodes: Tree) -> Tree:
    """A graph as a node."""
    return {"type": "NIRGraph", "nodes": nodes, "edges": [list(e) for e in edges]}


def block(**more_nodes: Tree) -> Tree:
    """A nested graph with one weight layer."""
    ends = {"in": node("Input", shape=np.array([3])), "out": node("Output", shape=np.array([3]))}
    return nested([("in", "w"), ("w", "out")], **ends, w=linear(3, 3), **more_nodes)


def of_out(**ours: Any) -> Callable[[Tree], object]:
    """Our metadata of the node ``out``."""
    return params("out", metadata={"neurodeploy": ours})


def with_block(inner: Tree, *edges: tuple[str, str]) -> Callable[[Path], object]:
    """input -> fc -> sub -> lif -> output, with ``sub`` a nested graph."""
    names = ["input", "fc", "sub", "lif", "output"]
    nodes = {"fc": linear(3, 4), "sub": inner, "lif": lif(3)}
    every = [*zip(names, names[1:], strict=False), *edges]
    return lambda path: write_tree(graph(nodes, every, (4,), (3,)), path)


def in_itself(path: Path) -> None:
    """A nested graph that is the graph around it, by a hard link."""
    write_tree(small(), path)
    with h5py.File(path, "a") as file:
        file["node/nodes/again"] = file["node"]


def unallocated(group: h5py.Group, key: str) -> None:
    """A dataset of 8 TB without a byte of it."""
    group.create_dataset(key, shape=(10**6, 10**6), dtype="f8", chunks=(1000, 1000))


def elsewhere(group: h5py.Group, key: str) -> None:
    """Values in another file."""
    group.create_dataset(key, shape=(3, 5), dtype="f8", external=[("/etc/hostname", 0, 120)])


def virtual(group: h5py.Group, key: str) -> None:
    """Values that are those of other datasets."""
    layout = h5py.VirtualLayout(shape=(3, 5), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(3, 5))
    group.create_virtual_dataset(key, layout)


def soft(group: h5py.Group, key: str) -> None:
    """A link by name."""
    group[key] = h5py.SoftLink("/node/nodes/fc1")


def outside(group: h5py.Group, key: str) -> None:
    """A link into another file."""
    group[key] = h5py.ExternalLink("other.h5", "/node")


def not_utf8(group: h5py.Group, key: str) -> None:
    """Text that is none."""
    group.create_dataset(key, data=np.bytes_(b"LIF\xff\xfe"))


def empty_tree() -> Tree:
    """HDF5, but nothing of NIR in it."""
    return {"data": np.ones(3)}
