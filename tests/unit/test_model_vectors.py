"""Section 11 of the integer semantics, and the examples of the others: measured on Lava 0.10.0, typed in from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.neurons import model_named
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.reference import run_reference
from neurodeploy.weights import prepare

Engine = Callable[[Plan], Outcome]
pytestmark = pytest.mark.parametrize("engine", [run_reference, run_fast])
TURN = 2751
"""trunc((1 - 0.05) * sin(2 pi / 8) * 2^12), and the same of cos."""


def run(engine: Engine, net: ChipNetwork, messages: Any, steps: int) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Messages (steps, n) of population ``out`` and its registers, for input ``in`` (T, n)."""
    inputs = {"in": np.array(messages, np.int32 if net.inputs["in"].message_bits else np.uint8)[None]}
    plan = Plan(net, inputs, steps, steps, {"out": model_named(net.populations["out"].model).registers}, False)
    outcome = engine(plan)
    return outcome.spikes["out"][0], {r: values[0] for r, values in outcome.states["out"].items()}


def driven(engine: Engine, model: str, a: Any, steps: int, port: str | None = None, **fields: Any) -> Any:
    """A population whose port gets the values ``a`` (T, n) in their own steps."""
    values = np.array(a)
    net = ChipNetwork()
    net.add_input("in", shape=values.shape[1], message_bits=32)
    net.add_population("out", shape=values.shape[1], model=model, **fields)
    net.connect("in", "out", kind="direct", port=port)
    return run(engine, net, values, steps)


def relayed(engine: Engine, weights: Any, messages: Any, steps: int, bits: int = 24, **options: Any) -> list[Any]:
    """The output of a synapse, as a graded vector sends it on."""
    net = ChipNetwork()
    net.add_input("in", shape=np.shape(messages)[1:], message_bits=bits)
    shape: tuple[int, ...] = (len(weights),)
    if options.get("kind") == "conv2d":
        (channels, _, height, width), (_, h, w) = np.shape(weights), np.shape(messages)[1:]
        shape = (channels, h - height + 1, w - width + 1)
    net.add_population("out", shape=shape, model="graded_vec", vth=0)
    net.connect("in", "out", weights, **options)
    sent, _ = run(engine, net, np.reshape(messages, (len(messages), -1)), steps)
    return sent.tolist()  # type: ignore[no-any-return]


def test_lif_trace(engine: Engine) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=1)
    net.add_population("out", shape=2, du=1000, dv=500, vth=100, bias_mant=3, bias_exp=2)
    net.connect("in", "out", [[41], [-41]])
    s, states = run(engine, net, [[t in (1, 2, 5)] for t in range(1, 13)], 12)
    assert states["u"].T.tolist() == [
        [0, 2560, 4494, 3395, 2565, 4498, 3398, 2567, 1939, 1465, 1106, 835],
        [0, -2688, -4719, -3565, -2693, -4722, -3568, -2696, -2037, -1539, -1162, -878],
    ]
    assert states["v"].T.tolist() == [
        [12, 2582, 0, 3407, 5568, 0, 3410, 5572, 0, 1477, 2414, 2966],
        [12, -2666, -7047, -9739, -11231, -14570, -16347, -17035, -16980, -16434, -15577, -14541],
    ]
    assert s.T.tolist() == [[0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0], [0] * 12]


def test_overflow_of_u(engine: Engine) -> None:
    a = [[131072, -131072, 16777214, 33554428, -33554428]]
    s, states = driven(engine, "cuba", a, 1, du=4095, dv=4095, vth=131071)
    assert states["u"][0].tolist() == [8388608, 8388608, 1056964480, 2130706176, -2130706176]
    assert s[0].tolist() == [1, 1, 1, 1, 0] and states["v"][0, 4] == -8388607


def test_no_decay_and_strict_threshold(engine: Engine) -> None:
    _, states = driven(engine, "cuba", [[0]] * 3, 3, du=-1, u0=1000, vth=131072)
    assert states["u"].ravel().tolist() == [1000] * 3
    s, states = driven(engine, "cuba", [[0] * 3], 1, vth=10, bias_mant=[639, 640, 641])
    assert s[0].tolist() == [0, 0, 1] and states["v"][0].tolist() == [639, 640, 0]


def test_scheduled_reset(engine: Engine) -> None:
    schedule = {"reset_interval": 4, "reset_offset": 2}
    _, states = driven(engine, "cuba", [[0]] * 10, 10, bias_mant=5, dv=0, vth=1000, **schedule)
    assert states["v"].ravel().tolist() == [5, 5, 10, 15, 20, 5, 10, 15, 20, 5]


def test_ternary(engine: Engine) -> None:
    fields = {"vth_hi": 2, "vth_lo": -3, "dv": 0, "bias_mant": [128, 129, -192, -193]}
    s, _ = driven(engine, "ternary_lif", [[0] * 4] * 2, 2, **fields)
    assert s.tolist() == [[0, 1, 0, -1], [1, 1, -1, -1]]


@pytest.mark.parametrize(
    ("mode", "given", "held"),
    [
        ("excitatory", [3, 5], [3, 5]),
        ("mixed", [3, -5], [2, -6]),
        ("excitatory", [300, 301], [255, 255]),
        ("inhibitory", [-256, -255, -3], [-255, -255, -3]),
        ("mixed", [3, 5], [2, 4]),
        ("mixed", [-256, -255, -3], [-256, -256, -4]),
        ("excitatory", [3, -5], [3, 0]),
    ],
)
def test_weights(engine: Engine, mode: str, given: list[int], held: list[int]) -> None:
    assert prepare(np.array(given), mode, 8).tolist() == held
    if min(given) >= -256 and max(given) <= 255 and (mode != "excitatory" or min(given) >= 0) and -256 not in given:
        spikes = np.eye(len(given), dtype=int)
        sent = relayed(engine, [given], spikes, len(given) + 1, bits=0, sign_mode=mode)
        assert [values[0] for values in sent[1:]] == held


def test_shift_of_the_sum(engine: Engine) -> None:
    assert relayed(engine, [[6], [-6]], [[1]], 2, bits=0, weight_exp=-2)[1] == [1, -2]


@pytest.mark.parametrize(
    ("kind", "delays", "shifted"),
    [("dense", None, 131071952), ("sparse", None, 131071952), ("sparse", 1, 131071952), ("dense", 1, 399507408)],
)
def test_graded_overflow(engine: Engine, kind: str, delays: int | None, shifted: int) -> None:
    for exponent, expected in ((-4, shifted), (0, 2097151238)):
        options = {"kind": kind, "delays": delays, "weight_exp": exponent}
        sent = relayed(engine, [[254] * 3], [[2**23 - 1] * 3], 3, **options)
        assert sent[2 if delays else 1] == [expected]


def test_delays(engine: Engine) -> None:
    spikes = [[t in (1, 6)] for t in range(1, 11)]
    for delay, arrivals in ((0, (2, 7)), (1, (3, 8)), (3, (5, 10))):
        sent = relayed(engine, [[6]], spikes, 10, bits=0, delays=delay)
        assert sent == [[6 * (t in arrivals)] for t in range(1, 11)]


def test_floor_by_delay(engine: Engine) -> None:
    """Two spikes that arrive together through different delays give 1 + 1, through one of them 12 >> 2."""
    both = {"weight_exp": -2, "bits": 0}
    assert relayed(engine, [[6, 6]], [[1, 0], [0, 1]], 4, delays=[[1, 0]], **both)[2] == [2]
    assert relayed(engine, [[6, 6]], [[1, 1]], 4, delays=[[1, 1]], **both)[2] == [3]


def test_kernel_order(engine: Engine) -> None:
    """The kernel [2, 10] of Lava is [10, 2] in PyTorch's order."""
    kernel = [[[[10, 2]]]]
    sent = relayed(engine, kernel, [[[[1, 0, 0]]], [[[0, 1, 0]]]], 3, bits=0, kind="conv2d")
    assert sent[1:] == [[10, 0], [2, 10]]


def test_convolution_of_24_bits(engine: Engine) -> None:
    graded = np.reshape([32767, 32768, 65536, -32768, -32769], (5, 1, 1, 1))
    sent = relayed(engine, [[[[256]]]], graded, 6, kind="conv2d")
    assert sent[1:] == [[8388352], [-8388608], [0], [-8388608], [8388352]]
    binary = np.reshape([-3, 5, 0], (3, 1, 1, 1))
    assert relayed(engine, [[[[7]]]], binary, 4, kind="conv2d", message_bits=0)[1:] == [[7], [7], [0]]


def test_rf(engine: Engine) -> None:
    fields = {"sin": TURN, "cos": TURN, "vth": 96, "state_exp": 6, "decay_bits": 12}
    s, states = driven(engine, "rf", [[5]], 12, port="a_real", **fields)
    assert states["re"].ravel().tolist() == [320, 214, 0, -192, -256, -171, 0, 153, 204, 137, 0, -123]
    assert states["im"].ravel().tolist() == [0, 214, 286, 192, 0, -171, -228, -153, 0, 137, 184, 123]
    assert np.flatnonzero(s).tolist() == [8]
    s, states = driven(engine, "rf_iz", [[5]], 12, port="a_real", **fields)
    assert states["re"].ravel().tolist() == [320, 0, -63, -84, -56, 0, 49, 64, 42, 0, -37, -48]
    assert states["im"].ravel().tolist() == [0, 95, 63, 0, -56, -74, -49, 0, 42, 56, 37, 0]
    assert np.flatnonzero(s).tolist() == [1]


def test_delta_encoder(engine: Engine) -> None:
    s, _ = driven(engine, "delta_encoder", [[x] for x in (10, 10, 500, 500, 500, 0, 0, 0)], 8, vth=3, num_bits=8)
    assert s.ravel().tolist() == [0, 10, 0, 127, 127, 127, -128, -128]


def test_both_sigma_delta_rules(engine: Engine) -> None:
    a, fields = [[100], [-70], [-5], [3], [-100]], {"vth": 64, "state_exp": 6}
    s, states = driven(engine, "sigma_delta", a, 5, **fields)
    assert s.ravel().tolist() == [1, -2, 0, 0, 0]
    assert (states["act"][-1, 0], states["residue"][-1, 0]) == (0, -30)
    s, _ = driven(engine, "sigma_delta_corrected", a, 5, **fields)
    assert s.ravel().tolist() == [1, 0, 0, 0, -1]
