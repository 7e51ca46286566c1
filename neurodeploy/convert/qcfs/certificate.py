"""What a compiled QCFS network promises, counted from the integers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from neurodeploy.convert.qcfs.bounds import MEMBRANE_MOST, bounds_of
from neurodeploy.convert.qcfs.effective import effective_steps
from neurodeploy.convert.qcfs.golden import IntegerNet
from neurodeploy.convert.qcfs.lower import unit_of
from neurodeploy.convert.qcfs.schedule import Schedule
from neurodeploy.target import Target


@dataclass(frozen=True)
class Certificate:
    """Of a network on a chip.

    Attributes:
        model: Name of the network.
        mode: ``defer``, ``pascal`` or ``thermometer``.
        gate: What opens and closes a layer: ``window``, ``neurons``, or ``model`` of ``pascal``.
        input_levels, input_step: T0, and the real value of an input spike.
        levels, thetas, phases: By hidden layer: L, threshold, steps in which it may fire [first, stop).
        ticks: By the schedule's formula, hops not counted.
        steps: Chip steps of an inference; after the last one v of the read-out is the logit.
        effective_steps: Mean over the layers by PASCAL's published formula, with (4/3) / fan-in for r; says nothing of
            ``defer``.
        neurons, synapses: Counted, gates and copies included.
        state_writes: Registers loaded before each inference.
        membrane_most, membrane_limit: Largest magnitude that any input can lead to, in units of weight.
        checked: On what the chip was compared with the golden model.
    """

    model: str
    mode: str
    gate: str
    input_levels: int
    input_step: float
    levels: Mapping[str, int]
    thetas: Mapping[str, int]
    phases: Mapping[str, list[int]]
    ticks: int
    steps: int
    effective_steps: float
    neurons: int
    synapses: int
    state_writes: int
    membrane_most: int
    membrane_limit: int
    checked: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def promises(net: IntegerNet, target: Target, schedule: Schedule) -> dict[str, Any]:
    """What follows from the golden model and the schedule."""
    hidden = net.hidden
    fan_ins = [max(1, max(b.connection.synapses // layer.size for b in layer.branches)) for layer in hidden]
    return {
        "input_levels": net.input_levels,
        "levels": {layer.name: layer.levels for layer in hidden},
        "thetas": {layer.name: layer.theta for layer in hidden},
        "phases": {x.name: [schedule.phases[x.name].opens, schedule.phases[x.name].closes] for x in hidden},
        "ticks": schedule.ticks,
        "steps": schedule.steps,
        "effective_steps": effective_steps([layer.levels for layer in hidden], fan_ins) if hidden else 0.0,
        "membrane_most": max(bounds_of(layer, net, unit_of(layer, target)).most for layer in net.layers),
        "membrane_limit": MEMBRANE_MOST,
    }
