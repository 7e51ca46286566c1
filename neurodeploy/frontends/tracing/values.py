"""What a traced tensor holds: for each of its numbers, which number of which layer, neuron or input it is.

Every row (one sample) that an input, a neuron or a layer makes is an :class:`Atom` and gets a range of ids. A tensor's
:class:`Value` is a sum of terms, and a term is an array of ids in the tensor's shape. Whatever only moves numbers
(indexing, reshaping, stacking, concatenating, ...) is therefore traced by doing the same to the ids.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Ids = NDArray[np.int64]
NOTHING = -1
"""The id of a constant zero."""


@dataclass(frozen=True)
class Layer:
    """A stateless layer as it was applied.

    Attributes:
        type: NIR's type, or ``BatchNorm`` or ``MaxPool2d``.
        label: The user's name of the module, or of the function.
        params: NIR's parameters; for ``BatchNorm`` ``scale`` and ``shift`` per channel.
        key: Equal for equal parameters.
    """

    type: str
    label: str
    params: Mapping[str, Any] = field(compare=False)
    key: str


@dataclass(frozen=True, eq=False)
class Row:
    """What one sample brings to a layer or neuron: the sum of ``terms``, each an array of ids of ``shape``."""

    shape: Shape
    terms: tuple[Ids, ...]


@dataclass(frozen=True, eq=False)
class Atom:
    """What an input, a neuron or a layer made for one sample at one step.

    Attributes:
        kind: Spikes of a neuron, one of its states, numbers of a layer or of the network's input.
        name: Of the input, the neuron (of the state), the layer.
        shape: Without the batch.
        sample: Row of the batch; a layer over a whole sequence counts its own rows.
        step: Of the input or the neuron; -1 for a layer, which has no time of its own.
        base: First id.
        layer: For kind ``layer``.
        source: What the layer was applied to.
    """

    kind: Literal["input", "spikes", "state", "layer"]
    name: str
    shape: Shape
    sample: int
    step: int
    base: int
    layer: Layer | None = None
    source: Row | None = None

    @property
    def size(self) -> int:
        """How many ids."""
        return int(np.prod(self.shape))


@dataclass(frozen=True, eq=False)
class Value:
    """The sum of ``terms``: torch int64 tensors of ids in the tensor's shape; none where the tensor is zero."""

    terms: tuple[Any, ...]


@dataclass(frozen=True)
class Opaque:
    """The result of something that is not understood; an error as soon as the network uses it.

    Attributes:
        operation: The function's name.
        where: The module it was called in.
        reason: Why it is not understood.
    """

    operation: str
    where: str
    reason: str


Result = Value | Opaque | None
"""Of a torch function; None is a constant."""


class Atoms:
    """All atoms of a trace, found by id."""

    def __init__(self) -> None:
        self._all: list[Atom] = []
        self._bases: list[int] = []
        self._next = 0

    def add(
        self,
        kind: Literal["input", "spikes", "state", "layer"],
        name: str,
        shape: Shape,
        sample: int,
        step: int = -1,
        layer: Layer | None = None,
        source: Row | None = None,
    ) -> Atom:
        """A new atom with ids of its own."""
        atom = Atom(kind, name, shape, sample, step, self._next, layer, source)
        self._all.append(atom)
        self._bases.append(self._next)
        self._next += atom.size
        return atom

    def of(self, number: int) -> Atom:
        """The atom that an id belongs to."""
        return self._all[bisect_right(self._bases, number) - 1]

    def parts(self, ids: Ids) -> list[tuple[Atom, NDArray[np.intp]]]:
        """The atoms that ``ids`` come from, each with the flat positions at which it occurs."""
        flat = ids.ravel()
        positions = np.flatnonzero(flat != NOTHING)
        owners = np.searchsorted(self._bases, flat[positions], side="right") - 1
        return [(self._all[owner], positions[owners == owner]) for owner in np.unique(owners)]
