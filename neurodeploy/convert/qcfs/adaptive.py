"""Fewer levels, layer by layer: our search, since the rule from the metric to the levels is not published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

LOSS_DEFAULT = 0.003
"""Most accuracy that a step may cost, as a share."""


@dataclass(frozen=True)
class Trial:
    """Levels that were tried.

    Attributes:
        levels: By layer.
        accuracy: Share of the validation samples.
        cost: What is to be small: synaptic operations and neuron updates by the energy estimate, joules.
        kept: Whether the search went on from here.
    """

    levels: Mapping[str, int]
    accuracy: float
    cost: float
    kept: bool = True


Evaluate = Callable[[Mapping[str, int]], tuple[float, float]]
"""Accuracy and cost with these levels, after a short fine-tune of what the search last kept."""


def greedy(
    levels: Mapping[str, int],
    metric: Mapping[str, float],
    evaluate: Evaluate,
    loss: float = LOSS_DEFAULT,
    keep: Callable[[], None] = lambda: None,
) -> list[Trial]:
    """Visit layers by decreasing metric; halve a layer's levels as long as that is cheaper and costs little accuracy.

    Args:
        levels: To begin with.
        metric: AL by layer.
        evaluate: See :data:`Evaluate`.
        loss: Accuracy that all steps together may cost, from that of ``levels`` on.
        keep: Called when a trial is kept, before the next one.

    Returns:
        All trials; the last that was kept is the result.
    """
    accuracy, cost = evaluate(levels)
    keep()
    trials = [Trial(dict(levels), accuracy, cost)]
    kept = trials[0]
    for name in sorted(levels, key=lambda layer: -metric[layer]):
        while kept.levels[name] > 1:
            tried = dict(kept.levels) | {name: kept.levels[name] // 2}
            found, price = evaluate(tried)
            good = found >= accuracy - loss and price < kept.cost
            trials.append(Trial(tried, found, price, good))
            if not good:
                break
            kept = trials[-1]
            keep()
    return trials


def exhaustive(choices: Mapping[str, tuple[int, ...]], evaluate: Evaluate, least_accuracy: float) -> Trial | None:
    """The cheapest of all combinations that is accurate enough, or None; for small networks, beside the search."""
    best: Trial | None = None
    for values in product(*choices.values()):
        tried = dict(zip(choices, values, strict=True))
        accuracy, cost = evaluate(tried)
        if accuracy >= least_accuracy and (best is None or cost < best.cost):
            best = Trial(tried, accuracy, cost)
    return best
