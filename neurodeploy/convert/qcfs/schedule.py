"""When which layer fires: chip steps of a sample from 0; a spike of step t is integrated at t + 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurodeploy.convert.qcfs.golden import IntegerNet
from neurodeploy.convert.qcfs.layers import INPUT, OUTPUT

MODES = ("defer", "pascal")


@dataclass(frozen=True)
class Phase:
    """Of a layer.

    Attributes:
        listens: First step in which a spike can arrive.
        steps_in: Steps from there to the last in which one can.
        opens: First step in which it fires.
        steps_out: Steps in which it may, from there on.
    """

    listens: int
    steps_in: int
    opens: int
    steps_out: int

    @property
    def closes(self) -> int:
        """The step after the last in which it may fire."""
        return self.opens + self.steps_out


@dataclass(frozen=True)
class Schedule:
    """Of a network.

    Attributes:
        phases: By layer; the read-out's has no steps out.
        steps: Chip steps of a sample, the one in which the read-out is complete included.
        ticks: By the formula, which counts no hops: T0 + sum L of ``defer``, T0 + sum (max(L', L) - 1 + L) of
            ``pascal``, along the longest path.
    """

    phases: Mapping[str, Phase]
    steps: int
    ticks: int


def scheduled(net: IntegerNet, mode: str, spikes_at_once: bool = False) -> Schedule:
    """The phases of a network.

    ``defer`` accumulates until all sources are silent and fires then; the last arrival is integrated in the first
    firing step, so hops cost nothing. ``pascal`` corrects its count for max(steps in, L) - 1 steps before it sends it.

    Args:
        net: The network.
        mode: One of ``MODES``.
        spikes_at_once: Each layer has all its spikes in one step (thermometer).
    """
    phases = _phases(net, mode, spikes_at_once, hop=1)
    steps = phases[OUTPUT].listens + phases[OUTPUT].steps_in
    if mode == "defer":
        return Schedule(phases, steps, steps - 1)
    bare = _phases(net, mode, spikes_at_once, hop=0)[OUTPUT]
    return Schedule(phases, steps, bare.listens + bare.steps_in)


def _phases(net: IntegerNet, mode: str, at_once: bool, hop: int) -> dict[str, Phase]:
    sends = {INPUT: (0, net.input_levels)}
    phases = {}
    for layer in net.layers:
        heard = [sends[b.source] for b in layer.branches]
        listens, silent = min(start for start, _ in heard) + hop, max(end for _, end in heard) + hop
        steps_in, steps_out = silent - listens, min(layer.levels, 1) if at_once else layer.levels
        opens = silent - 1 if mode == "defer" else silent + max(steps_in, layer.levels) - 1
        phases[layer.name] = Phase(listens, steps_in, opens, steps_out)
        sends[layer.name] = (opens, opens + steps_out)
    return phases
