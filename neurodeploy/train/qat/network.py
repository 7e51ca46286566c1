"""A chip network in torch: its populations in order, each over all steps, or step by step where they feed each other.

Time is counted from each population's first live step, so that the chip's latency of a step per layer drops out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.simulate.components import components
from neurodeploy.train.qat.registers import Compartments, State, start, step
from neurodeploy.train.qat.synapses import Synapses

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class Layers:
    """What a network does on a batch.

    Attributes:
        spikes: (T, B, n) of 0 and 1 per population, float32.
        membranes: v after each step in register steps, (T, B, n), float64.
    """

    spikes: Mapping[str, Tensor]
    membranes: Mapping[str, Tensor]


def run(
    net: ChipNetwork,
    populations: Mapping[str, Compartments],
    synapses: Sequence[Synapses],
    inputs: Mapping[str, Tensor],
) -> Layers:
    """Run a batch.

    Args:
        net: The chip network.
        populations: Its populations as tensors.
        synapses: Of each of its projections, in order.
        inputs: Spikes (T, B, n), float32, by input name.
    """
    sent = dict(inputs)
    membranes: dict[str, Tensor] = {}
    steps, batch = next(iter(inputs.values())).shape[:2]
    for component in components(net):
        inner = component.populations if component.is_recurrent else ()
        drives = {name: _from_outside(net, synapses, sent, name, inner) for name in component.populations}
        states = {name: start(populations[name], batch) for name in component.populations}
        for t in range(steps):
            for name in component.populations:
                drive = drives[name]
                a = torch.zeros(batch, net.size_of(name), dtype=torch.float64) if drive is None else drive[t]
                if inner:
                    a = a + _from_inside(net, synapses, states, name, t)
                step(populations[name], states[name], a)
        for name, state in states.items():
            membranes[name] = torch.stack(state.membranes)
            sent[name] = torch.stack(state.spikes)
    return Layers({name: sent[name] for name in net.populations}, membranes)


def _lag(net: ChipNetwork, source: str, target: str, latency: int) -> int:
    """By how many of its own steps the source's spikes are late, >= 0."""
    begins = net.populations[source].start if source in net.populations else 0
    return latency - (net.populations[target].start - begins)


def _from_outside(
    net: ChipNetwork, synapses: Sequence[Synapses], sent: Mapping[str, Tensor], name: str, inner: Sequence[str]
) -> Tensor | None:
    """The sum of what all populations but the inner ones and all inputs bring, (T, B, n)."""
    total: Tensor | None = None
    for p, output in zip(net.projections, synapses, strict=True):
        if p.target == name and p.source not in inner:
            spikes = sent[p.source]
            late = _lag(net, p.source, name, p.latency)
            part = output(spikes.flatten(0, 1)).reshape(*spikes.shape[:2], -1)
            if late:
                part = torch.cat([torch.zeros_like(part[:late]), part[:-late]])
            total = part if total is None else total + part
    return total


def _from_inside(
    net: ChipNetwork, synapses: Sequence[Synapses], states: Mapping[str, State], name: str, t: int
) -> Tensor:
    """What the populations of the same component bring to step ``t``."""
    total = torch.zeros(())
    for p, output in zip(net.projections, synapses, strict=True):
        if p.target == name and p.source in states:
            at = t - _lag(net, p.source, name, p.latency)
            if at >= 0:
                total = total + output(states[p.source].spikes[at])
    return total
