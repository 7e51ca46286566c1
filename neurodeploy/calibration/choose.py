"""Quantise on data: choices by a method, kept only where they are no worse than the rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.calibration.data import CalibrationData, calibration_data
from neurodeploy.calibration.gauge import METRICS, Score, reference, registers, score
from neurodeploy.calibration.methods import Choices, all_moments, by_error, by_percentile
from neurodeploy.calibration.search import search
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import QuantizeError, did_you_mean
from neurodeploy.network import Network
from neurodeploy.quantize import BITS_DEFAULT, Bits, QuantizationReport, quantize
from neurodeploy.quantize.bits import bits_by_layer
from neurodeploy.quantize.choice import BY_RULE, Choice
from neurodeploy.quantize.headroom import headroom_bits
from neurodeploy.target import Target

METHODS = ("bounds", "percentile", "mse", "search")
RULE = "by rule"
SEARCHED = 200
"""Samples that moments and the search look at, drawn from the data; what is chosen is then measured on all of them."""


def calibrate(
    network: Network,
    target: Target,
    data: Any,
    *,
    bits: Bits = BITS_DEFAULT,
    method: str = "search",
    seed: int = 0,
    per_channel: bool = False,
) -> tuple[ChipNetwork, QuantizationReport]:
    """Integers for ``target``, with the choices that ``method`` makes on data.

    Args:
        network: The float network.
        target: The chip.
        data: :class:`CalibrationData`, anything else with ``spikes`` and ``labels``, or an array of spikes.
        bits: As in :func:`quantize`.
        method: ``bounds``: by rule, the data only show headroom. ``percentile``: exponents by observed ranges of u and
            v. ``mse``: clipping and rounding by the error of what neurons sum. ``search``: all of these and more, by
            the score of the whole network, see :func:`neurodeploy.calibration.search.search`.
        seed: Of what is drawn; the same seed gives the same network.
        per_channel: Neurons get scales of their own; the search may choose so for some layers (and does without being
            told where the target has no limit on different thresholds).

    Returns:
        The network, and its report with ``calibration`` filled in. On the data it is never worse than what
        :func:`quantize` gives with the same bits: otherwise that is what is returned.

    Raises:
        QuantizeError: No such method, or the network does not fit the fields.
        SimulationError: The data do not fit the network.
    """
    if method not in METHODS:
        raise QuantizeError(f"no method '{method}'", where="--calibration", remedy=did_you_mean(method, METHODS))
    samples = calibration_data(data, network)
    widths = bits_by_layer(bits, network, target)
    rng = np.random.default_rng(seed)
    some = samples.part(np.sort(rng.permutation(len(samples.spikes))[:SEARCHED]))
    rule: Choices = dict.fromkeys(network.populations, BY_RULE)
    base: Choices = dict.fromkeys(network.populations, Choice(per_channel=per_channel))
    truth = reference(network, some)

    def measure(choices: Choices) -> Score | None:
        try:
            return score(quantize(network, target, bits=widths, choices=choices)[0], truth)
        except QuantizeError:
            return None

    chosen = base
    if method in ("percentile", "search"):
        ranges = by_percentile(network, target, widths, truth, base)
        chosen = ranges
    if method in ("mse", "search"):
        found = all_moments(network, target, truth, rng)
        chosen = by_error(network, target, widths, found, base)
    if method == "search":
        both = {n: replace(chosen[n], exponent=ranges[n].exponent) for n in chosen}
        channels = per_channel or target.core.vth_profiles is None
        chosen = search(rule, [base, ranges, chosen, both], found, measure, rng, channels=channels)
    return _kept(network, target, widths, samples, {RULE: rule, method: chosen}, method, seed)


def _kept(
    network: Network,
    target: Target,
    bits: Mapping[str, int],
    samples: CalibrationData,
    ways: Mapping[str, Choices],
    method: str,
    seed: int,
) -> tuple[ChipNetwork, QuantizationReport]:
    """The better of the rule and what was chosen, on all of the data."""
    truth = reference(network, samples)
    made: dict[str, tuple[ChipNetwork, QuantizationReport, Score]] = {}
    faults: list[QuantizeError] = []
    for name, choices in ways.items():
        try:
            net, report = quantize(network, target, bits=bits, choices=choices)
        except QuantizeError as fault:
            faults.append(fault)
        else:
            made[name] = net, report, score(net, truth)
    if not made:
        raise faults[0]
    best = min(made, key=lambda name: (made[name][2], name != RULE))
    net, report, reached = made[best]
    default = made[RULE][2] if RULE in made else (None,) * len(reached)
    facts: dict[str, object] = {
        "method": method,
        "seed": seed,
        "samples": len(samples.spikes),
        "metric": {
            name: {"default": a, "chosen": b}
            for name, a, b in zip(METRICS[len(reached)], default, reached, strict=True)
        },
        "choices": {name: _plain(choice) for name, choice in ways[best].items()},
    }
    return net, replace(_observed(net, report, samples, network), calibration=facts)


def _plain(choice: Choice) -> dict[str, object]:
    """What differs from the rule."""
    values: dict[str, object] = {
        k: getattr(choice, k)
        for k in ("clip", "exponent", "per_channel", "threshold")
        if getattr(choice, k) != getattr(BY_RULE, k)
    }
    return values | ({"rounding": "compensated"} if choice.moments else {})


def _observed(
    net: ChipNetwork, report: QuantizationReport, samples: CalibrationData, network: Network
) -> QuantizationReport:
    """Headroom that is not proven, as the data show it."""
    largest = {n: [0.0, 0.0] for n in net.populations}
    beyond = {n: [0, 0] for n in net.populations}
    for name, u, v, run in registers(net, samples, network):
        for i, values in enumerate((u, v)):
            largest[name][i] = max(largest[name][i], float(values.max(initial=0)))
        counted = run.counters.populations[name]
        beyond[name] = [beyond[name][0] + counted.wraps, beyond[name][1] + counted.saturations]
    rows = []
    for row in report.populations:
        changes: dict[str, Any] = {}
        for i, register in enumerate("uv"):
            if getattr(row, f"{register}_headroom") == "proven":
                continue
            changes[f"{register}_headroom"] = "exceeded" if beyond[row.name][i] else "observed"
            if not beyond[row.name][i]:
                bits = headroom_bits(largest[row.name][i])
                changes[f"{register}_headroom_bits"] = max(bits, 0.0) if math.isfinite(bits) else bits
        rows.append(replace(row, **changes))
    return replace(report, populations=tuple(rows))
