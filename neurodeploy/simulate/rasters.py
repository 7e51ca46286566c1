"""What a run recorded, decoded when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Lazy(Mapping[str, T], Generic[T]):
    """A mapping whose values are made the first time they are asked for.

    Args:
        names: Its keys.
        make: Makes the value of one.
    """

    def __init__(self, names: Collection[str], make: Callable[[str], T]) -> None:
        self._names, self._make = names, make
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (dict(self),))


def unpack(words: NDArray[np.uint64], size: int, order: NDArray[np.int64] | None) -> NDArray[np.uint8]:
    """Bits of little-endian words (B, T, n_words) as 0 and 1, (B, T, size); ``order`` is the neuron at each place."""
    bits: NDArray[np.uint8] = np.unpackbits(words.view(np.uint8), axis=-1, count=size, bitorder="little")
    return bits if order is None else reorder(bits, order)


def reorder(values: NDArray[Any], order: NDArray[np.int64]) -> NDArray[Any]:
    """Values (..., size) by place as values by neuron."""
    return values.take(np.argsort(order), axis=-1)
