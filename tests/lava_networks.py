"""Small networks of sigma-delta and of resonator neurons, and messages for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork


def sigma_delta_network() -> ChipNetwork:
    """Delta, convolution, sigma-delta with biases that start late, a delay, a second input port and a ternary layer."""
    rng, net = np.random.default_rng(4), ChipNetwork()
    net.add_input("image", shape=(2, 5, 6), message_bits=8)
    net.add_population("in \"'''delta", shape=(2, 5, 6), model="delta", vth=192, spike_exp=6)
    net.connect("image", "in \"'''delta", kind="direct")
    net.add_population(
        "conv", shape=(4, 6, 2), model="sigma_delta", vth=70, bias=rng.integers(-999, 999, 48), state_exp=6, start=1
    )
    geometry: dict[str, Any] = {"stride": (1, 2), "padding": (1, 0), "groups": 2}
    net.connect("in \"'''delta", "conv", rng.integers(-20, 20, (4, 1, 2, 3)) * 2, kind="conv2d", **geometry)
    net.add_population("prod", shape=48, model="prod", vth=2, exp=4, start=2)
    eye = np.eye(48, dtype=int) * 64
    net.connect("conv", "prod", eye, kind="sparse", weight_exp=-6, port="a1")
    net.connect("conv", "prod", eye, kind="sparse", weight_exp=-6, delays=2, port="a2")
    net.add_population("out", shape=(2, 3), model="sigma_delta", vth=1, bias=40, relu=0, start=3, cum_error=1)
    net.connect("prod", "out", rng.integers(-60, 60, (6, 48)), weight_exp=-7, delays=rng.integers(0, 3, (6, 48)))
    return net


def resonator_network() -> ChipNetwork:
    """RF, RF_IZ, RFZero and graded vectors, second outputs, a delta encoder and an inverted ternary layer."""
    rng, net = np.random.default_rng(5), ChipNetwork()
    net.add_input("x", shape=6, message_bits=12)
    net.add_population("encoder", shape=6, model="delta_encoder", vth=9, num_bits=8)
    net.connect("x", "encoder", kind="direct")
    turn = {"sin": rng.integers(-3000, 3000, 6), "cos": 2900}
    net.add_population("rf", shape=6, model="rf", **turn, vth=300, state_exp=4)
    net.add_population("iz", shape=6, model="rf_iz", **turn, vth=500)
    net.add_population("zero", shape=6, model="rf_zero", sin=20000, cos=-25000, uth=-3)
    for name, ports in (("rf", ("a_real", "a_imag")), ("iz", ("a_real", "a_imag")), ("zero", ("u_in", "v_in"))):
        for port in ports:
            net.connect("encoder", name, rng.integers(-99, 99, (6, 6)), weight_exp=-2, port=port)
    net.add_population("norm", shape=6, model="norm_vec_delay", vth=3)
    net.connect("zero", "norm", kind="direct", port="a1")
    net.connect("encoder", "norm", rng.integers(-99, 99, (6, 6)), port="a2")
    net.add_population("relu", shape=6, model="graded_relu_vec", vth=5)
    net.connect("norm.s2", "relu", kind="direct")
    net.add_population("ternary", shape=4, model="ternary_lif", vth_hi=-4, vth_lo=3, dv=900, bias_mant=7)
    for name in ("rf", "iz", "norm", "relu"):
        net.connect(name, "ternary", rng.integers(-99, 99, (4, 6)), message_bits=0)
    net.add_population("out", shape=4, model="sigma")
    net.connect("ternary", "out", kind="direct")
    return net


def messages(net: ChipNetwork, samples: int = 3, steps: int = 14) -> NDArray[np.int64]:
    """Graded input of 8 bits for a network of one input, (samples, steps, *shape)."""
    (port,) = net.inputs.values()
    values = np.random.default_rng(6).integers(-120, 120, (samples, steps, *port.shape))
    return values * (np.random.default_rng(7).random(values.shape) < 0.7)
