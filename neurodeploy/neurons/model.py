"""What a neuron model is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.semantics import Semantics

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
State = Mapping[str, Ints]
"""Registers by name, (B, n) each."""


@dataclass(frozen=True)
class Field:
    """One integer register or constant of a compartment.

    Attributes:
        name: As in the builder.
        default: Value where none is given.
        minimum: Smallest legal value.
        maximum: Largest legal value.
        lava: What Lava 0.10.0 silently does outside the range.
        per_neuron: Whether neurons of one population may differ; where not, Lava's process has one value.
    """

    name: str
    default: int
    minimum: int
    maximum: int
    lava: str
    per_neuron: bool = True


@dataclass(frozen=True)
class FloatDynamics:
    """One float population in the normal form that all of our models share, per neuron (n,).

    ``I' = a I + w x``; ``v* = b v + l + k I'``; fires where ``v* > theta``.

    Attributes:
        a: Factor of the synaptic current per step, 0 where there is none.
        w: Gain of the input into the current.
        b: Factor of the membrane per step.
        k: Gain of the current into the membrane.
        l: Constant input of the membrane (leak potential).
        theta: Threshold; infinite for neurons that never fire.
        v_reset: Membrane after a spike, for reset ``value``.
        v0: Membrane at the start of a sample.
        i0: Synaptic current at the start of a sample.
        v_min: Lower bound of the membrane after the reset; minus infinity where there is none.
    """

    a: Floats
    w: Floats
    b: Floats
    k: Floats
    l: Floats  # noqa: E741 - the symbol of the equation
    theta: Floats
    v_reset: Floats
    v0: Floats
    i0: Floats
    v_min: Floats


@dataclass(frozen=True)
class Rules:
    """When float neurons fire, and what that does to the membrane; values as of :class:`Semantics`.

    Attributes:
        reset: Mode of the reset.
        spike: Condition of a spike.
        max_spikes: Most spikes of one step, where there can be several; 0 for any number.
    """

    reset: str = "none"
    spike: str = "gt"
    max_spikes: int = 0


@dataclass(frozen=True)
class Step:
    """What one integer step makes.

    Attributes:
        state: Registers after the step, (B, n) each.
        messages: What is sent, (B, n) for each of the model's outputs.
        wraps: Values that wrapped.
        saturations: Values that were clipped.
    """

    state: State
    messages: tuple[Ints, ...]
    wraps: int = 0
    saturations: int = 0


class NeuronModel(ABC):
    """A neuron model of the integer core; stateless, so one instance serves all.

    Attributes:
        name: As in the builder, and of the C function ``nd_<name>`` that computes the same.
        fields: Integer fields.
        registers: State that users can record, in the order in which a step computes it.
        hidden: Further state.
        ports: Inputs; the first is the default one.
        outputs: Outputs; the population's name stands for the first, ``name.output`` for the others.
        resets: Resets that a spike can cause; the first is the default.
        message_bits: 0 where messages are 0 or 1, else the signed width that a graded message is meant to have.
    """

    name: str
    fields: tuple[Field, ...]
    registers: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    ports: tuple[str, ...] = ("a",)
    outputs: tuple[str, ...] = ("s",)
    resets: tuple[str, ...] = ("none",)
    message_bits: int = 0

    @property
    def state(self) -> tuple[str, ...]:
        """All registers."""
        return (*self.registers, *self.hidden)

    def initial(self, fields: Mapping[str, Ints]) -> dict[str, Ints]:
        """Registers at the start of a sample, 0-d or (n,) each."""
        return {register: np.zeros((), np.int64) for register in self.state}

    def constant_input(self, fields: Mapping[str, Ints]) -> Ints:
        """The bias that every step adds, int32 values, 0-d or (n,)."""
        return np.zeros((), np.int64)

    def kernel_fields(self, fields: Mapping[str, Ints], reset: str) -> tuple[Ints, ...]:
        """What the C function is handed, in its order; int32 values, 0-d or (n,) each."""
        return tuple(fields[field.name] for field in self.fields)

    @abstractmethod
    def integer_step(self, state: State, inputs: Mapping[str, Ints], fields: Mapping[str, Ints], reset: str) -> Step:
        """One step of (B, n) registers; ``inputs`` are the int32 sums of the synapses' outputs by port."""


class TrainedModel(NeuronModel):
    """A model that float networks use.

    Attributes:
        nir_types: The NIR nodes that it deploys.
    """

    nir_types: tuple[str, ...]

    @abstractmethod
    def dynamics(
        self,
        nir_type: str,
        size: int,
        params: Mapping[str, Floats],
        semantics: Semantics,
        given: Mapping[str, Floats],
    ) -> FloatDynamics:
        """Float normal form of a NIR node of one of ``nir_types``, or of an Output node, a sum without memory.

        Args:
            nir_type: The node's type.
            size: Number of neurons.
            params: Its parameters, (n,) each, in SI units.
            semantics: How they become factors.
            given: Fields of the result that are known already, (n,) each.
        """

    @abstractmethod
    def quantize(self, dynamics: FloatDynamics, bias: Floats, scale: Floats, rules: Rules) -> dict[str, Any]:
        """Fields, rounded, at ``scale`` (n,), register steps of v per unit of membrane; unrounded under ``exact``."""
