"""Current-based leaky integrate-and-fire: Lava's ``LIF``, bit for bit, with resets zero, subtract and none.

Resets ``subtract`` and ``none`` and the refractory period have no integer model in Lava: not verified against Lava.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.arithmetic import STATE_LIMIT, round_to_zero_shift, wrap_int32
from neurodeploy.neurons.model import Field, FloatDynamics, Floats, IntegerState, Ints, NeuronModel
from neurodeploy.semantics import Semantics

DECAY_ONE = 4096
VTH_NEVER = 131072
"""A threshold mantissa that v can never exceed: a passive read-out, as lava-dl's netx writes it."""
THRESHOLD_SHIFT = 6
INPUT_SHIFT = 6


class Cuba(NeuronModel):
    """``u`` decays and takes the input, ``v`` decays and takes ``u`` and the bias; strict threshold."""

    name = "cuba"
    nir_types = ("IF", "LIF", "CubaLIF", "LI", "CubaLI")
    resets = ("zero", "subtract", "none")
    registers = ("u", "v")
    fields = (
        Field("du", 4095, -1, 4095, "computes with the value as it is, or dies on a float"),
        Field("dv", 0, 0, 4096, "computes with the value as it is, or dies on a float"),
        Field("vth", 10, -131072, VTH_NEVER, "compares with any value; above 131071 never fires"),
        Field("bias_mant", 0, -32768, 32767, "wraps to int16: 40000 becomes -25536"),
        Field("bias_exp", 0, -31, 31, "shifts by the value modulo the word size"),
        Field("u0", 0, -(2**23 - 1), 2**23, "keeps values outside 24 bits"),
        Field("refractory", 0, 0, 63, "has no refractory period in fixed_pt"),
        Field("v0", 0, -(2**23 - 1), 2**23 - 1, "keeps values outside 24 bits until the first step"),
    )

    def dynamics(self, nir_type: str, params: Mapping[str, Floats], semantics: Semantics) -> FloatDynamics:
        p, dt_s = params, semantics.dt_s
        zero = np.zeros_like(p["r"])
        one = np.ones_like(p["r"])

        def decay(tau_s: Floats) -> Floats:
            return 1 - dt_s / tau_s if semantics.decay == "euler" else np.exp(-dt_s / tau_s)

        if nir_type == "IF":
            b, leak = one, zero
            k = p["r"] * dt_s if semantics.if_gain == "r_dt" else one
        else:
            b = decay(p["tau_mem_s"])
            k = p["r"] * (1 - b)
            leak = p["v_leak"] * (1 - b)
        if nir_type in ("CubaLIF", "CubaLI"):
            a = decay(p["tau_syn_s"])
            w = p["w_in"] * (1 - a)
        else:
            a, w = zero, one
        v_reset = p.get("v_reset", zero)
        start = {"zero": zero, "v_leak": p.get("v_leak", zero), "v_reset": v_reset}[semantics.v_init]
        theta = p.get("v_threshold", np.full_like(zero, np.inf))
        return FloatDynamics(a, w, b, k, leak, theta, v_reset, start)

    def float_step(
        self, current: Floats, v: Floats, x: Floats, dynamics: FloatDynamics, reset: str
    ) -> tuple[Floats, Floats, NDArray[np.uint8]]:
        d = dynamics
        current = d.a * current + d.w * x
        before = d.b * v + d.l + d.k * current
        fired = before > d.theta
        if reset == "value":
            after = np.where(fired, d.v_reset, before)
        elif reset == "subtract":
            after = np.where(fired, before - d.theta, before)
        else:
            after = before
        return current, after, fired.astype(np.uint8)

    def integer_step(
        self, state: IntegerState, a: Ints, fields: Mapping[str, Ints], reset: str
    ) -> tuple[IntegerState, NDArray[np.uint8]]:
        """As Lava 0.10.0's ``PyLifModelBitAcc``; added are two resets and the refractory period.

        A spike at t freezes v for the steps t + 1 .. t + refractory, as in Lava's float ``LIFRefractory``; u goes on.
        """
        f = fields
        bias = self.constant_input(fields)
        threshold = f["vth"] << THRESHOLD_SHIFT
        exact_u = round_to_zero_shift(state.u * (DECAY_ONE - 1 - f["du"]), 12) + wrap_int32(a << INPUT_SHIFT)
        u = wrap_int32(exact_u)
        u = np.where(u > STATE_LIMIT, u - 2**24, np.where(u <= -STATE_LIMIT, u + 2**24, u))
        exact_v = round_to_zero_shift(state.v * (DECAY_ONE - f["dv"]), 12) + u + bias
        updates = state.refractory == 0
        v = np.where(updates, np.clip(wrap_int32(exact_v), -(STATE_LIMIT - 1), STATE_LIMIT - 1), state.v)
        fired = updates & (v > threshold)
        if reset == "zero":
            after = np.where(fired, 0, v)
        elif reset == "subtract":
            after = np.where(fired, v - threshold, v)
        else:
            after = v
        overflow = (u != exact_u) | (a << INPUT_SHIFT != wrap_int32(a << INPUT_SHIFT))
        refractory = np.where(fired, f["refractory"], np.maximum(state.refractory - 1, 0))
        saturated = int(np.count_nonzero(updates & (v != exact_v)))
        return IntegerState(u, after, refractory, int(np.count_nonzero(overflow)), saturated), fired.astype(np.uint8)

    def constant_input(self, fields: Mapping[str, Ints]) -> Ints:
        mantissa, exponent = fields["bias_mant"], fields["bias_exp"]
        up, down = np.maximum(exponent, 0), np.maximum(-exponent, 0)
        return wrap_int32(np.where(exponent >= 0, mantissa << up, mantissa >> down))

    def quantize(self, dynamics: FloatDynamics, bias: Floats, scale: Floats, reset: str) -> dict[str, Any]:
        """Fields at ``scale``, and their unrounded values.

        Membranes are counted from ``v_reset``, so that the chip's reset to zero is exact for any of them. A constant
        input of a neuron with a synaptic current becomes its steady state in the bias and the missing transient
        in ``u0``; both together equal the float neuron.
        """
        d = dynamics
        shift = membrane_offset(d, reset)
        steady = d.k * d.w * bias / np.where(d.a == 1, np.nan, 1 - d.a)
        spiking = np.isfinite(d.theta)
        exact = {
            "du": (DECAY_ONE - 1) - DECAY_ONE * d.a,
            "dv": DECAY_ONE - DECAY_ONE * d.b,
            "vth": np.where(spiking, (d.theta - shift) * scale / 2**THRESHOLD_SHIFT, VTH_NEVER),
            "bias": (d.l + (d.b - 1) * shift + np.where(bias == 0, 0.0, steady)) * scale,
            "u0": np.where((bias == 0) | (d.a == 0), 0.0, -steady * scale),
            "v0": (d.v0 - shift) * scale,
        }
        return {name: np.rint(value) for name, value in exact.items()} | {"exact": exact}


def membrane_offset(dynamics: FloatDynamics, reset: str) -> Floats:
    """Float membrane that the register value 0 stands for, (n,)."""
    resets_to_value = np.isfinite(dynamics.theta) & (reset == "value")
    return np.where(resets_to_value, dynamics.v_reset, 0.0)
