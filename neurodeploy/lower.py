"""Graph and semantics to a Network: neurons become populations, all that lies between them becomes projections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.compose import bias_of, compose, layer, output_shape
from neurodeploy.connections import Connection
from neurodeploy.connections.base import Shape
from neurodeploy.errors import AmbiguousSemantics, ShapeMismatch, UnsupportedNode
from neurodeploy.graph import Graph, Node
from neurodeploy.network import Network, Population, Projection
from neurodeploy.neurons import model_for_nir
from neurodeploy.neurons.model import FloatDynamics
from neurodeploy.schedule import depths, feedback_edges
from neurodeploy.semantics import Semantics
from neurodeploy.shapes import Shapes

SI_NAMES = {
    "LIF": {"tau": "tau_mem_s"},
    "LI": {"tau": "tau_mem_s"},
    "CubaLIF": {"tau_mem": "tau_mem_s", "tau_syn": "tau_syn_s"},
    "CubaLI": {"tau_mem": "tau_mem_s", "tau_syn": "tau_syn_s"},
}
OPTIONAL = {"v_reset": 0.0, "w_in": 1.0}


def resolve_semantics(graph: Graph, options: Mapping[str, object]) -> Semantics:
    """The conventions of this graph, from its metadata and the user's options.

    Raises:
        AmbiguousSemantics: Lists the choices of everything that is missing.
    """
    neurons = [n for n in graph.nodes.values() if model_for_nir(n.type)]
    spiking = [n for n in neurons if "v_threshold" in n.params]
    integrators = [n for n in neurons if n.type == "IF"]
    required = set()
    if any(n.type != "IF" for n in neurons):
        required.add("dt_s")
    if spiking:
        required.add("reset")
    if any(np.any(n.params.get(k, 0)) for n in neurons for k in ("v_leak", "v_reset") if n.params.get(k) is not None):
        required.add("v_init")
    semantics = Semantics.resolve(
        where=graph.origin, recorded=graph.metadata, options=options, required=frozenset(required)
    )
    if integrators and semantics.if_gain == "auto":
        gains = np.concatenate([np.ravel(n.params["r"]) for n in integrators])
        if np.all(gains == 1):
            return replace(semantics, if_gain="unit")
        if "dt_s" in {**graph.metadata, **{k: v for k, v in options.items() if v is not None}} and np.allclose(
            gains * semantics.dt_s, 1, rtol=1e-6
        ):
            return replace(semantics, if_gain="unit")
        raise AmbiguousSemantics(
            f"IF nodes have r between {gains.min():g} and {gains.max():g}, which is neither 1 nor 1/dt",
            where=graph.origin,
            remedy="give --if-gain unit (each input adds its weight) or --if-gain r_dt (times r*dt), and --dt-s",
        )
    return semantics


def lower(graph: Graph, semantics: Semantics) -> Network:
    """Turn a checked graph into a Network.

    Raises:
        UnsupportedNode: A node, parameter or loop that we do not deploy; never skipped.
        ShapeMismatch: Layers that do not fit each other.
    """
    _refuse_unfinished(graph, semantics)
    shapes = Shapes(graph)
    inputs = {n.name: n.params["shape"] for n in graph.nodes.values() if n.type == "Input"}
    outputs: dict[str, str] = {}
    readouts: list[str] = []
    for node in graph.nodes.values():
        if node.type != "Output":
            continue
        before = graph.before(node.name)
        if len(before) == 1 and model_for_nir(graph.nodes[before[0]].type):
            outputs[node.name] = before[0]
        else:
            outputs[node.name] = node.name
            readouts.append(node.name)
    neurons = [n.name for n in graph.nodes.values() if model_for_nir(n.type)] + readouts
    if not neurons:
        raise UnsupportedNode("the graph has no neurons", where=graph.origin, remedy="export the whole network")
    paths = [path for name in neurons for path in _paths(graph, name)]
    edges = list(dict.fromkeys((source, target) for source, target, _ in paths))
    feedback = feedback_edges(list(inputs), neurons, edges, graph.origin)
    depth = depths(list(inputs), neurons, [e for e in edges if e not in feedback])
    projections = []
    for source, target, nodes in paths:
        connection = _connection(graph, shapes, source, target, nodes)
        delay = int((source, target) in feedback)
        if delay + depth[target] - depth[source] < 1:
            raise UnsupportedNode(
                f"the feedback from '{source}' to '{target}' spans {depth[source] - depth[target] + 1} neuron layers; "
                f"a chip needs a step per layer, so its spikes would arrive late",
                where=graph.origin,
                remedy="train with the feedback delayed by as many steps, or use recurrence within one layer",
            )
        projections.append(Projection(source, target, connection, delay, nodes))
    populations = {
        name: _population(graph, shapes, name, depth[name], semantics)
        for name in sorted(neurons, key=lambda n: (depth[n], n))
    }
    for p in projections:
        if p.source in populations and not populations[p.source].spiking:
            raise UnsupportedNode(
                "these neurons never fire and send real values to another layer",
                where=f"{graph.origin}, node '{p.source}'",
                remedy="use spiking neurons there; a membrane can only be read out at the end",
            )
    projections.sort(key=lambda p: (depth[p.target], depth[p.source], p.target, p.source))
    return Network(inputs, populations, tuple(projections), outputs, semantics)


def _paths(graph: Graph, target: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every chain of stateless nodes that ends in ``target``: (source, target, nodes in order)."""
    found = []
    pending: list[tuple[str, tuple[str, ...]]] = [(b, ()) for b in graph.before(target)]
    while pending:
        name, nodes = pending.pop(0)
        node = graph.nodes[name]
        if node.type == "Input" or model_for_nir(node.type):
            found.append((name, target, nodes))
        elif name in nodes:
            raise UnsupportedNode(
                "a cycle has no neuron in it",
                where=f"{graph.origin}, node '{name}'",
                remedy="put a neuron into the loop",
            )
        else:
            pending += [(b, (name, *nodes)) for b in graph.before(name)]
    return found


def _connection(graph: Graph, shapes: Shapes, source: str, target: str, nodes: tuple[str, ...]) -> Connection:
    where = f"{graph.origin}, {' -> '.join((source, *nodes, target))}"
    chain, shape = [], shapes[source]
    for name in nodes:
        node = graph.nodes[name]
        map_ = layer(node, shape, f"{graph.origin}, node '{name}'")
        shape = output_shape(node, shape, map_)
        if map_ is not None:
            chain.append(map_)
    if not chain:
        raise UnsupportedNode(
            "neurons feed neurons without a weight between them",
            where=where,
            remedy="insert a Linear layer (an identity matrix keeps the meaning)",
        )
    if shape != shapes[target]:
        raise ShapeMismatch(
            f"the layers make {shape}, '{target}' has shape {shapes[target]}", where=where, remedy="correct the sizes"
        )
    return compose(chain)


def _constant(graph: Graph, shapes: Shapes, name: str) -> NDArray[np.float64]:
    """What reaches a node while all neurons are silent: the biases on the way."""
    total = np.zeros(shapes.incoming(name))
    for before in graph.before(name):
        node = graph.nodes[before]
        if node.type == "Input" or model_for_nir(node.type):
            continue
        shape, where = shapes.incoming(before), f"{graph.origin}, node '{before}'"
        inner = _constant(graph, shapes, before)
        if inner.any() and (map_ := layer(node, shape, where)) is not None:
            inner = map_.propagate(inner.reshape(1, -1))[0]
        elif not inner.any():
            inner = np.zeros(shapes[before])
        total = total + inner.reshape(shapes[before]) + bias_of(node, shapes[before], where)
    return total


def _population(graph: Graph, shapes: Shapes, name: str, depth: int, semantics: Semantics) -> Population:
    node, where = graph.nodes[name], f"{graph.origin}, node '{name}'"
    bias = _constant(graph, shapes, name).ravel()
    shape = shapes[name]
    if node.type == "Output":
        return Population(name, shape, "cuba", "Output", _passive(bias.size), bias, depth)
    model = model_for_nir(node.type)
    if model is None:
        raise UnsupportedNode(f"{node.type} is not a neuron", where=where, remedy="report this file")
    params = {SI_NAMES.get(node.type, {}).get(k, k): _full(v, shape, k, where) for k, v in _given(node).items()}
    for key, value in params.items():
        if key.startswith("tau") and semantics.decay == "euler" and np.any(value < semantics.dt_s * (1 - 1e-6)):
            raise UnsupportedNode(
                f"{key} = {value.min():g} s is shorter than the time step {semantics.dt_s:g} s",
                where=where,
                remedy="check --dt-s; Norse 1.1 divides tau by its dt unless exported with to_nir(..., dt=1)",
            )
    dynamics = model.dynamics(node.type, params, semantics)
    if np.any(dynamics.k * dynamics.w <= 0):
        raise UnsupportedNode("r and w_in must be positive", where=where, remedy="put the sign into the weights")
    if np.any(dynamics.theta <= np.where(semantics.reset == "value", dynamics.v_reset, 0)):
        raise UnsupportedNode(
            "the threshold is not above the reset potential", where=where, remedy="retrain with v_threshold > v_reset"
        )
    return Population(name, shape, model.name, node.type, dynamics, bias, depth)


def _given(node: Node) -> dict[str, Any]:
    return {k: OPTIONAL[k] if v is None else v for k, v in node.params.items()}


def _full(value: Any, shape: Shape, name: str, where: str) -> NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    if array.size != 1 and array.shape != shape:
        raise ShapeMismatch(
            f"{name} has shape {array.shape}, the neurons {shape}",
            where=where,
            remedy="give one value or one per neuron",
        )
    return np.broadcast_to(array.reshape(-1), (int(np.prod(shape)),)).copy()


def _passive(size: int) -> FloatDynamics:
    """A read-out without memory for a network that ends in a linear layer: v is the layer's output."""
    zero, one = np.zeros(size), np.ones(size)
    return FloatDynamics(zero, one, zero, one, zero, np.full(size, np.inf), zero, zero)


def _refuse_unfinished(graph: Graph, semantics: Semantics) -> None:
    """What the float reference does not compute yet."""
    ready = {"reset": ("value", "subtract", "none"), "spike": ("gt",), "v_min": (None,), "input_amplitude": ("held",)}
    values = semantics.to_dict()
    wrong = [name for name, legal in ready.items() if values[name] not in legal]
    wrong += [n.name for n in graph.nodes.values() if n.conventions or n.exact]
    if wrong or not semantics.recurrent_bias_t0:
        raise UnsupportedNode(f"not computed yet: {wrong}", where=graph.origin, remedy="wait for the next version")
