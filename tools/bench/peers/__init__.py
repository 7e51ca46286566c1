"""One module per peer, run by worker.py in the peer's own environment.

A module has ``PACKAGES`` (whose versions are reported), ``EXACT`` (whether its spikes must be ours), ``BATCHES``
(whether it takes more than one sample), ``WORKLOADS`` (base names; the others are not written for it) and
``prepare(workload, threads) -> Prepared``. A new one also needs a line in ``ENVIRONMENTS`` of ../__main__.py, its
packages a list in ../requirements and a line in ``STEPS`` of ../environments.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


class Unavailable(Exception):
    """The peer cannot run here; the text says why."""


def from_run(result: Any) -> float | None:
    """The default: the worker's clock."""
    return None


@dataclass(frozen=True)
class Prepared:
    """A network ready to run.

    Attributes:
        run: Runs all samples and steps once; this is what is timed.
        counts: From a result, spikes per layer and step summed over samples, (layers, steps), or None if not kept.
        digest: From a result, the hash of all spikes as of :func:`digest`, or None if not kept.
        work: From a result, ``synaptic_events`` and ``neuron_updates`` of the run, or None if not counted.
        seconds: From a result, the time if the peer measures it itself (without the start of its process), or None.
        notes: For the reader of the table.
    """

    run: Callable[[], Any]
    counts: Callable[[Any], Any] = from_run
    digest: Callable[[Any], Any] = from_run
    work: Callable[[Any], Any] = from_run
    seconds: Callable[[Any], Any] = from_run
    notes: str = ""


def digest(rasters: Any) -> str:
    """A hash of the layers' spikes, each (B, T, n) of 0 and 1, neurons in PyTorch's order."""
    total = hashlib.sha256()
    for raster in rasters:
        total.update(np.packbits(np.ascontiguousarray(raster, dtype=np.uint8)).tobytes())
    return total.hexdigest()


def counts(rasters: Any) -> Any:
    """Spikes per layer and step, summed over samples."""
    return np.array([np.asarray(r).sum((0, 2), dtype=np.int64) for r in rasters])
