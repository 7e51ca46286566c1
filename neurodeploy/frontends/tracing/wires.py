"""The graph while it is made: nodes for layers, and whatever must stand between two nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.fold import Applied, Piece, Signal, Source
from neurodeploy.frontends.tracing.rewrite import by_channels, diagonal, fold_batch_norm, fold_gain, selection
from neurodeploy.frontends.tracing.values import Layer, Shape
from neurodeploy.graph import Node
from neurodeploy.schedule import feedback_edges

_WHOLE = "use whole layers in their order, flattened at most; or concatenate along the first dimension"


@dataclass(eq=False)
class Wires:
    """Nodes and edges so far.

    Attributes:
        origin: Names the module in messages.
        step_s: Seconds of a step, for delays.
        explicit: Whether spikes of earlier steps come through Delay nodes. Else the edges that carry them are plain,
            and lowering has to delay them: it puts one step into every loop.
        nodes: By name.
        edges: (source, target).
        gains: What a spike of each neuron is worth.
        pools: Neurons that pool by maximum, with the order of their calls.
        heads: Output nodes of layers that are no neurons.
    """

    origin: str
    step_s: float
    explicit: bool
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    gains: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    pools: dict[str, int] = field(default_factory=dict)
    heads: dict[str, Applied] = field(default_factory=dict)
    _made: dict[Applied, list[str]] = field(default_factory=dict)
    _arrivals: set[tuple[str, str, int]] = field(default_factory=set)

    def feed(self, neuron: str, drive: Signal, late_steps: int = 0) -> None:
        """Connect all that a neuron is driven by, ``late_steps`` later."""
        if not drive.pieces:
            raise self._error(neuron, "nothing reaches it", "connect or remove it")
        entry = neuron
        if late_steps:
            entry = self._place(self._delay(f"{neuron}_late", late_steps, drive.shape))
            self.edges.append((entry, neuron))
        for piece in drive.pieces:
            self.connect(piece, entry, drive.shape)
        self._arrivals |= {(s.name, neuron, s.delay + late_steps) for s in self._arriving(drive)}

    @property
    def says_all_delays(self) -> bool:
        """Whether lowering delays exactly the edges that the module delays, and by as much."""
        edges = sorted({(a, b) for a, b, _ in self._arrivals})
        neurons = list(dict.fromkeys(b for _, b in edges))
        loops = feedback_edges(["input"], neurons, edges, edges, self.origin)
        return all(delay == ((source, target) in loops) for source, target, delay in self._arrivals)

    def connect(self, piece: Piece, target: str, shape: Shape, *, weigh: bool = True) -> None:
        """Edges from all nodes that make ``piece`` to ``target``, with what has to stand between."""
        for here in [piece.origin.name] if isinstance(piece.origin, Source) else self._outputs(piece.origin):
            gain = self.gains.get(here)
            if weigh and gain is not None and (gain != 1).any() and self.nodes[target].type != "Output":
                here = self._chain(here, diagonal(f"{here}_out", gain, piece.origin.shape))
            if self.explicit and isinstance(piece.origin, Source) and piece.origin.delay:
                here = self._chain(here, self._delay(f"{here}_late", piece.origin.delay, piece.origin.shape))
            if piece.selection is not None:
                made = selection(*piece.selection.positions, piece.origin.shape, shape, f"{target}_take")
                if made is None:
                    raise self._error(target, f"its input is part or a rearrangement of '{here}'", _WHOLE)
                flat, layer = made
                here = self._flatten(here, piece.origin.shape, (prod(piece.origin.shape),)) if flat else here
                here = self._chain(here, layer)
            else:
                here = self._flatten(here, piece.origin.shape, shape)
            if (here, target) in self.edges:  # added twice
                here = self._chain(here, diagonal(f"{here}_again", np.ones(()), shape))
            self.edges.append((here, target))

    def _arriving(self, signal: Signal) -> Iterator[Source]:
        for piece in signal.pieces:
            if isinstance(piece.origin, Source):
                yield piece.origin
            elif piece.origin.layer.type == "MaxPool2d":
                (name,) = self._made[piece.origin]
                yield Source("spikes", name, 0, piece.origin.shape)
            else:
                yield from self._arriving(piece.origin.signal)

    def _outputs(self, applied: Applied) -> list[str]:
        if applied not in self._made:
            self._made[applied] = self._make(applied)
        return self._made[applied]

    def _make(self, applied: Applied) -> list[str]:
        layer = applied.layer
        if layer.type == "MaxPool2d":
            return [self._max(applied)]
        if layer.type == "BatchNorm":
            folded = fold_batch_norm(applied)
            if folded is not None:
                return [name for part in folded for name in self._outputs(part)]
            layer = diagonal(layer.label, layer.params["scale"], applied.shape, layer.params["shift"])
        made = []
        for part, inner in by_channels(layer, applied.signal) or [(layer, applied.signal)]:
            weighed = self._weighed(part, inner)
            made.append(self._place(weighed or part))
            for piece in inner.pieces:
                self.connect(piece, made[-1], inner.shape, weigh=weighed is None)
        return made

    def _weighed(self, layer: Layer, signal: Signal) -> Layer | None:
        """The layer with the gain of the neuron before it in its weights, where that is all that it is given."""
        one = signal.pieces[0] if len(signal.pieces) == 1 else None
        if one is None or one.selection is not None or not isinstance(one.origin, Source):
            return None
        gain = self.gains.get(one.origin.name)
        return None if gain is None else fold_gain(layer, gain, one.origin.shape)

    def _max(self, applied: Applied) -> str:
        """The maximum of spikes is a spike: a threshold behind the sum of the window."""
        label, signal = applied.layer.label, applied.signal
        one = signal.pieces[0].origin if len(signal.pieces) == 1 and not signal.pieces[0].selection else None
        gain = self.gains.get(one.name) if isinstance(one, Source) and one.shape == signal.shape else None
        if gain is None or gain.min() != gain.max() or gain.min() <= 0:
            raise self._error(
                label,
                "max-pooling of anything but a neuron layer's spikes is not linear",
                "pool the spikes behind the neurons, or train with AvgPool2d",
            )
        total = self._place(Layer("SumPool2d", f"{label}_sum", applied.layer.params, ""))
        name = self._place(Layer("Threshold", label, {"threshold": np.full(applied.shape, 0.5)}, ""))
        self.connect(signal.pieces[0], total, signal.shape, weigh=False)
        self.edges.append((total, name))
        self.gains[name] = gain.ravel()[:1].reshape(())
        self.pools[name] = applied.order
        self._arrivals |= {(s.name, name, s.delay) for s in self._arriving(signal)}
        return name

    def _delay(self, label: str, steps: int, shape: Shape) -> Layer:
        return Layer("Delay", label, {"delay": np.full(shape, steps * self.step_s)}, "")

    def _flatten(self, start: str, shape: Shape, wanted: Shape) -> str:
        if shape == wanted:
            return start
        for first, last in combinations(range(len(shape)), 2):
            if (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :]) == wanted:
                dims = {"start_dim": first, "end_dim": last, "input_type": {"input": np.array(shape)}}
                return self._chain(start, Layer("Flatten", f"{start}_flat", dims, ""))
        raise self._error(start, f"it is used in shape {wanted} instead of {shape}", _WHOLE)

    def _chain(self, start: str, layer: Layer) -> str:
        name = self._place(layer)
        self.edges.append((start, name))
        return name

    def _place(self, layer: Layer) -> str:
        name = self.free_name(layer.label)
        self.nodes[name] = Node(name, layer.type, layer.params)
        return name

    def free_name(self, wanted: str) -> str:
        """``wanted``, numbered if it is taken."""
        clean = wanted.replace("/", "_")
        count = 1
        while (name := clean if count == 1 else f"{clean}_{count}") in self.nodes:
            count += 1
        return name

    def _error(self, where: str, what: str, remedy: str) -> UnsupportedNode:
        return UnsupportedNode(what, where=f"{self.origin}, '{where}'", remedy=remedy)
