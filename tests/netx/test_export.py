"""Programs as ``.net`` files: what is written reads back as the same network, and every refusal says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netx_files import random_net, special_nets, write_net
from programs import program_of

import neurodeploy as nd
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import UnwritableFile
from neurodeploy.export.errors import CannotExport
from neurodeploy.export.netx import export_netx
from neurodeploy.frontends.netx import read_netx


def assert_same_network(a: ChipNetwork, b: ChipNetwork) -> None:
    """Everything but names."""
    assert [(i.shape, i.message_bits) for i in a.inputs.values()] == [
        (i.shape, i.message_bits) for i in b.inputs.values()
    ]
    names = dict(zip([*a.inputs, *a.populations], [*b.inputs, *b.populations], strict=True))
    for p, q in zip(a.populations.values(), b.populations.values(), strict=True):
        assert (p.shape, p.model, p.reset, p.start) == (q.shape, q.model, q.reset, q.start)
        for name in p.fields:
            np.testing.assert_array_equal(p.full(name), q.full(name), err_msg=f"{p.name} {name}")
    for x, y in zip(a.projections, b.projections, strict=True):
        assert (names[x.source], names[x.target]) == (y.source, y.target)
        for name in ("weight_exp", "num_weight_bits", "sign_mode", "delay", "message_bits", "port", "altered_weights"):
            assert getattr(x, name) == getattr(y, name), name
        assert (x.connection.kind, x.connection.geometry()) == (y.connection.kind, y.connection.geometry())
        np.testing.assert_array_equal(x.connection.weights, y.connection.weights)
        assert (x.delays is None) == (y.delays is None)
        if x.delays is not None and y.delays is not None:
            np.testing.assert_array_equal(x.delays, y.delays)


@pytest.mark.parametrize("seed", range(60))
def test_random_files_there_and_back(seed: int, tmp_path: Path) -> None:
    net = read_netx(write_net(tmp_path / "a.net", random_net(seed)[0])).net
    export_netx(program_of(net), tmp_path / "b.net")
    assert_same_network(net, read_netx(tmp_path / "b.net").net)


@pytest.mark.parametrize("label", special_nets())
def test_special_files_there_and_back(label: str, tmp_path: Path) -> None:
    layers, _, bits = special_nets()[label]
    net = read_netx(write_net(tmp_path / "a.net", layers), input_message_bits=bits or None).net
    facts = export_netx(program_of(net), tmp_path / "b.net")
    assert ("input_message_bits=13" in facts["load"]) == (bits == 13)
    assert_same_network(net, read_netx(tmp_path / "b.net", input_message_bits=bits or None).net)


def chain(*layers: dict[str, Any], projections: list[dict[str, Any]] | None = None, **source: Any) -> ChipNetwork:
    """An input of 2, populations ``a``, ``b``, ... of 2 and a matrix before each."""
    net = ChipNetwork()
    net.add_input("in", **({"shape": 2} | source))
    before = "in"
    for k, fields in enumerate(layers):
        name = "abcdef"[k]
        net.add_population(name, **({"shape": 2, "vth": 9} | fields))
        settings = (projections or [{}] * len(layers))[k]
        net.connect(before, name, **({"weights": [[40, -60], [2, 200]]} | settings))
        before = name
    return net


def exported(net: ChipNetwork, folder: Path) -> ChipNetwork:
    export_netx(program_of(net), folder / "x.net")
    return read_netx(folder / "x.net").net


def test_exponents_are_folded_into_the_weights(tmp_path: Path) -> None:
    even = [{"weights": [[16, -8], [24, 120]], "weight_exp": -2}, {"weights": [[4, -2], [6, 30]], "weight_exp": 3}]
    for net, expected in zip(
        (chain({}, projections=[even[0]]), chain({}, projections=[even[1]])),
        ([[4, -2], [6, 30]], [[32, -16], [48, 240]]),
        strict=True,
    ):
        (projection,) = exported(net, tmp_path).projections
        assert (projection.connection.weights * 2.0**projection.weight_exp).tolist() == expected


def test_sparse_matrices_and_delays_become_dense(tmp_path: Path) -> None:
    settings = {"kind": "sparse", "weights": np.array([[0, 6], [200, 0]]), "delays": np.array([[0, 3], [5, 0]])}
    (projection,) = exported(chain({}, projections=[settings]), tmp_path).projections
    assert projection.connection.kind == "dense"
    assert projection.delays is not None
    assert projection.delays.tolist() == [[0, 3], [5, 0]]


def test_a_read_out_that_never_fires(tmp_path: Path) -> None:
    net = chain({}, {"du": -1, "dv": 4096, "vth": 131072, "reset": "none"})
    model = export_netx(program_of(net), tmp_path / "x.net") and read_netx(tmp_path / "x.net")
    assert model.readout == "v_last"
    assert model.net.populations["layer2"].reset == "none"


def test_late_starts_of_layers_at_rest_are_dropped(tmp_path: Path) -> None:
    assert [p.start for p in exported(chain({"start": 1}, {"start": 2}), tmp_path).populations.values()] == [0, 0]


def test_notes(tmp_path: Path) -> None:
    program = program_of(chain({"vth": [3, 4]}, {}), outputs={"first": "a"})
    facts = export_netx(program, tmp_path / "x.net")
    per_neuron, output = facts["notes"]
    assert "per neuron (a)" in per_neuron
    assert "'first' reads layer a" in output
    assert facts["layers"] == 3
    image = ChipNetwork()
    image.add_input("in", shape=(1, 2, 3))
    image.add_population("a", shape=2)
    image.connect("in", "a", np.full((2, 6), 2))
    assert "feed it flat" in export_netx(program_of(image), tmp_path / "y.net")["notes"][0]


SDNN = {"model": "sigma_delta", "vth": 4096, "state_exp": 6}
RF = {"model": "rf", "sin": 2000, "cos": 3000, "vth": 64, "state_exp": 6, "decay_bits": 12}
ODD = {"weights": [[-8, -2], [-4, -2]], "sign_mode": "inhibitory"}
REFUSED = {
    "reset 'subtract'": chain({"reset": "subtract"}),
    "a refractory period": chain({"refractory": 3}),
    "an initial u0 or v0": chain({"v0": 3}),
    "a bias that is no multiple of 64": chain({"bias_mant": 3}),
    "a reset schedule": chain({"reset_interval": 3}),
    "neuron model 'graded_vec'": chain({"model": "graded_vec"}),
    "a start at step 3, later than its first input": chain({"start": 2}),
    "a start at step 2, later than its first input": chain(
        {"start": 1}, projections=[{"kind": "direct", "weights": None}]
    ),
    "a start at step 2 while a has a bias": chain({"start": 1, "bias_mant": 64, "bias_exp": 0}),
    "a start at step 3 while a has a bias": chain({"bias_mant": 64}, {"start": 2}),
    "that are no integers": chain({}, projections=[{"weight_exp": -2}]),
    "of which netx's loader makes others": chain({}, projections=[ODD]),
    "makes others": chain({}, projections=[{"weight_exp": 1}]),
    "all zero": chain({}, projections=[{"weights": [[0, 0], [0, 0]]}]),
    "vth = 4097, no multiple": chain(SDNN | {"vth": 4097}),
    "no multiple of 4096, its unit": chain(SDNN | {"bias": 64}),
    "state_exp = 5": chain(SDNN | {"state_exp": 5}),
    "cum_error = 1": chain(SDNN | {"cum_error": 1}),
    "without ReLU": chain(SDNN | {"relu": 0}),
    "model 'delta' behind a synapse": chain({"model": "delta", "vth": 4096, "spike_exp": 6, "state_exp": 6}),
    "messages of a taken for spikes": chain(SDNN, SDNN, projections=[{}, {"message_bits": 0}]),
    "a sparse matrix with delays": chain(
        SDNN, message_bits=8, projections=[{"kind": "sparse", "weights": np.array([[40, 7], [2, 254]]), "delays": 1}]
    ),
    "a direct connection behind other neurons": chain({}, {}, projections=[{}, {"kind": "direct", "weights": None}]),
    "a current with memory in an input layer": chain({"du": 9}, projections=[{"kind": "direct", "weights": None}]),
    "in the place of the input layer": chain(SDNN, message_bits=8, projections=[{"kind": "direct", "weights": None}]),
    "where sums may wrap earlier": chain(SDNN, message_bits=8, projections=[{"weights": [[4, -6], [2, 20]]}]),
}


@pytest.mark.parametrize("words", REFUSED)
def test_refusals(words: str, tmp_path: Path) -> None:
    with pytest.raises(CannotExport) as caught:
        export_netx(program_of(REFUSED[words]), tmp_path / "x.net")
    assert any(words in o.what for o in caught.value.obstacles), caught.value
    assert all(o.remedy and o.layer in "ab" for o in caught.value.obstacles)
    assert list(tmp_path.iterdir()) == []


def test_recurrent_messages_are_read_as_the_input_is(tmp_path: Path) -> None:
    def recurrent(input_bits: int, own: int | None) -> ChipNetwork:
        net = chain(SDNN, message_bits=input_bits, projections=[{"weights": [[40, -60], [2, 254]]}])
        net.connect("a", "a", [[2, 4], [6, 7]], message_bits=own)
        return net

    assert len(exported(recurrent(0, 0), tmp_path).projections) == 2
    with pytest.raises(CannotExport, match="messages of a taken for values"):
        exported(recurrent(0, None), tmp_path)
    with pytest.raises(CannotExport, match="messages of a taken for spikes"):
        exported(recurrent(8, 0), tmp_path)


def test_all_obstacles_are_named_in_the_order_of_the_layers(tmp_path: Path) -> None:
    with pytest.raises(CannotExport) as caught:
        export_netx(program_of(chain({"refractory": 1}, {"reset": "subtract", "v0": 3})), tmp_path / "x.net")
    error = caught.value
    assert [o.layer for o in error.obstacles] == ["a", "b", "b"]
    assert error.exit_code == 3
    assert len(error.to_dict()["obstacles"]) == 3  # type: ignore[arg-type]
    assert "(3 obstacles)" in str(error)


def test_networks_that_are_no_chain(tmp_path: Path) -> None:
    def refused(net: ChipNetwork, words: str) -> None:
        with pytest.raises(CannotExport, match=words):
            export_netx(program_of(net), tmp_path / "x.net")

    net = chain({}, {})
    net.add_input("in2", shape=2)
    net.connect("in2", "b", [[2, 4], [6, 8]])
    refused(net, "2 inputs")
    skip = chain({}, {})
    skip.connect("in", "b", [[2, 4], [6, 8]])
    refused(skip, "a branch to a, b")
    back = chain({}, {})
    back.connect("b", "a", [[2, 4], [6, 8]])
    refused(back, "input from b besides in")
    double = chain({})
    double.connect("in", "a", [[2, 4], [6, 8]])
    refused(double, "2 projections from in")
    twice = chain({})
    for _ in range(2):
        twice.connect("a", "a", [[2, 4], [6, 8]])
    refused(twice, "2 from itself")
    driven = chain({}, projections=[{"kind": "direct", "weights": None}])
    driven.connect("a", "a", [[2, 4], [6, 8]])
    refused(driven, "recurrence of input neurons")
    lonely = chain({})
    lonely.add_population("z", shape=2)
    refused(lonely, "where the chain from the input ends")


def test_convolutions(tmp_path: Path) -> None:
    def convolved(**settings: Any) -> ChipNetwork:
        net = ChipNetwork()
        net.add_input("in", shape=(1, 3, 4))
        net.add_population("a", shape=(2, 2, 3))
        net.connect("in", "a", np.full((2, 1, 2, 2), 2), kind="conv2d", **settings)
        return net

    net = convolved()
    net.add_population("b", shape=(2, 1, 2))
    net.connect("a", "b", np.full((2, 2, 2, 2), 4), kind="conv2d")
    assert [p.shape for p in exported(net, tmp_path).populations.values()] == [(2, 2, 3), (2, 1, 2)]
    with pytest.raises(CannotExport, match="delay on a convolution"):
        exported(convolved(delays=2), tmp_path)
    reshaped = convolved()
    reshaped.add_population("b", shape=(1, 3, 4))
    reshaped.connect("a", "b", np.full((12, 12), 4))
    reshaped.add_population("c", shape=(1, 2, 3))
    reshaped.connect("b", "c", np.full((1, 1, 2, 2), 4), kind="conv2d")
    with pytest.raises(CannotExport, match="netx cannot reshape|behind a layer"):
        exported(reshaped, tmp_path)
    recurrent = convolved()
    recurrent.connect("a", "a", np.full((12, 12), 4))
    with pytest.raises(CannotExport, match="a convolution beside another"):
        exported(recurrent, tmp_path)


def test_recurrence_and_delays(tmp_path: Path) -> None:
    def recurrent(forward: Any, back: Any, weight: int = 200) -> ChipNetwork:
        net = chain({"bias_exp": 6}, projections=[{"weights": [[weight, -60], [2, 4]], "delays": forward}])
        net.connect("a", "a", [[-8, 4], [2, 6]], delays=back)
        return net

    same = np.array([[1, 2], [3, 4]])
    assert_same_network(recurrent(same, same), exported(recurrent(same, same), tmp_path))
    with pytest.raises(CannotExport, match="two delay matrices"):
        exported(recurrent(same, None), tmp_path)
    with pytest.raises(CannotExport, match="2 times as large where delays and recurrence meet"):
        exported(recurrent(same, same, 100), tmp_path)


def test_resonators_keep_their_rotation(tmp_path: Path) -> None:
    """Over the whole range, although netx takes it through floats and cuts it off."""
    rng = np.random.default_rng(2)
    sin, cos = rng.integers(-2800, 2801, 3000), rng.integers(-2800, 2801, 3000)
    sin[:3], cos[:3] = (0, 5, 0), (7, 0, -9)
    net = ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("a", shape=3000, **(RF | {"sin": sin, "cos": cos}))
    for port in ("a_real", "a_imag"):
        net.connect("in", "a", np.full((3000, 1), 128), port=port, sign_mode="excitatory", num_weight_bits=1)
    fields = exported(net, tmp_path).populations["layer1"].fields
    np.testing.assert_array_equal(fields["sin"], sin)
    np.testing.assert_array_equal(fields["cos"], cos)


def test_an_existing_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.net"
    path.write_bytes(b"old")
    with pytest.raises(CannotExport):
        export_netx(program_of(chain({"v0": 1})), path)
    assert path.read_bytes() == b"old"
    with pytest.raises(UnwritableFile):
        export_netx(program_of(chain({})), tmp_path / "no" / "x.net")
    assert nd.simulate(exported(chain({}), tmp_path), np.ones((9, 2))).spikes["layer1"].any()
    assert [f.name for f in tmp_path.iterdir()] == ["x.net"]
