"""Current-based leaky integrate-and-fire: Lava's ``LIF``, bit for bit, with resets zero, subtract and none.

Resets ``subtract`` and ``none`` and the refractory period have no integer model in Lava: not verified against Lava.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.arithmetic import STATE_LIMIT
from neurodeploy.neurons.factors import factors
from neurodeploy.neurons.lif import DECAY_ONE, LIF_FIELDS, bias_of, current_step, membrane_step
from neurodeploy.neurons.model import Field, FloatDynamics, Floats, Ints, Rules, State, Step, TrainedModel

VTH_NEVER = 131072
"""A threshold mantissa that v can never exceed: a passive read-out, as lava-dl's netx writes it."""
THRESHOLD_SHIFT = 6
FOREVER = 2**31 - 1
"""More steps than a sample can have; as a refractory period: a neuron fires once."""


class Cuba(TrainedModel):
    """``u`` decays and takes the input, ``v`` decays and takes ``u`` and the bias; strict threshold."""

    name = "cuba"
    nir_types = ("IF", "LIF", "CubaLIF", "LI", "CubaLI", "I", "Threshold")
    resets = ("zero", "subtract", "none")
    registers = ("u", "v")
    hidden = ("frozen",)
    fields = (
        *LIF_FIELDS,
        Field("vth", 10, -131072, VTH_NEVER, "compares with any value; above 131071 never fires"),
        Field("refractory", 0, 0, 63, "has no refractory period in fixed_pt"),
    )

    dynamics = staticmethod(factors)

    def initial(self, fields: Mapping[str, Ints]) -> dict[str, Ints]:
        return {"u": fields["u0"], "v": fields["v0"], "frozen": np.zeros((), np.int64)}

    def constant_input(self, fields: Mapping[str, Ints]) -> Ints:
        return bias_of(fields)

    def kernel_fields(self, fields: Mapping[str, Ints], reset: str) -> tuple[Ints, ...]:
        how = np.array(self.resets.index(reset))
        return *(fields[f] for f in ("du", "dv", "vth", "refractory")), bias_of(fields), how

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        """As Lava 0.10.0's ``PyLifModelBitAcc``; added are two resets and the refractory period.

        A spike at t freezes v for the steps t + 1 .. t + refractory, as in Lava's float ``LIFRefractory``; u goes on.
        """
        threshold = fields["vth"] << THRESHOLD_SHIFT
        u, wraps = current_step(state["u"], inputs["a"], fields["du"])
        updated, clipped = membrane_step(state["v"], u, fields)
        updates = state["frozen"] == 0
        v = np.where(updates, updated, state["v"])
        fired = updates & (v > threshold)
        if reset == "zero":
            after = np.where(fired, 0, v)
        elif reset == "subtract":
            after = np.where(fired, v - threshold, v)
        else:
            after = v
        frozen = np.where(fired, fields["refractory"], np.maximum(state["frozen"] - 1, 0))
        registers = {"u": u, "v": after, "frozen": frozen}
        return Step(registers, (fired.astype(np.int64),), wraps, int(np.count_nonzero(updates & clipped)))

    def quantize(self, dynamics: FloatDynamics, bias: Floats, scale: Floats, rules: Rules) -> dict[str, Any]:
        """Fields at ``scale``, and their unrounded values.

        Membranes are counted from ``v_reset``, so that the chip's reset to zero is exact for any of them. A constant
        input of a neuron with a synaptic current becomes its steady state in the bias and the missing transient
        in ``u0``; both together equal the float neuron.

        Registers are whole numbers, and the chip's threshold is strict. Neurons that fire at equality get a threshold
        one register step lower, one of its field where it would fall on a step of that; or, where a spike subtracts
        it, a membrane counted one register step higher.
        """
        d = dynamics
        shift = membrane_offset(d, rules, scale)
        steady = d.k * d.w * bias / np.where(d.a == 1, np.nan, 1 - d.a)
        spiking = np.isfinite(d.theta)
        exact = {
            "du": (DECAY_ONE - 1) - DECAY_ONE * d.a,
            "dv": DECAY_ONE - DECAY_ONE * d.b,
            "vth": np.where(spiking, (d.theta - reset_membrane(d, rules)) * scale / 2**THRESHOLD_SHIFT, VTH_NEVER),
            "bias": (d.l + (d.b - 1) * shift + np.where(bias == 0, 0.0, steady)) * scale,
            "u0": np.where(d.a == 0, 0.0, (d.k * d.i0 - np.where(bias == 0, 0.0, steady)) * scale),
            "v0": (d.v0 - shift) * scale,
        }
        fields = {name: np.rint(value) for name, value in exact.items()}
        if rules.spike == "ge" and rules.reset != "subtract":
            whole = np.abs(exact["vth"] - fields["vth"]) < 1e-9 * np.maximum(1, np.abs(fields["vth"]))
            lower = np.where(whole, fields["vth"] - 1, np.rint(exact["vth"] - 2.0**-THRESHOLD_SHIFT))
            fields["vth"] = np.where(spiking, lower, fields["vth"])
        return fields | {"exact": exact}


def start_register(exact: Floats, fires: NDArray[np.bool_], vth: Ints) -> Ints:
    """Initial v of a register step, (n,): rounded, on the same side of the threshold as the float one, and in 24 bits.

    Args:
        exact: Unrounded.
        fires: Where the float membrane would fire as it stands.
        vth: Threshold mantissas.
    """
    threshold = vth.astype(np.int64) << THRESHOLD_SHIFT
    rounded = np.clip(np.rint(exact), -(STATE_LIMIT - 1), STATE_LIMIT - 1).astype(np.int64)
    return np.asarray(np.where(fires, np.maximum(rounded, threshold + 1), np.minimum(rounded, threshold)))


def membrane_offset(dynamics: FloatDynamics, rules: Rules, scale: Floats) -> Floats:
    """Float membrane that the register value 0 stands for, (n,)."""
    if rules.reset == "subtract" and rules.spike == "ge":
        return np.where(np.isfinite(dynamics.theta), -1 / scale, 0.0)
    return reset_membrane(dynamics, rules)


def reset_membrane(dynamics: FloatDynamics, rules: Rules) -> Floats:
    """Where a reset to a value takes the float membrane, (n,); 0 for other resets."""
    return np.where(np.isfinite(dynamics.theta) & (rules.reset == "value"), dynamics.v_reset, 0.0)
