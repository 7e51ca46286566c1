"""Networks of one wiring adapt side by side: for studies over fault seeds, in numpy, with the bits of each alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.adapt.adaptive import Adaptive
from neurodeploy.adapt.layer import Layer
from neurodeploy.adapt.nominal import Nominal
from neurodeploy.adapt.rules import FINE_BITS, GAIN_ONE
from neurodeploy.adapt.settings import Adaptation
from neurodeploy.adapt.stream import Stream
from neurodeploy.adapt.traces import Dice, Ints
from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Dense
from neurodeploy.errors import SimulationError
from neurodeploy.neurons import model_named
from neurodeploy.program import Program
from neurodeploy.simulate.readout import scores


class _Dices(Dice):
    """Each network's own dice, (networks, ...) at once."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._each = [Dice(seed) for seed in seeds]

    def draw(self, shape: tuple[int, ...], bits: int) -> Ints:
        return np.stack([dice.draw(shape[1:], bits) for dice in self._each])


class Fleet:
    """Programs that differ in weights and registers only, such as one with other faults, each with a stream of its own.

    The recursion is layer-synchronous: a layer sees its input's spikes of the same local step, as on the chip, where
    each layer starts a step later. Networks are chains of dense layers of model ``cuba`` without delays, read out by
    counting spikes; :class:`Adaptive` has no such limits. Both give the same bits.

    Args:
        programs: At least one.
        rules: For all of them; ``seed`` counts up from the first program's.
        nominal: Rates to hold; default: those that the first program holds.

    Raises:
        SimulationError: As :class:`Adaptive`; or another wiring than such a chain, or not the same for all.
    """

    def __init__(self, programs: Sequence[Program], rules: Adaptation, *, nominal: Nominal | None = None) -> None:
        alone = [Adaptive(p, replace(rules, seed=rules.seed + i), nominal=nominal) for i, p in enumerate(programs)]
        self.rules, self.nominal = rules, alone[0].nominal
        self._programs, self._chain = programs, _chain(programs[0])
        if any(_chain(p) != self._chain for p in programs):
            raise SimulationError("programs of different wiring", where="Fleet", remedy="give variants of one program")
        self._layers = {name: Layer.side_by_side([a.layers[name] for a in alone]) for name in alone[0].layers}
        self._dice = _Dices([a.rules.seed for a in alone])
        self._fields = {
            name: {
                field: np.stack([p.net.populations[name].full(field) for p in programs])
                for field in programs[0].net.populations[name].fields
            }
            for name in self._chain
        }
        self._weights = {
            name: _columns(np.stack([_into(p.net, name).connection.weights for p in programs])) for name in self._chain
        }

    @property
    def gains(self) -> dict[str, NDArray[np.float64]]:
        """Gains by layer, (networks, n)."""
        layers = self._layers.items()
        return {name: (layer.gain >> FINE_BITS) / GAIN_ONE for name, layer in layers if layer.gains is not None}

    def run(
        self,
        spikes: NDArray[Any],
        orders: Sequence[NDArray[np.int64]],
        progress: Callable[[int], None] = lambda n: None,
    ) -> list[Stream]:
        """One stream for each network.

        Args:
            spikes: (N, T, n) of 0 and 1.
            orders: For each network, which samples it meets one after the other; all of one length.
            progress: Told after each sample that one more is done.

        Returns:
            As :meth:`Adaptive.run`, without counters, and with the mean of all networks' writes.
        """
        chosen, first = np.stack(orders), self._programs[0]
        port = next(iter(first.net.inputs))
        data = spikes.reshape(*spikes.shape[:2], -1).astype(np.float32)
        counts: dict[str, list[NDArray[Any]]] = {name: [] for name in (*self._chain, port)}
        writes: list[float] = []
        for i in range(chosen.shape[1]):
            sent = data[chosen[:, i]]
            counts[port].append(sent.sum(axis=1).astype(np.int64))
            for name in self._chain:
                sent = self._layer(name, sent)
                counts[name].append(sent.sum(axis=1).astype(np.int64))
            writes.append(self._adapt({name: found[-1] for name, found in counts.items()}) / len(chosen))
            progress(1)
        output = next(iter(first.outputs.values()))
        every = {name: np.stack(found, axis=1).astype(np.int32) for name, found in counts.items()}
        shares = {name: np.atleast_1d(layer.at_limit) for name, layer in self._layers.items()}
        return [
            Stream(
                {name: found[b] for name, found in every.items()},
                scores(first.readout, every[output][b][:, None], None),
                np.array(writes),
                {name: float(share[b]) for name, share in shares.items()},
                None,
                spikes.shape[1],
                self.nominal,
            )
            for b in range(len(chosen))
        ]

    def _layer(self, name: str, sent: NDArray[np.float32]) -> NDArray[np.float32]:
        """Spikes (networks, T, n) of a layer that hears such; sums of 8-bit weights are exact in single precision."""
        population = self._programs[0].net.populations[name]
        exponent = _into(self._programs[0].net, name).weight_exp
        sums = (sent @ self._weights[name]).astype(np.int64)
        sums = sums << exponent if exponent > 0 else sums >> -exponent
        model, fields = model_named(population.model), self._fields[name]
        shape = (len(sums), population.size)
        state = {register: np.broadcast_to(v, shape) for register, v in model.initial(fields).items()}
        fired = np.zeros(sums.shape, np.float32)
        for t in range(sums.shape[1]):
            step = model.integer_step(state, {"a": sums[:, t]}, fields, population.reset)
            state, fired[:, t] = dict(step.state), step.messages[0]
        return fired

    def _adapt(self, counts: dict[str, Ints]) -> int:
        writes = 0
        for name, layer in self._layers.items():
            writes += layer.after(counts, self.rules, self._dice).writes
            self._fields[name] = {**self._fields[name], **layer.registers}
            for weights in layer.weights:
                self._weights[name] = _columns(weights)
        return writes


def _into(net: ChipNetwork, name: str) -> ChipProjection:
    return next(net.incoming(name))


def _columns(weights: NDArray[Any]) -> NDArray[np.float32]:
    """(networks, n_source, n_target)."""
    return np.ascontiguousarray(weights.transpose(0, 2, 1), np.float32)


def _chain(program: Program) -> tuple[str, ...]:
    """The layers in order; SimulationError where the network is no such chain."""
    net, sender = program.net, next(iter(program.net.inputs))
    for start, (name, p) in enumerate(net.populations.items(), 1):
        into = list(net.incoming(name))
        plain = len(into) == 1 and into[0].source == sender and isinstance(into[0].connection, Dense)
        if not plain or into[0].delay or into[0].message_bits or p.model != "cuba" or p.start != start:
            raise SimulationError("not a chain of dense layers", where=f"layer '{name}'", remedy="use Adaptive")
        if p.reset_interval or p.window or into[0].connection.n_source > 2**16:
            raise SimulationError("a schedule, or too many inputs", where=f"layer '{name}'", remedy="use Adaptive")
        sender = name
    if len(net.inputs) != 1 or program.readout != "count":
        raise SimulationError("several inputs, or another read-out", where="Fleet", remedy="use Adaptive")
    return tuple(net.populations)
