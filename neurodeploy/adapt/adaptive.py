"""A program that adapts while it runs: one inference after the other, registers written between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.adapt.data import parts
from neurodeploy.adapt.layer import Layer
from neurodeploy.adapt.nominal import Nominal, nominal_of, rule_of
from neurodeploy.adapt.rules import FINE_BITS, GAIN_ONE
from neurodeploy.adapt.settings import Adaptation
from neurodeploy.adapt.stream import Stream, Tally, joined
from neurodeploy.adapt.traces import Dice, Ints
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import SimulationError, UnsupportedFeature, did_you_mean
from neurodeploy.neurons.cuba import VTH_NEVER
from neurodeploy.program import Program
from neurodeploy.semantics import MEMBRANE_READOUTS
from neurodeploy.simulate import Session
from neurodeploy.simulate.counters import Counters, HostWork
from neurodeploy.simulate.inputs import Spikes
from neurodeploy.target import Target

NEEDS = {
    "homeo_gain": ("vth_write", "bias_write"),
    "bcm_gain": ("vth_write", "bias_write"),
    "bcm_add": ("weight_write",),
}


class Adaptive:
    """Runs samples as a stream, and holds its neurons' rates at their nominal ones.

    Membranes begin anew with each sample; traces, gains and weights go on, also from one :meth:`run` to the next. With
    the rule ``off`` or eta = 0 every bit is that of the static program.

    Args:
        network: A Program, or a ChipNetwork by hand.
        rules: Default: the rule that the Program holds, else the defaults of :class:`Adaptation`.
        nominal: Rates to hold; default: those that the Program holds.
        changes: Fields of :class:`Adaptation` to replace.

    Attributes:
        rules: The settings.
        nominal: The rates; None with the rule off and none given.
        layers: State of each adapted layer.

    Raises:
        SimulationError: No nominal rates, or a layer that the rule cannot adapt.
        UnsupportedFeature: The target cannot write the registers while it runs.
    """

    def __init__(
        self,
        network: Program | ChipNetwork,
        rules: Adaptation | None = None,
        *,
        nominal: Nominal | None = None,
        **changes: Any,
    ) -> None:
        self._network = network
        self._program = network if isinstance(network, Program) else None
        self._net = network.net if isinstance(network, Program) else network
        held = None if self._program is None else rule_of(self._program)
        self.rules = replace(rules or held or Adaptation(), **changes)
        self.nominal = nominal
        self.layers: dict[str, Layer] = {}
        if self.rules.is_on:
            self.nominal = nominal or _stored(self._program)
            self.nominal.check(self._net)
            target = None if self._program is None else self._program.target
            _check_target(self.rules, target)
            self.layers = {
                name: Layer.of(self._net, name, self.rules, self.nominal.rates, self.nominal.steps, target)
                for name in _chosen(self._net, self._program, self.rules)
            }
        self.reset()

    def reset(self) -> None:
        """As compiled: registers, weights and traces, and the seed's first draw."""
        self._session: Session | None = None
        self._dice = Dice(self.rules.seed)
        for layer in self.layers.values():
            layer.reset()

    @property
    def gains(self) -> Mapping[str, NDArray[np.float64]]:
        """Gain of each neuron by layer, (n,), 1 as trained; none of ``bcm_add``."""
        layers = self.layers.items()
        return {name: (layer.gain >> FINE_BITS) / GAIN_ONE for name, layer in layers if layer.gains is not None}

    @property
    def registers(self) -> Mapping[str, Mapping[str, Ints]]:
        """Registers of each layer as they are written, ``vth`` and ``bias_mant``, (n,)."""
        return {name: dict(layer.registers) for name, layer in self.layers.items()}

    @property
    def traces(self) -> Mapping[str, Ints]:
        """Trace of each layer's spike counts per inference, Q8 (n,)."""
        return {name: layer.traces.rate for name, layer in self.layers.items()}

    @property
    def weights(self) -> Mapping[tuple[str, str], Ints]:
        """Weights that ``bcm_add`` has made, (n_target, n_source), by source and target."""
        return {
            (p.projection.source, name): weights
            for name, layer in self.layers.items()
            for p, weights in zip(layer.synapses, layer.weights, strict=True)
        }

    def run(
        self, spikes: Spikes, *, counted: bool = True, progress: Callable[[int], None] = lambda samples: None
    ) -> Stream:
        """Run samples in order, adapting after each.

        Args:
            spikes: (N, T, *shape), or events.
            counted: Whether to count SynOps, packets and times as well, for an estimate.
            progress: Told after each part how many samples it had.

        Raises:
            SimulationError: Samples that do not fit, or of another length than those that the rates are of.
            MissingDependency: The C kernels are not available.
        """
        output, kind = self._read_out()
        done: list[Mapping[str, NDArray[np.int64]]] = []
        writes: list[int] = []
        found, live = [], 0
        counters: list[Counters] = []
        for part in parts(self._net, spikes):
            live = self._checked_steps(part.shape[1])
            session = self._opened(live, output if kind in MEMBRANE_READOUTS else None)
            tally = Tally(self._net, self._program, part, live, counted=counted)
            padded = np.zeros((live + self._net.latency_steps, *part.shape[2:]), part.dtype)
            total = HostWork()
            for i, sample in enumerate(part):
                padded[: len(sample)] = sample
                session.restart()
                tally.add(i, session.run(padded))
                done.append(tally.counts(i))
                work = self._adapt(session, done[-1])
                writes.append(work.writes)
                total += work
            if output is not None:
                found.append(tally.scores(output, kind))
            if counted:
                counters.append(tally.counters(total if self.rules.is_on else None))
            progress(len(part))
        return Stream(
            {name: np.stack([counts[name] for counts in done]).astype(np.int32) for name in done[0]},
            np.concatenate(found) if found else None,
            np.array(writes, np.int64),
            {name: float(layer.at_limit) for name, layer in self.layers.items()},
            joined(counters),
            live,
            self.nominal,
        )

    def _adapt(self, session: Session, counts: Mapping[str, Ints]) -> HostWork:
        """Everything between two inferences."""
        total = HostWork()
        for name, layer in self.layers.items():
            work = layer.after(counts, self.rules, self._dice)
            total += work
            if work.writes:
                session.restart()
                _write(session, name, layer)
        return total

    def _opened(self, live: int, recorded: str | None) -> Session:
        """The session, opened when the first sample shows how long it is."""
        if self._session is None:
            record = {} if recorded is None else {recorded: ("v",)}
            self._session = Session(self._network, record=record, live_steps=live)
        return self._session

    def _checked_steps(self, length: int) -> int:
        """Live steps of an inference."""
        live = self._net.steps_of(length) - self._net.latency_steps
        if self.layers and self.nominal is not None and live != self.nominal.steps:
            raise SimulationError(
                f"samples of {live} steps, and nominal rates of {self.nominal.steps}",
                where="stream",
                remedy="measure the rates on samples of this length",
            )
        return live

    def _read_out(self) -> tuple[str | None, str]:
        if self._program is None or len(self._program.outputs) != 1:
            return None, "count"
        return next(iter(self._program.outputs.values())), self._program.readout


def _write(session: Session, name: str, layer: Layer) -> None:
    if layer.registers:
        session.write(name, **layer.registers)
    for plastic, weights in zip(layer.synapses, layer.weights, strict=True):
        session.write_weights(plastic.projection.source, name, weights)


def _stored(program: Program | None) -> Nominal:
    if program is None:
        raise SimulationError(
            "a network by hand has no nominal rates", where="Adaptive", remedy="give nominal=adapt.measure(net, spikes)"
        )
    return nominal_of(program)


def _chosen(net: ChipNetwork, program: Program | None, rules: Adaptation) -> tuple[str, ...]:
    """Layers to adapt: those named, else all that spike but a program's outputs."""
    if rules.layers is not None:
        for name in rules.layers:
            if name not in net.populations:
                raise SimulationError(
                    f"no layer '{name}'", where="adaptation", remedy=did_you_mean(name, net.populations)
                )
        return rules.layers
    outputs = set() if program is None else set(program.outputs.values())
    spiking = [
        name
        for name, p in net.populations.items()
        if p.model == "cuba" and p.fields["vth"].min() < VTH_NEVER and name not in outputs
    ]
    if not spiking:
        raise SimulationError(
            "there is no layer to adapt but outputs", where="adaptation", remedy="name layers: layers=('...',)"
        )
    return tuple(spiking)


def _check_target(rules: Adaptation, target: Target | None) -> None:
    """UnsupportedFeature where a chip cannot write what the rule writes."""
    lacking = [f for f in NEEDS[rules.rule] if target is not None and not getattr(target.compartment, f).value]
    if target is not None and lacking:
        raise UnsupportedFeature(
            f"target '{target.name}' cannot write what rule '{rules.rule}' writes while it runs ({', '.join(lacking)})",
            where="adaptation",
            remedy="choose rule off, another rule, or a target that can (loihi2)",
        )
