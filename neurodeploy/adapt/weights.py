"""Synapses that ``bcm_add`` changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurodeploy.adapt.registers import adaptable
from neurodeploy.adapt.rules import rounded, weight_change
from neurodeploy.adapt.settings import Adaptation
from neurodeploy.adapt.traces import Dice, Ints, Traces
from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Dense
from neurodeploy.errors import SimulationError
from neurodeploy.target import Target
from neurodeploy.weights import LIMITS

_ARRAYS = ("trained", "low", "high", "threshold")


@dataclass(frozen=True, eq=False)
class Plastic:
    """A dense projection of spikes between two different populations, and how far its weights may go.

    Attributes:
        projection: As it was compiled.
        trained: Its weights, int64 (n_target, n_source), as are all arrays; (networks, ...) of several.
        low, high: Bounds of each weight.
        step_bits: Weights are multiples of ``2**step_bits``.
        threshold: vth of the target, int64 (n_target,); 0 of neurons that do not adapt.
    """

    projection: ChipProjection
    trained: Ints
    low: Ints
    high: Ints
    step_bits: int
    threshold: Ints

    @classmethod
    def into(cls, net: ChipNetwork, name: str, rules: Adaptation, target: Target | None) -> tuple[Plastic, ...]:
        """All projections into a population, its own synapses onto itself left out.

        Raises:
            SimulationError: A projection that the rule has no form for, or none at all.
        """
        found = tuple(p for p in net.incoming(name) if net.sender_of(p.source) != name)
        for p in found:
            kind = "graded" if p.message_bits else p.connection.kind if not isinstance(p.connection, Dense) else ""
            if kind or p.delays is not None:
                raise SimulationError(
                    f"rule 'bcm_add' on a {kind or 'dense'} projection{' with delays' * (p.delays is not None)}",
                    where=f"projection '{p.source}' -> '{name}'",
                    remedy="use homeo_gain, which writes no synapse, or leave the layer out: layers=(...)",
                )
        if not found:
            raise SimulationError("no synapse to change", where=f"layer '{name}'", remedy="leave it out: layers=(...)")
        vth = np.where(adaptable(net.populations[name]), net.populations[name].full("vth"), 0)
        return tuple(cls._of(p, vth, rules, target) for p in found)

    @classmethod
    def _of(cls, p: ChipProjection, vth: Ints, rules: Adaptation, target: Target | None) -> Plastic:
        mixed = p.sign_mode == "mixed"
        bits = max(0, (9 if mixed else 8) - p.num_weight_bits)
        low, high = LIMITS[p.sign_mode]
        if target is not None and mixed:
            low, high = max(low, target.weight.value_min.value), min(high, target.weight.value_max.value)
        elif target is not None:
            most = target.weight.single_sign_max.value
            low, high = max(low, -most), min(high, most)
        trained = p.connection.weights.astype(np.int64)
        lows, highs = np.full(trained.shape, -(-low >> bits) << bits), np.full(trained.shape, high >> bits << bits)
        if rules.weight_limit is not None:
            room = round(rules.weight_limit * (1 << 16)) * vth[:, None]
            reach = room >> (16 + p.weight_exp + bits) << bits
            lows, highs = np.maximum(lows, trained - reach), np.minimum(highs, trained + reach)
        return cls(p, trained, np.minimum(lows, trained), np.maximum(highs, trained), bits, vth)

    @classmethod
    def side_by_side(cls, each: Sequence[Plastic]) -> Plastic:
        """The same projection of several networks, arrays with a first axis (networks,)."""
        arrays: dict[str, Any] = {k: np.stack([getattr(p, k) for p in each]) for k in _ARRAYS}
        return replace(each[0], **arrays)

    def after(
        self,
        weights: Ints,
        rules: Adaptation,
        traces: Traces,
        before: Ints,
        nominal: Ints,
        k: Ints,
        steps: int,
        dice: Dice,
    ) -> Ints:
        """The weights after one more inference; arguments as of :func:`neurodeploy.adapt.rules.weight_change`."""
        exponent = self.projection.weight_exp
        change = weight_change(rules, traces, before, nominal, k, self.threshold, exponent, steps)
        changed: Ints = np.clip(weights + rounded(change, self.step_bits, dice), self.low, self.high)
        return changed
