"""Resonate-and-fire: Lava's ``RF``, ``RF_IZ`` and ``RFZero``, bit for bit.

``sin`` and ``cos`` are the integers that Lava makes of its float parameters: for RF and RF_IZ
``trunc((1 - alpha) * sin(2 pi / period) * 2^decay_bits)``, for RFZero
``trunc(exp(-dt / tau) * sin(2 pi f dt) * 2^15)``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurodeploy.arithmetic import STATE_LIMIT, round_to_zero_shift, wrap_int32
from neurodeploy.neurons.model import Field, Ints, NeuronModel, State, Step

ZERO_BITS = 15
ROTATION = tuple(Field(name, 0, -(2**15), 2**15, "computes with any value") for name in ("sin", "cos"))


class _Resonator(NeuronModel):
    """A damped rotation of ``re + i im``; each product is rounded toward zero for itself, the sums saturate."""

    ports = ("a_real", "a_imag")
    registers = ("re", "im")
    fields = (
        *ROTATION,
        Field("vth", 1, -(2**31), 2**31 - 1, "wraps to int32", per_neuron=False),
        Field("state_exp", 0, 0, 31, "shifts every bit out of the word", per_neuron=False),
        Field("decay_bits", 12, 1, 15, "computes with float decays at 0", per_neuron=False),
    )

    def _rotated(
        self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints]
    ) -> tuple[Ints, Ints, int, int]:
        """New re and im, wraps, saturations."""
        re, im, sin, cos = state["re"], state["im"], fields["sin"], fields["cos"]
        bits = int(fields["decay_bits"])
        exact_inputs = [inputs[port] << fields["state_exp"] for port in self.ports]
        a_real, a_imag = (wrap_int32(a) for a in exact_inputs)
        exact_re = round_to_zero_shift(cos * re, bits) - round_to_zero_shift(sin * im, bits) + a_real
        exact_im = round_to_zero_shift(sin * re, bits) + round_to_zero_shift(cos * im, bits) + a_imag
        wraps = sum(int(np.count_nonzero(a != wrap_int32(a))) for a in exact_inputs)
        new_re, new_im = (np.clip(x, -(STATE_LIMIT - 1), STATE_LIMIT - 1) for x in (exact_re, exact_im))
        saturations = int(np.count_nonzero(new_re != exact_re)) + int(np.count_nonzero(new_im != exact_im))
        return new_re, new_im, wraps, saturations


class Rf(_Resonator):
    """Fires where the phase passes zero while re has reached the threshold; no reset."""

    name = "rf"

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        re, im, wraps, saturations = self._rotated(state, inputs, fields)
        fired = (re >= fields["vth"]) & (im >= 0) & (state["im"] < 0)
        return Step({"re": re, "im": im}, (fired.astype(np.int64),), wraps, saturations)


class RfIz(_Resonator):
    """Fires where im reaches the threshold; then re becomes 0 and im one less than the threshold."""

    name = "rf_iz"
    resets = ("zero",)

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        re, im, wraps, saturations = self._rotated(state, inputs, fields)
        fired = im >= fields["vth"]
        registers = {"re": np.where(fired, 0, re), "im": np.where(fired, wrap_int32(fields["vth"] - 1), im)}
        return Step(registers, (fired.astype(np.int64),), wraps, saturations)


class RfZero(NeuronModel):
    """Sends u where the phase passes zero while u exceeds the threshold; products are int32 and wrap, then floor."""

    name = "rf_zero"
    ports = ("u_in", "v_in")
    registers = ("u", "v")
    message_bits = 24
    fields = (*ROTATION, Field("uth", 1, -(2**31), 2**31 - 1, "wraps to int32", per_neuron=False))

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        u, v, sin, cos = state["u"], state["v"], fields["sin"], fields["cos"]
        wrapped = np.zeros(u.shape, bool)

        def times(x: Ints, factor: Ints) -> Ints:
            nonlocal wrapped
            wrapped = wrapped | (x * factor != wrap_int32(x * factor))
            return wrap_int32(x * factor) >> ZERO_BITS

        exact_u = times(u, cos) - times(v, sin) + inputs["u_in"]
        exact_v = times(v, cos) + times(u, sin) + inputs["v_in"]
        new_u, new_v = wrap_int32(exact_u), wrap_int32(exact_v)
        fires: NDArray[np.bool_] = (new_u > fields["uth"]) & (new_v >= 0) & (v < 0)
        wraps = int(np.count_nonzero(wrapped | (new_u != exact_u) | (new_v != exact_v)))
        return Step({"u": new_u, "v": new_v}, (np.where(fires, new_u, 0),), wraps)
