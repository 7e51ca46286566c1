"""From a record of several steps to the one step that the network repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.recorder import Firing
from neurodeploy.frontends.tracing.values import Atom, Atoms, Layer, Row, Shape


@dataclass(frozen=True)
class Source:
    """Numbers of the network's input, or spikes of a neuron, ``delay`` steps ago."""

    kind: str
    name: str
    delay: int
    shape: Shape = field(compare=False)


@dataclass(frozen=True)
class Applied:
    """What a layer makes of a signal; ``order`` grows with the calls of a run."""

    layer: Layer
    signal: Signal
    shape: Shape = field(compare=False)
    order: int = field(compare=False, default=0)


@dataclass(frozen=True)
class Selection:
    """Which numbers of a piece's origin go where: flat int64 positions, as bytes so that they compare."""

    target: bytes
    source: bytes

    @property
    def positions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions in the signal, and in the origin."""
        return np.frombuffer(self.target, np.int64), np.frombuffer(self.source, np.int64)


@dataclass(frozen=True)
class Piece:
    """One summand of a signal; all of its origin in order, or a selection."""

    origin: Source | Applied
    selection: Selection | None = None


@dataclass(frozen=True)
class Signal:
    """A sum of pieces, which may lie beside each other (a concatenation)."""

    shape: Shape
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the network.

    Attributes:
        drives: What each neuron gets, in the order in which they fire.
        paths: The module of each neuron.
        bias_at_start: Whether layers on delayed paths add their bias in the first step; None if none has one.
    """

    drives: Mapping[str, Signal]
    paths: Mapping[str, str]
    bias_at_start: bool | None


class Folder:
    """Reads signals off the record, relative to a step."""

    def __init__(self, atoms: Atoms, origin: str) -> None:
        self.atoms = atoms
        self._origin = origin
        self._known: dict[tuple[int, int, int], Applied] = {}

    def step(self, firings: list[Firing], steps: int) -> Step:
        """The step that all of ``steps`` steps repeat.

        Raises:
            UnsupportedNode: The network changes over time or mixes samples.
        """
        by_neuron: dict[str, list[Firing]] = {}
        for firing in firings:
            by_neuron.setdefault(firing.neuron, []).append(firing)
        starts: set[bool] = set()
        drives = {}
        for name, calls in by_neuron.items():
            if len(calls) != steps:
                raise self._error(
                    name,
                    f"it fires {len(calls)} times in {steps} steps",
                    "call every neuron once a step, and pass on the states it returns instead of starting anew",
                )
            signals = [self._common(name, firing, t) for t, firing in enumerate(calls)]
            drives[name] = signals[-1]
            reach = max((s.delay for s in sources(drives[name])), default=0)
            if any(s != drives[name] for s in signals[reach:]):
                raise self._error(
                    name, "its input is wired differently from step to step", "use the same layers at every step"
                )
            for t, signal in enumerate(signals[:reach]):
                starts |= self._start(name, signal, drives[name], t)
        if len(starts) > 1:
            raise self._error(
                "", "some feedback adds its bias in the first step and some does not", "treat all feedback alike"
            )
        return Step(drives, {n: c[0].path for n, c in by_neuron.items()}, starts.pop() if starts else None)

    def signal(self, row: Row, step: int, sample: int, user: str) -> Signal:
        """What ``row`` is, seen from a step and a sample."""
        pieces = []
        for term in row.terms:
            for atom, positions in self.atoms.parts(term):
                offsets = term.ravel()[positions] - atom.base
                origin = self._origin_of(atom, step, sample, user)
                whole = positions.size == atom.size == term.size and bool(
                    (positions == offsets).all() and (offsets == np.arange(atom.size)).all()
                )
                chosen = None if whole else Selection(positions.astype(np.int64).tobytes(), offsets.tobytes())
                pieces.append(Piece(origin, chosen))
        return Signal(row.shape, tuple(sorted(pieces, key=_order)))

    def _common(self, name: str, firing: Firing, step: int) -> Signal:
        first, *others = [self.signal(row, step, b, name) for b, row in enumerate(firing.rows)]
        if any(other != first for other in others):
            raise self._error(name, "its input is wired differently for each sample", "treat all samples alike")
        return first

    def _origin_of(self, atom: Atom, step: int, sample: int, user: str) -> Source | Applied:
        if atom.kind == "layer":
            key = (atom.base, step, sample)
            if key not in self._known:
                assert atom.layer is not None and atom.source is not None
                inner = self.signal(atom.source, step, sample, atom.name)
                self._known[key] = Applied(atom.layer, inner, atom.shape, atom.base)
            return self._known[key]
        if atom.kind == "state":
            raise self._error(
                user,
                f"it takes a state of neuron '{atom.name}', not its spikes",
                "feed spikes forward; membranes can only be read out at the end",
            )
        if atom.sample != sample:
            raise self._error(user, "it mixes the samples of a batch", "treat every sample alone")
        delay = step - atom.step
        return Source(atom.kind, atom.name, delay, atom.shape)

    def _start(self, name: str, first: Signal, later: Signal, step: int) -> set[bool]:
        """Whether biases behind spikes from before the start count in ``step``; empty where there are none."""
        expected = _since_start(later, step)
        silent = _silent(expected)
        if first == expected:
            return {True} if any(_biased(p) for p in silent) else set()
        if _without(first, _silent(first)) == _without(expected, silent) and not _silent(first):
            return {False} if any(_biased(p) for p in silent) else set()
        raise self._error(name, "its input is wired differently in the first step", "use the same layers at every step")

    def _error(self, user: str, what: str, remedy: str) -> UnsupportedNode:
        return UnsupportedNode(what, where=f"{self._origin}, '{user}'" if user else self._origin, remedy=remedy)


def sources(signal: Signal) -> Iterator[Source]:
    """All that a signal comes from, through its layers."""
    for piece in signal.pieces:
        if isinstance(piece.origin, Source):
            yield piece.origin
        else:
            yield from sources(piece.origin.signal)


def _since_start(signal: Signal, step: int) -> Signal:
    """The signal at an early step: without spikes from before the first."""
    kept = []
    for piece in signal.pieces:
        if isinstance(piece.origin, Applied):
            inner = piece.origin
            kept.append(Piece(Applied(inner.layer, _since_start(inner.signal, step), inner.shape), piece.selection))
        elif piece.origin.delay <= step:
            kept.append(piece)
    return Signal(signal.shape, tuple(sorted(kept, key=_order)))


def _silent(signal: Signal) -> list[Piece]:
    """Pieces that nothing reaches: layers of constant zeros."""
    return [p for p in signal.pieces if isinstance(p.origin, Applied) and not any(sources(p.origin.signal))]


def _without(signal: Signal, pieces: list[Piece]) -> Signal:
    return Signal(signal.shape, tuple(p for p in signal.pieces if p not in pieces))


def _biased(piece: Piece) -> bool:
    origin = piece.origin
    if isinstance(origin, Source):
        return False
    own = origin.layer.params.get("bias", origin.layer.params.get("shift", 0))
    return bool(np.any(own)) or any(_biased(p) for p in origin.signal.pieces)


def _order(piece: Piece) -> tuple[object, ...]:
    o = piece.origin
    place = (piece.selection.target, piece.selection.source) if piece.selection else (b"", b"")
    if isinstance(o, Source):
        return (0, o.kind, o.name, o.delay, (), *place)
    return (1, o.layer.label, o.layer.key, 0, tuple(_order(p) for p in o.signal.pieces), *place)
