"""Populations whose steps threads share, and their synapses cut into parts for it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

import numpy as np

from neurodeploy.simulate.prepared import KINDS, Prepared

NEURONS_PER_PART = 2048
"""Two microseconds or so, of which handing them to another thread takes a tenth."""


def share(prepared: Prepared, populations: Any, threads: int) -> Any:
    """Let threads share the steps of large populations of a single sample.

    Args:
        prepared: The network.
        populations: ``nd_population[]`` of a call; ``parts`` is set.
        threads: How many there are.

    Returns:
        ``nd_projection[]`` of the call.
    """
    projections = type(prepared.projections).from_buffer_copy(prepared.projections)
    for entry in populations:
        parts = min(threads, entry.size // NEURONS_PER_PART)
        incoming = range(entry.first_projection, entry.first_projection + entry.n_projections)
        if parts > 1 and entry.is_narrow and not entry.is_tiled and _cut(prepared, projections, incoming, parts):
            entry.parts = parts
    return projections


def _cut(prepared: Prepared, projections: Any, numbers: Iterable[int], parts: int) -> bool:
    """Whether all of a population's projections have parts, which are then filled in."""
    for number in numbers:
        p = projections[number]
        if p.delays or p.kind not in (KINDS["dense"], KINDS["sparse"]):
            return False
        if p.kind == KINDS["sparse"]:
            key = number, parts
            if key not in prepared.cuts:
                cuts = np.empty((parts, p.n_source, 2), np.int64)
                ascend = prepared.library.nd_sparse_cut(ctypes.byref(p), parts, cuts.ctypes.data)
                prepared.cuts[key] = cuts if ascend else None
            found = prepared.cuts[key]
            if found is None:
                return False
            p.cuts = found.ctypes.data
    return True
