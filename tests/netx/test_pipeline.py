"""``.net`` files through the passes: compiled, inspected, stored and run like any other model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from netx_files import SDNN, conv, cuba, dense, write_net
from programs import assert_same_program

import neurodeploy as nd
from neurodeploy.errors import ModelError, UnsupportedFeature
from neurodeploy.evaluate import run_program
from neurodeploy.frontends.netx import read_netx
from neurodeploy.inspection import inspect_model
from neurodeploy.pipeline import run_passes

# layers, neurons, synapses with weights, read-out
SHARED = {
    "mnist_mlp.net": (3, 128 + 64 + 10, 784 * 128 + 128 * 64 + 64 * 10, "count"),
    "pilotnet_sdnn.net": (10, 158_509, None, "s_last"),
    "tiny.net": (3, 3 * 16 * 16 + 24 * 6 * 6 + 36, None, "count"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_net(tmp_path / "model.net", [dense([[40, -60], [2, 200]]), dense([[100, 50], [-20, 80]], bias=[2, 3])])


@pytest.mark.parametrize("name", SHARED)
def test_shared_files_compile_and_run(name: str, shared_file: Callable[[str], Path], tmp_path: Path) -> None:
    layers, neurons, synapses, readout = SHARED[name]
    program = nd.compile(shared_file(name), "loihi2")
    assert (len(program.net.populations), program.net.neurons, program.readout) == (layers, neurons, readout)
    assert synapses is None or program.net.synapses == synapses
    nd.save(program, tmp_path / "p.ndp")
    loaded = nd.load(tmp_path / "p.ndp")
    assert_same_program(program, loaded)
    (port,) = program.net.inputs.values()
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2 if port.message_bits == 0 else 100, (2, 12, *port.shape))
    run, scores = run_program(loaded, values)
    assert scores is not None
    assert scores.any()
    assert nd.estimate(run, loaded).cores == loaded.mapping.cores


def test_only_the_passes_for_floats_are_left_out(file: Path) -> None:
    state = run_passes(file, "loihi2", stop_after="quantize")
    assert (state.graph, state.network, state.quantization, state.mapping) == (None, None, None, None)
    assert state.net is not None
    assert run_passes(file, "loihi2").mapping is not None


def test_what_the_program_remembers(file: Path) -> None:
    program = nd.compile(file, "loihi2")
    assert program.semantics == {"format": "netx", "spike_exp": 6, "readout": "count"}
    assert (program.outputs, program.quantization, program.provenance["model"]) == (
        {"layer1": "layer1"},
        {},
        "model.net",
    )


def test_the_suffix_may_be_in_capitals(file: Path) -> None:
    assert nd.compile(file.rename(file.with_suffix(".NET")), "loihi2").readout == "count"


def test_notes_go_with_the_program(tmp_path: Path) -> None:
    file = write_net(tmp_path / "x.net", [dense([[-8, -2]])])
    with pytest.warns(UserWarning, match="-8 into -6"):
        program = nd.compile(file, "loihi2")
    (note,) = program.semantics["notes"]  # type: ignore[attr-defined, misc]
    assert "layer 0 (dense): netx on Lava would change 1 of 2 weights, such as -8 into -6" in note


def test_options_that_mean_nothing(file: Path) -> None:
    for options, words in (
        (nd.Options({"dt_s": 1e-3, "reset": None}), "--dt-s: a .net file"),
        (nd.Options(bits=6), "--bits"),
    ):
        with pytest.raises(ModelError, match=words):
            nd.compile(file, "loihi2", options)
    with pytest.raises(ModelError, match="--input-message-bits: a NIR file"):
        nd.compile(nd.load_model("digits-mlp").nir, "loihi2", nd.Options(input_message_bits=3))
    with pytest.raises(ModelError, match="no output 'out'"):
        nd.compile(file, "loihi2", nd.Options(output="out"))
    assert nd.compile(file, "loihi2", nd.Options(output="layer1")).outputs == {"layer1": "layer1"}


def test_options_for_the_input(tmp_path: Path) -> None:
    layers = [conv(np.full((1, 1, 2, 2), 2), (1, 2, 3), SDNN)]
    program = nd.compile(
        write_net(tmp_path / "x.net", layers), "loihi2", nd.Options(input_shape=(1, 3, 4), input_message_bits=8)
    )
    assert vars(program.net.inputs["input"]) == {"name": "input", "shape": (1, 3, 4), "message_bits": 8}


def test_the_chip_refuses_what_it_lacks(tmp_path: Path) -> None:
    graded = write_net(tmp_path / "a.net", [dense([[2]], SDNN)])
    with pytest.raises(UnsupportedFeature, match="sigma_delta"):
        nd.compile(graded, "loihi1")
    odd = write_net(tmp_path / "b.net", [dense([[-255, 3, 254]])])
    with pytest.raises(UnsupportedFeature, match="9-bit weights"):
        nd.compile(odd, "loihi2")
    kernel = write_net(tmp_path / "c.net", [{"type": "input", "shape": [1, 2, 2]}, conv([[[[3]]]], (1, 2, 2))])
    with pytest.raises(UnsupportedFeature, match="odd or too large kernel weights"):
        nd.compile(kernel, "loihi2")


def test_inspection(tmp_path: Path) -> None:
    file = write_net(
        tmp_path / "x.net",
        [
            {"type": "input", "shape": [2], **cuba()},
            dense([[40, -60]], type="dense_rec", weight_rec=[[6]]),
            dense([[4]], delay=7),
        ],
    )
    facts = inspect_model(file, "loihi2", nd.Options())
    assert (facts["neurons"], facts["inputs"], facts["outputs"]) == (4, {"input": [2]}, {"layer2": "layer2"})
    assert [(layer["type"], layer["depth"], layer["from"]) for layer in facts["layers"]] == [
        ("cuba", 0, ["input (direct)"]),
        ("cuba", 1, ["layer0 (dense)", "layer1 (dense, recurrent)"]),
        ("cuba", 9, ["layer1 (dense)"]),
    ]
    assert (facts["latency_steps"], facts["problems"], facts["cores"]) == (9, [], 1)
    assert "quantization" not in facts
    assert [p["layer"] for p in inspect_model(file, "loihi1", nd.Options())["problems"]] != []


def test_a_run_starts_all_layers_at_once_as_netx_does(file: Path) -> None:
    net = read_netx(file).net
    assert net.latency_steps == 0
    run = nd.simulate(net, np.zeros((3, 2), np.uint8), record={"layer1": ("v",)})
    assert run.states["layer1"]["v"][0].tolist() == [128, 192]
