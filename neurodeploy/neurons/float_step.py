"""One step of float neurons in the normal form that all models share, under every reset and spike condition.

The modes ``subtract_late``, ``subtract_gated`` and ``zero_late`` are snnTorch 1.0's: there the spikes ``r`` that the
*stored* membrane stands for act on the next update.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodeploy.neurons.model import FloatDynamics, Floats, Rules

LATE = ("subtract_late", "subtract_gated", "zero_late")
"""Resets by what the stored membrane stands for."""


@dataclass(frozen=True)
class FloatStep:
    """What one float step makes, (B, n) each.

    Attributes:
        current: Synaptic current after the step.
        v: Membrane after the step, as it is stored.
        potential: Membrane that the threshold is compared with.
        spikes: Spikes of the step, whole numbers.
    """

    current: Floats
    v: Floats
    potential: Floats
    spikes: Floats


def float_step(
    current: Floats,
    v: Floats,
    x: Floats,
    dynamics: FloatDynamics,
    rules: Rules,
    *,
    fired: Floats | None = None,
    fired_before: Floats | None = None,
) -> FloatStep:
    """Advance (B, n) neurons by one step in the floating point of the arrays.

    Args:
        current: Synaptic current before.
        v: Stored membrane before.
        x: Input of the step.
        dynamics: Factors, in the floating point wanted.
        rules: Reset and spike condition.
        fired: Spikes to reset by, instead of those that the potential says.
        fired_before: Spikes of the step before, instead of those that the stored membrane says, where these are the
            same thing.
    """
    d = dynamics
    threshold = np.where(np.isfinite(d.theta), d.theta, 0)
    current = d.a * current + d.w * x
    potential = d.b * v + d.l + d.k * current
    before = np.zeros((), v.dtype)
    if rules.reset in LATE:
        known = fired_before if rules.reset != "subtract_gated" else None
        before = spikes_of(v, d, rules) if known is None else known
    if rules.reset in ("subtract_late", "subtract_gated"):
        potential = potential - before * threshold
    elif rules.reset == "zero_late":
        potential = np.where(before > 0, 0, potential)
    spikes = spikes_of(potential, d, rules)
    counted = spikes if fired is None else fired
    if rules.reset == "value":
        after = np.where(counted > 0, d.v_reset, potential)
    elif rules.reset in ("subtract", "subtract_gated"):
        after = potential - (counted - before) * threshold
    else:
        after = potential
    return FloatStep(current, np.maximum(after, d.v_min), potential, spikes)


def spikes_of(potential: Floats, dynamics: FloatDynamics, rules: Rules) -> Floats:
    """Spikes that a membrane stands for, 0 or 1, or any whole number under ``multi_trunc``."""
    theta = dynamics.theta
    if rules.spike == "gt":
        return (potential > theta).astype(potential.dtype)
    if rules.spike == "ge":
        return (potential >= theta).astype(potential.dtype)
    spikes: Floats = np.trunc(np.where(potential > 0, potential / theta, 0))
    return np.minimum(spikes, rules.max_spikes) if rules.max_spikes else spikes
