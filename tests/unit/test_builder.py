"""The builder beyond current-based neurons: graded messages, ports, direct connections, pooling; its refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodeploy import ChipNetwork, simulate
from neurodeploy.errors import InvalidNetwork, ShapeMismatch, SimulationError
from neurodeploy.neurons import MODELS

ENGINES = pytest.mark.parametrize("engine", ["fast", "reference"])


def net_with(model: str, size: int = 1, bits: int = 16, **fields: Any) -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=size, message_bits=bits)
    net.add_population("out", shape=size, model=model, **fields)
    return net


@ENGINES
def test_a_direct_connection_takes_no_step_and_a_synapse_one(engine: str) -> None:
    net = net_with("sigma")
    net.connect("in", "out", kind="direct")
    net.add_population("late", shape=1, model="sigma")
    net.connect("out", "late", [[2]])
    net.add_population("same", shape=1, model="graded_vec", vth=0)
    net.connect("out", "same", kind="direct")
    run = simulate(net, np.array([[3], [0], [-5]]), steps=4, engine=engine)
    assert run.spikes["out"][:, 0].tolist() == [3, 3, -2, -2]
    assert run.spikes["same"][:, 0].tolist() == [3, 3, -2, -2]
    assert run.spikes["late"][:, 0].tolist() == [0, 6, 12, 8]
    assert run.spikes["out"].dtype == np.int32


@ENGINES
def test_binary_synapses_count_messages_and_graded_ones_weigh_them(engine: str) -> None:
    net = net_with("sigma")
    net.connect("in", "out", [[2]])
    net.add_population("count", shape=1, model="sigma")
    net.connect("in", "count", [[2]], message_bits=0)
    run = simulate(net, np.array([[7], [-3], [0]]), steps=4, engine=engine)
    assert run.spikes["out"][:, 0].tolist() == [0, 14, 8, 8]
    assert run.spikes["count"][:, 0].tolist() == [0, 2, 4, 4]
    assert run.counters.populations["in"].spikes == 2 and run.counters.populations["out"].syn_ops == 2


@ENGINES
def test_ports_and_further_outputs(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("x", shape=2, message_bits=8)
    net.add_input("y", shape=2, message_bits=8)
    net.add_population("n", shape=2, model="norm_vec_delay", vth=0)
    net.connect("x", "n", kind="direct")
    net.connect("y", "n", kind="direct", port="a2")
    net.add_population("sum", shape=1, model="sigma")
    net.connect("n.s2", "sum", [[2, 2]], weight_exp=-1)
    x, y = np.array([[3, -4], [5, 6], [0, 0]]), np.array([[1, 1], [10, -10], [7, 7]])
    run = simulate(net, {"x": x, "y": y}, engine=engine)
    assert run.spikes["n"].tolist() == [[0, 0], [30, 40], [35, 42]]
    assert run.spikes["n.s2"].tolist() == [[9, 16], [25, 36], [0, 0]]
    assert run.spikes["sum"][:, 0].tolist() == [0, 25, 86]
    assert run.counters.populations["n"].spikes == 8


@ENGINES
def test_pooling_sums_windows(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(2, 4, 5), message_bits=8)
    net.add_population("out", shape=(2, 2, 2), model="graded_vec", vth=0)
    net.connect("in", "out", 2, kind="pool2d", kernel_size=(2, 2))
    net.add_population("over", shape=(2, 3, 3), model="graded_vec", vth=0)
    net.connect("in", "over", 2, kind="pool2d", kernel_size=(2, 3), stride=(1, 1))
    maps = np.arange(40).reshape(1, 2, 4, 5) - 20
    run = simulate(net, maps, steps=2, engine=engine)
    tiles = maps[0, :, :, :4].reshape(2, 2, 2, 2, 2).sum(axis=(2, 4))
    np.testing.assert_array_equal(run.spikes["out"][1], 2 * tiles)
    windows = np.lib.stride_tricks.sliding_window_view(maps[0], (2, 3), axis=(1, 2)).sum(axis=(3, 4))
    np.testing.assert_array_equal(run.spikes["over"][1], 2 * windows)


@ENGINES
def test_a_convolution_beyond_32_bits_is_refused(engine: str) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(1, 1, 1), message_bits=32)
    net.add_population("out", shape=(1, 1, 1), model="sigma")
    net.connect("in", "out", np.full((1, 1, 1, 1), 254), kind="conv2d")
    run = simulate(net, np.full((1, 1, 1, 1), 2**22 + 1), steps=2, engine=engine)
    assert run.spikes["out"].ravel().tolist() == [0, 254 - 2**23]
    with pytest.raises(SimulationError, match=r"convolution sums to -272730423296, beyond 32 bits.*garbage"):
        simulate(net, np.full((1, 1, 1, 1), -(2**30)), steps=2, engine=engine)


def test_every_model_runs_with_its_defaults() -> None:
    for model in MODELS:
        net = net_with(model.name, 3)
        for port in model.ports:
            net.connect("in", "out", kind="direct", port=port)
        record = {"out": model.registers}
        runs = [
            simulate(net, np.arange(-6, 6).reshape(4, 3), record=record, engine=engine)
            for engine in ("fast", "reference")
        ]
        for source in runs[0].spikes:
            np.testing.assert_array_equal(runs[0].spikes[source], runs[1].spikes[source])
        assert runs[0].states["out"].keys() == set(model.registers)


WRONG: dict[str, tuple[Any, str]] = {
    "port": (lambda n: n.connect("in", "out", [[2]], port="b"), r"(?s)no input port 'b'.*known: a"),
    "direct with weights": (lambda n: n.connect("in", "out", [[2]], kind="direct"), "has no weights"),
    "direct with a delay": (lambda n: n.connect("in", "out", kind="direct", delays=1), "neither exponent nor delay"),
    "direct to itself": (
        lambda n: n.connect("out", "out", kind="direct"),
        r"(?s)not added before.*add the source first",
    ),
    "unknown output": (lambda n: n.connect("out.s2", "out", [[2]]), "nothing is called 'out.s2'"),
    "message bits": (lambda n: n.connect("in", "out", [[2]], message_bits=33), r"message_bits = 33 .*0\.\.32"),
    "input bits": (lambda n: n.add_input("b", shape=1, message_bits=-1), r"message_bits = -1 .*0\.\.32"),
    "a value per neuron": (
        lambda n: n.add_population("b", shape=2, model="delta", vth=[1, 2]),
        r"(?s)vth has shape \(2,\); it is one integer.*a population for each value",
    ),
    "out of range": (lambda n: n.add_population("b", shape=2, model="rf", decay_bits=0), "float decays at 0"),
    "unknown field": (lambda n: n.add_population("b", shape=2, model="rf", du=0), "no field 'du'"),
    "unknown reset": (lambda n: n.add_population("b", shape=2, model="rf", reset="zero"), "not a reset of model 'rf'"),
    "pool without size": (lambda n: n.connect("in", "out", 2, kind="pool2d"), "pooling needs a kernel_size"),
    "name of an output": (
        lambda n: (n.add_population("m", shape=1, model="norm_vec_delay"), n.add_input("m.s2", shape=1)),
        "'m.s2' exists already",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_builder_refuses(case: str) -> None:
    act, text = WRONG[case]
    with pytest.raises(InvalidNetwork, match=text):
        act(net_with("sigma"))


def test_sizes_of_a_direct_connection_must_agree() -> None:
    net = net_with("sigma", 3)
    net.add_population("b", shape=2, model="sigma")
    with pytest.raises(ShapeMismatch, match="direct connection of 3 to 2 neurons"):
        net.connect("in", "b", kind="direct")


@pytest.mark.parametrize(("value", "text"), [(2**15, "16 bits"), (0.5, "not an integer"), (-(2**15) - 1, "-32768")])
def test_graded_input_is_checked(value: float, text: str) -> None:
    net = net_with("sigma")
    net.connect("in", "out", kind="direct")
    with pytest.raises(SimulationError, match=rf"(?s)messages hold {value} at \(1, 0\).*{text}"):
        simulate(net, np.array([[0], [value]]))
    assert simulate(net, np.array([[-(2**15)], [2**15 - 1]])).spikes["out"][1, 0] == -1
