"""Network: float populations and projections with explicit discrete-time semantics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Connection
from neurodeploy.connections.base import Shape
from neurodeploy.neurons.model import FloatDynamics, Rules
from neurodeploy.semantics import Semantics


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons that came from one node of the graph.

    Attributes:
        name: The user's node name.
        shape: Without batch or time.
        model: Name of the neuron model that deploys it.
        nir_type: Type of the node, e.g. ``LIF``.
        dynamics: Parameters in the models' normal form, each (size,).
        rules: When it fires and resets.
        bias: Constant input of every step, (size,): the biases of all layers on the way in.
        depth: Neuron layers between the input and this population, itself included, less the delays on the way where
            all can be met; the chip's latency in steps.
        late_bias: Further constant inputs by the step from which on they count, (size,) each: biases behind a delay.
    """

    name: str
    shape: Shape
    model: str
    nir_type: str
    dynamics: FloatDynamics
    rules: Rules
    bias: NDArray[np.float64]
    depth: int
    late_bias: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)

    @property
    def spiking(self) -> bool:
        """Whether any neuron has a threshold."""
        return bool(np.isfinite(self.dynamics.theta).any())


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear map between two populations, composed of all stateless nodes between them.

    Attributes:
        source: Name of an input or population.
        target: Name of a population.
        connection: Float weights, in the file's precision.
        delay_steps: Steps of the delays on the way, and one more where the projection closes a cycle.
        nodes: The stateless nodes it came from, in order.
        feedback: Whether it closes a cycle, and so carries the previous step's spikes.
        is_reset: Whether it stands for what a spike does to the neuron's own membrane.
    """

    source: str
    target: str
    connection: Connection
    delay_steps: int
    nodes: tuple[str, ...]
    feedback: bool = False
    is_reset: bool = False


@dataclass(frozen=True, eq=False)
class Network:
    """What was trained, in float.

    Attributes:
        inputs: Shape by input name.
        populations: In an order in which every feed-forward projection runs forward.
        projections: All of them.
        outputs: Population that each output node reads.
        semantics: The conventions under which the parameters mean what they mean.
    """

    inputs: Mapping[str, Shape]
    populations: Mapping[str, Population]
    projections: tuple[Projection, ...]
    outputs: Mapping[str, str]
    semantics: Semantics

    def incoming(self, target: str) -> Iterator[Projection]:
        """Projections into a population."""
        return (p for p in self.projections if p.target == target)

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return sum(p.size for p in self.populations.values())

    @property
    def synapses(self) -> int:
        """Number of synapses; a shared kernel counts once per use."""
        return sum(p.connection.synapses for p in self.projections)
