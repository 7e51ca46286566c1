"""Integer networks as NIR and back: every register and spike; what other tools would lose; files that were changed."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from programs import assert_same_run, program_of, rich_network
from qcfs_models import chain, residual
from relu_nets import random_net

import neurodeploy as nd
from neurodeploy import ChipNetwork, Program
from neurodeploy.compilation import Options, made
from neurodeploy.convert.qcfs import QcfsModel
from neurodeploy.errors import AmbiguousSemantics, InvalidNetwork, ModelError, UnreadableFile, UnsupportedNode
from neurodeploy.export.errors import CannotExport
from neurodeploy.export.formats import export_file
from neurodeploy.export.nir import LossyExport, export_program
from neurodeploy.frontends import read_nir
from neurodeploy.frontends.exact import FEATURES
from neurodeploy.frontends.exact.neurons import neuron_nodes, threshold_int
from neurodeploy.frontends.exact.same import same_network
from neurodeploy.pipeline import run_passes
from neurodeploy.simulate.float_reference import simulate_float

OURS = "neurodeploy"


def plain(rng: np.random.Generator) -> ChipNetwork:
    """Nothing that NIR cannot say: leakless neurons without memory of the current, reset to 0."""
    net = ChipNetwork()
    net.add_input("in", shape=(2, 3))
    net.add_population("hidden", shape=(5,), du=4095, dv=0, vth=rng.integers(20, 90, 5), start=1)
    net.connect("in", "hidden", rng.integers(-40, 60, (5, 6)) * 2)
    net.connect("hidden", "hidden", rng.integers(-30, 10, (5, 5)) * 2)
    net.add_population("out", shape=(3,), du=4095, dv=0, vth=30, start=2)
    net.connect("hidden", "out", rng.integers(-20, 60, (3, 5)) * 2, weight_exp=1)
    return net


def counted(rng: np.random.Generator) -> ChipNetwork:
    """Deferred firing: v0, subtractive reset, a window for each layer, and a read-out that never fires."""
    net = ChipNetwork(sample_steps=17)
    net.add_input("in", shape=(6,))
    weights, theta = rng.integers(-20, 30, (4, 6)) * 2, 40
    v0 = (rng.integers(-30, 50, 4) + theta // 2) * 64 + 1
    net.add_population("l1", shape=(4,), du=4095, dv=0, vth=theta, v0=v0, reset="subtract", window=(8, 12))
    net.connect("in", "l1", weights)
    net.add_population("read", shape=(3,), du=4095, dv=0, vth=131072, v0=rng.integers(-9, 9, 3) * 64, reset="none")
    net.connect("l1", "read", rng.integers(-20, 30, (3, 4)) * 2)
    return net


def first_spikes(rng: np.random.Generator) -> ChipNetwork:
    """Ramps that fire once, with delays of two lengths in one projection."""
    net = ChipNetwork(sample_steps=40)
    net.add_input("in", shape=(3,))
    net.add_population("a", shape=(4,), du=-1, dv=0, vth=rng.integers(100, 300, 4), fire_once=True)
    net.connect("in", "a", rng.integers(1, 20, (4, 3)) * 2, delays=rng.integers(0, 2, (4, 3)))
    net.add_population("b", shape=(2,), du=-1, dv=0, vth=150, fire_once=True)
    net.connect("a", "b", rng.integers(1, 20, (2, 4)) * 2)
    return net


def logic(_rng: np.random.Generator) -> ChipNetwork:
    return nd.convert.function("count(x[0], 4) >= 3 & ~x[1] | every(x[1], 3)", inputs=2).program.net


NETWORKS: dict[str, tuple[Callable[[np.random.Generator], ChipNetwork], set[str]]] = {
    "plain": (plain, set()),
    "counted": (counted, {"v0", "reset_subtract", "phase", "sample_steps"}),
    "first_spikes": (first_spikes, {"ramp", "fire_once", "delay", "sample_steps"}),
    "logic": (logic, {"memoryless", "delay", "step_latency"}),
    "rich": (
        rich_network,
        {"v0", "u0", "bias", "layer_start", "reset_subtract", "reset_none", "reset_interval", "refractory"}
        | {"integer_decay", "weight_exponent", "delay", "step_latency"},
    ),
}


def written(program: Program, path: Path) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the losses
        return export_program(program, path, allow_lossy=True)


def spikes_for(net: ChipNetwork, samples: int = 3, steps: int = 14) -> np.ndarray[Any, Any]:
    (given,) = net.inputs.values()
    return (np.random.default_rng(5).random((samples, steps, *given.shape)) < 0.4).astype(np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", range(3))
def test_every_register_and_every_spike_comes_back(name: str, seed: int, tmp_path: Path) -> None:
    make, requires = NETWORKS[name]
    program = program_of(make(np.random.default_rng(seed)), readout="count")
    facts = written(program, tmp_path / "p.nir")
    again = nd.compile(tmp_path / "p.nir", "loihi2")
    assert same_network(again.net, program.net)
    assert set(filter(None, str(again.semantics["requires"]).split(","))) == requires
    assert len(facts["losses"]) == len(requires)
    assert (again.outputs, again.readout) == (program.outputs, program.readout)
    assert again.semantics["exported"] == program.provenance
    assert program.semantics.items() <= again.semantics.items()
    if again.net.neurons < 30:
        assert_same_run(program, again, spikes_for(program.net))


@pytest.mark.parametrize("name", NETWORKS)
def test_nir_reads_the_file(name: str, tmp_path: Path) -> None:
    program = program_of(NETWORKS[name][0](np.random.default_rng(1)))
    notes = written(program, tmp_path / "p.nir")["notes"]
    assert len(notes) == 1 and "dt = 0.001 s" in notes[0]
    kinds = {type(node).__name__ for node in nir.read(tmp_path / "p.nir").nodes.values()}
    assert kinds >= {"Input", "Output"}
    expected = {"counted": {"IF", "I"}, "first_spikes": {"I", "IF", "Delay"}, "logic": {"Threshold", "Delay", "IF"}}
    assert kinds >= expected.get(name, set())


NEVER = 131072
NODES: dict[str, tuple[dict[str, Any], list[tuple[str, dict[str, float]]], int | None]] = {
    "hard": ({"vth": 7}, [("IF", {"r": 1000, "v_threshold": 7.5, "v_reset": 0})], 8),
    "subtract": (
        {"vth": 8, "v0": 64 * 3 + 1, "reset": "subtract"},
        [("IF", {"r": 1000, "v_threshold": 7.5, "v_reset": 0})],
        8,
    ),
    "whole": ({"vth": 8, "reset": "subtract"}, [("IF", {"r": 1000, "v_threshold": 8.5, "v_reset": 0})], 9),
    "rest": (
        {"vth": 8, "v0": 1},
        [("IF", {"r": 1000, "v_threshold": 8, "v_reset": 0})],
        None,
    ),  # a reset to 0 clears it
    "bias": ({"vth": 8, "bias_mant": 3}, [("IF", {"r": 1000, "v_threshold": 8, "v_reset": 0})], None),
    "leak": (
        {"vth": 8, "dv": 1024},
        [("LIF", {"tau": 0.004, "r": 4, "v_leak": 0, "v_threshold": 8, "v_reset": 0})],
        None,
    ),
    "gate": ({"vth": 8, "dv": 4096}, [("Threshold", {"threshold": 8.5})], 9),
    "ramp": ({"vth": 8, "du": -1}, [("I", {"r": 1000}), ("IF", {"r": 1000, "v_threshold": 8.5, "v_reset": 0})], 9),
    "current": (
        {"vth": 8, "du": 2047},
        [("LI", {"tau": 0.002, "r": 2, "v_leak": 0}), ("IF", {"r": 1000, "v_threshold": 8, "v_reset": 0})],
        None,
    ),
    "never": ({"vth": NEVER}, [("I", {"r": 1000})], None),
}


@pytest.mark.parametrize("name", NODES)
def test_nodes_of_neurons(name: str) -> None:
    """By hand: a neuron fires where v > 64 vth; NIR's numbers are v / 64."""
    fields, expected, least = NODES[name]
    net = ChipNetwork()
    net.add_population("p", shape=(2,), **{"du": 4095, "dv": 0, **fields})
    nodes = neuron_nodes(net.populations["p"], 1e-3, (2, 1))
    assert [kind for kind, _ in nodes] == [kind for kind, _ in expected]
    for (_, params), (_, values) in zip(nodes, expected, strict=True):
        assert params.keys() == values.keys()
        for key, value in values.items():
            np.testing.assert_allclose(params[key], np.full((2, 1), value), rtol=1e-15, err_msg=key)
    if least is not None:
        np.testing.assert_array_equal(threshold_int(net.populations["p"]), [least, least])


@pytest.mark.parametrize("seed", range(5))
def test_other_tools_run_what_is_lossless(seed: int, tmp_path: Path) -> None:
    """By NIR's equations alone, without our metadata, the float network sends the chip's spikes."""
    program = program_of(plain(np.random.default_rng(seed)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert export_program(program, tmp_path / "p.nir")["losses"] == []
    graph = nir.read(tmp_path / "p.nir")
    graph.metadata = {}
    for node in graph.nodes.values():
        node.metadata = {}
    nir.write(tmp_path / "bare.nir", graph)
    options = Options({"dt_s": 1e-3, "reset": "value"})
    network = made(run_passes(tmp_path / "bare.nir", "loihi2", options, stop_after="lower").network)
    spikes = spikes_for(program.net, 4, 30)
    theirs = simulate_float(network, {"in": spikes}).spikes
    ours = nd.simulate(program, spikes).spikes
    for name, delay in (("hidden", 1), ("out", 2)):
        assert ours[name].any()
        sent = ours[name].reshape(4, -1, theirs[name].shape[2])
        np.testing.assert_array_equal(sent[:, delay : delay + 28], theirs[name][:, :28])


QCFS_NEEDS = {"v0", "reset_subtract", "readout_v_last", "sample_steps"}
COMPILED: dict[str, tuple[Callable[[np.random.Generator], tuple[Program, np.ndarray[Any, Any]]], str, set[str]]] = {
    "defer": (lambda rng: of_qcfs(chain(rng), rng), "qcfs-defer", QCFS_NEEDS | {"phase"}),
    "gates": (lambda rng: of_qcfs(chain(rng), rng, gate="neurons"), "qcfs-defer", QCFS_NEEDS),
    "pascal": (lambda rng: of_qcfs(chain(rng), rng, mode="pascal"), "qcfs-pascal", QCFS_NEEDS | {"pascal"}),
    "residual": (lambda rng: of_qcfs(residual(rng), rng), "qcfs-defer", QCFS_NEEDS | {"phase", "step_latency"}),
    "ttfs": (lambda rng: of_ttfs(rng, "feature"), "ttfs", {"ramp", "fire_once", "ttfs_readout"}),
    "synapse": (lambda rng: of_ttfs(rng, "synapse"), "ttfs", {"ramp", "ttfs_readout"}),
}


def of_qcfs(model: QcfsModel, rng: np.random.Generator, **how: Any) -> tuple[Program, np.ndarray[Any, Any]]:
    made = nd.convert.qcfs(model, samples=4, **how)
    counts = rng.integers(0, made.coding.levels + 1, (3, *model.input_shape))
    return made.program, made.encode(counts * made.coding.step)


def of_ttfs(rng: np.random.Generator, fire_once: str) -> tuple[Program, np.ndarray[Any, Any]]:
    made = nd.convert.ttfs(random_net(rng, (4, 5, 3)), fire_once=fire_once, samples=4)
    return made.program, made.encode(rng.uniform(-1, 1, (3, 4)))


@pytest.mark.parametrize("name", COMPILED)
def test_what_the_exact_compilers_make_comes_back(name: str, tmp_path: Path) -> None:
    make, code, needs = COMPILED[name]
    program, spikes = make(np.random.default_rng(3))
    written(program, tmp_path / "p.nir")
    again = nd.compile(tmp_path / "p.nir", "loihi2")
    assert same_network(again.net, program.net)
    assert again.semantics["code"] == code and needs <= set(str(again.semantics["requires"]).split(","))
    assert (again.outputs, again.readout) == (program.outputs, program.readout)
    made: Any = again.semantics["exported"]
    assert made == json.loads(json.dumps(dict(program.provenance)))
    one, two = (nd.simulate(p, spikes) for p in (program, again))
    for population in program.net.populations:
        np.testing.assert_array_equal(one.spikes[population], two.spikes[population])
    assert sum(int(sent.astype(bool).sum()) for sent in one.spikes.values()) > 0
    with pytest.raises(LossyExport):
        export_program(again, tmp_path / "q.nir")
    written(again, tmp_path / "q.nir")
    assert same_network(nd.compile(tmp_path / "q.nir", "loihi2").net, program.net)


def test_a_lossy_export_is_refused_and_says_what_is_lost(tmp_path: Path) -> None:
    program = program_of(counted(np.random.default_rng(0)), readout="first_spike")
    with pytest.raises(LossyExport) as caught:
        export_program(program, tmp_path / "p.nir")
    assert not (tmp_path / "p.nir").exists()
    assert len(caught.value.lost) == 5 and "--allow-lossy" in caught.value.remedy
    text = "\n".join(caught.value.lost)
    for words in (
        "l1, read: membranes that start",
        "l1: a spike subtracts",
        "l1: a window",
        "network: the class of",
    ):
        assert words in text
    with pytest.warns(UserWarning, match="other tools will not know") as noted:
        export_program(program, tmp_path / "p.nir", allow_lossy=True)
    assert len(noted) == 5


def test_stored_programs_through_the_command(tmp_path: Path) -> None:
    program = nd.convert.function("prev(x[0], 2) & x[0]").program
    nd.save(program, tmp_path / "p.ndp")
    with pytest.raises(LossyExport):
        export_file(str(tmp_path / "p.ndp"), "nir", tmp_path / "p.nir")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts = export_file(str(tmp_path / "p.ndp"), "nir", tmp_path / "p.nir", allow_lossy=True)
    assert facts["program"].endswith("p.ndp") and facts["nodes"] >= 6
    again = nd.compile(tmp_path / "p.nir", "loihi2")
    assert same_network(again.net, program.net) and again.semantics["code"] == "logic"
    with pytest.raises(ModelError, match="options for reading"):
        export_file(str(tmp_path / "p.ndp"), "nir", tmp_path / "q.nir", Options({"reset": "value"}), allow_lossy=True)
    with pytest.raises(ModelError, match="only one meaning"):
        nd.compile(tmp_path / "p.nir", "loihi2", Options({"reset": "value"}))
    with pytest.raises(UnsupportedNode, match="integers of a program"):
        read_nir(tmp_path / "p.nir")


def test_a_convolution_over_what_is_flat_in_nir(tmp_path: Path) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(4,))
    net.add_population("flat", shape=(1, 2, 2), du=4095, vth=5)
    net.connect("in", "flat", np.ones((4, 4), int) * 2)
    net.add_population("conv", shape=(1, 1, 2), du=4095, vth=5)
    net.connect("flat", "conv", np.array([[[[2], [4]]]]), kind="conv2d")
    written(program_of(net), tmp_path / "p.nir")
    assert same_network(nd.compile(tmp_path / "p.nir", "loihi2").net, net)
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        group = next(g for g in file["node/nodes"].values() if f"metadata/{OURS}/kernel" in g)
        group["weight"][0, 0] = 6
    with pytest.raises(AmbiguousSemantics, match="not the convolution"):
        nd.compile(tmp_path / "p.nir", "loihi2")


def test_what_nir_cannot_hold_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(4,))
    net.add_population("graded", shape=(4,), model="delta")
    net.connect("in", "graded", np.eye(4, dtype=int) * 2)
    net.add_population("large", shape=(5,), vth=5)
    net.connect("graded", "large", np.ones((5, 4), int) * 2)
    monkeypatch.setattr("neurodeploy.export.nir.program.LARGEST", 16)
    with pytest.raises(CannotExport) as caught:
        export_program(program_of(net), tmp_path / "p.nir", allow_lossy=True)
    assert [o.layer for o in caught.value.obstacles] == ["graded", "large"]


Change = Callable[[h5py.File], None]


def set_metadata(name: str, value: Any) -> Change:
    def change(file: h5py.File) -> None:
        group = file[f"node/metadata/{OURS}"]
        del group[name]
        group[name] = value

    return change


def of_node(kind: str, key: str, change: Callable[[Any], Any]) -> Change:
    """Of the first node of a type, a value by its path."""

    def changed(file: h5py.File) -> None:
        nodes = file["node/nodes"]
        group = next(nodes[name] for name in sorted(nodes) if nodes[name]["type"][()].decode() == kind)
        value = change(group[key][()])
        del group[key]
        if value is not None:
            group[key] = value

    return changed


CHANGES: dict[str, tuple[Change, type[ModelError], str]] = {
    "feature": (set_metadata("requires", "v0,telepathy"), UnsupportedNode, "requires telepathy"),
    "schema": (set_metadata("schema", 99), UnsupportedNode, "schema 99"),
    "fewer": (set_metadata("requires", "v0"), AmbiguousSemantics, "its network requires 'v0,reset_subtract"),
    "threshold": (of_node("IF", "v_threshold", lambda v: v + 1), AmbiguousSemantics, "differ from the registers"),
    "gain": (of_node("IF", "r", lambda v: v * 2), AmbiguousSemantics, "differ from the registers"),
    "half": (of_node("Linear", "weight", lambda v: v + 0.5), UnreadableFile, "no integers"),
    "odd": (of_node("Linear", "weight", lambda v: v + 1), AmbiguousSemantics, "bits do not hold"),
    "large": (of_node("Linear", "weight", lambda v: v + 1000), InvalidNetwork, "weight"),
    "register": (
        of_node("IF", f"metadata/{OURS}/registers/v0", lambda v: v * 10**7),
        InvalidNetwork,
        "v0",
    ),
    "theta": (
        of_node("IF", f"metadata/{OURS}/threshold_int", lambda v: v - 1),
        AmbiguousSemantics,
        "differ from the registers",
    ),
    "missing": (of_node("IF", f"metadata/{OURS}/registers/dv", lambda v: None), UnreadableFile, "entry"),
    "reset": (of_node("IF", f"metadata/{OURS}/reset", lambda v: "perhaps"), InvalidNetwork, "reset 'perhaps'"),
    "float": (of_node("IF", f"metadata/{OURS}/registers/v0", lambda v: v + 0.5), UnreadableFile, "integers"),
    "bits": (
        of_node("Linear", f"metadata/{OURS}/num_weight_bits", lambda v: 3),
        AmbiguousSemantics,
        "3 bits do not hold",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file_is_refused(name: str, tmp_path: Path) -> None:
    change, error, words = CHANGES[name]
    written(program_of(counted(np.random.default_rng(2))), tmp_path / "p.nir")
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        change(file)
    with pytest.raises(error, match=words) as caught:
        nd.compile(tmp_path / "p.nir", "loihi2")
    assert caught.value.remedy


def test_delays_stand_twice_and_must_agree(tmp_path: Path) -> None:
    written(program_of(first_spikes(np.random.default_rng(2))), tmp_path / "p.nir")
    with h5py.File(tmp_path / "p.nir", "r+") as file:
        of_node("Delay", "delay", lambda v: v * 3)(file)
    with pytest.raises(AmbiguousSemantics, match="delays"):
        nd.compile(tmp_path / "p.nir", "loihi2")


def test_two_networks_that_differ_are_not_the_same() -> None:
    rng = np.random.default_rng
    one, other = counted(rng(1)), counted(rng(1))
    assert same_network(one, other)
    l1 = other.populations["l1"]
    other.populations["l1"] = replace(l1, window=(8, 13))
    assert not same_network(one, other)
    other.populations["l1"] = replace(l1, fields=dict(l1.fields) | {"v0": l1.fields["v0"] + 1})
    assert not same_network(one, other)
    other.populations["l1"] = l1
    assert same_network(one, other)
    other.sample_steps = 18
    assert not same_network(one, other)


def test_the_page_names_every_feature() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exact-nir.md").read_text(encoding="utf-8")
    _, _, last = page.partition("The words of `requires`")
    assert dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|$", last, re.M)) == FEATURES
