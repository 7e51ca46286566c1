"""Ordering, filling and refining hypergraphs: C where there is a library, else the definition, with the same bits."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from neurodeploy import kernels
from neurodeploy.mapping.hyper import definition
from neurodeploy.mapping.hyper.hypergraph import MOST_ROWS, Cut, Hypergraph, Ints, Limits, Shorts

_INT64, _POINTER = ctypes.c_int64, ctypes.c_void_p


class _Hyper(ctypes.Structure):
    """``nd_hyper`` of kernels/hyper.h: keep the two in step."""

    _fields_ = [
        *((name, _INT64) for name in ("vertices", "edges", "parts", "rows")),
        *((name, _POINTER) for name in ("in_ptr", "in_edge", "pin_ptr", "pin", "owner", "own_ptr", "own_edge")),
        *((name, _POINTER) for name in ("weight", "kind", "words")),
        ("longest", _INT64),
        *((name, _POINTER) for name in ("synapses", "load", "slots")),
        ("slot_cost", _INT64),
        *((name, _POINTER) for name in ("dense_words", "factor", "limit", "part", "entry_ptr", "entry_part")),
        *((name, _POINTER) for name in ("entry_count", "used", "counts")),
    ]


_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "nd_hyper_transpose": (None, (_INT64, _INT64, _POINTER, _POINTER, _POINTER, _POINTER)),
    "nd_hyper_count": (None, (_POINTER, _POINTER)),
    "nd_hyper_fill": (_INT64, (_POINTER, _POINTER)),
    "nd_hyper_refine": (_INT64, (_POINTER, _POINTER, _INT64, _INT64)),
    "nd_hyper_order": (ctypes.c_int32, (_POINTER, _INT64, _INT64, _POINTER)),
}


def transpose(columns: int, ptr: Ints, index: Shorts) -> tuple[Ints, Shorts]:
    """Compressed rows of the transpose; ascending within a row."""
    library = _library()
    if library is None:
        return definition.transpose(columns, ptr, index)
    out_ptr, out_index = np.zeros(columns + 1, np.int64), np.empty(len(index), np.int32)
    ptr, index = _checked(ptr, np.int64), _checked(index, np.int32)
    rows = (len(ptr) - 1, columns, ptr.ctypes.data, index.ctypes.data)
    library.nd_hyper_transpose(*rows, out_ptr.ctypes.data, out_index.ctypes.data)
    return out_ptr, out_index


def locality_order(graph: Hypergraph, rounds: int, leaf: int) -> Shorts:
    """An order in which neurons that share sources are close, see :func:`definition.locality_order`."""
    library = _library()
    if library is None:
        return definition.locality_order(graph, rounds, leaf)
    order = np.empty(graph.vertices, np.int32)
    call = _call(graph, None, None)
    if library.nd_hyper_order(ctypes.byref(call), rounds, leaf, order.ctypes.data) < 0:
        raise MemoryError
    return order


def fill(graph: Hypergraph, limits: Limits, order: Shorts) -> tuple[Shorts, int]:
    """Labels and number of parts that are filled one after the other, see :func:`definition.fill`."""
    library = _library()
    if library is None:
        return definition.fill(graph, limits, order)
    part = np.zeros(graph.vertices, np.int32)
    call = _call(graph, limits, None)
    call.part = part.ctypes.data
    order = _checked(order, np.int32)
    parts = library.nd_hyper_fill(ctypes.byref(call), order.ctypes.data)
    if parts < 0:
        raise MemoryError
    return part, int(parts)


def counted(graph: Hypergraph, limits: Limits, labels: Ints | Shorts, parts: int) -> Cut:
    """The cut of these labels, with its entries and counts."""
    cut = Cut.of(graph, labels, parts)
    library = _library()
    if library is None:
        definition.count(graph, limits, cut)
    else:
        grouped = np.argsort(cut.part, kind="stable").astype(np.int32)
        library.nd_hyper_count(ctypes.byref(_call(graph, limits, cut)), grouped.ctypes.data)
    return cut


def refine(graph: Hypergraph, limits: Limits, cut: Cut, order: Shorts, passes: int, work: int) -> int:
    """Moves neurons of ``cut`` for a lower km1; returns how many moves, see :func:`definition.refine`."""
    library = _library()
    if library is None:
        return definition.refine(graph, limits, cut, order, passes, work)
    order = _checked(order, np.int32)
    moves = library.nd_hyper_refine(ctypes.byref(_call(graph, limits, cut)), order.ctypes.data, passes, work)
    if moves < 0:
        raise MemoryError
    return int(moves)


def _library() -> ctypes.CDLL | None:
    try:
        library = kernels.load()
    except kernels.KernelsUnavailable:
        return None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _checked(values: Any, kind: type) -> Any:
    return np.ascontiguousarray(values, kind)


def _call(graph: Hypergraph, limits: Limits | None, cut: Cut | None) -> Any:
    """The structure; the arrays must outlive the call, so they are held, and not copied."""
    call = _Hyper(vertices=graph.vertices, edges=graph.edges, longest=graph.words.shape[1] - 1)
    for name in ("in_ptr", "in_edge", "pin_ptr", "pin", "owner", "own_ptr", "own_edge", "weight", "kind", "words"):
        setattr(call, name, _address(getattr(graph, name), np.int32 if name in _INT32 else np.int64))
    call.synapses = None if graph.synapses is None else _address(graph.synapses, np.int32)
    if limits is not None:
        call.rows, call.slot_cost = len(limits.limit), limits.slot_cost
        if call.rows > MOST_ROWS:
            raise RuntimeError(f"{call.rows} limits, the kernels take {MOST_ROWS}")
        for name in ("load", "slots", "dense_words", "factor", "limit"):
            setattr(call, name, _address(getattr(limits, name), np.int64))
    if cut is not None:
        call.parts = cut.parts
        for name in ("part", "entry_ptr", "entry_part", "entry_count", "used", "counts"):
            setattr(call, name, _address(getattr(cut, name), np.int32 if name in _INT32 else np.int64))
    return call


_INT32 = {"in_edge", "pin", "owner", "own_edge", "kind", "part", "entry_part", "entry_count", "used"}


def _address(array: Any, kind: type) -> int:
    if array.dtype != kind or not array.flags.c_contiguous:
        raise RuntimeError(f"an array of {array.dtype}, not contiguous {kind}")
    return int(array.ctypes.data)
