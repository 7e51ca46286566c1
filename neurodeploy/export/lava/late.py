"""Late starts on plain Lava, whose processes all begin at step 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.export.lava.limits import Fault
from neurodeploy.neurons import model_named

HELD = {
    "cuba": {"bias_mant": "bias_mant", "u0": "u", "v0": "v"},
    "ternary_lif": {"bias_mant": "bias_mant", "u0": "u", "v0": "v"},
    "sigma_delta": {"bias": "bias"},
}
"""By model: our fields that can be 0 until the start, and Lava's Vars that are set then."""


@dataclass(frozen=True, eq=False)
class Start:
    """How a population can begin late on Lava.

    Attributes:
        population: As it is built: without what would act before its start.
        values: What its Vars are set to after ``population.start`` steps, int32 (size,) each.
    """

    population: ChipPopulation
    values: Mapping[str, NDArray[np.int32]]


def late_start(net: ChipNetwork, population: ChipPopulation) -> Start | Fault:
    """How to start it, or why that cannot be.

    It is at rest from step 1 on and stays so, because nothing arrives earlier. After the end of its window it goes on
    in Lava; what it then sends arrives after the end of every window, for the same reason.
    """
    p = population
    if not p.start:
        return Start(p, {})
    for projection in net.incoming(p.name):
        sender = net.sender_of(projection.source)
        begin = net.populations[sender].start if sender in net.populations else 0
        delay = projection.delay if projection.delays is None else int(projection.delays.min())
        first = begin + 1 + (0 if projection.connection.kind == "direct" else 1 + delay)
        if first <= p.start:
            what = f"a start at step {p.start + 1}, when messages of '{projection.source}' arrive from step {first} on"
            return what, f"start it at step {first}; Lava's processes cannot drop what arrives"
    held = {field: var for field, var in HELD.get(p.model, {}).items() if np.any(p.fields[field])}
    quiet = replace(p, fields={**p.fields, **dict.fromkeys(held, np.zeros((), np.int64))})
    if not _rests(quiet):
        return (
            f"a start at step {p.start + 1} of neurons that are not at rest before",
            "choose a threshold that silent neurons do not reach, or start it at step 1",
        )
    return Start(quiet, {var: p.full(field).astype(np.int32) for field, var in held.items()})


def _rests(p: ChipPopulation) -> bool:
    """Whether a step without input changes nothing and sends nothing."""
    model, shape = model_named(p.model), (1, p.size)
    before = {r: np.broadcast_to(values, shape) for r, values in model.initial(p.fields).items()}
    step = model.integer_step(before, dict.fromkeys(model.ports, np.zeros(shape, np.int64)), p.fields, p.reset)
    same = all(np.array_equal(values, before[register]) for register, values in step.state.items())
    zero = all(not np.any(values) for values in before.values())
    return same and not any(np.any(m) for m in step.messages) and (zero or not p.reset_interval)
