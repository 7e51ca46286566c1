"""From one folded step to a graph: batch norms folded, maxima of spikes as neurons, constants of neurons as weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.fold import Applied, Folder, Piece, Signal, Source, Step
from neurodeploy.frontends.tracing.recorder import Recorder
from neurodeploy.frontends.tracing.rewrite import by_channels, diagonal, fold_batch_norm, fold_gain, selection
from neurodeploy.frontends.tracing.values import Atom, Layer, Opaque, Shape, Value
from neurodeploy.graph import Graph, Node, check_graph
from neurodeploy.schedule import feedback_edges


@dataclass(frozen=True, eq=False)
class Neuron:
    """A framework's neuron as a node.

    Attributes:
        node: With its exact factors and conventions.
        gain: What a spike of it is worth to the layers behind, scalar or of the layer's shape.
        recurrent: Layer from its own spikes of the step before back to its input.
    """

    node: Node
    gain: Any = 1.0
    recurrent: Layer | None = None


class NeuronNodes(Protocol):
    """How a framework's neurons become nodes."""

    def neuron(self, module: Any, name: str, shape: Shape, spikes_used: bool, origin: str) -> Neuron:
        """The node of a neuron module; ``spikes_used``: whether its spikes go anywhere.

        Raises:
            UnsupportedNode: It does something that has no exact equal here.
        """
        ...


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
    from neurodeploy.frontends.tracing.functions import tensors_in

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


def build(
    module: Any, kind: NeuronNodes, step: Step, outputs: Returned, input_shape: Shape, origin: str
) -> tuple[Graph, tuple[str, ...], bool]:
    """The graph, the names of the populations that pool by maximum, and whether feedback has its bias at t = 0."""
    builder = _Builder(origin)
    builder.nodes["input"] = Node("input", "Input", {"shape": input_shape})
    used = {s.name for drive in step.drives.values() for s in _through(drive)} | outputs.spikes
    used |= {s.name for applied in outputs.layers for s in _through(applied.signal)}
    drives = dict(step.drives)
    starts = set() if step.bias_at_start is None else {step.bias_at_start}
    for name, drive in step.drives.items():
        part = module.get_submodule(step.paths[name])
        neuron = kind.neuron(part, name, drive.shape, name in used, origin)
        builder.nodes[name] = neuron.node
        builder.gains[name] = np.asarray(neuron.gain, np.float64)
        if neuron.recurrent is not None:
            own = Source("spikes", name, 1, drive.shape)
            back = Applied(neuron.recurrent, Signal(drive.shape, (Piece(own),)), drive.shape)
            drives[name] = Signal(drive.shape, (*drive.pieces, Piece(back)))
            if np.any(neuron.recurrent.params.get("bias", 0)):
                starts.add(True)
    if len(starts) > 1:
        raise UnsupportedNode(
            "some feedback adds its bias in the first step and some does not",
            where=origin,
            remedy="treat all feedback alike",
        )
    for name, drive in drives.items():
        builder.feed(name, drive)
    builder.end(outputs)
    builder.check_delays()
    return check_graph(Graph(builder.nodes, tuple(builder.edges), {}, origin)), tuple(builder.pools), starts != {False}


def _through(signal: Signal) -> Iterator[Source]:
    for piece in signal.pieces:
        if isinstance(piece.origin, Source):
            yield piece.origin
        else:
            yield from _through(piece.origin.signal)


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
    row = _row_of(atom)
    (piece,) = folder.signal(row, base.step, base.sample, atom.name).pieces
    assert isinstance(piece.origin, Applied)
    return piece.origin


def _row_of(atom: Atom) -> Any:
    from neurodeploy.frontends.tracing.values import Row

    return Row(atom.shape, (np.arange(atom.base, atom.base + atom.size).reshape(atom.shape),))


@dataclass(eq=False)
class _Builder:
    origin: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    gains: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    pools: list[str] = field(default_factory=list)
    _made: dict[Applied, list[str]] = field(default_factory=dict)
    _arrivals: set[tuple[str, str, int]] = field(default_factory=set)

    def feed(self, neuron: str, drive: Signal) -> None:
        """Connect all that a neuron is driven by."""
        if not drive.pieces:
            raise self._error(neuron, "nothing reaches it", "connect or remove it")
        for piece in drive.pieces:
            self._connect(piece, neuron, drive.shape, needs_weight=True)
        self._arrivals |= {(s.name, neuron, s.delay) for s in self._arriving(drive)}

    def end(self, outputs: Returned) -> None:
        """Output nodes: for what is returned and goes nowhere else, and for all else that goes nowhere."""
        senders = {a for a, _ in self.edges}
        last = [n for n in self.nodes if self.nodes[n].type != "Input" and n not in senders]
        ends = [n for n in self.nodes if n in outputs.spikes | outputs.states and n in last]
        if not ends and not outputs.layers:
            ends = [n for n in self.nodes if n in outputs.spikes | outputs.states]
        ends += [n for n in last if n not in ends]
        if not ends and not outputs.layers:
            raise self._error("", "the module returns nothing of the network", "return the last neurons' spikes")
        heads: list[Piece | str] = [*ends, *(Piece(a) for a in outputs.layers)]
        for k, head in enumerate(heads):
            name = self._name("output" if len(heads) == 1 else f"output_{k + 1}")
            self.nodes[name] = Node(name, "Output", {})
            if isinstance(head, str):
                self.edges.append((head, name))
            else:
                assert isinstance(head.origin, Applied)
                self._connect(head, name, head.origin.shape, needs_weight=False)

    def check_delays(self) -> None:
        """Refuse delays that a graph cannot say: lowering puts one step into every loop, and nowhere else.

        Raises:
            UnsupportedNode: Names the two neurons.
        """
        edges = sorted({(a, b) for a, b, _ in self._arrivals})
        neurons = list(dict.fromkeys(b for _, b in edges))
        loops = feedback_edges(["input"], neurons, edges, self.origin)
        for source, target, delay in sorted(self._arrivals):
            if delay != ((source, target) in loops):
                how = "of the step before" if delay else "of the same step"
                raise self._error(
                    target,
                    f"it takes the spikes of '{source}' {how}",
                    "delay exactly the edge that closes a loop, by one step, and pass all others on at once",
                )

    def _arriving(self, signal: Signal) -> Iterator[Source]:
        for piece in signal.pieces:
            if isinstance(piece.origin, Source):
                yield piece.origin
            elif piece.origin.layer.type == "MaxPool2d":
                (name,) = self._made[piece.origin]
                yield Source("spikes", name, 0, piece.origin.shape)
            else:
                yield from self._arriving(piece.origin.signal)

    def _connect(self, piece: Piece, target: str, shape: Shape, needs_weight: bool) -> None:
        starts = [piece.origin.name] if isinstance(piece.origin, Source) else self._outputs(piece.origin)
        spikes = isinstance(piece.origin, Source) or piece.origin.layer.type == "MaxPool2d"
        for start in starts:
            here, weighted = start, not spikes
            if start in self.gains and (self.gains[start] != 1).any() and self.nodes[target].type != "Output":
                here, weighted = self._weigh(here, self.gains[start], piece.origin.shape), True
            if piece.selection is not None:
                made = selection(*piece.selection.positions, piece.origin.shape, shape)
                if made is None:
                    raise self._error(target, f"its input is part or a rearrangement of '{start}'", _WHOLE)
                flat, layer = made
                if flat and len(piece.origin.shape) > 1:
                    here = self._flatten(here, piece.origin.shape)
                here, weighted = self._chain(here, layer, f"{target}_take"), True
            elif piece.origin.shape != shape:
                if len(shape) != 1:
                    raise self._error(
                        target, f"its input is '{start}' in shape {shape} instead of {piece.origin.shape}", _WHOLE
                    )
                here = self._flatten(here, piece.origin.shape)
            if (needs_weight and not weighted) or (here, target) in self.edges:
                here = self._weigh(here, np.ones(()), shape)
            self.edges.append((here, target))

    def _outputs(self, applied: Applied) -> list[str]:
        if applied not in self._made:
            self._made[applied] = self._make(applied)
        return self._made[applied]

    def _make(self, applied: Applied) -> list[str]:
        layer = applied.layer
        if layer.type == "MaxPool2d":
            return self._max(applied)
        if layer.type == "BatchNorm":
            folded = fold_batch_norm(applied)
            if folded is not None:
                return [name for part in folded for name in self._outputs(part)]
            layer = diagonal(layer.label, layer.params["scale"], applied.shape, layer.params["shift"])
        signal, made = applied.signal, []
        parts = by_channels(layer, signal) or [(layer, signal)]
        for part, inner in parts:
            one = inner.pieces[0] if len(inner.pieces) == 1 else None
            if one is not None and one.selection is None and isinstance(one.origin, Source):
                gain = self.gains.get(one.origin.name)
                if gain is not None and (folded_layer := fold_gain(part, gain, inner.shape)) is not None:
                    made.append(self._place(folded_layer))
                    self._connect_plain(one.origin, made[-1], inner.shape)
                    continue
            made.append(self._place(part))
            for piece in inner.pieces:
                self._connect(piece, made[-1], inner.shape, needs_weight=False)
        return made

    def _connect_plain(self, source: Source, target: str, shape: Shape) -> None:
        here = source.name
        if source.shape != shape:
            here = self._flatten(here, source.shape)
        self.edges.append((here, target))

    def _max(self, applied: Applied) -> list[str]:
        """The maximum of spikes is a spike: a neuron without memory behind the sum of the window."""
        label, signal = applied.layer.label, applied.signal
        one = signal.pieces[0] if len(signal.pieces) == 1 else None
        if (
            one is None
            or one.selection is not None
            or not isinstance(one.origin, Source)
            or one.origin.delay
            or one.origin.kind != "spikes"
            or one.origin.shape != signal.shape
            or (gain := self.gains[one.origin.name]).min() != gain.max()
            or gain.min() <= 0
        ):
            raise self._error(
                label,
                "max-pooling of anything but a neuron layer's spikes is not linear",
                "pool the spikes behind the neurons, or train with AvgPool2d",
            )
        total = self._place(Layer("SumPool2d", f"{label}_sum", applied.layer.params, ""))
        self.edges.append((one.origin.name, total))
        name = self._name(label)
        full = np.ones(applied.shape)
        params = {"tau": full, "r": full, "v_leak": 0 * full, "v_threshold": full / 2, "v_reset": 0 * full}
        zero = np.zeros(())
        exact = {"b": zero, "k": zero + 1, "l": zero, "theta": zero + 0.5, "v_reset": zero, "v0": zero}
        self.nodes[name] = Node(name, "LIF", params, {"reset": "value", "spike": "gt"}, exact)
        self.edges.append((total, name))
        self.gains[name] = gain.ravel()[:1].reshape(())
        self.pools.append(name)
        self._arrivals.add((one.origin.name, name, 0))
        return [name]

    def _weigh(self, start: str, gain: NDArray[np.float64], shape: Shape) -> str:
        return self._chain(start, diagonal(f"{start}_out", gain, shape), f"{start}_out")

    def _flatten(self, start: str, shape: Shape) -> str:
        name = f"{start}_flat"
        if name not in self.nodes:
            dims = {"start_dim": 0, "end_dim": -1, "input_type": {"input": np.array(shape)}}
            self.nodes[name] = Node(name, "Flatten", dims)
            self.edges.append((start, name))
        return name

    def _chain(self, start: str, layer: Layer, label: str) -> str:
        name = self._place(replace(layer, label=label))
        self.edges.append((start, name))
        return name

    def _place(self, layer: Layer) -> str:
        name = self._name(layer.label)
        self.nodes[name] = Node(name, layer.type, layer.params)
        return name

    def _name(self, wanted: str) -> str:
        clean = wanted.replace("/", "_")
        count = 1
        while (name := clean if count == 1 else f"{clean}_{count}") in self.nodes:
            count += 1
        return name

    def _error(self, where: str, what: str, remedy: str) -> UnsupportedNode:
        return UnsupportedNode(what, where=f"{self.origin}, '{where}'" if where else self.origin, remedy=remedy)


_WHOLE = "use whole layers in their order, flattened at most; or concatenate along the first dimension"
