"""What a module returns, found in the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.fold import Applied, Folder
from neurodeploy.frontends.tracing.functions import tensors_in
from neurodeploy.frontends.tracing.recorder import Recorder
from neurodeploy.frontends.tracing.values import Atom, Opaque, Row, Value


@dataclass(frozen=True, eq=False)
class Returned:
    """What a module returns.

    Attributes:
        spikes: Neurons whose spikes it returns.
        states: Neurons whose states it returns.
        layers: Layers whose numbers it returns.
    """

    spikes: frozenset[str]
    states: frozenset[str]
    layers: tuple[Applied, ...]


def returned(recorder: Recorder, folder: Folder, result: Any, origin: str) -> Returned:
    """Find what the module returned in the record.

    Raises:
        UnsupportedNode: It returned something computed from spikes in a way that is not understood.
    """
    found: dict[str, set[str]] = {"spikes": set(), "state": set()}
    layers: dict[Applied, None] = {}
    for tensor in tensors_in(result):
        value = recorder.value(tensor)
        if isinstance(value, Opaque):
            raise UnsupportedNode(
                f"the module returns numbers that come through {value.operation}: {value.reason}",
                where=origin,
                remedy="return the spikes or membranes of the last neurons and read them out outside of the module",
            )
        atoms = [] if value is None else list(_atoms(recorder, value))
        if len(value.terms if value else ()) > 1 and len({(a.kind, a.name) for a in atoms}) > 1:
            raise UnsupportedNode(
                "the module returns a sum over several layers", where=origin, remedy="return them one by one"
            )
        for atom in atoms:
            if atom.kind == "layer":
                layers[_output_layer(folder, atom, origin)] = None
            elif atom.kind in found:
                found[atom.kind].add(atom.name)
    return Returned(frozenset(found["spikes"]), frozenset(found["state"]), tuple(layers))


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
    pending, base = [atom], None
    while pending and base is None:
        here = pending.pop()
        if here.kind != "layer":
            base = here
        elif here.source is not None:
            pending += [a for term in here.source.terms for a, _ in folder.atoms.parts(term)]
    if base is None:
        raise UnsupportedNode("the module returns a constant", where=origin, remedy="return the last layer's spikes")
    row = Row(atom.shape, (np.arange(atom.base, atom.base + atom.size).reshape(atom.shape),))
    (piece,) = folder.signal(row, base.step, base.sample, atom.name).pieces
    assert isinstance(piece.origin, Applied)
    return piece.origin
