"""Values to spikes, the same bits wherever and whenever: on any machine, in any batch, in numpy and in torch.

The spikes that a network is trained on must be those that it is deployed with. So each code is defined on integers:
a value is rounded to single precision, then to a whole number of 2^-24ths, its *level*; whether a step has a spike
follows from the level without further rounding, and without a random generator's hidden state.
:mod:`neurodeploy.train.encode` has the same functions for tensors.

Two codes spend a value on a rate. :func:`rate` diffuses the error: spikes are spread evenly and T steps carry the value
to 1 / T, but equal pixels spike together. :func:`bernoulli` draws every step on its own, which breaks such ties and
carries the value to some 1 / sqrt(T); its numbers come from a counter (Philox), so the spikes of a sample do not depend
on the batch or order that it is encoded in.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurodeploy.errors import SimulationError, did_you_mean

LEVEL_BITS = 24
"""Single precision holds every level exactly."""
_ONE = 1 << LEVEL_BITS
_HALF = _ONE >> 1
REFERENCES = ("sent", "previous")
MOST_BITS = 16
"""Of a direct code; 24 is the most that a chip's message and single precision hold, and 16 leaves room for weights."""


def rate(values: ArrayLike, steps: int) -> NDArray[np.uint8]:
    """Evenly spread spikes: one whenever the running sum of the value passes another half-integer.

    Args:
        values: (N, *shape) in 0..1, spikes per step; 0 never and 1 always spikes.
        steps: Steps per sample, at least 1.

    Returns:
        Spikes (N, steps, *shape); a value x has ``round(steps * x)`` of them.

    Raises:
        SimulationError: Values that are no numbers, NaN or outside 0..1; steps that are none.
    """
    levels = _levels(values, "encode.rate")
    return _filled(levels, (rate_step(levels, t) for t in range(checked_steps(steps, "encode.rate"))), steps)


def bernoulli(values: ArrayLike, steps: int, *, seed: int, samples: Sequence[int] | None = None) -> NDArray[np.uint8]:
    """A spike in each step with the value as its probability, drawn independently.

    Step t of pixel j of sample i has a number of its own, the (t * size + j)-th of the Philox stream with the key
    (seed, i). So longer codes begin like shorter ones, and torch's or numpy's global generators play no part.

    Args:
        values: (N, *shape) in 0..1; 0 never and 1 always spikes.
        steps: Steps per sample, at least 1.
        seed: 0..2^64 - 1.
        samples: Each sample's number in its data set, so that it gets the same spikes in any mini-batch; default
            0..N - 1.

    Returns:
        Spikes (N, steps, *shape).

    Raises:
        SimulationError: As :func:`rate`; or a seed or number that is none, or not one number per sample.
    """
    where = "encode.bernoulli"
    levels, steps = _levels(values, where), checked_steps(steps, where)
    spikes = np.zeros((len(levels), steps, *levels.shape[1:]), np.uint8)
    for i, draws in enumerate(draw(seed, samples, steps, levels.shape, where)):
        spikes[i] = draws < levels[i]
    return spikes


def latency(values: ArrayLike, steps: int, *, threshold: float = 0.0) -> NDArray[np.uint8]:
    """One spike, the earlier the larger the value: 1 in the first step, 0 in the last, linear between them.

    Args:
        values: (N, *shape) in 0..1.
        steps: Steps per sample, at least 1.
        threshold: Only values above it spike, by default all but 0; a negative one lets 0 spike in the last step.

    Returns:
        Spikes (N, steps, *shape), in step ``floor((1 - x) (steps - 1) + 1/2)``.

    Raises:
        SimulationError: As :func:`rate`; or a threshold that is NaN.
    """
    where = "encode.latency"
    levels, steps = _levels(values, where), checked_steps(steps, where)
    least = level_of_threshold(threshold, where)
    return _filled(levels, (latency_step(levels, t, steps, least) for t in range(steps)), steps)


def delta(
    series: ArrayLike, threshold: float, *, reference: str = "sent", start: float | None = None
) -> NDArray[np.uint8]:
    """Spikes for changes of a time series, rises and falls apart, as an event camera sends them.

    A step sends one spike where the value is at least ``threshold`` (in single precision) from its reference.

    Args:
        series: (N, T, *shape), real values.
        threshold: Least change that is sent, > 0.
        reference: ``sent``: the value at the last spike, which lets no slow drift go unseen; ``previous``: that of
            the step before.
        start: Reference of the first step; default the first value itself, so that step 0 is silent.

    Returns:
        Spikes (N, T, 2, *shape): channel 0 for rises, 1 for falls.

    Raises:
        SimulationError: Values that are no numbers, NaN or infinite; an illegal option.
    """
    where = "encode.delta"
    values = _reals(series, where, axes=2)
    least = checked_delta(threshold, reference, start, where)
    rows, steps = values.shape[:2]
    spikes = np.zeros((rows, steps, 2, *values.shape[2:]), np.uint8)
    if steps == 0:
        return spikes
    held = values[:, 0] if start is None else np.full_like(values[:, 0], start)
    for t in range(steps):
        with np.errstate(over="ignore"):
            change = values[:, t] - held
        spikes[:, t, 0], spikes[:, t, 1] = change >= least, change <= -least
        held = values[:, t] if reference == "previous" else np.where(np.abs(change) >= least, values[:, t], held)
    return spikes


def direct(values: ArrayLike, steps: int, *, bits: int = 8) -> NDArray[np.int32]:
    """The value itself in every step, as the integer that a graded message carries.

    Args:
        values: (N, *shape) in -1..1.
        steps: Steps per sample, at least 1.
        bits: Width of the message with its sign, 2..16.

    Returns:
        Messages (N, steps, *shape): ``x * (2^(bits - 1) - 1)`` in single precision, rounded, ties to even. A layer
        that was trained on values themselves takes them with its weights divided by that factor.

    Raises:
        SimulationError: As :func:`rate`, the range being -1..1; or illegal bits.
    """
    where = "encode.direct"
    x, steps = _within(values, where, low=-1), checked_steps(steps, where)
    messages = np.rint(x * np.float32(direct_scale(bits, where))).astype(np.int32)
    return np.repeat(messages[:, None], steps, axis=1)


# The definitions: integer operators only, so that they read the same for arrays and for tensors.


def rate_step(levels: Any, t: int) -> Any:
    """0 or 1: how many half-integers the sum of the level passes in step t."""
    return ((levels * (t + 1) + _HALF) >> LEVEL_BITS) - ((levels * t + _HALF) >> LEVEL_BITS)


def latency_step(levels: Any, t: int, steps: int, least: int) -> Any:
    """Whether step t is the one in which levels above ``least`` spike."""
    return ((((_ONE - levels) * (steps - 1) + _HALF) >> LEVEL_BITS) == t) & (levels > least)


def draw(
    seed: int, samples: Sequence[int] | None, steps: int, shape: tuple[int, ...], where: str
) -> Iterator[NDArray[np.int64]]:
    """For each sample (steps, *shape[1:]) whole numbers, uniform in 0..2^24 - 1."""
    given = range(shape[0]) if samples is None else [_counter(i, "a sample's number", where) for i in samples]
    if len(given) != shape[0]:
        raise SimulationError(
            f"{len(given)} numbers for {shape[0]} samples", where=where, remedy="give `samples` one number each"
        )
    seed, count = _counter(seed, "the seed", where), steps * math.prod(shape[1:])
    for i in given:
        words = np.random.Philox(key=np.array([seed, i], np.uint64)).random_raw((count + 1) // 2)
        halves = np.stack([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)], axis=-1).ravel()[:count]
        yield (halves >> np.uint64(32 - LEVEL_BITS)).astype(np.int64).reshape(steps, *shape[1:])


# What both libraries check alike.


def checked_steps(steps: int, where: str) -> int:
    """A number of steps; SimulationError where it is none."""
    if isinstance(steps, bool) or not isinstance(steps, numbers.Integral) or steps < 1:
        raise SimulationError(f"steps = {steps!r}", where=where, remedy="give a whole number of at least 1")
    return int(steps)


def checked_delta(threshold: float, reference: str, start: float | None, where: str) -> np.float32:
    """The threshold in single precision; SimulationError for an illegal option."""
    if reference not in REFERENCES:
        raise SimulationError(f"no reference '{reference}'", where=where, remedy=did_you_mean(reference, REFERENCES))
    least = _single(threshold)
    if not 0 < least < np.inf:
        raise SimulationError(f"threshold = {threshold!r}", where=where, remedy="give a positive change")
    if start is not None and not np.isfinite(_single(start)):
        raise SimulationError(f"start = {start!r}", where=where, remedy="give a number, or None")
    return least


def level_of_threshold(threshold: float, where: str) -> int:
    """A latency code's threshold as a level, within -1..1."""
    value = _single(threshold)
    if np.isnan(value):
        raise SimulationError(f"threshold = {threshold!r}", where=where, remedy="give a number, or leave it out")
    return int(np.rint(np.clip(value, np.float32(-1), np.float32(1)) * np.float32(_ONE)))


def direct_scale(bits: int, where: str) -> int:
    """The largest message of so many bits."""
    if isinstance(bits, bool) or not isinstance(bits, numbers.Integral) or not 2 <= bits <= MOST_BITS:
        raise SimulationError(f"bits = {bits!r}", where=where, remedy=f"give 2..{MOST_BITS}, the sign among them")
    return (1 << (int(bits) - 1)) - 1


def check_range(low: float, high: float, least: float, where: str) -> None:
    """SimulationError where the least and largest value, or NaN, are not within ``least``..1."""
    if not (low >= least and high <= 1):
        what = "NaN" if math.isnan(low) or math.isnan(high) else f"{low:g}..{high:g}"
        raise SimulationError(
            f"values hold {what}, not {least:g}..1",
            where=where,
            remedy="scale them into the range, such as pixels / 255, and fill what is missing",
        )


def _levels(values: ArrayLike, where: str) -> NDArray[np.int64]:
    levels: NDArray[np.int64] = np.rint(_within(values, where, low=0) * np.float32(_ONE)).astype(np.int64)
    return levels


def _within(values: ArrayLike, where: str, *, low: int) -> NDArray[np.float32]:
    array = _numeric(values, where, axes=1)
    if array.size:
        check_range(float(array.min()), float(array.max()), low, where)
    return array.astype(np.float32)


def _reals(values: ArrayLike, where: str, *, axes: int) -> NDArray[np.float32]:
    array = _numeric(values, where, axes=axes)
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if not np.isfinite(single).all():
        raise SimulationError(
            "values hold NaN or infinity, or more than single precision", where=where, remedy="fill what is missing"
        )
    return single


def _numeric(values: ArrayLike, where: str, *, axes: int) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "buif" or array.ndim <= axes:
        raise SimulationError(
            f"values are {array.dtype} of shape {array.shape}",
            where=where,
            remedy=f"give real numbers (N, {'T, ' * (axes - 1)}*shape), one sample too with its axis in front",
        )
    return array


def _filled(levels: NDArray[Any], steps_of: Iterator[NDArray[Any]], steps: int) -> NDArray[np.uint8]:
    spikes = np.zeros((len(levels), steps, *levels.shape[1:]), np.uint8)
    for t, fired in enumerate(steps_of):
        spikes[:, t] = fired
    return spikes


def _single(value: float) -> np.float32:
    """NaN for what is no number."""
    with np.errstate(over="ignore"):
        return np.float32(value) if isinstance(value, numbers.Real) else np.float32(np.nan)


def _counter(value: int, name: str, where: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number < 2**64:
        raise SimulationError(f"{name} is {value!r}", where=where, remedy="give a whole number in 0..2^64 - 1")
    return number
