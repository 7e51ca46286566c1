"""What a ChipNetwork consists of: input ports, populations of compartments, and projections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Connection, Sparse
from neurodeploy.connections.base import Shape


@dataclass(frozen=True)
class ChipInput:
    """A port that the host feeds.

    Attributes:
        name: The user's name.
        shape: Without batch or time.
        message_bits: 0 for spikes, 0 or 1; else the signed width of graded messages, 1..32.
    """

    name: str
    shape: Shape
    message_bits: int = 0

    @property
    def size(self) -> int:
        """Number of addresses."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class ChipPopulation:
    """Compartments that share a model.

    Attributes:
        name: The user's layer name.
        shape: Without batch or time.
        model: Name of a neuron model.
        fields: Integer fields of the model, int64, each 0-d or (size,).
        reset: What a spike does to v.
        start: Steps of each sample during which the compartments stay idle (registers at their initial
            values, inputs dropped, no spikes). A layer ``n`` synapses behind the input starts at ``n``, so that
            its bias and initial state act from the step of its first input on.
        scale: Register value of v per float unit, or None for hand-made networks; 0-d or (size,).
        offset: Float membrane that v = 0 stands for; 0-d or (size,).
        reset_interval: 0, or every how many steps u and v are set to 0 (Lava's ``LIFReset``).
        reset_offset: That happens before the update of steps t with ``t mod interval == offset mod interval``.
        window: First step in which spikes are possible, and the first in which they are not any more, counted from 0
            within each sample; None: always. Outside, v integrates as ever, and neither spikes nor resets.
    """

    name: str
    shape: Shape
    model: str
    fields: Mapping[str, NDArray[np.int64]]
    reset: str
    start: int = 0
    scale: NDArray[np.float64] | None = None
    offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros(()))
    reset_interval: int = 0
    reset_offset: int = 0
    window: tuple[int, int] | None = None

    @property
    def size(self) -> int:
        """Number of compartments."""
        return math.prod(self.shape)

    def full(self, name: str) -> NDArray[np.int64]:
        """A field as (size,)."""
        return np.broadcast_to(self.fields[name], (self.size,))


@dataclass(frozen=True, eq=False)
class ChipProjection:
    """Synapses from one population or input to another population.

    Attributes:
        source: Name of the sender; ``population.output`` for a further output of a model.
        target: Name of the receiving population.
        connection: Wiring and prepared integer weights.
        weight_exp: The sum is multiplied by ``2**weight_exp`` (floor).
        num_weight_bits: 1..8, or 9 for mixed.
        sign_mode: ``mixed``, ``excitatory`` or ``inhibitory``.
        delay: Extra steps of all synapses, or of the slowest: a spike at t is integrated at ``t + 1 + delay``.
        altered_weights: How many weights the preparation clipped or cleared.
        delays: Extra steps of each synapse in the layout of the weights, or None where all have ``delay``.
        message_bits: 0 where any message but 0 counts as one spike; else messages are graded, and their values count.
        port: The target's input.
        products_wrap: Whether each product wraps to int32 and their sum does not (Lava's ``DelayDense``), instead of
            the sum. Same numbers while sums of graded messages stay within 32 bits.
    """

    source: str
    target: str
    connection: Connection
    weight_exp: int
    num_weight_bits: int
    sign_mode: str
    delay: int
    altered_weights: int = 0
    delays: NDArray[np.int64] | None = None
    message_bits: int = 0
    port: str = "a"
    products_wrap: bool = False

    @property
    def latency(self) -> int:
        """A message of step t is integrated at ``t + latency``."""
        return 0 if self.connection.kind == "direct" else 1 + self.delay

    @property
    def by_delay(self) -> tuple[ChipProjection, ...]:
        """The same synapses as projections of one delay each.

        Exact: Lava, too, floors and wraps the sum of every delay for itself before it adds them up.
        """
        if self.delays is None:
            return (self,)
        c = self.connection
        rows = c if isinstance(c, Sparse) else Sparse.keeping_zeros(c.weights, c.source_shape, c.target_shape)
        delays = self.delays.ravel()
        return tuple(
            replace(self, connection=rows.subset(delays == d), delay=int(d), delays=None) for d in np.unique(delays)
        )
