"""One run of a faulty program, and the row that it makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.cluster.wire import Plain, error_to_plain, program_from, unpack
from neurodeploy.errors import InvalidFault, NeurodeployError
from neurodeploy.evaluate import run_program
from neurodeploy.faults import inject, parse
from neurodeploy.program import Program
from neurodeploy.simulate.readout import classify
from neurodeploy.version import installed_version

FAULT_FREE = "none"
"""The fault of the rows that all others are compared with."""
COLUMNS: dict[str, type] = {
    **{"model": str, "target": str, "program": str, "data": str},
    **{"fault": str, "severity": float, "seed": int},
    **{"samples": int, "correct": int, "accuracy": float, "spikes": float, "synops": float, "rate": float},
    **{"parts": int, "hit": int, "changed": int, "layer_rates": str},
}
"""Of a row, in order. ``program`` and ``data`` are digests; spikes and SynOps are per inference; a rate is in spikes
per neuron and live step; of all ``parts`` (weights, neurons, ...) so many were ``hit``, and ``changed``."""
KEY = ("model", "target", "program", "data", "fault", "severity", "seed")
Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """A faulty chip to be measured.

    Attributes:
        fault: Text of the faults; ``none`` for none at all.
        severity: Of those that have none in the text; None where all have.
        seed: Of the draws.
    """

    fault: str
    severity: float | None
    seed: int


def is_drawn(fault: str, severity: float | None) -> bool:
    """Whether another seed makes another chip."""
    return any(f.is_drawn for f in parse(fault, severity))


def measure(
    program: Program,
    spikes: Any,
    labels: NDArray[np.int64],
    cell: Cell,
    *,
    engine: str = "fast",
    steps: int | None = None,
    threads: int | None = None,
) -> Row:
    """Inject, run the data set, and count; the columns from ``fault`` on.

    Raises:
        InvalidFault: This network cannot have the fault.
        SimulationError: The program cannot run the data, or has several outputs.
    """
    spec = () if cell.fault == FAULT_FREE else parse(cell.fault, cell.severity)
    faulty = inject(program, spec, cell.seed)
    run, scores = run_program(faulty.image, faulty.spikes(spikes), engine=engine, steps=steps, threads=threads)
    if scores is None:
        raise InvalidFault(
            f"the program has {len(program.outputs)} outputs, so no accuracy",
            where="fault sweep",
            remedy=f"compile with --output NAME, one of {', '.join(program.outputs)}",
        )
    correct = int(np.count_nonzero(classify(scores) == labels))
    layers = {name: run.counters.populations[name] for name in program.net.populations}
    sent, updates = (sum(getattr(c, f) for c in layers.values()) for f in ("spikes", "neuron_updates"))
    hits = faulty.manifest.hits
    rates = {name: round(c.spikes / c.neuron_updates, 9) if c.neuron_updates else 0.0 for name, c in layers.items()}
    return {
        "fault": cell.fault,
        "severity": cell.severity,
        "seed": cell.seed,
        "samples": len(labels),
        "correct": correct,
        "accuracy": correct / len(labels),
        "spikes": sent / len(labels),
        "synops": sum(c.syn_ops for c in layers.values()) / len(labels),
        "rate": sent / updates if updates else 0.0,
        "parts": sum(h.size for h in hits),
        "hit": sum(len(h.chosen) for h in hits),
        "changed": sum(len(h.changed) for h in hits),
        "layer_rates": json.dumps(rates),
    }


def cell_task(version: str, program: bytes, data: Plain, cell: Mapping[str, Any], settings: Plain) -> Plain:
    """What a worker of a cluster does: ``{"row": ...}`` or ``{"error": fields}``.

    Args:
        version: The client's.
        program: Bytes of its ``.ndp`` file.
        data: ``messages``, packed, and ``labels``.
        cell: Fields of the :class:`Cell`.
        settings: ``engine`` and ``steps``.
    """
    if version != installed_version():
        return {"other_version": installed_version()}
    try:
        row = measure(_program(program), unpack(data["messages"]), data["labels"], Cell(**cell), threads=1, **settings)
    except NeurodeployError as error:
        return {"error": error_to_plain(error)}
    return {"row": row}


@lru_cache(maxsize=2)
def _program(contents: bytes) -> Program:
    return program_from(contents)
