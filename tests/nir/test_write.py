"""Graphs written as NIR and read again: the same graph, the same spikes, and a file that nir itself reads."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_graphs import graphs, random_graph

from neurodeploy.export.nir import write_nir
from neurodeploy.frontends import read_nir
from neurodeploy.graph import Graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.simulate.float_reference import FloatRun, simulate_float


def lowered(graph: Graph) -> Network:
    return lower(graph, resolve_semantics(graph, {}))


def write(graph: Graph, path: Path) -> tuple[dict[str, Any], Graph]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the losses
        facts = write_nir(graph, lowered(graph), path, allow_lossy=True)
    return facts, read_nir(path)


def run(network: Network, seed: int = 0) -> FloatRun:
    rng = np.random.default_rng(seed)
    inputs = {n: (rng.random((2, 25, int(np.prod(s)))) < 0.5).astype(np.uint8) for n, s in network.inputs.items()}
    return simulate_float(network, inputs, membranes=tuple(network.populations))


def assert_same_values(found: Mapping[str, Any], expected: Mapping[str, Any], where: str) -> None:
    """All that was given is there again, if need be in the layer's shape."""
    for key, value in expected.items():
        if isinstance(value, str):
            assert found[key] == value, where
            continue
        if key in ("start_dim", "end_dim"):
            continue  # compared by what they do
        ours = np.asarray(found[key])
        theirs = np.asarray(value)
        widened = np.can_cast(theirs.dtype, ours.dtype) and (key == "w_in" or theirs.dtype.kind == "i")
        assert ours.dtype == theirs.dtype or widened, f"{where}, {key}"
        np.testing.assert_array_equal(ours, np.broadcast_to(theirs, ours.shape), err_msg=f"{where}, {key}")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    graph = random_graph(seed)
    path = tmp_path_factory.mktemp("nir") / "a.nir"
    facts, again = write(graph, path)
    assert again.notes == () and again.nodes.keys() == graph.nodes.keys()
    assert sorted(again.edges) == sorted(graph.edges)
    for name, node in graph.nodes.items():
        found = again.nodes[name]
        assert found.type == node.type
        for ours, theirs in ((found.params, node.params), (found.exact, node.exact)):
            assert_same_values(ours, theirs, name)
        assert found.exact.keys() == node.exact.keys()
        assert found.conventions.keys() == node.conventions.keys()
        assert_same_values(found.conventions, node.conventions, name)
    network, reread = lowered(graph), lowered(again)
    assert network.semantics == reread.semantics and network.outputs == reread.outputs
    ours, theirs = run(reread), run(network)
    for name in network.populations:
        np.testing.assert_array_equal(ours.spikes[name], theirs.spikes[name], err_msg=name)
        np.testing.assert_array_equal(ours.membranes[name], theirs.membranes[name], err_msg=name)
    if not any("type_check=False" in note for note in facts["notes"]):
        assert len(nir.read(path).nodes) == len(graph.nodes)


def test_the_drawn_graphs_hold_everything() -> None:
    """Or the round trip proves little."""
    types, resets, fired, loops = Counter[str](), Counter[str](), 0, 0
    for graph in graphs():
        types.update(node.type for node in graph.nodes.values())
        resets.update(str(n.conventions.get("reset")) for n in graph.nodes.values())
        network = lowered(graph)
        spikes = run(network).spikes
        fired += any(spikes[name].any() for name in spikes)
        loops += any(p.feedback for p in network.projections)
    every = "Linear Affine Scale Conv1d Conv2d SumPool2d AvgPool2d Flatten Threshold I IF LI LIF CubaLI CubaLIF"
    assert all(types[name] >= 3 for name in every.split()), types
    assert all(resets[name] for name in ("value", "subtract", "subtract_late", "subtract_gated", "zero_late"))
    assert fired > 80 and loops > 10
