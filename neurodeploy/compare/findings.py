"""What in a comparison deserves a look, and what to do about it; each rule is one function, its docstring the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.compare.comparison import Comparison, Finding, Ints, LayerComparison
from neurodeploy.compare.trials import Bench, Deployment

WORTH_NAMING = 0.1
"""Layers that make at least this share of the errors of the layer that makes most."""
DRIFT = 0.02
"""Change of a layer's spikes, of those of the float network, from which on it is a drift."""
UNTRIED = "more weight bits in this layer"
ENOUGH = 0.8
"""A remedy that was tried is recommended where it leaves at most this share of the errors."""
QAT = "train on with the chip's integers in the loop (quantisation-aware training, nd.train.qat)"
CALIBRATE = "compile with --calibrate DATA.npz"


def find(comparison: Comparison, deployed: Deployment, bench: Bench | None) -> tuple[Finding, ...]:
    """All findings about a Program, the gravest kind first.

    Args:
        comparison: The float network and the Program.
        deployed: The same two.
        bench: To try remedies on; None for findings alone.
    """
    found = [*_flips(comparison)]
    for rule in RULES:
        for layer in comparison.layers:
            found += rule(layer, comparison)
    if bench is None or not deployed.comparable:
        return tuple(replace(f, remedy=f.remedy or f"{UNTRIED}, or {CALIBRATE}; or {QAT}") for f in found)
    return tuple(_with_trials(finding, bench) for finding in found)


def _flips(comparison: Comparison) -> Iterator[Finding]:
    """Samples on which the two decide differently."""
    decided = comparison.decisions
    if decided is None or not len(decided.flips):
        return
    facts = decided.to_dict()
    what = f"{facts['flips']} of {comparison.samples} decisions differ"
    if decided.labels is not None:
        what += (
            f": {facts['became_wrong']} became wrong and {facts['became_right']} right, accuracy "
            f"{100 * facts['accuracy_first']:.2f} % and {100 * facts['accuracy_second']:.2f} %"
        )
    worst = _most_made(comparison)
    remedy = QAT if worst is None else f"begin with layer '{worst.layer}', which makes most of the errors"
    yield Finding("flips", "decision", what, remedy)


def overflow(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """Registers of the chip wrapped or were clipped."""
    if layer.wraps or layer.saturations:
        yield Finding(
            "overflow",
            layer.layer,
            f"u or a sum wrapped {layer.wraps:,} times, v was clipped {layer.saturations:,} times",
            f"{CALIBRATE}, which lowers the layer's scale until its registers hold what really arrives; or train with "
            "smaller weights or a shorter synaptic memory",
        )


def silenced(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """Neurons fire in the float network and never on the chip."""
    if len(layer.silenced):
        yield Finding(
            "silenced", layer.layer, f"{_neurons(layer.silenced, layer)} fire in float, never on the chip", ""
        )


def saturated(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """Neurons fire in every step of every sample, on the chip alone or in both."""
    alone = layer.saturated_second[~_among(layer.saturated_second, layer.saturated_first)]
    if len(alone):
        yield Finding("saturated", layer.layer, f"{_neurons(alone, layer)} fire in every step on the chip alone", "")
    elif len(layer.saturated_second):
        yield Finding(
            "saturated",
            layer.layer,
            f"{_neurons(layer.saturated_second, layer)} fire in every step of every sample, in float as well",
            "they tell nothing: train with smaller weights, a higher threshold, or a penalty on activity",
        )


def made_here(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """A layer makes errors although it is driven by the float network's spikes; the worst and those near it."""
    worst = _most_made(comparison)
    made, most = layer.made_here or 0, 0 if worst is None else worst.made_here or 0
    if made and made >= WORTH_NAMING * most:
        what = (
            f"{made:,} of {layer.bits:,} spikes ({100 * made / layer.bits:.2g} %) differ on the float network's own "
            f"input; {layer.mismatching:,} in a free run"
        )
        yield Finding("made_here", layer.layer, what, "")


def woken(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """Neurons fire on the chip and never in the float network."""
    if len(layer.woken):
        yield Finding("woken", layer.layer, f"{_neurons(layer.woken, layer)} fire on the chip, never in float", "")


def drift(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """A layer fires more, or less, than in float: errors of one sign add up."""
    first, second = layer.rates
    if first and abs(second / first - 1) >= DRIFT:
        what = f"fires {100 * abs(second / first - 1):.1f} % {'more' if second > first else 'less'} than in float"
        yield Finding("rate", layer.layer, what, "")


def inherited(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """Most of a layer's errors vanish once its input is the float network's."""
    made, worst = layer.made_here, _most_made(comparison)
    if made is not None and worst is not None and layer.mismatching > 2 * made and worst.layer != layer.layer:
        yield Finding(
            "inherited",
            layer.layer,
            f"{layer.mismatching:,} spikes differ in a free run, {made:,} of them on the float network's own input",
            f"mend layer '{worst.layer}' first: this one makes few by itself",
        )


def dead(layer: LayerComparison, comparison: Comparison) -> Iterator[Finding]:
    """Neurons fire in neither."""
    if len(layer.dead):
        yield Finding(
            "dead",
            layer.layer,
            f"{_neurons(layer.dead, layer)} fire in neither, on these samples",
            "they cost memory and tell nothing: prune them, or train with larger weights or a lower threshold",
        )


Rule = Callable[[LayerComparison, Comparison], Iterator[Finding]]
RULES: Sequence[Rule] = (overflow, silenced, saturated, made_here, woken, drift, inherited, dead)


def _with_trials(finding: Finding, bench: Bench) -> Finding:
    """A remedy for what was left open: more bits where that helps, else what fits the fields that are to blame."""
    if finding.remedy:
        return finding
    tried = bench.trials(finding.layer)
    counts = bench.causes(finding.layer)
    blamed = max(counts, key=lambda cause: counts[cause])
    what = finding.what
    if finding.kind == "made_here":
        what += f"; of {len(bench.spikes)} samples with one kind of field as on the chip: "
        what += ", ".join(f"{cause} {count:,}" for cause, count in counts.items())
    counted = "silenced" if finding.kind == "silenced" else "made_here"
    best = min(reversed(tried), key=lambda trial: getattr(trial, counted), default=None)
    if best is not None and getattr(best, counted) <= ENOUGH * (before := getattr(best, f"{counted}_before")) > 0:
        wrong = "neurons are silenced" if counted == "silenced" else "spikes are made wrong"
        less = f"{getattr(best, counted):,} {wrong} there, not {before:,}"
        remedy = f"{best.change} (tried: on {best.samples} samples, {less})"
        return replace(finding, what=what, remedy=remedy, tried=tried)
    remedy = REMEDIES[blamed if counts[blamed] else "registers"]
    return replace(finding, what=what, remedy=QAT if bench.deployed.calibrated else remedy, tried=tried)


REMEDIES = {
    "weights": f"{CALIBRATE}, also with --per-channel where the chip's threshold profiles allow it; or {QAT}",
    "threshold": f"{CALIBRATE}; or train with a threshold that is large beside the weights, so that it is finer",
    "decay": "train with decay factors that are multiples of 1/4096, or fine-tune with the chip's factors",
    "bias": f"{CALIBRATE}; or train with smaller biases, which need no exponent",
    "registers": f"the registers' own rounding is to blame: {CALIBRATE} for a larger scale, or {QAT}",
}
"""By the kind of field that makes most of a layer's errors."""


def _most_made(comparison: Comparison) -> LayerComparison | None:
    worst = max(comparison.layers, key=lambda layer: layer.made_here or 0, default=None)
    return worst if worst is not None and worst.made_here else None


def _neurons(which: Ints, layer: LayerComparison) -> str:
    numbers = ", ".join(map(str, which[:5].tolist()))
    return f"{len(which)} of {layer.neurons} neurons ({numbers}{', ...' if len(which) > 5 else ''})"


def _among(some: Ints, others: Ints) -> NDArray[np.bool_]:
    return np.isin(some, others)
