"""From one folded step to a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.fold import Applied, Piece, Signal, Source, Step, sources
from neurodeploy.frontends.tracing.outputs import Head, Returned
from neurodeploy.frontends.tracing.values import Layer, Shape
from neurodeploy.frontends.tracing.wires import Wires
from neurodeploy.graph import Graph, Node, check_graph


@dataclass(frozen=True, eq=False)
class Neuron:
    """A framework's neuron as a node.

    Attributes:
        node: With its exact factors and conventions.
        gain: What a spike of it is worth to the layers behind, scalar or of the layer's shape.
        recurrent: Layer from its own spikes of the step before back to its input.
        late_steps: Steps by which its input reaches it late.
        notes: What the user ought to know about it.
    """

    node: Node
    gain: Any = 1.0
    recurrent: Layer | None = None
    late_steps: int = 0
    notes: tuple[str, ...] = ()


class NeuronNodes(Protocol):
    """How a framework's neurons become nodes."""

    def neuron(self, module: Any, name: str, shape: Shape, spikes_used: bool, origin: str) -> Neuron:
        """The node of a neuron module; ``spikes_used``: whether its spikes go anywhere.

        Raises:
            UnsupportedNode: It does something that has no exact equal here.
        """
        ...


@dataclass(frozen=True, eq=False)
class Built:
    """A graph, and what its lowering and its yardstick must know.

    Attributes:
        graph: Checked.
        pools: Names of the populations that pool by maximum, in the order of the calls.
        bias_at_start: Whether biases of feedback count in the first step.
        heads: Output nodes that stand for a layer's numbers, and where the module returns those, if it does.
    """

    graph: Graph
    pools: tuple[str, ...]
    bias_at_start: bool
    heads: Mapping[str, Head | None]


def build(
    module: Any, kind: NeuronNodes, step: Step, outputs: Returned, input_shape: Shape, origin: str, step_s: float
) -> Built:
    """The graph of a network that repeats ``step``, each ``step_s`` seconds long.

    Raises:
        UnsupportedNode: Something that no graph says.
    """
    used = {s.name for drive in step.drives.values() for s in sources(drive)} | outputs.spikes
    used |= {s.name for applied in outputs.layers for s in sources(applied.signal)}
    neurons = {
        name: kind.neuron(module.get_submodule(step.paths[name]), name, drive.shape, name in used, origin)
        for name, drive in step.drives.items()
    }
    drives = {name: _with_feedback(name, drive, neurons[name]) for name, drive in step.drives.items()}
    starts = set() if step.bias_at_start is None else {step.bias_at_start}
    if any(n.recurrent is not None and np.any(n.recurrent.params.get("bias", 0)) for n in neurons.values()):
        starts.add(True)
    wires = _wire(neurons, drives, outputs, input_shape, Wires(origin, step_s, explicit=False))
    if not wires.says_all_delays:
        wires = _wire(neurons, drives, outputs, input_shape, Wires(origin, step_s, explicit=True))
    if len(starts) > 1 or (starts == {False} and wires.explicit):
        raise UnsupportedNode(
            "some feedback or delay adds its bias in the first step and some does not",
            where=origin,
            remedy="let the first step see zeros as spikes of the step before, through the same layers",
        )
    heads = {name: outputs.layers[applied] for name, applied in wires.heads.items()}
    notes = tuple(note for n in neurons.values() for note in n.notes)
    graph = check_graph(Graph(wires.nodes, tuple(wires.edges), {}, origin, notes))
    return Built(graph, tuple(sorted(wires.pools, key=wires.pools.__getitem__)), starts != {False}, heads)


def _with_feedback(name: str, drive: Signal, neuron: Neuron) -> Signal:
    if neuron.recurrent is None:
        return drive
    own = Signal(drive.shape, (Piece(Source("spikes", name, 1, drive.shape)),))
    return Signal(drive.shape, (*drive.pieces, Piece(Applied(neuron.recurrent, own, drive.shape))))


def _wire(
    neurons: dict[str, Neuron], drives: dict[str, Signal], outputs: Returned, input_shape: Shape, wires: Wires
) -> Wires:
    wires.nodes["input"] = Node("input", "Input", {"shape": input_shape})
    for name, neuron in neurons.items():
        wires.nodes[name] = neuron.node
        wires.gains[name] = np.asarray(neuron.gain, np.float64)
    for name, drive in drives.items():
        wires.feed(name, drive, neurons[name].late_steps)
    _end(outputs, wires)
    return wires


def _end(outputs: Returned, wires: Wires) -> None:
    """Output nodes: for what is returned and goes nowhere else, and for all else that goes nowhere."""
    senders = {a for a, _ in wires.edges}
    read = {s.name for applied in outputs.layers for s in sources(applied.signal)}
    last = [n for n in wires.nodes if wires.nodes[n].type != "Input" and n not in senders]
    of_result = [n for n in wires.nodes if n in outputs.spikes | outputs.states]
    ends = [n for n in of_result if n in last]
    if not ends and not outputs.layers:
        ends = of_result
    if not ends and not outputs.layers:
        raise UnsupportedNode(
            "the module returns nothing of the network",
            where=wires.origin,
            remedy="return the spikes or membranes of the last neurons",
        )
    heads: list[str | Applied] = [*ends, *(n for n in last if n not in ends and n not in read), *outputs.layers]
    for k, head in enumerate(heads):
        name = wires.free_name("output" if len(heads) == 1 else f"output_{k + 1}")
        wires.nodes[name] = Node(name, "Output", {})
        if isinstance(head, str):
            wires.edges.append((head, name))
        else:
            wires.heads[name] = head
            wires.connect(Piece(head), name, head.shape)
