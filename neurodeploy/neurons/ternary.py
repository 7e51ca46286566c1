"""Lava's ``TernaryLIF``, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.neurons.lif import LIF_FIELDS, bias_of, current_step, membrane_step
from neurodeploy.neurons.model import Field, Ints, NeuronModel, State, Step

THRESHOLD_SHIFT = 6


class TernaryLif(NeuronModel):
    """As ``cuba``; sends +1 above the upper threshold, -1 below the lower one, both strict, and resets v to 0."""

    name = "ternary_lif"
    registers = ("u", "v")
    resets = ("zero",)
    message_bits = 2
    fields = (
        *LIF_FIELDS,
        Field("vth_hi", 10, -131072, 131072, "compares with any value", per_neuron=False),
        Field("vth_lo", -10, -131072, 131072, "compares with any value", per_neuron=False),
    )

    def initial(self, fields: Mapping[str, Ints]) -> dict[str, Ints]:
        return {"u": fields["u0"], "v": fields["v0"]}

    def constant_input(self, fields: Mapping[str, Ints]) -> Ints:
        return bias_of(fields)

    def kernel_fields(self, fields: Mapping[str, Ints], reset: str) -> tuple[Ints, ...]:
        return *(fields[f] for f in ("du", "dv", "vth_hi", "vth_lo")), bias_of(fields)

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        u, wraps = current_step(state["u"], inputs["a"], fields["du"])
        v, clipped = membrane_step(state["v"], u, fields)
        above, below = v > fields["vth_hi"] << THRESHOLD_SHIFT, v < fields["vth_lo"] << THRESHOLD_SHIFT
        message = above.astype(np.int64) - below
        registers = {"u": u, "v": np.where(message != 0, 0, v)}
        return Step(registers, (message,), wraps, int(np.count_nonzero(clipped)))
