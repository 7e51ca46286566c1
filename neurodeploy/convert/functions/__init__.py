"""Functions of spike trains as neurons: exact, and no more of them than is known to be needed.

The construction is our own, in the spirit of "On the Universal Representation Property of Spiking Neural Networks"
(Hundrieser, Tuchel, Kong, Schmidt-Hieber, arXiv 2512.16872), whose bounds are not claimed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from neurodeploy.convert.functions.certificate import Certificate, counted, least_neurons
from neurodeploy.convert.functions.expression import CLOCK, Expression, Input, Of, silent_at_rest
from neurodeploy.convert.functions.fit import narrowed, relayed
from neurodeploy.convert.functions.gates import Netlist, Signal
from neurodeploy.convert.functions.lower import OUTPUT, lowered
from neurodeploy.convert.functions.parse import Parser
from neurodeploy.convert.functions.strategies import STRATEGIES, bound, fewest
from neurodeploy.convert.functions.table import Table
from neurodeploy.convert.functions.trains import check
from neurodeploy.errors import ModelError, did_you_mean
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.program import Program
from neurodeploy.quantize.features import check_features
from neurodeploy.target import Target, load_target
from neurodeploy.version import installed_version

__all__ = ["Certificate", "Expression", "SpikeFunction", "Table", "spike_function"]


@dataclass(frozen=True, eq=False)
class SpikeFunction:
    """A function on a chip.

    Attributes:
        program: Runs, costs and reports like any other; input ``in`` (d,), output ``out`` (1,).
        golden: What it equals: ``golden.on(trains)``, (..., T, d) to (..., T).
        certificate: What is promised.
    """

    program: Program
    golden: Expression
    certificate: Certificate


def spike_function(
    f: str | Table | Expression | Callable[[Any], Any] | Any,
    *,
    inputs: int = 1,
    memory: int | None = None,
    target: str | Target = "loihi2",
    strategy: str | None = None,
    clock: int | None = None,
    samples: int = 500,
    seed: int = 0,
) -> SpikeFunction:
    """Compile a causal function of spike trains into neurons whose output equals it in every tick.

    Args:
        f: An expression (see :mod:`neurodeploy.convert.functions.parse`); a truth table, 2^(inputs * memory) zeros and
            ones (see :mod:`neurodeploy.convert.functions.table`); or a predicate that is asked of each window, uint8
            (memory, inputs), newest tick first.
        inputs: Number of input trains.
        memory: Ticks of the window of a table or predicate.
        target: A target, its name, or the path of a ``.toml`` file.
        strategy: Of a table: ``gate``, ``flat``, ``split``; default the one of the fewest neurons.
        clock: An input that spikes in every tick; a function that says 1 of silence needs one, and then says it where
            the clock ticks.
        samples: Random trains on which the chip's integers are compared with the function, besides all short ones.
        seed: Of those trains.

    Raises:
        ModelError: Not such a function, or one that needs a clock.
        UnsupportedFeature: The target's neurons cannot do it; says what limits.
        DoesNotFit: It needs more cores than there are.
    """
    chip = target if isinstance(target, Target) else load_target(target)
    if clock is not None and not 0 <= clock < inputs:
        raise ModelError(f"clock {clock}", where="function", remedy=f"name one of the inputs 0..{inputs - 1}")
    if strategy is not None and strategy not in STRATEGIES:
        raise ModelError(f"no strategy '{strategy}'", where="function", remedy=did_you_mean(strategy, STRATEGIES))
    given, text = _expression(f, inputs, memory, clock, strategy)
    table = None
    if isinstance(given, Of):
        table = given.at_rest
        if table.values.any():
            strategy = strategy or fewest(table)
            given = replace(given, strategy=strategy)
    golden = silent_at_rest(given, clock)
    if golden is None:
        raise ModelError("it says 1 of silence, which no gate does", where="function", remedy=CLOCK)
    raw, output = _gates(golden, inputs)
    narrow, output = narrowed(raw.reached_from(output), chip.core.in_axons.value)
    gates = relayed(narrow.reached_from(output), chip.compartment.delay_max.value)
    net = lowered(gates, chip)
    check_features(net, chip)
    mapping = map_network(net, chip)
    check_mapping(net, mapping, chip)
    counts = counted(net)
    most = bound(strategy, table) if table is not None and strategy is not None and golden is given else None
    certificate = Certificate(
        function=text,
        inputs=inputs,
        memory=None if table is None else table.memory,
        strategy="composition" if table is None else strategy or "constant",
        clock=clock,
        most_neurons=None if most is None else most.neurons,
        most_synapses=None if most is None else most.weights,
        least_neurons=None if table is None else least_neurons(table.bits),
        checked=check(net, golden, clock, _span(gates), samples, seed),
        **counts,
    )
    provenance = {
        "model": text,
        "target": chip.name,
        "neurodeploy": installed_version(),
        "function": certificate.to_dict(),
    }
    program = Program(net, mapping, chip, {OUTPUT: OUTPUT}, "count", {}, {}, provenance)
    return SpikeFunction(program, golden, certificate)


def _expression(
    f: Any, inputs: int, memory: int | None, clock: int | None, strategy: str | None
) -> tuple[Expression, str]:
    if isinstance(f, str):
        if strategy is not None or memory is not None:
            raise ModelError(
                "an expression has no memory and no strategy",
                where="function",
                remedy="leave them out, or give a table",
            )
        return Parser(inputs, clock).read(f), f
    if isinstance(f, Expression):
        return f, type(f).__name__
    if isinstance(f, Table):
        table = f
    elif memory is None:
        raise ModelError("a table without its memory", where="function", remedy="give memory: the ticks of its window")
    elif callable(f):
        table = Table.from_predicate(f, inputs, memory)
    else:
        table = Table.of(f, inputs, memory)
    if table.inputs != inputs:
        raise ModelError(f"a table of {table.inputs} inputs", where="function", remedy=f"give inputs={table.inputs}")
    text = f"table of {table.bits} bits, {int(table.values.sum())} ones"
    return Of(table, tuple(Input(j) for j in range(inputs)), strategy), text


def _gates(golden: Expression, inputs: int) -> tuple[Netlist, Signal]:
    """The gates of an expression that is silent at rest; the output is a gate."""
    net = Netlist(inputs)
    signal = golden.signal(net)
    if signal.source < 0 or signal.age:
        signal = net.gate([(signal, 0, 1)], 1)
    return net, signal


def _span(net: Netlist) -> int:
    """Ticks back from which anything can still matter, counters apart."""
    reach = [0] * len(net.gates)
    for number, gate in enumerate(net.gates):
        for tap in gate.taps:
            reach[number] = max(reach[number], tap.delay + 1 + (reach[tap.source] if tap.source >= 0 else 0))
    return max(1, reach[-1])
