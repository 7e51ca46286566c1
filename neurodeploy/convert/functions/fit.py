"""Gates that a core can hold: trees where one hears too much, relays where a tap reaches too far back."""

from __future__ import annotations

from neurodeploy.convert.functions.gates import Gate, Netlist, Signal, Tap
from neurodeploy.errors import UnsupportedFeature


def narrowed(net: Netlist, widest: int) -> tuple[Netlist, Signal]:
    """The same with gates of at most ``widest`` taps; the last gate is the output.

    A gate that any one of its taps makes fire becomes a tree of such gates; all else is balanced again.

    Raises:
        UnsupportedFeature: A gate of too many taps that is not of that kind.
    """
    made = Netlist(net.inputs)
    signals: dict[int, Signal] = {-1 - k: made.input(k) for k in range(net.inputs)}
    output = made.input(0)
    for number, gate in enumerate(net.gates):
        terms = []
        for tap in gate.taps:
            depth = net.gates[tap.source].depth if tap.source >= 0 else 0
            terms.append((signals[tap.source], tap.delay - (gate.depth - 1 - depth), tap.weight))
        while len(terms) > widest:
            if gate.threshold > 1 or gate.counts or widest < 2 or any(weight != 1 for *_, weight in terms):
                raise UnsupportedFeature(
                    f"gate {number} has {len(terms)} synapses from different senders or ticks, of {widest} in-axons",
                    where="function compiler",
                    remedy="compose the function of smaller ones, or choose a target whose cores have more in-axons",
                )
            parts = [terms[k : k + widest] for k in range(0, len(terms), widest)]
            terms = [(made.gate(part, 1), 0, 1) for part in parts]
        signals[number] = output = made.gate(terms, gate.threshold, counts=gate.counts) if terms else _silent(made)
    return made, output


def _silent(net: Netlist) -> Signal:
    net.gates.append(Gate((), 1, 1))
    return Signal(len(net.gates) - 1, 1)


def relayed(net: Netlist, longest: int) -> Netlist:
    """The same with taps of at most ``longest`` extra ticks; the relays of a source are shared by all its taps."""
    made = Netlist(net.inputs)
    new: dict[int, int] = {-1 - k: -1 - k for k in range(net.inputs)}
    depths = dict.fromkeys(new, 0)
    relays: dict[tuple[int, int], int] = {}

    def tap_of(tap: Tap) -> Tap:
        source, ticks = new[tap.source], tap.delay
        while ticks > longest:
            step = min(longest, ticks - 1)
            if (source, step) not in relays:
                depths[len(made.gates)] = depths[source] + step + 1
                made.gates.append(Gate((Tap(source, step, 1),), 1, depths[source] + step + 1))
                relays[source, step] = len(made.gates) - 1
            source, ticks = relays[source, step], ticks - step - 1
        return Tap(source, ticks, tap.weight)

    for number, gate in enumerate(net.gates):
        taps = tuple(map(tap_of, gate.taps))
        new[number] = len(made.gates)
        depths[new[number]] = gate.depth
        made.gates.append(Gate(taps, gate.threshold, gate.depth, gate.counts))
    return made
