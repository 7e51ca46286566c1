"""What a neuron model is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.semantics import Semantics

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """One integer register or constant of a compartment.

    Attributes:
        name: As in the builder.
        default: Value where none is given.
        minimum: Smallest legal value.
        maximum: Largest legal value.
        lava: What Lava 0.10.0 silently does outside the range.
    """

    name: str
    default: int
    minimum: int
    maximum: int
    lava: str


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
    """

    a: Floats
    w: Floats
    b: Floats
    k: Floats
    l: Floats  # noqa: E741 - the symbol of the equation
    theta: Floats
    v_reset: Floats
    v0: Floats


@dataclass(frozen=True)
class IntegerState:
    """Registers of a batch of samples, (B, n) each, and what overflowed in the last step.

    Attributes:
        u: Current.
        v: Membrane.
        refractory: Steps for which v still stays as it is.
        wraps: Values of u that wrapped.
        saturations: Values of v that were clipped.
    """

    u: Ints
    v: Ints
    refractory: Ints = field(default_factory=lambda: np.zeros((), np.int64))
    wraps: int = 0
    saturations: int = 0


class NeuronModel(ABC):
    """A neuron model of the integer core; stateless, so one instance serves all."""

    name: str
    nir_types: tuple[str, ...]
    fields: tuple[Field, ...]
    resets: tuple[str, ...]
    registers: tuple[str, ...]

    @abstractmethod
    def dynamics(self, nir_type: str, params: Mapping[str, Floats], semantics: Semantics) -> FloatDynamics:
        """Float normal form of a NIR node of one of ``nir_types``; parameters are (n,) in SI units."""

    @abstractmethod
    def float_step(
        self, current: Floats, v: Floats, x: Floats, dynamics: FloatDynamics, reset: str
    ) -> tuple[Floats, Floats, NDArray[np.uint8]]:
        """One float step of (B, n): new current, new membrane, spikes."""

    @abstractmethod
    def integer_step(
        self, state: IntegerState, a: Ints, fields: Mapping[str, Ints], reset: str
    ) -> tuple[IntegerState, NDArray[np.uint8]]:
        """One integer step: ``a`` (B, n) is the int32 sum of the synapses' outputs; returns state and spikes."""

    @abstractmethod
    def constant_input(self, fields: Mapping[str, Ints]) -> Ints:
        """The bias that every step adds, int32 values, 0-d or (n,)."""

    @abstractmethod
    def quantize(self, dynamics: FloatDynamics, bias: Floats, scale: Floats, reset: str) -> dict[str, Any]:
        """Fields, rounded, at ``scale`` (n,), register steps of v per unit of membrane; unrounded under ``exact``."""
