"""From messages to a neuron's input, in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neurodeploy.arithmetic import shift, wrap_int24, wrap_int32
from neurodeploy.chipnet import ChipProjection
from neurodeploy.connections.base import Array
from neurodeploy.errors import SimulationError
from neurodeploy.neurons.model import Ints


def arriving(
    projections: Sequence[ChipProjection],
    sent: Mapping[str, Array],
    t: int,
    ports: tuple[str, ...],
    shape: tuple[int, int],
) -> tuple[dict[str, Ints], int]:
    """Input of a population at step t by port, int32 values (B, n), and how many values wrapped on the way.

    Args:
        projections: Those into the population, of one delay each.
        sent: Messages (B, steps, n_source) by source.
        t: Step, counted from 1.
        ports: The model's inputs.
        shape: (B, n).
    """
    sums = {port: np.zeros(shape, np.int64) for port in ports}
    wrapped = 0
    for p in projections:
        emitted = t - p.latency
        if emitted >= 1:
            output, wraps = synapse_output(p, sent[p.source][:, emitted - 1])
            wrapped += wraps
            sums[p.port] += output
    inputs = {port: wrap_int32(a) for port, a in sums.items()}
    return inputs, wrapped + sum(int(np.count_nonzero(inputs[port] != a)) for port, a in sums.items())


def synapse_output(p: ChipProjection, messages: Array) -> tuple[Ints, int]:
    """Output for the messages (B, n_source) of one step, and how many values wrapped.

    Raises:
        SimulationError: A convolution's sum leaves 32 bits, where Lava's result is undefined.
    """
    c = p.connection
    if c.kind == "direct":
        return c.propagate(messages), 0
    total = c.propagate(messages if p.message_bits else messages != 0)
    if c.kind == "conv2d":
        if np.any(total != wrap_int32(total)):
            raise SimulationError(
                f"a convolution sums to {_largest(total)}, beyond 32 bits, where Lava returns garbage",
                where=f"projection '{p.source}' -> '{p.target}'",
                remedy="use smaller kernel weights or messages",
            )
        return _wrapped(total, wrap_int24(total))
    if p.products_wrap and p.message_bits:
        total, wraps = _sum_of_wrapped_products(p, messages)
        output, more = _wrapped(shift(total, p.weight_exp), wrap_int32(shift(total, p.weight_exp)))
        return output, wraps + more
    return _wrapped(shift(total, p.weight_exp), wrap_int32(shift(wrap_int32(total), p.weight_exp)))


def _wrapped(exact: Ints, output: Ints) -> tuple[Ints, int]:
    return output, int(np.count_nonzero(exact != output))


def _sum_of_wrapped_products(p: ChipProjection, messages: Array) -> tuple[Ints, int]:
    """Also how many products wrapped."""
    wires = p.connection.to_csr().tocoo()
    total = np.zeros((len(messages), p.connection.n_target), np.int64)
    wraps = 0
    for sample, sums in zip(messages.astype(np.int64), total, strict=True):
        products = wires.data.astype(np.int64) * sample[wires.col]
        np.add.at(sums, wires.row, wrap_int32(products))
        wraps += int(np.count_nonzero(products != wrap_int32(products)))
    return total, wraps


def _largest(values: Ints) -> int:
    return int(values.flat[np.abs(values).argmax()])
