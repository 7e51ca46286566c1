"""Nominal rates: what a deployed network did on clean data, kept in the Program with the rule that is to hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurodeploy.adapt.data import parts
from neurodeploy.adapt.settings import Adaptation
from neurodeploy.adapt.traces import RATE_BITS, Ints
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import SimulationError
from neurodeploy.program import ADAPTATION, Program
from neurodeploy.simulate import simulate
from neurodeploy.simulate.inputs import Spikes

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Nominal:
    """Mean spike counts per inference, Q8, of every input and population that sends spikes.

    Attributes:
        rates: int64 (n,) by name.
        steps: Steps of an inference, of which each population is live for all.
        samples: How many were averaged.
        digest: sha256 of the data.
    """

    rates: Mapping[str, Ints]
    steps: int
    samples: int
    digest: str

    def check(self, net: ChipNetwork) -> None:
        """SimulationError unless every sender of spikes has its rates."""
        for name in [*net.inputs, *net.populations]:
            if net.message_bits_of(name) == 0 and np.shape(self.rates.get(name, ())) != (net.size_of(name),):
                raise SimulationError(
                    "the nominal rates are those of another network",
                    where=f"'{name}'",
                    remedy="measure them on this one: adapt.measure(net, spikes)",
                )


def measure(network: Program | ChipNetwork, spikes: Spikes) -> Nominal:
    """Run clean samples (N, T, *shape) on the integers that are deployed, and average each neuron's spikes.

    Raises:
        SimulationError: The data do not fit the network.
    """
    net = network if isinstance(network, ChipNetwork) else network.net
    names = [n for n in net.populations if not net.message_bits_of(n)]
    port = next(iter(net.inputs))
    sums = {name: np.zeros(net.size_of(name), np.int64) for name in [port, *names] if not net.message_bits_of(name)}
    digest, live = hashlib.sha256(), 0
    for part in parts(net, spikes):
        digest.update(part.tobytes())
        run = simulate(net, part, keep=names)
        live = run.counters.live_steps
        if port in sums:
            sums[port] += part.reshape(len(part), part.shape[1], -1).sum(axis=(0, 1), dtype=np.int64)
        for name in names:
            start = net.populations[name].start
            sent = run.spikes[name].reshape(len(part), run.steps, -1)[:, start : start + live]
            sums[name] += sent.sum(axis=(0, 1), dtype=np.int64)
    rates = {name: ((total << RATE_BITS) + len(spikes) // 2) // len(spikes) for name, total in sums.items()}
    return Nominal(rates, live, len(spikes), digest.hexdigest())


def with_nominal(program: Program, spikes: Spikes) -> Program:
    """The program with the nominal rates that it has on clean samples; nothing else changes.

    Raises:
        SimulationError: As :func:`measure`.
    """
    nominal = measure(program, spikes)
    kept = {
        "schema": SCHEMA,
        "steps": nominal.steps,
        "samples": nominal.samples,
        "data_sha256": nominal.digest,
        "rates_q8": {name: values.tolist() for name, values in nominal.rates.items()},
    }
    return _noted(program, {**_record(program), **kept})


def nominal_of(program: Program) -> Nominal:
    """The nominal rates that a Program holds.

    Raises:
        SimulationError: It has none, or those of another network.
    """
    record = _record(program)
    if "rates_q8" not in record:
        raise SimulationError(
            "the program has no nominal rates to keep",
            where="adaptation",
            remedy="measure them on clean data: adapt.with_nominal(program, spikes), or `neurodeploy adapt --clean`",
        )
    rates = {name: np.asarray(values, np.int64) for name, values in record["rates_q8"].items()}
    return Nominal(rates, int(record["steps"]), int(record["samples"]), str(record["data_sha256"]))


def with_rule(program: Program, rules: Adaptation) -> Program:
    """The program with a rule that belongs to it; with ``off`` it is the static network again.

    A program with a rule needs registers that are written while it runs, and so is not exported.
    """
    record = {name: value for name, value in _record(program).items() if name not in ("rule", "requires")}
    if rules.is_on:
        needs = "runtime_weights" if rules.rule == "bcm_add" else "runtime_threshold,runtime_bias"
        record |= {"rule": rules.to_dict(), "requires": needs}
    return _noted(program, record)


def rule_of(program: Program) -> Adaptation | None:
    """The rule that belongs to a program, if any."""
    rule = _record(program).get("rule")
    return None if rule is None else Adaptation.from_dict(rule)


def _record(program: Program) -> dict[str, Any]:
    record = program.provenance.get(ADAPTATION, {})
    return dict(record) if isinstance(record, Mapping) else {}


def _noted(program: Program, record: Mapping[str, Any]) -> Program:
    provenance = {name: value for name, value in program.provenance.items() if name != ADAPTATION}
    return replace(program, provenance={**provenance, **({ADAPTATION: dict(record)} if record else {})})
