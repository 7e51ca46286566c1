"""A search over choices, layer by layer, that keeps only what makes the whole network better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from neurodeploy.calibration.gauge import Score
from neurodeploy.calibration.methods import CLIPS, BySource, Choices
from neurodeploy.quantize.choice import Choice

ROUNDS = 2
THRESHOLDS = (0.97, 0.985, 0.995, 1.005, 1.015, 1.03)
DRAWN = 8
"""Random neighbours of the best choice of a layer, in each round."""


def search(
    base: Choices,
    offers: list[Choices],
    found: Mapping[str, BySource],
    measure: Callable[[Choices], Score | None],
    rng: np.random.Generator,
    *,
    channels: bool,
) -> Choices:
    """The best choices found, by ``measure``; never worse than ``base``.

    Each layer in turn is offered what the other methods chose for it, other clippings, roundings, exponents and
    thresholds, and random neighbours of what is best so far; all other layers stay as they are. ``measure`` is None
    where a choice has no legal fields.
    """
    best = dict(base)
    reached = measure(best) or (math.inf,)
    for whole in offers:
        made = measure(whole)
        if made is not None and made < reached:
            best, reached = dict(whole), made
    for turn in range(ROUNDS):
        before = reached
        for name in base:
            for stage in (_offered, _thresholds, _drawn):
                for choice in stage(best[name], [o[name] for o in offers], found[name], rng, channels):
                    made = measure({**best, name: choice})
                    if made is not None and made < reached:
                        best, reached = {**best, name: choice}, made
        if turn and reached == before:
            break
    return best


Stage = Iterator[Choice]


def _offered(now: Choice, offers: list[Choice], known: BySource, rng: np.random.Generator, channels: bool) -> Stage:
    yield from offers
    for rounding in ({}, known) if known else ({},):
        for clip in CLIPS:
            yield replace(now, clip=clip, moments=rounding)
    if channels:
        for rounding in ({}, known) if known else ({},):
            yield replace(now, per_channel=not now.per_channel, moments=rounding)
    exponent = next((o.exponent for o in offers if o.exponent is not None), None)
    if exponent is not None:
        for e in (exponent - 1, exponent, exponent + 1):
            yield replace(now, exponent=e)


def _thresholds(now: Choice, offers: list[Choice], known: BySource, rng: np.random.Generator, channels: bool) -> Stage:
    for factor in THRESHOLDS:
        yield replace(now, threshold=now.threshold * factor)


def _drawn(now: Choice, offers: list[Choice], known: BySource, rng: np.random.Generator, channels: bool) -> Stage:
    for _ in range(DRAWN):
        clip = max(1.0, now.clip * float(np.exp(rng.normal(0, 0.1))))
        yield replace(now, clip=clip, threshold=now.threshold * float(np.exp(rng.normal(0, 0.01))))
