"""The three rules, as functions of integers. Q8, Q16: a number times 2^8, 2^16; ``//`` and ``>>`` round down."""

from __future__ import annotations

import math

import numpy as np

from neurodeploy.adapt.settings import Adaptation
from neurodeploy.adapt.traces import ONE, ONE_BITS, RATE_BITS, Dice, Ints, Traces

GAIN_ONE, GAIN_LOW, GAIN_HIGH = 256, 64, 1024
"""Gains in Q8: 1, and its range, a quarter to four."""
FINE_BITS = 12
"""Further bits that the host keeps of a gain, since one step is often less than 1/256."""
LEAST_RATE = 0.02
"""Spikes per step below which a nominal rate counts as this."""
MOST_CHANGE = 15
"""Relative step that takes any legal gain to its upper limit."""


def floor_of(nominal: Ints, steps: int) -> Ints:
    """Nominal rates in Q8 per inference of so many steps, raised to the least."""
    return np.maximum(nominal, math.ceil(LEAST_RATE * steps * (1 << RATE_BITS)))


def relative_change(rules: Adaptation, traces: Traces, nominal: Ints, k: Ints) -> Ints:
    """By how much a gain is to grow, relative to itself, Q16 (n,).

    ``homeo_gain``: eta k (c0 - c) / c0. ``bcm_gain``: eta k c (c - theta_M) / c0^2 with theta_M = m2 / c0.
    """
    pace = (round(rules.step * ONE) * k) >> ONE_BITS
    if rules.rule == "homeo_gain":
        error = ((nominal - traces.rate) << ONE_BITS) // nominal
    else:
        sliding = traces.moment // nominal
        error = ((traces.rate << ONE_BITS) // nominal) * (((traces.rate - sliding) << ONE_BITS) // nominal) >> ONE_BITS
    # neither bound is ever felt: at both of them the gain is clipped anyway
    change: Ints = np.clip((pace * error) >> ONE_BITS, -ONE, MOST_CHANGE * ONE)
    return change


def next_gain(gain: Ints, change: Ints, low: Ints, high: Ints) -> Ints:
    """Gains in Q20 after a relative change (Q16), within the limits (Q8)."""
    return np.clip(gain + ((gain * change) >> ONE_BITS), low << FINE_BITS, high << FINE_BITS)


def weight_change(
    rules: Adaptation,
    traces: Traces,
    before: Ints,
    nominal: Ints,
    k: Ints,
    threshold: Ints,
    weight_exp: int,
    steps: int,
) -> Ints:
    """eta phi d^T of ``bcm_add`` with phi = k c (c - theta_M), in units of weight, Q16 (n_target, n_source).

    c and d are spikes per step. Weights count in thresholds of their neuron, as in a float network with threshold 1.

    Args:
        rules: With eta.
        traces: Of the layer.
        before: Trace of what each source sends, Q8 per inference, (n_source,).
        nominal: As for :func:`relative_change`.
        k: The spread.
        threshold: Field vth of each neuron, the weight that takes it to its threshold at ``weight_exp`` 0.
        weight_exp: Of the projection.
        steps: Of an inference.
    """
    sliding = traces.moment // nominal
    phi = (k * (traces.rate * (traces.rate - sliding))) >> ONE_BITS  # Q16, spikes^2 per inference
    pace = (round(rules.step * ONE) * phi) // (steps * steps)  # Q32
    row = np.clip((pace * threshold) >> (weight_exp + ONE_BITS), -(1 << 40), 1 << 40)  # Q16
    change: Ints = (row[..., :, None] * before[..., None, :]) // (steps << RATE_BITS)
    return change


def rounded(change: Ints, step_bits: int, dice: Dice) -> Ints:
    """A change in Q16 as a multiple of 2^step_bits, up or down at random so that its mean is right."""
    bits = ONE_BITS + step_bits
    return ((change + dice.draw(change.shape, bits)) >> bits) << step_bits
