"""Data sets, models and programs that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import graphs
import h5py
import nir
import numpy as np
import pytest
from commandline import Cli

SPIKES = (np.random.default_rng(1).random((5, 10, 6)) < 0.5).astype(np.uint8)
DATA: dict[str, tuple[dict[str, object], int, str]] = {
    "no spikes": ({"spike": SPIKES}, 3, "'spikes' or 'events'"),
    "other neurons": ({"spikes": SPIKES[..., :5]}, 8, "shape (5, 10, 5)"),
    "image": ({"spikes": SPIKES.reshape(5, 10, 2, 3)}, 8, "shape (5, 10, 2, 3)"),
    "one sample": ({"spikes": SPIKES[0]}, 3, "shape (10, 6)"),
    "floats": ({"spikes": SPIKES * 0.7}, 3, "spikes hold 0.7 at"),
    "two": ({"spikes": SPIKES * 2}, 8, "spikes hold 2 at"),
    "NaN": ({"spikes": SPIKES * np.nan}, 3, "spikes hold nan at (0, 0, 0)"),
    "labels short": ({"spikes": SPIKES, "labels": [0, 1]}, 3, "2 labels and 5 samples"),
    "labels from 1": ({"spikes": SPIKES, "labels": [1, 2, 3, 1, 2]}, 8, "label 3, but the output has 3 neurons"),
    "objects": ({"spikes": SPIKES.astype(object)}, 3, "Object arrays"),
    "empty": ({}, 3, "found []"),
    "no samples": ({"spikes": SPIKES[:0]}, 3, "shape (0, 10, 6)"),
    "events": ({"events": [[0, 0, 6]], "shape": [6], "steps": 10}, 3, "event 0 has address 6, of 0..5"),
}


@pytest.mark.parametrize("case", DATA)
def test_wrong_data(cli: Cli, work: Path, case: str) -> None:
    arrays, code, what = DATA[case]
    np.savez(work / "wrong.npz", **arrays)  # type: ignore[arg-type]
    result = cli("run", "program.ndp", "--input", "wrong.npz", "-o", "r.npz", "--json")
    assert (result.code, result.err) == (code, "")
    assert what in result.json["what"] and result.json["remedy"]
    assert not (work / "r.npz").exists()


def lone(graph: nir.NIRGraph) -> None:
    graph.nodes["lone"] = graphs.lif((3,), 0.5)


def ghost(graph: nir.NIRGraph) -> None:
    graph.edges.append(("hidden", "ghost"))


def twice(graph: nir.NIRGraph) -> None:
    graph.edges.append(graph.edges[0])


def not_a_number(graph: nir.NIRGraph) -> None:
    graph.nodes["fc"].weight[1, 2] = np.nan


def complex_weights(graph: nir.NIRGraph) -> None:
    graph.nodes["fc"].weight = graph.nodes["fc"].weight.astype(complex)


def no_weights(graph: nir.NIRGraph) -> None:
    for name in ("fc", "hidden"):
        graph.nodes[name] = nir.Flatten({"input": np.array([4])}, start_dim=0)
    graph.nodes["output"] = nir.Output({"output": np.array([4])})


def below_reset(graph: nir.NIRGraph) -> None:
    graph.nodes["hidden"].v_reset = np.full(3, 2.0)
    graph.metadata["neurodeploy"]["v_init"] = "zero"


def unsupported(graph: nir.NIRGraph) -> None:
    graph.nodes["input"] = nir.Input({"input": np.array([3])})
    graph.nodes["fc"] = nir.Delay(np.full(3, graphs.DT_S / 3))


def empty_input(graph: nir.NIRGraph) -> None:
    graph.nodes["input"] = nir.Input({"input": np.array([0])})


def slash(graph: nir.NIRGraph) -> None:
    graph.nodes["a/b"] = graph.nodes.pop("hidden")
    graph.edges = [tuple("a/b" if end == "hidden" else end for end in edge) for edge in graph.edges]


def list_in_metadata(graph: nir.NIRGraph) -> None:
    graph.metadata["neurodeploy"]["reset"] = ["value", "zero"]


FILES: dict[Callable[[nir.NIRGraph], None], tuple[str, str, str]] = {
    lone: ("UnsupportedNode", "not on a path", "node 'lone'"),
    ghost: ("ShapeMismatch", "'ghost', which is not a node", "wrong.nir"),
    twice: ("UnsupportedNode", "stands twice", "wrong.nir"),
    not_a_number: ("UnsupportedNode", "NaN", "node 'fc'"),
    complex_weights: ("UnsupportedNode", "complex128", "node 'fc'"),
    no_weights: ("UnsupportedNode", "neither neurons nor weights", "wrong.nir"),
    below_reset: ("UnsupportedNode", "threshold is not above", "node 'hidden'"),
    unsupported: ("UnsupportedNode", "time steps", "node 'fc'"),
    empty_input: ("ShapeMismatch", "shape [0]", "node 'input'"),
    slash: ("UnreadableFile", "no type", "node 'a'"),
    list_in_metadata: ("AmbiguousSemantics", "reset = ", "wrong.nir"),
}


@pytest.mark.parametrize("spoil", FILES, ids=lambda f: f.__name__)
def test_wrong_nir_files(cli: Cli, work: Path, spoil: Callable[[nir.NIRGraph], None]) -> None:
    name, what, where = FILES[spoil]
    nodes = {"fc": nir.Linear(weight=np.ones((3, 4))), "hidden": graphs.lif((3,), 0.5)}
    graph = graphs.chain(nodes, source=(4,), sink=(3,))
    spoil(graph)
    graphs.write(graph, work, "wrong.nir")
    result = cli("inspect", "wrong.nir", "--json")
    assert (result.code, result.err, result.json["error"]) == (3, "", name)
    assert what in result.json["what"] and where in result.json["where"]
    assert result.json["remedy"]


def test_a_node_that_nir_does_not_know_is_named(cli: Cli, work: Path) -> None:
    with h5py.File(work / "model.nir", "a") as file:
        del file["node/nodes/hidden/type"]
        file["node/nodes/hidden/type"] = "Izhikevich"
    result = cli("inspect", "model.nir", "--json")
    assert (result.code, result.json["error"]) == (3, "UnsupportedNode")
    assert "Izhikevich" in result.json["what"] and "node 'hidden'" in result.json["where"]


def test_a_single_node_is_not_a_graph(cli: Cli, work: Path) -> None:
    nir.write(work / "wrong.nir", nir.Linear(np.ones((2, 2))))
    result = cli("inspect", "wrong.nir", "--json")
    assert (result.code, result.json["error"]) == (3, "UnreadableFile") and "NIRGraph" in result.json["remedy"]


def test_a_damaged_program(cli: Cli, work: Path) -> None:
    data = bytearray((work / "program.ndp").read_bytes())
    data[5000] ^= 4
    (work / "program.ndp").write_bytes(data)
    result = cli("run", "program.ndp", "--input", "data.npz", "--json")
    assert result.code == 3 and "checksum" in result.json["what"] and "again" in result.json["remedy"]
