"""Graphs written as NIR and read again: the same graph, the same spikes, and a file that nir itself reads."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netx_files import dense, write_net
from nir_graphs import graphs, random_graph
from nir_raw import Tree, affine, chain, conv, lif, linear, maps, node, nodes_of, small, write_tree
from nir_spoil import more, of_out, recorded

from neurodeploy.bundled import list_models
from neurodeploy.compilation import made
from neurodeploy.errors import ModelError
from neurodeploy.export.nir import LossyExport, export_nir, losses, write_nir
from neurodeploy.export.nir.names import safe_names
from neurodeploy.frontends import read_nir
from neurodeploy.graph import Graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.pipeline import run_passes
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
    for name, expected in graph.nodes.items():
        found = again.nodes[name]
        assert found.type == expected.type
        for ours, theirs in ((found.params, expected.params), (found.exact, expected.exact)):
            assert_same_values(ours, theirs, name)
        assert found.exact.keys() == expected.exact.keys()
        assert found.conventions.keys() == expected.conventions.keys()
        assert_same_values(found.conventions, expected.conventions, name)
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


def tree_graph(tree: Tree, folder: Path) -> Graph:
    return read_nir(write_tree(tree, folder / "given.nir"))


@pytest.mark.parametrize("base", [small, maps])
def test_what_nir_says_itself_is_no_loss(base: Callable[[], Tree], tmp_path: Path) -> None:
    tree = base()
    nodes_of(tree).pop("back", None)  # whether its bias counts at first, NIR does not say
    tree["node"]["edges"] = [e for e in tree["node"]["edges"] if "back" not in e]
    graph = tree_graph(tree, tmp_path)
    facts = write_nir(graph, lowered(graph), tmp_path / "a.nir")
    assert facts["losses"] == [] and facts["notes"] == ["tell other tools the time step, dt = 0.001 s"]


LOSSES: dict[str, tuple[Callable[[Tree], object], str]] = {
    "subtract": (recorded(reset="subtract"), "hidden, out: reset 'subtract'"),
    "a neuron of its own": (of_out(conventions={"reset": "none"}), "out: reset 'none'"),
    "at equality": (recorded(spike="ge"), "hidden, out: spike condition 'ge'"),
    "several spikes": (
        of_out(conventions={"spike": "multi_trunc", "reset": "subtract", "max_spikes": 4}),
        "out: spike condition 'multi_trunc', at most 4 a step",
    ),
    "exponential": (
        recorded(decay="exp"),
        "decay of the membrane 0.778801; by NIR's equations at dt = 0.001 s",
    ),
    "factors": (of_out(exact={"b": 0.5}), "out: decay of the membrane 0.5; by NIR's equations"),
    "gain": (recorded(input_gain="unit"), ""),
    "lower bound": (recorded(v_min=-1.0), "lower bound of the membrane -1"),
    "start": (of_out(conventions={"v_init": np.full(3, 0.25)}), "out: membrane at the start 0.25"),
    "impulse": (recorded(input_amplitude="impulse"), "all layers: a spike is an impulse"),
    "gain of an integrator": (
        more({"hidden": node("IF", r=np.ones(5), v_threshold=np.ones(5), v_reset=np.zeros(5))}),
        "hidden: gain of the input 1; by NIR's equations at dt = 0.001 s it is 0.001",
    ),
    "bias of a loop": (
        more({"back": affine(5, 5)}),
        "hidden -> back -> hidden: the bias on this way back",
    ),
    "cut of a loop": (
        more({"far": linear(5, 3)}, ("out", "far"), ("far", "hidden")),
        "out -> far -> hidden: the loop is cut here",
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_listed_refused_and_warned_of(name: str, tmp_path: Path) -> None:
    change, expected = LOSSES[name]
    tree = small()
    change(tree)
    graph = tree_graph(tree, tmp_path)
    network = lowered(graph)
    if not expected:  # r and w_in are such that both readings agree
        assert losses(graph, network) == []
        return
    with pytest.raises(LossyExport) as caught:
        write_nir(graph, network, tmp_path / "a.nir")
    assert expected in caught.value.what and "--allow-lossy" in caught.value.remedy
    assert not (tmp_path / "a.nir").exists()
    with pytest.warns(UserWarning, match="other tools will not know") as warned:
        facts = write_nir(graph, network, tmp_path / "a.nir", allow_lossy=True)
    assert len(warned) == len(facts["losses"]) == len(caught.value.lost)
    assert any(expected in line for line in facts["losses"])


def test_a_file_for_tools_that_go_by_order(tmp_path: Path) -> None:
    """Names in the order of layers, edges in the order of a run; a skip must not overtake."""
    layers = {f"l{k}": (lif(4) if k % 2 else linear(4, 4, seed=k)) for k in range(12)}
    tree = chain({**layers, "skip": linear(4, 4)}, (4,), (4,))
    ends = ["input", *layers, "output"]
    tree["node"]["edges"] = [["skip", "l11"], ["l1", "skip"], *map(list, zip(ends, ends[1:], strict=False))][::-1]
    graph = tree_graph(tree, tmp_path)
    write(graph, tmp_path / "a.nir")
    file = nir.read(tmp_path / "a.nir")
    assert [name for name in file.nodes if name[0] == "l"] == [f"l{k:02d}" for k in range(12)]
    seen = {"input"}
    for source, target in file.edges:
        assert source in seen
        seen.add(target)
    order = [target for _, target in file.edges]
    assert order.index("skip") < order.index("l11") and all(a not in order[k:] for k, (a, _) in enumerate(file.edges))


def test_kernels_that_nir_takes_for_square(tmp_path: Path) -> None:
    """Grouped and rectangular ones: the file's kernels are dense and square, and nir's own shapes are right."""
    nodes = {
        "wide": conv((4, 1, 1, 3), (7, 9), groups=2, dilation=2),
        "lif": lif(4, 7, 5),
        "tall": conv((2, 2, 3, 1), (7, 5), groups=2, stride=np.array([2, 1]), padding=np.array([1, 0])),
        "out": lif(2, 4, 5),
    }
    graph = tree_graph(chain(nodes, (2, 7, 9), (2, 4, 5)), tmp_path)
    facts, again = write(graph, tmp_path / "a.nir")
    assert not any("type_check" in note for note in facts["notes"])
    file = nir.read(tmp_path / "a.nir")
    assert [file.nodes[n].weight.shape for n in ("wide", "tall")] == [(4, 2, 3, 3), (2, 4, 3, 3)]
    assert [tuple(file.nodes[n].padding) for n in ("wide", "tall")] == [(2, 0), (1, 1)]
    assert [int(again.nodes[n].params["groups"]) for n in ("wide", "tall")] == [2, 2]
    foreign = {name: {k: v for k, v in vars(n).items()} for name, n in file.nodes.items()}
    for name in ("wide", "tall"):
        changes = {k: foreign[name][k] for k in ("weight", "padding")} | {"groups": 1}
        nodes[name] = nodes[name] | changes
    as_written = tree_graph(chain(nodes, (2, 7, 9), (2, 4, 5)), tmp_path)
    ours, theirs = run(lowered(graph)).spikes, run(lowered(as_written)).spikes
    for name in ours:
        assert ours[name].any()
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_a_kernel_trained_on_elsewhere_is_taken_as_it_is(tmp_path: Path) -> None:
    graph = tree_graph(chain({"c": conv((2, 1, 1, 3), (5, 6)), "n": lif(2, 5, 4)}, (1, 5, 6), (2, 5, 4)), tmp_path)
    write(graph, tmp_path / "a.nir")
    file = nir.read(tmp_path / "a.nir")
    file.nodes["c"].weight[:, :, 0, 0] = 1
    nir.write(tmp_path / "b.nir", file)
    assert read_nir(tmp_path / "b.nir").nodes["c"].params["weight"].shape == (2, 1, 3, 3)


def test_models_of_the_package(tmp_path: Path) -> None:
    for name in list_models():
        export_nir(name, tmp_path / "a.nir")
        state, again = (run_passes(m, "loihi2", stop_after="lower") for m in (name, tmp_path / "a.nir"))
        assert state.semantics == again.semantics and made(state.graph).nodes.keys() == made(again.graph).nodes.keys()


def test_what_nir_cannot_hold_is_refused(tmp_path: Path) -> None:
    graph = tree_graph(small(), tmp_path)
    endless = replace(graph.nodes["hidden"], params={**graph.nodes["hidden"].params, "tau": np.array(np.inf)})
    wrong = {**graph.nodes, "hidden": endless}
    with pytest.raises(ModelError, match="NaN or infinity"):
        write_nir(replace(graph, nodes=wrong), lowered(graph), tmp_path / "a.nir", allow_lossy=True)
    net = write_net(tmp_path / "a.net", [dense([[40, -60]])])
    with pytest.raises(ModelError, match="a model of integers"):
        export_nir(net, tmp_path / "a.nir")
    assert not (tmp_path / "a.nir").exists()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b c", "b/c"], ["a", "b_c", "b_c-2"]),
        (["l9", "l10"], ["l09", "l10"]),
        (["l1", "l2"], ["l1", "l2"]),
        (["a10", "b9"], ["a10", "b9"]),
        (["ö", "_"], ["_", "_-2"]),
    ],
)
def test_names(names: list[str], expected: list[str]) -> None:
    assert list(safe_names(names).values()) == expected
