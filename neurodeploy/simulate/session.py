"""A network that runs on from call to call: closed loops, and inputs without an end."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import InvalidNetwork, MissingDependency, SimulationError, UnsupportedFeature
from neurodeploy.neurons.cuba import FOREVER
from neurodeploy.simulate.call import Call
from neurodeploy.simulate.counters import Counters, PopulationCounters
from neurodeploy.simulate.engine import NO_MEMORY
from neurodeploy.simulate.inputs import Spikes, checked_inputs
from neurodeploy.simulate.prepared import prepare
from neurodeploy.simulate.rasters import Lazy
from neurodeploy.simulate.run import Run, checked_outputs, checked_registers

if TYPE_CHECKING:
    from neurodeploy.program import Program

STEPS_AT_ONCE = 1024
WRITABLE = ("vth", "bias_mant", "bias_exp")


class Session:
    """One sample that goes on; state, delays and everything under way are kept between calls.

    Any division of an input into calls gives the bits of one call. As on the chip a spike takes a step per layer: what
    the input of a step does to a layer ``n`` synapses behind it is seen ``n`` steps later.

    Args:
        network: A ChipNetwork or a Program.
        keep: Outputs whose messages are returned; default all.
        record: Registers that :meth:`run` returns per population.
        live_steps: Steps of a sample for which each population is live, as :func:`simulate` has it of samples of that
            length; default: for ever.

    Raises:
        SimulationError: No such output or register.
        MissingDependency: The C kernels are not available.
    """

    def __init__(
        self,
        network: ChipNetwork | Program,
        *,
        keep: Collection[str] | None = None,
        record: Mapping[str, Sequence[str]] | None = None,
        live_steps: int | None = None,
    ) -> None:
        from neurodeploy.kernels import KernelsUnavailable

        self._net = network if isinstance(network, ChipNetwork) else network.net
        if not self._net.inputs or not self._net.populations:
            what = "population" if self._net.inputs else "input"
            raise SimulationError(f"the network has no {what}", where="Session", remedy="add one")
        self._kept = checked_outputs(self._net, keep)
        self._registers = checked_registers(self._net, record or {})
        self._target = None if isinstance(network, ChipNetwork) else network.target
        self._steps = 0
        self._live = FOREVER if live_steps is None else live_steps
        try:
            self._open()
        except KernelsUnavailable as missing:
            raise MissingDependency(f"the C kernels: {missing}", where="Session", remedy=missing.remedy) from missing

    def _open(self) -> None:
        """A worker for the network as it is."""
        self._prepared = prepare(self._net)
        silence: dict[str, NDArray[Any]] = {
            n: np.zeros((1, 1, p.size), _dtype(p.message_bits)) for n, p in self._net.inputs.items()
        }
        self._one_inputs = silence
        self._one = self._opened = self._single()
        for entry, population in zip(self._one.populations, self._net.populations.values(), strict=True):
            entry.first, entry.last = population.start + 1, min(population.start + self._live, FOREVER)
        library, projections = self._prepared.library, self._prepared.projections
        populations, rasters = self._one.populations, self._one.rasters
        sizes = len(populations), len(projections), len(rasters)
        self._worker = library.nd_open(populations, sizes[0], projections, sizes[1], rasters, sizes[2], STEPS_AT_ONCE)
        if not self._worker:
            raise SimulationError("not enough memory for the registers", where="Session", remedy="free some memory")
        self._close = weakref.finalize(self, library.nd_close, self._worker)

    def _single(self) -> Call:
        return Call(self._prepared, (1, 1, self._live, self._kept), self._one_inputs, {})

    @property
    def steps(self) -> int:
        """Steps run since the start."""
        return self._steps

    def step(self, spikes: Spikes | Mapping[str, Any]) -> Mapping[str, NDArray[Any]]:
        """Run one step.

        Args:
            spikes: What the input sends, (*shape), or a dict of such by input name.

        Returns:
            What each kept output sends in this step, (*shape): uint8 where messages are 0 or 1, else int32.
        """
        given = spikes if isinstance(spikes, Mapping) else {next(iter(self._net.inputs)): spikes}
        inputs, batched = checked_inputs(self._net, {name: np.asarray(v)[None] for name, v in given.items()})
        if batched:
            raise SimulationError("a batch", where="step", remedy="give one step of one sample, (*shape)")
        for name, values in inputs.items():
            self._one_inputs[name][...] = values
        self._advance(self._one, 1)
        sent_by, shape_of = self._one.sent_by, self._net.shape_of
        return {name: np.array(sent_by(name)).reshape(shape_of(name)) for name in self._one.spikes}

    def run(self, spikes: Spikes | Mapping[str, Any]) -> Run:
        """Run as many steps as the input has.

        Args:
            spikes: Messages (T, *shape) or events of one sample, or a dict of such by input name.

        Returns:
            What :func:`simulate` would return for these steps of a longer run; ``counters`` count these steps only.
        """
        inputs, _ = checked_inputs(self._net, spikes)
        samples, steps, _ = next(iter(inputs.values())).shape
        if samples > 1:
            raise SimulationError(f"{samples} samples", where="Session.run", remedy="run one sample in a session")
        states = {
            name: {r: np.zeros((1, steps, self._net.size_of(name)), np.int32) for r in registers}
            for name, registers in self._registers.items()
        }
        call = Call(self._prepared, (1, steps, self._live, self._kept), inputs, states)
        before = self._steps
        self._advance(call, steps)
        sent, shape_of = call.spikes, self._net.shape_of
        return Run(
            Lazy(sent, lambda name: sent[name].reshape(steps, *shape_of(name))),
            {n: {r: v.reshape(steps, *shape_of(n)) for r, v in kept.items()} for n, kept in call.states.items()},
            self._counters(call, before, steps),
            steps,
            "fast",
            self._net.latency_steps,
        )

    def restart(self) -> None:
        """Begin a new sample: initial registers, nothing under way, step 0."""
        self._prepared.library.nd_restart(self._worker)
        self._steps = 0

    def write(self, population: str, **fields: Any) -> None:
        """Write thresholds or biases, from the next step on; they stay as written, over :meth:`restart` too.

        Args:
            population: Of model ``cuba``.
            fields: ``vth``, ``bias_mant``, ``bias_exp``: integers, or integers of the population's shape.

        Raises:
            InvalidNetwork: No such population, a value out of range, or another field.
            UnsupportedFeature: The program's target cannot write such a register while it runs.
        """
        old = self._net.populations.get(population)
        for field in fields:
            if old is not None and (old.model != "cuba" or field not in WRITABLE):
                raise InvalidNetwork(
                    f"field '{field}' of model '{old.model}' cannot be written while it runs",
                    where=f"population '{population}'",
                    remedy=f"write {', '.join(WRITABLE)} of 'cuba', or build another network",
                )
            self._check_target("vth_write" if field == "vth" else "bias_write", f"population '{population}'")
        self._net = self._net.with_fields(population, **fields)
        self._prepared = self._prepared.with_fields(self._net.populations[population])
        self._one = self._single()

    def write_weights(self, source: str, target: str, weights: Any) -> None:
        """Write all weights of a projection between two samples; they stay as written.

        Args:
            source: As in :meth:`ChipNetwork.connect`.
            target: As in :meth:`ChipNetwork.connect`.
            weights: Integers of the shape of the projection's ``connection.weights``.

        Raises:
            SimulationError: In the midst of a sample.
            InvalidNetwork: No such projection, or a weight out of range.
            ShapeMismatch: Another shape.
            UnsupportedFeature: The program's target cannot write weights while it runs.
        """
        if self._steps:
            raise SimulationError(
                f"weights written after step {self._steps} of a sample", where="Session", remedy="restart() first"
            )
        self._check_target("weight_write", f"projection '{source}' -> '{target}'")
        self._net = self._net.with_weights(source, target, weights)
        self._close()
        self._open()

    def _check_target(self, feature: str, where: str) -> None:
        if self._target is not None and not getattr(self._target.compartment, feature).value:
            raise UnsupportedFeature(
                f"target '{self._target.name}' cannot write this while it runs ({feature})",
                where=where,
                remedy="choose a target that can, or run the ChipNetwork without a target",
            )

    def _advance(self, call: Call, steps: int) -> None:
        if self._steps + steps > FOREVER:
            raise SimulationError(
                f"{self._steps + steps:,} steps", where="Session", remedy=f"restart before {FOREVER:,} steps"
            )
        failed = self._prepared.library.nd_advance(self._worker, call.populations, call.rasters, steps)
        if failed:
            self.restart()
            if failed == NO_MEMORY:
                raise SimulationError("not enough memory", where="Session", remedy="free some, and start again")
            raise SimulationError(
                "a convolution sums beyond 32 bits, where Lava returns garbage",
                where="Session",
                remedy="use smaller kernel weights or messages",
            )
        self._steps += steps

    def _counters(self, call: Call, before: int, steps: int) -> Counters:
        net, sent = self._net, call.sent
        counted = {n: PopulationCounters(sent[n]) for n in net.inputs}
        for name, population in net.populations.items():
            last = min(before + steps, population.start + self._live)
            live = max(0, last - max(before, population.start))
            counted[name] = PopulationCounters(
                sum(sent[source] for source in net.outputs_of(name)),
                call.syn_ops[name],
                population.size * live,
                call.active_updates[name],
                call.wraps[name],
                call.saturations[name],
            )
        return Counters(1, steps, steps, counted, None)


def _dtype(message_bits: int) -> type:
    return np.int32 if message_bits else np.uint8
