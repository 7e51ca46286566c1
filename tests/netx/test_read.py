"""Reading ``.net`` files: fields, orders, exponents, delays; and every refusal with its reason."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from netx_files import SDNN, conv, cuba, dense, write_net

import neurodeploy as nd
from neurodeploy.errors import AmbiguousSemantics, ModelError, ShapeMismatch, UnreadableFile, UnsupportedNode
from neurodeploy.frontends.netx import NetxModel, read_netx

MAP = {"type": "input", "shape": [2, 3, 4]}
RF = {"neuron/type": b"RF_PHASE", "neuron/sinDecay": 2700.5, "neuron/cosDecay": -2600.5, "neuron/vThMant": 3}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(*layers: dict[str, Any], **options: Any) -> NetxModel:
        return read_netx(write_net(tmp_path / "x.net", layers), **options)

    return read


def test_cuba_fields_and_weights(read: Any) -> None:
    model = read(dense(np.array([[3, -5], [0, 2]]), cuba(7, 100, 200), bias=[5, -6]))
    (population,) = model.net.populations.values()
    fields = {name: values.tolist() for name, values in population.fields.items() if np.any(values)}
    assert fields == {"du": 99, "dv": 200, "vth": 7, "bias_mant": [5, -6], "bias_exp": 6}
    assert (population.reset, population.start, population.model) == ("zero", 0, "cuba")
    (projection,) = model.net.projections
    assert (projection.weight_exp, projection.num_weight_bits, projection.sign_mode) == (-5, 4, "mixed")
    assert projection.connection.weights.tolist() == [[96, -160], [0, 64]]
    assert (model.readout, model.output, model.notes) == ("count", "layer0", ())


def test_a_dense_layer_without_neurons_sums_its_input(read: Any) -> None:
    model = read(dense([[2, 4]]), {"type": "dense", "shape": [1], "weight": [[6]]})
    assert model.readout == "v_last"
    run = nd.simulate(model.net, np.ones((8, 2), np.uint8), record={"layer1": ("v",)})
    spikes = run.spikes["layer0"][:, 0]
    assert 0 < spikes.sum() < 8
    assert run.states["layer1"]["v"][1:, 0].tolist() == (6 * 64 * np.cumsum(spikes)[:-1]).tolist()


def test_flat_weights(read: Any) -> None:
    model = read(dense([[1, 2, 3], [4, 5, 6]]) | {"weight": [1, 2, 3, 4, 5, 6]})
    assert (model.net.projections[0].connection.weights >> 5).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_recurrent_weights_share_the_scale_but_not_the_sign_mode(read: Any) -> None:
    model = read(dense([[4, 2]], type="dense_rec", weight_rec=[[-6]]))
    forward, back = model.net.projections
    assert (forward.weight_exp, back.weight_exp) == (-5, -5)
    assert (forward.sign_mode, back.sign_mode) == ("excitatory", "inhibitory")
    assert (forward.connection.weights.tolist(), back.connection.weights.tolist()) == ([[128, 64]], [[-192]])
    assert back.source == back.target == "layer0"


DELAYS = [
    (3, 3),
    (70, 62),
    ([1, 2, 3], [[1, 1], [2, 2], [3, 3]]),
    ([1, 2], [[1, 2], [1, 2], [1, 2]]),
    ([[1, 2], [3, 4], [5, 99]], [[1, 2], [3, 4], [5, 62]]),
]


@pytest.mark.parametrize(("given", "expected"), DELAYS)
def test_delays(read: Any, given: Any, expected: Any) -> None:
    (projection,) = read(dense([[2, 4], [6, 8], [10, 100]], delay=given)).net.projections
    found = projection.delay if projection.delays is None else projection.delays.tolist()
    assert found == expected
    assert projection.delay == np.max(expected)


def test_one_dimensional_delays_of_a_square_matrix_are_per_output(read: Any) -> None:
    (projection,) = read(dense([[2, 4], [6, 100]], delay=[0, 9])).net.projections
    assert projection.delays is not None
    assert projection.delays.tolist() == [[0, 0], [9, 9]]


def test_a_kernel_with_a_trailing_one_and_pairs(read: Any) -> None:
    kernel = np.arange(-6, 6).reshape(2, 1, 2, 3) * 2
    layer = conv(kernel[..., None], (2, 3, 2), groups=2, stride=[1, 2], padding=[1, 0], dilation=[2, 1])
    projection = read({"type": "input", "shape": [2, 3, 5]}, layer).net.projections[0]
    np.testing.assert_array_equal(projection.connection.weights, kernel)
    assert projection.connection.geometry() == {
        "stride": (1, 2),
        "padding": (1, 0),
        "dilation": (2, 1),
        "groups": (2,),
    }


@pytest.mark.parametrize(
    ("bias", "expected"),
    [
        ([1, 2, 3], np.repeat([1, 2, 3], 12)),
        (np.arange(36).reshape(4, 3, 3), np.arange(36).reshape(4, 3, 3).transpose(2, 1, 0).ravel()),
    ],
)
def test_biases_of_maps_are_per_channel_or_in_netx_order(read: Any, bias: Any, expected: Any) -> None:
    model = read(MAP, conv(np.full((3, 2, 1, 1), 2), (3, 3, 4), bias=bias))
    assert model.net.populations["layer1"].full("bias_mant").tolist() == expected.tolist()


def test_parameters_per_neuron_of_maps_are_in_netx_order(read: Any) -> None:
    vth = np.arange(1, 25).reshape(4, 3, 2)
    model = read(MAP, conv(np.full((2, 2, 1, 1), 2), (2, 3, 4), cuba(vth, i_decay=[7, 8])))
    fields = model.net.populations["layer1"].fields
    assert fields["vth"].tolist() == vth.transpose(2, 1, 0).ravel().tolist()
    assert fields["du"].tolist() == [6] * 12 + [7] * 12


def test_sigma_delta(read: Any) -> None:
    output = {"neuron/type": b"SDNN", "neuron/sigma_output": True}
    model = read(
        {"type": "input", "shape": [2], **SDNN},
        dense([[2, -2]], SDNN, bias=[-3]),
        {"type": "dense", "shape": [1], "weight": [[64]], **output},
    )
    delta, sigma_delta, sigma = model.net.populations.values()
    assert [p.model for p in (delta, sigma_delta, sigma)] == ["delta", "sigma_delta", "sigma"]
    assert {k: int(v) for k, v in delta.fields.items()} == {
        "vth": 3 << 12,
        "spike_exp": 6,
        "state_exp": 6,
        "cum_error": 0,
    }
    assert int(sigma_delta.fields["vth"]) == 3 << 12
    assert sigma_delta.fields["bias"].tolist() == [-3 << 12]
    assert [p.message_bits for p in model.net.projections] == [24, 16, 16]
    assert (model.readout, model.net.inputs["input"].message_bits) == ("s_last", 24)


def test_the_read_out_of_changes_is_their_sum(read: Any) -> None:
    assert read(dense([[2]], SDNN)).readout == "count"


def test_resonators(read: Any) -> None:
    weights = {"weight/real": [[2, 4]], "weight/imag": [[0, -6]]}
    layer = {"type": "dense", "shape": [1], **weights, **RF}
    (population,) = read(layer).net.populations.values()
    assert {k: int(v) for k, v in population.fields.items()} == {
        "sin": 2700,
        "cos": -2600,
        "vth": 192,
        "state_exp": 6,
        "decay_bits": 12,
    }
    net = read(layer | {"neuron/type": b"RF_IZHIKEVICH"}).net
    assert [p.port for p in net.projections] == ["a_real", "a_imag"]
    assert net.populations["layer0"].model == "rf_iz"


def test_rotations_that_netx_rounds_by_chance_are_said(read: Any) -> None:
    layer = {"type": "dense", "shape": [1], "weight/real": [[2]], "weight/imag": [[2]], **RF}
    with pytest.warns(UserWarning, match="may take cosDecay for one less"):
        model = read(layer | {"neuron/cosDecay": -2600})
    assert int(model.net.populations["layer0"].fields["cos"]) == -2600
    assert read(layer | {"neuron/cosDecay": 0}).notes == ()


def test_input_neurons_driven_by_their_bias(read: Any) -> None:
    model = read({"type": "input", "shape": [2], "weight": [36], "bias": [34.0], **cuba(25, 1, 1024)}, dense([[2, 4]]))
    population = model.net.populations["layer0"]
    assert population.fields["du"] == 4095
    assert model.conventions["input"] == "bias of the first layer, 36 * x + 34, as integers"
    assert (model.net.projections[0].connection.kind, model.net.inputs["input"].message_bits) == ("direct", 16)


def test_the_shape_of_the_input_from_an_option(read: Any) -> None:
    layer = conv(np.full((1, 2, 2, 2), 2), (1, 2, 3))
    assert read(layer, input_shape=(2, 3, 4)).net.inputs["input"].shape == (2, 3, 4)
    with pytest.raises(AmbiguousSemantics, match="--input-shape C,H,W"):
        read(layer)
    with pytest.raises(AmbiguousSemantics, match="drop the option"):
        read(MAP, layer, input_shape=(2, 4, 3))


def test_graded_input(read: Any) -> None:
    model = read(dense([[2]], SDNN), input_message_bits=8)
    assert (model.net.inputs["input"].message_bits, model.net.projections[0].message_bits) == (8, 8)
    with pytest.raises(AmbiguousSemantics, match="input neurons"):
        read({"type": "input", "shape": [2], **SDNN}, dense([[2, 4]]), input_message_bits=8)


NOTES = [
    (dense([[-8, -2, -4]]), "change 1 of 3 weights, such as -8 into -6"),
    (dense([[-255, -3, 0]]), "change 2 of 3 weights, such as -255 into 0"),
    (dense([[300, 2]]), "such as 300 into 0"),
    (dense([[2, 4]], type="dense_rec", weight_rec=[[-6]], delay=1) | {"weight": [[2]]}, "32 times as large"),
    (dense([[2]], cuba() | {"neuron/refDelay": 2}), "refDelay"),
    (dense([[2]], cuba() | {"neuron/gradedSpike": True}), "gradedSpike"),
    (dense([[2]], cuba() | {"neuron/wgtExp": 1}), "wgtExp"),
    (dense([[2]], SDNN | {"neuron/activation": b"unit"}), "always ReLU"),
    (dense([[2]], cuba() | {"neuron/messageBits": 0}), "messageBits"),
]


@pytest.mark.parametrize(("layer", "note"), NOTES)
def test_what_netx_does_otherwise_is_said(read: Any, layer: dict[str, Any], note: str) -> None:
    with pytest.warns(UserWarning, match=note) as caught:
        model = read(layer)
    assert len(model.notes) == len(caught) == len(model.conventions["notes"]) == 1


def test_the_weights_of_the_file_are_deployed(read: Any) -> None:
    with pytest.warns(UserWarning, match="netx"):
        (projection,) = read(dense([[-8, -2, -4]])).net.projections
    assert (projection.connection.weights * 2.0**projection.weight_exp).tolist() == [[-8, -2, -4]]
    assert projection.altered_weights == 0


FLAT = {"type": "flatten"}
WRONG = [
    ([{"type": "pool", "shape": [2]}], UnsupportedNode, "as a convolution"),
    ([{"type": "average", "shape": [2]}], UnsupportedNode, "read-out yourself"),
    ([{"type": "dense_comp", "shape": [2]}], UnsupportedNode, "weight/real and weight/imag"),
    ([{"type": "kwta", "shape": [2]}], UnsupportedNode, "skip without a word"),
    ([{"shape": [2]}], UnreadableFile, "no 'type'"),
    ([{"type": 7}], UnreadableFile, "not a string"),
    ([{"type": "input", "shape": [2]}], UnsupportedNode, "no layer of neurons"),
    ([dense([[2]]), {"type": "input", "shape": [1]}], UnsupportedNode, "behind another"),
    ([dense([[2]]), FLAT, dense([[2]])], UnsupportedNode, "cannot transpose"),
    ([{"type": "dense", "weight": [[2]]}], UnreadableFile, "no 'shape'"),
    ([dense([[2]]) | {"shape": [0]}], ShapeMismatch, "not positive"),
    ([dense([[2]]) | {"weight": "x"}], UnreadableFile, "finite numbers"),
    ([dense([[2.0]]) | {"weight": [[np.nan]]}], UnreadableFile, "finite numbers"),
    ([dense([[2.5, 1.0]])], UnsupportedNode, "2.5, not an integer"),
    ([dense([[2.0**40]])], UnreadableFile, "32 bits"),
    ([dense([[0, 0]])], UnsupportedNode, "all zero"),
    ([dense([[2, 4]]) | {"shape": [3]}], ShapeMismatch, "not .3, inputs"),
    ([dense([[-300, 5]])], UnsupportedNode, "8 bits cannot hold"),
    ([dense([[301, 2]])], UnsupportedNode, "8 bits cannot hold"),
    ([dense([[2]]), dense([[2, 4]])], ShapeMismatch, "take 2 inputs"),
    ([dense([[2, 4]], bias=[1, 2])], ShapeMismatch, "bias has shape"),
    ([dense([[2, 4]], bias=[40000])], UnsupportedNode, "bias of 40000"),
    ([dense([[2, 4]], delay=[1, 2, 3])], ShapeMismatch, "delays have shape"),
    ([dense([[2, 4]], delay=-1)], UnsupportedNode, "delay of -1"),
    ([dense([[2, 4]], type="dense_rec", weight_rec=[[2]], delay=1)], ShapeMismatch, "one delay matrix for both"),
    ([dense([[2, 4]], type="dense_rec", weight_rec=[[2, 2]])], ShapeMismatch, "weight_rec has shape"),
    ([dense([[2]], cuba(i_decay=4097))], UnsupportedNode, "iDecay = 4097"),
    ([dense([[2]], cuba(v_decay=-1))], UnsupportedNode, "vDecay = -1"),
    ([dense([[2]], cuba(vth=[1, 2]))], ShapeMismatch, "vThMant"),
    ([dense([[2]], cuba(vth=1.5))], UnsupportedNode, "1.5, not an integer"),
    ([dense([[2]], {"neuron/type": b"ALIF"})], UnsupportedNode, "does not know"),
    ([dense([[2]], {"neuron/type": b"ADRF_PHASE"})], UnsupportedNode, "without its adaptation"),
    ([dense([[2]], RF)], UnsupportedNode, "behind real weights"),
    ([{"type": "dense", "shape": [1], "weight/imag": [[2]], **RF}], UnreadableFile, "weight/real"),
    ([{"type": "dense", "shape": [1], "weight/real": [[2]], "weight/imag": [[0]], **RF}], UnsupportedNode, "all zero"),
    (
        [{"type": "dense", "shape": [1], "weight/real": [[2]], "weight/imag": [[2]], "delay": 1, **RF}],
        UnsupportedNode,
        "drops",
    ),
    (
        [{"type": "dense", "shape": [1], "weight/real": [[2]], "weight/imag": [[2]], **cuba()}],
        UnsupportedNode,
        "complex weights",
    ),
    ([dense([[2]], RF | {"neuron/sinDecay": 1e6})], UnsupportedNode, "1e+06, of 32768"),
    ([dense([[2]], SDNN | {"neuron/sigma_output": True}, bias=[1])], UnsupportedNode, "sigma output"),
    ([{"type": "input", "shape": [2], "weight": 3, **SDNN}], UnsupportedNode, "does not apply"),
    ([{"type": "input", "shape": [2], **RF}], UnsupportedNode, "RF neurons in an input layer"),
    ([MAP, conv(np.full((1, 2, 2, 2), 2), (1, 2, 2))], ShapeMismatch, "makes"),
    ([MAP, conv(np.full((1, 3, 2, 2), 2), (1, 2, 3))], ShapeMismatch, "channels"),
    ([MAP, conv(np.full((1, 2, 9, 2), 2), (1, 2, 3))], ShapeMismatch, "leaves nothing"),
    ([MAP, conv(np.full((1, 2, 2, 2), 2), (1, 2, 3), stride=[1, 1, 1])], ShapeMismatch, "not one or"),
    ([MAP, conv(np.full((1, 2, 2, 2), 2), (1, 2, 3), delay=[1])], UnsupportedNode, "does not read"),
    ([MAP, conv(np.full((1, 2, 2, 2), 2), (1, 2, 3), {})], UnsupportedNode, "without neurons"),
    ([MAP, conv(np.full((2, 2, 2, 2), 2), (2, 2, 3)), dense(np.full((1, 12), 2))], ShapeMismatch, "flatten layer"),
    ([dense([[2]]), conv(np.full((1, 1, 1, 1), 2), (1, 1, 1))], ShapeMismatch, "needs a source"),
]


@pytest.mark.parametrize(("layers", "kind", "words"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_refusals(read: Any, layers: list[dict[str, Any]], kind: type[ModelError], words: str) -> None:
    with pytest.raises(kind) as caught:
        read(*layers)
    assert words.replace("not .3", "not (3") in str(caught.value)
    assert "x.net, layer " in caught.value.where


def test_files_that_are_something_else(tmp_path: Path) -> None:
    for name, content in {"text.net": b"hello", "empty.net": b"", "cut.net": b"\x89HDF\r\n\x1a\n"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableFile):
            read_netx(tmp_path / name)
    for name in ("missing.net", ""):
        with pytest.raises(UnreadableFile, match="no such file"):
            read_netx(tmp_path / name)
    with h5py.File(tmp_path / "other.net", "w") as file:
        file["x"] = 1
    with pytest.raises(UnreadableFile, match="no group 'layer'"):
        read_netx(tmp_path / "other.net")
    with h5py.File(tmp_path / "gap.net", "w") as file:
        file["layer/1/shape"] = 1
    with pytest.raises(UnreadableFile, match="not 0, 1"):
        read_netx(tmp_path / "gap.net")


def test_datasets_larger_than_their_file_can_hold(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.net", "w") as file:
        file.create_dataset("layer/0/weight", shape=(10**6, 10**6), dtype="f4", chunks=(100, 100))
    with pytest.raises(UnreadableFile, match="claims 1000000000000 values"):
        read_netx(tmp_path / "x.net")


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    """Cut short anywhere, or with bytes changed in the part that says where everything is."""
    whole = write_net(tmp_path / "whole.net", [dense([[2, -4]], bias=[3]), dense([[2]])]).read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for k in range(120):
        damaged = bytearray(whole)
        if k % 2:
            damaged = damaged[: int(rng.integers(len(whole)))]
        else:
            damaged[int(rng.integers(2048))] = int(rng.integers(256))
        (tmp_path / "damaged.net").write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read_netx(tmp_path / "damaged.net")
            except ModelError:
                refused += 1
    assert refused > 50
