"""Graphs built without files, and their float runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodeploy import simulate
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.graph import Graph, Node, check_graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.simulate.float_reference import FloatRun, simulate_float


def made(
    nodes: Sequence[Node], edges: Sequence[tuple[str, str]], inputs: Mapping[str, tuple[int, ...]] | None = None
) -> Graph:
    """A checked graph; ``inputs`` by name, and an Output node for every other end of an edge that no node has."""
    ends = [Node(name, "Input", {"shape": shape}) for name, shape in (inputs or {}).items()]
    known = {n.name for n in (*nodes, *ends)}
    outputs = [Node(b, "Output", {}) for _, b in edges if b not in known]
    return check_graph(Graph({n.name: n for n in (*ends, *nodes, *outputs)}, tuple(edges), {}, "test"))


def chain_of(*nodes: Node, shape: tuple[int, ...]) -> Graph:
    """Input ``in``, the nodes one after the other, Output ``out``."""
    names = ["in", *(n.name for n in nodes), "out"]
    return made(nodes, list(zip(names, names[1:], strict=False)), {"in": shape})


def network(graph: Graph, **options: Any) -> Network:
    """The lowered graph; dt of 1 s and reset to a value unless told otherwise."""
    return lower(graph, resolve_semantics(graph, {"dt_s": 1.0, "reset": "value", **options}))


def linear(name: str, weight: Any) -> Node:
    """A Linear node."""
    return Node(name, "Linear", {"weight": np.asarray(weight, dtype=np.float64)})


def affine(name: str, weight: Any, bias: Any) -> Node:
    """An Affine node."""
    return Node(name, "Affine", {"weight": np.asarray(weight, dtype=np.float64), "bias": np.asarray(bias, float)})


def neurons(name: str, size: int, conventions: Mapping[str, Any] | None = None, **exact: Any) -> Node:
    """Integrators of gain 1 with threshold 1 that reset to 0, except for the factors given."""
    params = {"r": np.ones(size), "v_threshold": np.ones(size), "v_reset": np.zeros(size)}
    return Node(name, "IF", params, conventions or {}, exact)


def aligned(network: Network, net: ChipNetwork, x: np.ndarray) -> tuple[FloatRun, dict[str, Any], Any]:
    """Float run, and chip run with the layers' latency taken out."""
    floats = simulate_float(network, {next(iter(network.inputs)): x}, membranes=tuple(network.populations))
    run = simulate(net, x, record=dict.fromkeys(net.populations, ("u", "v")), strict=True)
    steps = x.shape[1]

    def window(values: np.ndarray, name: str) -> np.ndarray:
        depth = network.populations[name].depth
        return values.reshape(len(x), run.steps, -1)[:, depth : depth + steps]

    spikes = {n: window(s, n) for n, s in run.spikes.items()}
    v = {
        n: window(run.states[n]["v"], n) / net.populations[n].scale + net.populations[n].offset for n in net.populations
    }
    return floats, spikes, v
