"""ChipNetwork: the integers a chip would hold, and the builder that makes them by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neurodeploy.chipnet_parts import ChipInput, ChipPopulation, ChipProjection
from neurodeploy.chipnet_rules import check_range, legal_fields, legal_shape, legal_steps, legal_window
from neurodeploy.chipnet_synapses import MESSAGE_LIMIT, Settings, pool_kernel, project, wire
from neurodeploy.connections import Connection
from neurodeploy.connections.base import Shape, frozen
from neurodeploy.errors import InvalidNetwork, ShapeMismatch, did_you_mean
from neurodeploy.neurons import MODELS, model_named
from neurodeploy.neurons.cuba import FOREVER

__all__ = ["ChipInput", "ChipNetwork", "ChipPopulation", "ChipProjection"]


@dataclass(eq=False)
class ChipNetwork:
    """An integer network. Populations and inputs share one name space; order of addition is kept.

    Attributes:
        inputs: Ports by name.
        populations: Compartments by name.
        projections: Synapses.
        sample_steps: Chip steps of a sample, whatever the length of its input (silence follows it); 0: as many as the
            input has, and the latency of the last population.

    Example:
        >>> net = ChipNetwork()
        >>> net.add_input("in", shape=(2,))
        >>> net.add_population("out", shape=(1,), vth=100)
        >>> net.connect("in", "out", [[40, -42]])
    """

    inputs: dict[str, ChipInput] = field(default_factory=dict)
    populations: dict[str, ChipPopulation] = field(default_factory=dict)
    projections: list[ChipProjection] = field(default_factory=list)
    sample_steps: int = 0

    def add_input(self, name: str, *, shape: tuple[int, ...] | int, message_bits: int = 0) -> None:
        """Add an input port of ``shape``.

        Args:
            name: Unique name.
            shape: Without batch or time.
            message_bits: 0 for spikes; 1..32 for graded messages, signed integers of so many bits.

        Raises:
            InvalidNetwork: The name is taken, the shape is empty or the width out of range.
        """
        self._check_new(name)
        check_range("message_bits", message_bits, 0, MESSAGE_LIMIT, f"input '{name}'", "sends 32 bits")
        self.inputs[name] = ChipInput(name, legal_shape(shape, name), int(message_bits))

    def add_population(
        self,
        name: str,
        *,
        shape: tuple[int, ...] | int,
        model: str = "cuba",
        reset: str | None = None,
        start: int = 0,
        reset_interval: int = 0,
        reset_offset: int = 0,
        window: tuple[int, int] | None = None,
        fire_once: bool = False,
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
            reset: What a spike does; for ``cuba`` ``zero``, ``subtract`` or ``none``. Default: the model's first.
            start: Idle steps at the start of each sample, see :class:`ChipPopulation`.
            reset_interval: 0, or set all registers to 0 every so many steps, see :class:`ChipPopulation`.
            reset_offset: In which steps.
            window: Of ``cuba``: steps of a sample, (first, stop), in which spikes are possible, see
                :class:`ChipPopulation`. Not verified against Lava, which has no such thing.
            fire_once: Of ``cuba``: after its first spike of a sample a neuron's v stays as the reset left it, and it
                spikes no more; a refractory period without end.
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
        reset = rules.resets[0] if reset is None else reset
        for output in rules.outputs[1:]:
            self._check_new(f"{name}.{output}")
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
        if (window is not None or fire_once) and model != "cuba":
            raise InvalidNetwork(
                f"model '{model}' has no firing window and no end of firing",
                where=f"population '{name}'",
                remedy="use model 'cuba'",
            )
        if fire_once:
            values["refractory"] = frozen(np.array(FOREVER))
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
            None if window is None else legal_window(window, f"population '{name}'"),
        )

    def connect(
        self,
        source: str,
        target: str,
        weights: Any = None,
        *,
        kind: str = "dense",
        weight_exp: int = 0,
        num_weight_bits: int = 8,
        sign_mode: str = "mixed",
        delays: Any = None,
        message_bits: int | None = None,
        port: str | None = None,
        kernel_size: tuple[int, int] | None = None,
        stride: tuple[int, int] | None = None,
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
    ) -> None:
        """Connect ``source`` to ``target``.

        Args:
            source: An input, a population, or ``population.output`` for a model's further output.
            target: A population.
            weights: Integers: (n_target, n_source) for ``dense``; a matrix or scipy sparse matrix of that shape for
                ``sparse``; a PyTorch kernel (C_out, C_in/groups, KH, KW) for ``conv2d``; one integer that weighs
                every input of a window for ``pool2d``; None for ``direct``.
            kind: ``dense``, ``sparse``, ``conv2d``, ``pool2d`` (sums, held as a ``conv2d``), or ``direct``: one to one
                without a synapse, so that messages arrive in the step in which they are sent; from an input, or a
                population added before the target.
            weight_exp: -16..16; 0 for ``conv2d``, where Lava ignores it.
            num_weight_bits: 1..8; 9 for mixed keeps odd weights. Ignored for ``conv2d``, as in Lava.
            sign_mode: ``mixed`` (-256..255), ``excitatory`` (0..255) or ``inhibitory`` (-255..0).
            delays: None, or 0..62 further steps: one for all, or (n_target, n_source) for ``dense`` and ``sparse``.
            message_bits: 0: every message but 0 is one spike; 1..32: graded, values count (the width is not
                enforced, as in Lava). Default 0 where the source sends spikes, else 24.
            port: Which input of the target's model; default its first.
            kernel_size: Of ``pool2d``, (H, W).
            stride: (H, W); default (1, 1) for ``conv2d``, ``kernel_size`` for ``pool2d``.
            padding: Of ``conv2d`` and ``pool2d``, (H, W); so ``dilation``.
            dilation: See ``padding``.
            groups: Of ``conv2d``.

        Raises:
            InvalidNetwork: An unknown name or a value outside its range.
            ShapeMismatch: The weights do not fit the two shapes.
        """
        where = f"projection '{source}' -> '{target}'"
        source_shape = self.shape_of(source)
        geometry = {"stride": stride or (1, 1), "padding": padding, "dilation": dilation, "groups": groups}
        if kind == "pool2d":
            kind, weights = "conv2d", pool_kernel(weights, kernel_size, source_shape, where)
            geometry |= {"stride": stride or kernel_size, "groups": len(weights)}
        connection = wire(kind, weights, source_shape, self._population(target, where).shape, geometry, where)
        self.attach(
            source,
            target,
            connection,
            weight_exp=weight_exp,
            num_weight_bits=num_weight_bits,
            sign_mode=sign_mode,
            delay=0 if delays is None else delays,
            message_bits=message_bits,
            port=port,
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
        message_bits: int | None = None,
        port: str | None = None,
    ) -> None:
        """As :meth:`connect`, with a ready integer :class:`Connection` instead of weights and geometry.

        Its shapes may differ from the populations' where the C order of the neurons is the same (a flattened map).
        """
        population = self._population(target, f"projection '{source}' -> '{target}'")
        sender = self.sender_of(source)
        order = list(self.populations)
        settings = Settings(
            source=source,
            target=target,
            source_size=self.size_of(source),
            target_size=population.size,
            graded_source=self.message_bits_of(source) > 0,
            source_is_earlier=sender in self.inputs or order.index(sender) < order.index(target),
            ports=model_named(population.model).ports,
            weight_exp=weight_exp,
            num_weight_bits=num_weight_bits,
            sign_mode=sign_mode,
            delay=delay,
            message_bits=message_bits,
            port=port,
        )
        self.projections.append(project(connection, settings))

    def with_fields(self, name: str, **values: Any) -> ChipNetwork:
        """The same network with other values in some fields of a population, checked as the builder does."""
        old = self._population(name, "with_fields")
        fields = legal_fields(model_named(old.model), values, old.shape, name)
        changed = replace(old, fields={**old.fields, **{field: fields[field] for field in values}})
        return replace(self, populations={**self.populations, name: changed})

    def with_weights(self, source: str, target: str, weights: Any) -> ChipNetwork:
        """The same network with other integer weights of its only projection between these two.

        Args:
            source: As in :meth:`connect`.
            target: As in :meth:`connect`.
            weights: Of the shape of that projection's ``connection.weights``; prepared for its format as there.

        Raises:
            InvalidNetwork: No such projection, or several, or a weight out of range.
            ShapeMismatch: Another shape.
        """
        where = f"projection '{source}' -> '{target}'"
        found = [k for k, p in enumerate(self.projections) if (p.source, p.target) == (source, target)]
        if len(found) != 1:
            remedy = "name one of " + ", ".join(f"'{p.source}' -> '{p.target}'" for p in self.projections)
            raise InvalidNetwork(f"{len(found)} such projections", where=where, remedy=remedy)
        old = self.projections[found[0]]
        given = np.asarray(weights)
        if given.shape != old.connection.weights.shape:
            remedy = f"give {old.connection.weights.shape}"
            raise ShapeMismatch(f"weights of shape {given.shape}", where=where, remedy=remedy)
        other = replace(self, projections=list(self.projections))
        other.attach(
            source,
            target,
            old.connection.with_weights(given),
            weight_exp=old.weight_exp,
            num_weight_bits=old.num_weight_bits,
            sign_mode=old.sign_mode,
            delay=old.delay if old.delays is None else old.delays,
            message_bits=old.message_bits,
            port=old.port,
        )
        other.projections[found[0]] = other.projections.pop()
        return other

    def _population(self, name: str, where: str) -> ChipPopulation:
        if name not in self.populations:
            raise InvalidNetwork(
                f"'{name}' is not a population", where=where, remedy=did_you_mean(name, self.populations)
            )
        return self.populations[name]

    def sender_of(self, source: str) -> str:
        """The input or population behind a source's name; InvalidNetwork with a suggestion if there is none."""
        if source in self.inputs or source in self.populations:
            return source
        name, _, output = source.rpartition(".")
        if name in self.populations and output in model_named(self.populations[name].model).outputs[1:]:
            return name
        raise InvalidNetwork(
            f"nothing is called '{source}'",
            where="network",
            remedy=did_you_mean(source, [*self.inputs, *self.populations]),
        )

    def outputs_of(self, name: str) -> tuple[str, ...]:
        """The names under which a population's outputs are sources."""
        _, *others = model_named(self.populations[name].model).outputs
        return (name, *(f"{name}.{output}" for output in others))

    def message_bits_of(self, source: str) -> int:
        """0 where a source sends 0 and 1 only, else the signed width that its messages are meant to have."""
        name = self.sender_of(source)
        return (
            self.inputs[name].message_bits
            if name in self.inputs
            else model_named(self.populations[name].model).message_bits
        )

    def shape_of(self, name: str) -> Shape:
        """Shape of an input, population or further output; InvalidNetwork with a suggestion if there is none."""
        sender = self.sender_of(name)
        return self.inputs[sender].shape if sender in self.inputs else self.populations[sender].shape

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

    def steps_of(self, length: int) -> int:
        """Chip steps that an input of ``length`` steps is run for."""
        return self.sample_steps or length + self.latency_steps

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
        taken = {source for population in self.populations for source in self.outputs_of(population)}
        if name in self.inputs or name in taken:
            raise InvalidNetwork(f"'{name}' exists already", where="network", remedy="use another name")
