"""A bound of cores that needs no partition."""

from __future__ import annotations

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.rows import payload_bits
from neurodeploy.target_schema import Target


def fewest_cores(net: ChipNetwork, target: Target) -> int:
    """Cores that any mapping needs: for the neurons, and for the weights and delays of unshared synapses."""
    core = target.core
    bits = sum(
        p.connection.synapses * payload_bits(p, target)
        for p in net.projections
        if p.connection.kind in ("dense", "sparse")
    )
    room = core.synapse_words.value * core.word_bits.value
    return max(1, -(-net.neurons // core.neurons.value), -(-bits // room))
