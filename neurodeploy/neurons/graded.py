"""Graded vectors: Lava's ``GradedVec``, ``GradedReluVec``, ``ProdNeuron`` and ``NormVecDelay``, bit for bit.

No state but where said; numpy's int32 magnitude of -2^31 is -2^31, which no threshold lets pass.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.arithmetic import wrap_int32
from neurodeploy.neurons.model import Field, Ints, NeuronModel, State, Step

VTH = Field("vth", 1, 0, 2**31 - 1, "wraps to int32", per_neuron=False)


class GradedVec(NeuronModel):
    """Sends its input where the magnitude exceeds the threshold."""

    name = "graded_vec"
    fields = (VTH,)
    message_bits = 24

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        return Step({}, (_above(inputs["a"], fields["vth"]),))


class GradedReluVec(NeuronModel):
    """Sends its input where that exceeds the threshold."""

    name = "graded_relu_vec"
    fields = (VTH,)
    message_bits = 24

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        return Step({}, (np.where(inputs["a"] > fields["vth"], inputs["a"], 0),))


class Prod(NeuronModel):
    """Sends the product of its two inputs, shifted right by ``exp``, where the magnitude exceeds the threshold."""

    name = "prod"
    fields = (VTH, Field("exp", 0, 0, 31, "shifts every bit out of the word", per_neuron=False))
    ports = ("a1", "a2")
    message_bits = 24

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        exact = inputs["a1"] * inputs["a2"]
        product = wrap_int32(exact)
        message = _above(product >> fields["exp"], fields["vth"])
        return Step({}, (message,), int(np.count_nonzero(product != exact)))


class NormVecDelay(NeuronModel):
    """Sends the square of ``a1`` on ``s2``, and on ``s`` the ``a1`` of the step before times ``a2``.

    Lava's documentation says two steps before. Register ``v`` is the last ``a1``.
    """

    name = "norm_vec_delay"
    fields = (VTH,)
    registers = ("v",)
    ports = ("a1", "a2")
    outputs = ("s", "s2")
    message_bits = 24

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        exact_square, exact = inputs["a1"] * inputs["a1"], state["v"] * inputs["a2"]
        square, product = wrap_int32(exact_square), wrap_int32(exact)
        wraps = int(np.count_nonzero(square != exact_square)) + int(np.count_nonzero(product != exact))
        return Step({"v": inputs["a1"]}, (_above(product, fields["vth"]), square), wraps)


def _above(x: Ints, vth: Ints) -> Ints:
    return np.where(wrap_int32(np.abs(x)) > vth, x, 0)
