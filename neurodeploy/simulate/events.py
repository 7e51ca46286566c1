"""Spikes as lists of events, for inputs that are mostly silent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError

MOST_ADDRESSES = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Events:
    """Spikes of one input; :meth:`from_rows` makes and checks them.

    Attributes:
        starts: First entry of each sample and step in ``addresses``, and their number at the end,
            int64 (samples * steps + 1,).
        addresses: int32, those of a step ascending and distinct; counted in C order of ``input_shape``.
        samples: Number of samples.
        steps: Steps of each.
        input_shape: Shape of the input, without batch or time.
    """

    starts: NDArray[np.int64]
    addresses: NDArray[np.int32]
    samples: int
    steps: int
    input_shape: tuple[int, ...]

    @classmethod
    def from_rows(cls, rows: Any, *, steps: int, shape: int | tuple[int, ...], samples: int | None = None) -> Events:
        """From integer rows (sample, t, address), or (t, address) of one sample, in any order.

        Args:
            rows: (N, 3) or (N, 2), all counted from 0, addresses in C order of ``shape``; events that coincide are one.
            steps: Steps of each sample.
            shape: Of the input, without batch or time.
            samples: How many; default up to the last with an event.

        Raises:
            SimulationError: Rows that are not such integers, or out of range; names the first.
        """
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        values = np.asarray(rows)
        if values.size == 0:
            values = np.zeros((0, 3), np.int64)
        if values.ndim != 2 or values.shape[1] not in (2, 3) or values.dtype.kind not in "iu":
            raise SimulationError(
                f"events are {values.dtype} of shape {values.shape}",
                where="Events",
                remedy="give integer rows (sample, t, address), or (t, address) of one sample",
            )
        if values.shape[1] == 2:
            values = np.column_stack([np.zeros(len(values), values.dtype), values])
        if samples is None:
            samples = int(values[:, 0].max(initial=0)) + 1
        limits = (samples, steps, math.prod(shape))
        if min(limits) < 1 or limits[2] > MOST_ADDRESSES:
            raise SimulationError(
                f"{samples} samples, {steps} steps, shape {shape}", where="Events", remedy="give at least one of each"
            )
        for column, limit, name in zip(values.T, limits, ("sample", "t", "address"), strict=True):
            wrong = np.flatnonzero((column < 0) | (column >= limit))
            if len(wrong):
                raise SimulationError(
                    f"event {wrong[0]} has {name} {column[wrong[0]]}, of 0..{limit - 1}",
                    where="Events",
                    remedy="check the order of the columns (sample, t, address), the steps and the shape",
                )
        ordered = np.unique(np.ravel_multi_index(tuple(values.T.astype(np.int64)), limits))
        step, address = np.divmod(ordered, limits[2])
        starts = np.searchsorted(step, np.arange(samples * steps + 1)).astype(np.int64)
        return cls(starts, address.astype(np.int32), samples, steps, shape)

    @property
    def size(self) -> int:
        """Number of addresses."""
        return math.prod(self.input_shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(samples, steps, size), as an array of the same spikes would have."""
        return self.samples, self.steps, self.size

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, chosen: slice) -> Events:
        """Some of the samples, next to each other."""
        first, last, _ = chosen.indices(self.samples)
        edges = self.starts[first * self.steps : max(first, last) * self.steps + 1]
        part = self.addresses[edges[0] : edges[-1]]
        return Events(edges - edges[0], part, max(0, last - first), self.steps, self.input_shape)

    def flags(self) -> NDArray[np.uint8]:
        """The same spikes as 0 and 1, (samples, steps, size)."""
        rows = np.repeat(np.arange(self.samples * self.steps), np.diff(self.starts))
        flags = np.zeros((self.samples * self.steps, self.size), np.uint8)
        flags[rows, self.addresses] = 1
        return flags.reshape(self.shape)

    def array(self) -> NDArray[np.uint8]:
        """The same, (samples, steps, *input_shape)."""
        return self.flags().reshape(self.samples, self.steps, *self.input_shape)


def joined(parts: Sequence[Events]) -> Events:
    """The samples of several, of equal steps and shapes, one after the other."""
    offsets = np.cumsum([0, *(len(part.addresses) for part in parts)])
    starts = [part.starts[:-1] + offset for part, offset in zip(parts, offsets[:-1], strict=True)]
    return Events(
        np.concatenate([*starts, offsets[-1:]]).astype(np.int64),
        np.concatenate([part.addresses for part in parts]),
        sum(part.samples for part in parts),
        parts[0].steps,
        parts[0].input_shape,
    )
