"""What a compiled function promises, counted from the integers themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.functions.lower import OUTPUT


@dataclass(frozen=True)
class Certificate:
    """Of a function on a chip.

    Attributes:
        function: As it was given.
        inputs: d.
        memory: m of a table, None of an expression.
        strategy: Of a table: ``gate``, ``flat`` or ``split``; of an expression ``composition``.
        clock: Input that has to spike in every tick, or None.
        neurons, synapses: Counted; relays and trees included.
        latency: The output of tick t is sent at t + latency.
        longest_delay: Extra ticks of a synapse, at most.
        widest_fan_in: Synapses of a neuron, at most.
        most_neurons, most_synapses: By the strategy's formula, without relays and trees; None of a composition.
        least_neurons: No acyclic wiring of threshold gates whose weights alone decide which of all functions with
            f(0) = 0 it is has fewer: n W + N >= 2^n - 1 (our bound, for our class); None of a composition.
        checked: Trains on which the chip's integers were compared with the golden model, by what choice.
    """

    function: str
    inputs: int
    memory: int | None
    strategy: str
    clock: int | None
    neurons: int
    synapses: int
    latency: int
    longest_delay: int
    widest_fan_in: int
    most_neurons: int | None
    most_synapses: int | None
    least_neurons: int | None
    checked: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def counted(net: ChipNetwork) -> dict[str, int]:
    """Neurons, synapses, latency, longest delay and widest fan-in of a lowered network."""
    fan_in = {name: np.zeros(p.size, np.int64) for name, p in net.populations.items()}
    for p in net.projections:
        rows = p.connection.pattern()
        fan_in[p.target] += np.diff(rows.indptr)
    return {
        "neurons": net.neurons,
        "synapses": int(sum(f.sum() for f in fan_in.values())),
        "latency": net.populations[OUTPUT].start,
        "longest_delay": max((p.delay for p in net.projections), default=0),
        "widest_fan_in": int(max((f.max(initial=0) for f in fan_in.values()), default=0)),
    }


def least_neurons(bits: int) -> int:
    """Smallest N with n W + N >= 2^n - 1 and W <= N n + N (N - 1) / 2: every bit and all neurons before are heard."""
    n = 1
    while bits * (n * bits + n * (n - 1) // 2) + n < 2**bits - 1:
        n += 1
    return n
