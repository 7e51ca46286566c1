"""Lava's ``Sigma``, ``Delta``, ``SigmaDelta`` and ``DeltaEncoder``, bit for bit; all state is int32 and wraps.

Thresholds and biases are register values: Lava's float parameters times ``2^(spike_exp + state_exp)``, truncated.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.arithmetic import wrap_int32
from neurodeploy.neurons.model import Field, Ints, NeuronModel, State, Step

VTH = Field("vth", 0, 0, 2**31 - 1, "wraps to int32", per_neuron=False)
SPIKE_EXP = Field("spike_exp", 0, 0, 31, "shifts every bit out of the word", per_neuron=False)
STATE_EXP = Field("state_exp", 0, 0, 31, "shifts every bit out of the word", per_neuron=False)
CUM_ERROR = Field("cum_error", 0, 0, 1, "takes any nonzero value for true", per_neuron=False)


class Sigma(NeuronModel):
    """Sums its input over time and sends the sum."""

    name = "sigma"
    fields = ()
    registers = ("sigma",)
    message_bits = 24

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        exact = state["sigma"] + inputs["a"]
        sigma = wrap_int32(exact)
        return Step({"sigma": sigma}, (sigma,), int(np.count_nonzero(sigma != exact)))


class Delta(NeuronModel):
    """Sends the change of its input where that reaches the threshold; what it did not send stays as residue.

    ``>=``, although Lava's documentation says ``>``. With ``cum_error`` the accumulated change is compared instead.
    """

    name = "delta"
    fields = (VTH, SPIKE_EXP, STATE_EXP, CUM_ERROR)
    registers = ("act", "residue", "err")
    message_bits = 24

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        x = inputs["a"] << fields["spike_exp"] + fields["state_exp"]
        registers, message, wraps = _released(state, wrap_int32(x), fields)
        return Step(registers, (message,), wraps + int(np.count_nonzero(x != wrap_int32(x))))


class SigmaDelta(NeuronModel):
    """Sums, activates (ReLU or unit), sends the change: the rule of Lava 0.10.0 and lava-dl.

    It forgets the bits that the message loses, so that receivers drift; ``sigma_delta_corrected`` does not.
    """

    name = "sigma_delta"
    fields: tuple[Field, ...] = (
        VTH,
        Field("bias", 0, -(2**31), 2**31 - 1, "wraps to int32"),
        STATE_EXP,
        Field("relu", 1, 0, 1, "dies", per_neuron=False),
        CUM_ERROR,
    )
    registers: tuple[str, ...] = ("sigma", "act", "residue", "err")
    message_bits = 24

    def constant_input(self, fields: Mapping[str, Ints]) -> Ints:
        return fields["bias"]

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        sigma, x, wraps = _activated(state, inputs["a"], fields)
        registers, message, more = _released(state, x, fields)
        return Step({"sigma": sigma, **registers}, (message,), wraps + more)


class SigmaDeltaCorrected(SigmaDelta):
    """The rule that Lava's main branch got after its last release (lava#875): no residue, no drift.

    ``cum_error`` is ignored there.
    """

    name = "sigma_delta_corrected"
    fields = tuple(field for field in SigmaDelta.fields if field is not CUM_ERROR)
    registers = ("sigma", "act")

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        sigma, x, wraps = _activated(state, inputs["a"], fields)
        change = wrap_int32(x - state["act"])
        message = np.where(wrap_int32(np.abs(change)) >= fields["vth"], change, 0) >> fields["state_exp"]
        exact = state["act"] + (message << fields["state_exp"])
        act = wrap_int32(exact)
        wraps += int(np.count_nonzero((change != x - state["act"]) | (act != exact)))
        return Step({"sigma": sigma, "act": act}, (message,), wraps)


class DeltaEncoder(NeuronModel):
    """An input encoder: :class:`Delta` whose messages can be clipped and leave one step late.

    ``num_bits`` 0 does not clip; what was clipped stays in the residue. Lava runs it on the host with 64-bit state:
    equal to it while no value wraps here.
    """

    name = "delta_encoder"
    fields = (VTH, SPIKE_EXP, Field("num_bits", 0, 0, 31, "shifts out of the word", per_neuron=False))
    registers = ("act", "residue", "pending")
    message_bits = 24

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        exact_x = inputs["a"] << fields["spike_exp"]
        x = wrap_int32(exact_x)
        exact = x - state["act"] + state["residue"]
        change = wrap_int32(exact)
        sent = np.where(wrap_int32(np.abs(change)) >= fields["vth"], change, 0)
        bits = int(fields["num_bits"])
        if bits:
            low, high = (
                wrap_int32(np.asarray(n << int(fields["spike_exp"]))) for n in (-(1 << bits - 1), (1 << bits - 1) - 1)
            )
            if high > 0:
                sent = np.minimum(np.maximum(sent, low), high)
        registers = {"act": x, "residue": wrap_int32(change - sent), "pending": sent}
        return Step(registers, (state["pending"],), int(np.count_nonzero((x != exact_x) | (change != exact))))


def _activated(state: State, a: Ints, fields: Mapping[str, Ints]) -> tuple[Ints, Ints, int]:
    """New sigma, activation, wraps."""
    exact = state["sigma"] + a
    sigma = wrap_int32(exact)
    x = wrap_int32(sigma + fields["bias"])
    wraps = int(np.count_nonzero((sigma != exact) | (x != sigma + fields["bias"])))
    return sigma, np.where(fields["relu"] != 0, np.maximum(x, 0), x), wraps


def _released(state: State, x: Ints, fields: Mapping[str, Ints]) -> tuple[dict[str, Ints], Ints, int]:
    """Registers, message and wraps by the released rule.

    numpy's int32 magnitude of -2^31 is -2^31, which no threshold lets pass.
    """
    exact = x - state["act"] + state["residue"]
    change = wrap_int32(exact)
    wrapped, err = change != exact, state["err"]
    if fields["cum_error"]:
        wrapped = wrapped | (wrap_int32(err + change) != err + change)
        err = wrap_int32(err + change)
        sent = np.where(wrap_int32(np.abs(err)) >= fields["vth"], change, 0)
        err = np.where(wrap_int32(np.abs(sent)) > 0, 0, err)
    else:
        sent = np.where(wrap_int32(np.abs(change)) >= fields["vth"], change, 0)
    registers = {"act": x, "residue": wrap_int32(change - sent), "err": err}
    return registers, sent >> fields["state_exp"], int(np.count_nonzero(wrapped))
