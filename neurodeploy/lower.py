"""Graph and semantics to a Network: neurons become populations, all that lies between them becomes projections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

import numpy as np

from neurodeploy.compose import double
from neurodeploy.errors import AmbiguousSemantics, UnsupportedNode
from neurodeploy.graph import Graph, Node
from neurodeploy.network import Network, Population, Projection
from neurodeploy.neurons import model_for_nir
from neurodeploy.populate import conventions_of, populate
from neurodeploy.schedule import depths, feedback_edges, in_order
from neurodeploy.semantics import Semantics
from neurodeploy.shapes import Shapes
from neurodeploy.wiring import Path, biases, parts, paths_into

NEEDS_DT = {
    **dict.fromkeys(("LIF", "LI"), {"b", "k", "l"}),
    **dict.fromkeys(("CubaLIF", "CubaLI"), {"a", "w", "b", "k", "l"}),
    "I": {"k"},
    "Delay": {"delay"},
}
"""Nodes that mean nothing without a time step, unless a module gave these factors of theirs."""
WITH_GAIN = ("LIF", "LI", "CubaLIF", "CubaLI")


def resolve_semantics(
    graph: Graph, options: Mapping[str, object], defaults: Mapping[str, object] | None = None
) -> Semantics:
    """The conventions of this graph, from its metadata and the user's options, then from ``defaults``.

    Raises:
        AmbiguousSemantics: Lists the choices of everything that is missing.
    """
    nodes = list(graph.nodes.values())
    required, relevant = set(), set()
    if any(not NEEDS_DT.get(n.type, set()) <= n.exact.keys() for n in nodes):
        required.add("dt_s")
    if any("v_threshold" in n.params and "reset" not in n.conventions for n in nodes):
        required.add("reset")
    if any(_starts_somewhere(n) for n in nodes):
        required.add("v_init")
    if "impulse" in (options.get("input_amplitude"), graph.metadata.get("input_amplitude")):
        required.add("dt_s")
    if any(n.type in WITH_GAIN and not {"k", "w"} <= n.exact.keys() for n in nodes):
        relevant.add("input_gain")
    semantics = Semantics.resolve(
        where=graph.origin,
        recorded=graph.metadata,
        options=options,
        defaults=defaults or {},
        required=frozenset(required),
        relevant=frozenset(required | relevant),
    )
    integrators = [n for n in nodes if n.type == "IF" and "k" not in n.exact and "if_gain" not in n.conventions]
    if not integrators or semantics.if_gain != "auto":
        return semantics
    gains = np.concatenate([np.ravel(n.params["r"]) for n in integrators])
    known_dt = {**graph.metadata, **{k: v for k, v in options.items() if v is not None}}.keys() & {"dt_s", "profile"}
    if np.all(gains == 1) or (known_dt and np.allclose(gains * semantics.dt_s, 1, rtol=1e-6)):
        return replace(semantics, if_gain="unit")
    raise AmbiguousSemantics(
        f"IF nodes have r between {gains.min():g} and {gains.max():g}, which is neither 1 nor 1/dt",
        where=graph.origin,
        remedy="give --if-gain unit (each input adds its weight) or --if-gain r_dt (times r*dt), and --dt-s",
    )


def _starts_somewhere(node: Node) -> bool:
    """Whether the start of a sample depends on a convention."""
    settled = "v_init" in node.conventions or "v0" in node.exact
    values = [node.params.get(k) for k in ("v_leak", "v_reset")]
    return not settled and any(v is not None and np.any(v) for v in values)


def lower(graph: Graph, semantics: Semantics) -> Network:
    """Turn a checked graph into a Network.

    Every cycle is cut by one delay of a step, on the spikes of the neurons that feed it back; a cycle that holds a
    Delay of a step or more is none.

    Raises:
        UnsupportedNode: A node, parameter or loop that has no meaning here; never skipped.
        ShapeMismatch: Layers that do not fit each other.
    """
    shapes = Shapes(graph)
    inputs = {n.name: n.params["shape"] for n in graph.nodes.values() if n.type == "Input"}
    outputs = {n.name: _read_from(graph, n) for n in graph.nodes.values() if n.type == "Output"}
    neurons = [n.name for n in graph.nodes.values() if model_for_nir(n.type)]
    neurons += [name for name, source in outputs.items() if source == name]
    if not any(model_for_nir(n.type) or "weight" in n.params for n in graph.nodes.values()):
        raise UnsupportedNode(
            "the graph has neither neurons nor weights", where=graph.origin, remedy="export the whole network"
        )
    chains = [path for name in neurons for path in paths_into(graph, name)]
    edges = list(dict.fromkeys((p.source, p.target) for p in chains))
    wires = {path: parts(graph, shapes, path, semantics.dt_s) for path in chains}
    instant = [p for p, made in wires.items() if min(part.delay_steps for part in made) == 0]
    instant_edges = list(dict.fromkeys((p.source, p.target) for p in instant))
    closing = feedback_edges(list(inputs), neurons, edges, instant_edges, graph.origin)
    cut = {p for p in instant if (p.source, p.target) in closing}
    rank = in_order(neurons, [edge for edge in instant_edges if edge not in closing])
    projections = [
        Projection(p.source, p.target, part.connection, part.delay_steps + (p in cut), p.nodes, p in cut)
        for p, made in wires.items()
        for part in made
    ]
    depth = _depths(list(inputs), neurons, projections) or rank
    populations = {}
    for name in sorted(neurons, key=lambda n: (rank[n], n)):
        node = graph.nodes[name]
        wanted = conventions_of(node, semantics, graph.origin)
        late = frozenset() if wanted.recurrent_bias_t0 else _only_by(cut, chains, name)
        constant = biases(graph, shapes, name, semantics.dt_s, late)
        populations[name] = populate(node, shapes[name], depth[name], wanted, constant, graph.origin)
    order = {**dict.fromkeys(inputs, 0), **rank}
    projections.sort(key=lambda p: (order[p.target], order[p.source], p.target, p.source, p.nodes, p.delay_steps))
    scaled = tuple(_with_amplitude(p, populations, semantics) for p in projections)
    return Network(inputs, populations, scaled, outputs, semantics)


def _read_from(graph: Graph, output: Node) -> str:
    """The population that an Output node reads: a neuron's own, or the node as a sum without memory."""
    before = graph.before(output.name)
    return before[0] if len(before) == 1 and model_for_nir(graph.nodes[before[0]].type) else output.name


def _depths(inputs: list[str], neurons: list[str], projections: Sequence[Projection]) -> dict[str, int] | None:
    shortest: dict[tuple[str, str], int] = {}
    for p in projections:
        edge = (p.source, p.target)
        shortest[edge] = min(p.delay_steps, shortest.get(edge, p.delay_steps))
    return depths(inputs, neurons, shortest)


def _only_by(cut: Set[Path], chains: Iterable[Path], target: str) -> frozenset[str]:
    """Stateless nodes that lead to ``target`` by feedback only."""
    otherwise = {n for p in chains if p.target == target and p not in cut for n in p.nodes}
    return frozenset(n for p in cut if p.target == target for n in p.nodes) - otherwise


def _with_amplitude(p: Projection, populations: Mapping[str, Population], semantics: Semantics) -> Projection:
    """A spike as an impulse of unit area is 1/dt during its step; real values stay as they are."""
    real = p.source in populations and not populations[p.source].spiking
    if semantics.input_amplitude == "held" or real:
        return p
    connection = double(p.connection)
    return replace(p, connection=connection.with_weights(connection.weights / semantics.dt_s))
