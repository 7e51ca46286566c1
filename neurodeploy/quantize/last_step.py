"""A read-out of the last step alone (LTS): its synapses are reached by the spikes of that step and no others.

The hidden layer goes on as ever. Behind it stands a copy of it without memory, a neuron for each of its own, whose
firing window is the sample's last step; the read-out listens to that one instead. A read-out without memory then has
the same membrane in its last step.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.errors import ModelError
from neurodeploy.neurons.lif import DECAY_ONE

READOUTS = ("v_last", "s_last")
WEIGHT, THRESHOLD = 2, 1
"""Of the copies: a spike is twice their threshold."""


def last_step_only(net: ChipNetwork, output: str, readout: str, steps: int) -> ChipNetwork:
    """The network for samples of ``steps`` steps with the read-out ``output`` shut off from all but the last.

    Args:
        net: Integers.
        output: The population read out, in its last step.
        readout: How, see :mod:`neurodeploy.simulate.readout`.
        steps: Of every sample's input, >= 1.

    Raises:
        ModelError: Earlier steps count for what is read out, or it listens to more than one layer.
    """
    from scipy.sparse import identity  # takes as long to import as all of this package

    def refuse(what: str, remedy: str) -> ModelError:
        return ModelError(what, where=f"last step of '{output}'", remedy=remedy)

    if readout not in READOUTS:
        raise refuse(f"read-out '{readout}' reads all steps", f"give readout {' or '.join(READOUTS)}, or no last_step")
    if steps < 1:
        raise refuse(f"samples of {steps} steps", "give 1 or more")
    reader, wires = net.populations[output], list(net.incoming(output))
    if not _forgets(reader):
        raise refuse(
            "it keeps a membrane or a current from step to step, so that earlier steps count",
            "end the network in a Linear, without neurons behind it, or leave last_step out",
        )
    sources = {wire.source for wire in wires}
    source = next(iter(sources), "")
    if len(sources) != 1 or source not in net.populations or any(w.latency != 1 or w.message_bits for w in wires):
        raise refuse(
            f"it does not listen to the spikes of one layer alone, without delay, but to {', '.join(sorted(sources))}",
            "read out one hidden layer, or leave last_step out",
        )
    if any(wire.source == output for wire in net.projections):
        raise refuse("its messages go on to other layers", "read out a layer that sends to none")
    hidden, gate = net.populations[source], f"{source}_last"
    first = hidden.start + steps
    made = replace(net, populations=dict(net.populations), projections=list(net.projections))
    made.add_population(
        gate,
        shape=hidden.shape,
        start=hidden.start + 1,
        window=(first, first + 1),
        du=DECAY_ONE - 1,
        dv=DECAY_ONE,
        vth=THRESHOLD,
    )
    made.connect(source, gate, (WEIGHT * identity(hidden.size, dtype=np.int64)).tocsr(), kind="sparse")
    made.populations[output] = replace(made.populations.pop(output), start=hidden.start + 2)  # behind it again
    made.projections = [replace(w, source=gate) if w.target == output else w for w in made.projections]
    made.sample_steps = steps + made.latency_steps
    return made


def _forgets(p: ChipPopulation) -> bool:
    """Whether nothing of a step reaches the next."""
    if p.model != "cuba" or p.reset_interval or np.any(p.fields["refractory"]):
        return False
    return bool(np.all(p.fields["du"] == DECAY_ONE - 1) and np.all(p.fields["dv"] == DECAY_ONE))
