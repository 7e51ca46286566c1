"""The neuron of PASCAL (Ramesh, Srinivasan, TMLR 2025, arXiv 2505.01730), in integers; no model of Lava.

The paper's float code needs a tolerance; integers need none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.arithmetic import STATE_LIMIT, wrap_int32
from neurodeploy.neurons.lif import INPUT_SHIFT
from neurodeploy.neurons.model import Field, Ints, NeuronModel, State, Step

THRESHOLD_SHIFT = 6
NO_LAVA = "has no such model"
STEPS_MOST = 2**24


class Pascal(NeuronModel):
    """Counts spikes while its input lasts, corrects the count by spikes of either sign, and sends it.

    Steps of a sample count from 0, ``k = max(steps_in, steps_out) - 1``, ``theta = vth << 6``, and v takes the input:

    * ``steps_in`` from ``begin`` on: ``v > theta``: count + 1, v - theta.
    * k after them: the same; else ``v < 0``: count - 1, v + theta.
    * ``steps_out`` after those: a spike in each, until as many as counted.

    The spikes of the first two stages stay inside; only the last ones are messages.
    """

    name = "pascal"
    registers = ("v", "count")
    hidden = ("step",)
    resets = ("subtract",)
    fields = (
        Field("vth", 10, 0, 131071, NO_LAVA),
        Field("v0", 0, -(STATE_LIMIT - 1), STATE_LIMIT - 1, NO_LAVA),
        Field("begin", 0, 0, STEPS_MOST, NO_LAVA, per_neuron=False),
        Field("steps_in", 1, 1, STEPS_MOST, NO_LAVA, per_neuron=False),
        Field("steps_out", 1, 1, STEPS_MOST, NO_LAVA, per_neuron=False),
    )

    def initial(self, fields: Mapping[str, Ints]) -> dict[str, Ints]:
        return {"v": fields["v0"], "count": np.zeros((), np.int64), "step": np.zeros((), np.int64)}

    def kernel_fields(self, fields: Mapping[str, Ints], reset: str) -> tuple[Ints, ...]:
        return tuple(fields[name] for name in ("vth", "begin", "steps_in", "steps_out"))

    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        step, begin = state["step"], fields["begin"]
        corrects = begin + fields["steps_in"]
        sends = corrects + np.maximum(fields["steps_in"], fields["steps_out"]) - 1
        wrapped = wrap_int32(inputs["a"] << INPUT_SHIFT)
        exact = state["v"] + wrapped
        v = np.clip(wrap_int32(exact), -(STATE_LIMIT - 1), STATE_LIMIT - 1)
        theta = fields["vth"] << THRESHOLD_SHIFT
        more = (step >= begin) & (step < sends) & (v > theta)
        fewer = (step >= corrects) & (step < sends) & (v < 0) & ~more
        change = more.astype(np.int64) - fewer
        sent = (step >= sends) & (step < sends + fields["steps_out"]) & (state["count"] > step - sends)
        registers = {"v": v - theta * change, "count": state["count"] + change, "step": step + 1}
        wraps = int(np.count_nonzero(wrapped != inputs["a"] << INPUT_SHIFT))
        return Step(registers, (sent.astype(np.int64),), wraps, int(np.count_nonzero(v != exact)))
