"""What a module returns, found in the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.fold import Applied, Folder
from neurodeploy.frontends.tracing.functions import tensors_in
from neurodeploy.frontends.tracing.recorder import Recorder
from neurodeploy.frontends.tracing.values import Atom, Atoms, Opaque, Row, Value


@dataclass(frozen=True)
class Head:
    """Where a module's result holds the numbers of a layer.

    Attributes:
        index: Of the tensor among those of a call's result.
        time_axis: None where a call is a step; 0 for (T, B, ...), 1 for (B, T, ...).
    """

    index: int
    time_axis: int | None

    def numbers(self, results: Sequence[Sequence[Any]]) -> NDArray[Any]:
        """The layer's numbers, (B, T, *shape), of the tensors that each call returned."""
        import torch

        found = [tensors[self.index] for tensors in results]
        if self.time_axis is None:
            return np.asarray(torch.stack(found, 1))
        return np.asarray(found[0].transpose(0, 1) if self.time_axis == 0 else found[0])


@dataclass(frozen=True, eq=False)
class Returned:
    """What a module returns.

    Attributes:
        spikes: Neurons whose spikes it returns.
        states: Neurons whose states it returns.
        layers: Layers whose numbers it returns, and where; None where they are rearranged or summed over time.
    """

    spikes: frozenset[str]
    states: frozenset[str]
    layers: Mapping[Applied, Head | None]


def returned(recorder: Recorder, folder: Folder, results: list[Any], origin: str) -> Returned:
    """Find what the module returned in the record; ``results`` of all calls, one for each step or one for all.

    Raises:
        UnsupportedNode: It returned something computed from spikes in a way that is not understood.
    """
    found: dict[str, set[str]] = {"spikes": set(), "state": set()}
    layers: dict[Applied, Head | None] = {}
    for result in results:
        for index, tensor in enumerate(tensors_in(result)):
            value = recorder.value(tensor)
            if isinstance(value, Opaque):
                raise UnsupportedNode(
                    f"the module returns numbers that come through {value.operation}: {value.reason}",
                    where=origin,
                    remedy="return the spikes or membranes of the last neurons and read them out outside of the module",
                )
            atoms = [] if value is None else list(_atoms(recorder, value))
            heads = {_output_layer(folder, atom, origin): None for atom in atoms if atom.kind == "layer"}
            names = {(atom.kind, atom.name) for atom in atoms if atom.kind != "layer"}
            if value is not None and len(value.terms) > 1 and len(heads) + len(names) > 1:
                raise UnsupportedNode(
                    "the module returns a sum over several layers", where=origin, remedy="return them one by one"
                )
            for kind, name in names:
                found.get(kind, set()).add(name)
            for applied in heads:
                layers.setdefault(applied, _head(folder, tensor, value, index, len(results) > 1))
    return Returned(frozenset(found["spikes"]), frozenset(found["state"]), layers)


def _head(folder: Folder, tensor: Any, value: Value | None, index: int, stepwise: bool) -> Head | None:
    if value is None or len(value.terms) != 1:
        return None
    ids = value.terms[0].numpy()
    shape = folder.atoms.of(int(ids.flat[0])).shape
    leading = ids.ndim - len(shape)
    if ids.shape[leading:] != shape or leading != (1 if stepwise else 2):
        return None
    if stepwise:
        return Head(index, None)
    corner = (0,) * len(shape)
    after = [_base(folder.atoms, folder.atoms.of(int(ids[(*at, *corner)]))) for at in ((0, 0), (1, 0))]
    if after[0] is None or after[1] is None:
        return None
    return Head(index, 0 if after[0].sample == after[1].sample else 1)


def _atoms(recorder: Recorder, value: Value) -> Iterator[Atom]:
    for ids in value.terms:
        for atom, positions in recorder.atoms.parts(ids.numpy()):
            if positions.size % atom.size:
                raise UnsupportedNode(
                    f"the module returns only a part of '{atom.name}'",
                    where=recorder.origin,
                    remedy="return whole layers and select outside of the module",
                )
            yield atom


def _output_layer(folder: Folder, atom: Atom, origin: str) -> Applied:
    """The layer application that an atom is, seen from its own step and sample."""
    base = _base(folder.atoms, atom)
    if base is None:
        raise UnsupportedNode("the module returns a constant", where=origin, remedy="return the last layer's spikes")
    row = Row(atom.shape, (np.arange(atom.base, atom.base + atom.size).reshape(atom.shape),))
    (piece,) = folder.signal(row, base.step, base.sample, atom.name).pieces
    assert isinstance(piece.origin, Applied)
    return piece.origin


def _base(atoms: Atoms, atom: Atom) -> Atom | None:
    """The latest of the spikes, states and inputs that an atom comes from."""
    if atom.kind != "layer":
        return atom
    terms = atom.source.terms if atom.source is not None else ()
    bases = [_base(atoms, before) for term in terms for before, _ in atoms.parts(term)]
    return max((b for b in bases if b is not None), key=lambda b: b.step, default=None)
