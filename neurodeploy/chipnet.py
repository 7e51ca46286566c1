"""ChipNetwork: the integers a chip would hold, and the builder that makes them by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodeploy.chipnet_parts import ChipInput, ChipPopulation, ChipProjection
from neurodeploy.chipnet_rules import (
    check_integer_dtype,
    check_range,
    legal_delays,
    legal_fields,
    legal_shape,
    legal_steps,
    wire,
)
from neurodeploy.connections import Connection
from neurodeploy.connections.base import Shape, frozen
from neurodeploy.errors import InvalidNetwork, ShapeMismatch, did_you_mean
from neurodeploy.neurons import MODELS, model_named
from neurodeploy.weights import LIMITS, SIGN_MODES, prepare

__all__ = ["ChipInput", "ChipNetwork", "ChipPopulation", "ChipProjection"]

WEIGHT_EXP_LIMIT = 16
DELAY_LIMIT = 62


@dataclass(eq=False)
class ChipNetwork:
    """An integer network. Populations and inputs share one name space; order of addition is kept.

    Example:
        >>> net = ChipNetwork()
        >>> net.add_input("in", shape=(2,))
        >>> net.add_population("out", shape=(1,), vth=100)
        >>> net.connect("in", "out", [[40, -42]])
    """

    inputs: dict[str, ChipInput] = field(default_factory=dict)
    populations: dict[str, ChipPopulation] = field(default_factory=dict)
    projections: list[ChipProjection] = field(default_factory=list)

    def add_input(self, name: str, *, shape: tuple[int, ...] | int) -> None:
        """Add an input port of ``shape``.

        Raises:
            InvalidNetwork: The name is taken or the shape is empty.
        """
        self._check_new(name)
        self.inputs[name] = ChipInput(name, legal_shape(shape, name))

    def add_population(
        self,
        name: str,
        *,
        shape: tuple[int, ...] | int,
        model: str = "cuba",
        reset: str = "zero",
        start: int = 0,
        reset_interval: int = 0,
        reset_offset: int = 0,
        scale: Any = None,
        offset: Any = 0.0,
        **fields: Any,
    ) -> None:
        """Add compartments.

        Args:
            name: Unique name.
            shape: Without batch or time.
            model: A neuron model; its fields are the remaining keywords, each an integer, or integers of ``shape``.
                For ``cuba``: du -1..4095, dv 0..4096, vth, bias_mant, bias_exp, u0, v0, refractory 0..63.
            reset: ``zero``, ``subtract`` or ``none``.
            start: Idle steps at the start of each sample, see :class:`ChipPopulation`.
            reset_interval: 0, or set u and v to 0 every so many steps, see :class:`ChipPopulation`.
            reset_offset: In which steps.
            scale: Register value per float unit, to read v back in float.
            offset: Float membrane at v = 0.

        Raises:
            InvalidNetwork: Names field, value, legal range and what Lava would have done.
        """
        self._check_new(name)
        known = {m.name for m in MODELS}
        if model not in known:
            raise InvalidNetwork(
                f"no neuron model '{model}'", where=f"population '{name}'", remedy=did_you_mean(model, known)
            )
        rules = model_named(model)
        if reset not in rules.resets:
            raise InvalidNetwork(
                f"reset '{reset}' is not a reset of model '{model}'",
                where=f"population '{name}'",
                remedy=did_you_mean(reset, rules.resets),
            )
        schedule = {"start": start, "reset_interval": reset_interval, "reset_offset": reset_offset}
        steps = {key: legal_steps(key, value, f"population '{name}'") for key, value in schedule.items()}
        sizes = legal_shape(shape, name)
        values = legal_fields(rules, fields, sizes, name)
        self.populations[name] = ChipPopulation(
            name,
            sizes,
            model,
            values,
            reset,
            steps["start"],
            None if scale is None else frozen(np.asarray(scale, dtype=np.float64)),
            frozen(np.asarray(offset, dtype=np.float64)),
            steps["reset_interval"],
            steps["reset_offset"],
        )

    def connect(
        self,
        source: str,
        target: str,
        weights: Any,
        *,
        kind: str = "dense",
        weight_exp: int = 0,
        num_weight_bits: int = 8,
        sign_mode: str = "mixed",
        delays: Any = None,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
    ) -> None:
        """Connect ``source`` to ``target``.

        Args:
            source: An input or a population.
            target: A population.
            weights: Integers: (n_target, n_source) for ``dense``; a matrix or scipy sparse matrix of that shape for
                ``sparse``; a PyTorch kernel (C_out, C_in/groups, KH, KW) for ``conv2d``.
            kind: ``dense``, ``sparse`` or ``conv2d``.
            weight_exp: -16..16; 0 for ``conv2d``, where Lava ignores it.
            num_weight_bits: 1..8; 9 for mixed keeps odd weights. Ignored for ``conv2d``, as in Lava.
            sign_mode: ``mixed`` (-256..255), ``excitatory`` (0..255) or ``inhibitory`` (-255..0).
            delays: None, or 0..62 further steps: one for all, or (n_target, n_source) for ``dense`` and ``sparse``.
            stride: Of ``conv2d``, (H, W); so ``padding`` and ``dilation``.
            padding: Of ``conv2d``.
            dilation: Of ``conv2d``.
            groups: Of ``conv2d``.

        Raises:
            InvalidNetwork: An unknown name or a value outside its range.
            ShapeMismatch: The weights do not fit the two shapes.
        """
        where = f"projection '{source}' -> '{target}'"
        source_shape = self.shape_of(source)
        geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        connection = wire(kind, weights, source_shape, self._population(target, where).shape, geometry, where)
        self.attach(
            source,
            target,
            connection,
            weight_exp=weight_exp,
            num_weight_bits=num_weight_bits,
            sign_mode=sign_mode,
            delay=0 if delays is None else delays,
        )

    def attach(
        self,
        source: str,
        target: str,
        connection: Connection,
        *,
        weight_exp: int = 0,
        num_weight_bits: int = 8,
        sign_mode: str = "mixed",
        delay: Any = 0,
    ) -> None:
        """As :meth:`connect`, with a ready integer :class:`Connection` instead of weights and geometry.

        Its shapes may differ from the populations' where the C order of the neurons is the same (a flattened map).
        """
        where = f"projection '{source}' -> '{target}'"
        ends = (self.size_of(source), self._population(target, where).size)
        if ends != (connection.n_source, connection.n_target):
            raise ShapeMismatch(
                f"the connection maps {connection.n_source} to {connection.n_target} neurons, the ends have {ends}",
                where=where,
                remedy="build the connection for these two populations",
            )
        check_range("weight_exp", weight_exp, -WEIGHT_EXP_LIMIT, WEIGHT_EXP_LIMIT, where, "shifts by any value")
        longest, delays = legal_delays(delay, connection, DELAY_LIMIT, where)
        if sign_mode not in SIGN_MODES:
            raise InvalidNetwork(f"no sign mode '{sign_mode}'", where=where, remedy=did_you_mean(sign_mode, SIGN_MODES))
        most_bits = 9 if sign_mode == "mixed" else 8
        check_range("num_weight_bits", num_weight_bits, 1, most_bits, where, "clears the wrong bits")
        weights = connection.weights
        check_integer_dtype(weights, "weights", where)
        if connection.kind == "conv2d":
            if weight_exp:
                raise InvalidNetwork(
                    f"weight_exp = {weight_exp} on a convolution; Lava ignores it",
                    where=where,
                    remedy="put the scale into the threshold and bias of the target",
                )
            for bound in connection.sum_bounds():
                check_range("worst-case sum of weights", int(abs(bound).max()), 0, 2**31 - 1, where, "returns garbage")
            prepared = weights.astype(np.int32)
        else:
            low, high = LIMITS[sign_mode]
            for value in (int(weights.min(initial=0)), int(weights.max(initial=0))):
                check_range("weight", value, low, high, where, f"clips it to {np.clip(value, low, high)}")
            prepared = prepare(weights, sign_mode, num_weight_bits)
        self.projections.append(
            ChipProjection(
                source,
                target,
                connection.with_weights(frozen(prepared)),
                int(weight_exp),
                int(num_weight_bits),
                sign_mode,
                longest,
                int(np.count_nonzero(prepared != weights)),
                delays,
            )
        )

    def _population(self, name: str, where: str) -> ChipPopulation:
        if name not in self.populations:
            raise InvalidNetwork(
                f"'{name}' is not a population", where=where, remedy=did_you_mean(name, self.populations)
            )
        return self.populations[name]

    def shape_of(self, name: str) -> Shape:
        """Shape of an input or population; InvalidNetwork with a suggestion if there is none."""
        node = self.inputs.get(name) or self.populations.get(name)
        if node is None:
            raise InvalidNetwork(
                f"nothing is called '{name}'",
                where="network",
                remedy=did_you_mean(name, [*self.inputs, *self.populations]),
            )
        return node.shape

    def size_of(self, name: str) -> int:
        """Number of neurons or addresses of an input or population."""
        return math.prod(self.shape_of(name))

    def incoming(self, target: str) -> Iterator[ChipProjection]:
        """Projections into a population, in order of connection."""
        return (p for p in self.projections if p.target == target)

    @property
    def latency_steps(self) -> int:
        """Steps by which the last population lags the input."""
        return max((p.start for p in self.populations.values()), default=0)

    @property
    def neurons(self) -> int:
        """Number of compartments."""
        return sum(p.size for p in self.populations.values())

    @property
    def synapses(self) -> int:
        """Number of synapses; a shared kernel counts once per use, zero weights of dense connections count."""
        return sum(p.connection.synapses for p in self.projections)

    def _check_new(self, name: str) -> None:
        if not name or "/" in name:
            raise InvalidNetwork(
                f"'{name}' cannot be a name", where="network", remedy="use a non-empty name without '/'"
            )
        if name in self.inputs or name in self.populations:
            raise InvalidNetwork(f"'{name}' exists already", where="network", remedy="use another name")
