"""The layer-synchronous integer recursion: what a deployed network must equal in every spike.

It shares no code with the engines. Every layer is stepped T times, at local steps counted from its first input on:
``u = rtz(u (4095 - du) / 2^12) + 2^6 a``; ``v = rtz(v (4096 - dv) / 2^12) + u + bias``; ``s = v > 2^6 vth``; ``v = 0``
where s; ``a`` sums the weights, times two to their exponent, of what arrived. Registers must stay within 24 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.scaling.errors import ScalingError

Ints = NDArray[np.int64]
LIMIT = 2**23


def layer_synchronous(net: ChipNetwork, spikes: NDArray[Any]) -> dict[str, NDArray[np.uint8]]:
    """Spikes (B, T, n) of each population at its local steps.

    Args:
        net: A network of ``cuba`` populations with hard resets or thresholds that are never reached, in which layers
            follow each other without skips, apart from recurrence within a layer.
        spikes: (B, T, S) of the only input.

    Raises:
        ScalingError: The network is of another kind, or a register leaves its width.
    """
    batch, steps = spikes.shape[:2]
    (port,) = net.inputs
    sent: dict[str, NDArray[np.uint8]] = {port: spikes}
    for name, population in net.populations.items():
        if population.model != "cuba" or population.reset not in ("zero", "none") or population.reset_interval:
            raise _outside(f"population '{name}'")
        fields = {field: np.broadcast_to(values, (population.size,)) for field, values in population.fields.items()}
        wires = [(p.source, _lag(net, p), p.weight_exp, _matrix(p)) for p in net.incoming(name)]
        bias = np.floor(fields["bias_mant"] * 2.0 ** fields["bias_exp"]).astype(np.int64)
        u, v = (np.tile(fields[register], (batch, 1)) for register in ("u0", "v0"))
        sent[name] = np.zeros((batch, steps, population.size), np.uint8)
        for t in range(steps):
            a = np.zeros((batch, population.size), np.int64)
            for source, lag, exponent, matrix in wires:
                if t >= lag:
                    summed = sent[source][:, t - lag].astype(np.float64) @ matrix  # whole numbers below 2^53
                    a += np.floor(summed * 2.0**exponent).astype(np.int64)
            u = _rtz(u * (4095 - fields["du"])) + (a << 6)
            v = _rtz(v * (4096 - fields["dv"])) + u + bias
            if max(np.abs(u).max(), np.abs(v).max()) >= LIMIT:
                raise _outside(f"register of '{name}' beyond 24 bits")
            fired = v > fields["vth"] << 6
            sent[name][:, t] = fired
            if population.reset == "zero":
                v[fired] = 0
    return sent


def _rtz(x: Ints) -> Ints:
    """Division by 2^12 toward zero."""
    return np.where(x >= 0, x // 4096, -(-x // 4096))


def _matrix(p: ChipProjection) -> NDArray[np.float64]:
    """Weights (n_source, n_target)."""
    if p.delays is not None or p.message_bits or p.connection.kind == "direct":
        raise _outside(f"projection '{p.source}' -> '{p.target}'")
    return np.asarray(p.connection.to_csr().toarray(), dtype=np.float64).T


def _lag(net: ChipNetwork, p: ChipProjection) -> int:
    """Local steps between a spike and its arrival: 0 from layer to layer, 1 and more within a layer."""
    start = net.populations[p.source].start if p.source in net.populations else 0
    lag = 1 + p.delay + start - net.populations[p.target].start
    if lag < (p.source == p.target):
        raise _outside(f"projection '{p.source}' -> '{p.target}'")
    return lag


def _outside(what: str) -> ScalingError:
    return ScalingError(
        f"{what} is outside the layer-synchronous recursion",
        where="golden model",
        remedy="compare such a network with `neurodeploy verify`",
    )
