"""Nothing comes out of a run whose windows were too short, or whose membranes were clipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.ttfs.events import Taps, last_arrivals, taps
from neurodeploy.convert.ttfs.spiking import too_early
from neurodeploy.errors import SimulationError
from neurodeploy.simulate.counters import Counters


class Guard:
    """Of a network.

    A neuron of block A that spikes after its last arrival spikes when it should, as does one that has not spiked yet
    although all has arrived; a neuron of block R always does.
    """

    def __init__(self, net: ChipNetwork) -> None:
        self._blocks: dict[str, tuple[str, Taps]] = {}
        self._once = all(np.all(p.fields["refractory"] > 0) for p in net.populations.values())
        for name in net.populations:
            into = [p for p in net.incoming(name) if p.source != name]
            if all(p.delay == 0 for p in into):
                self._blocks[name] = into[0].source, taps(into[0].connection.to_csr())

    def arrivals(self, fired: Mapping[str, NDArray[np.int64]]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Tick of the last spike that each neuron of block A gets, (B, n), with its population's name."""
        for name, (source, synapses) in self._blocks.items():
            yield name, last_arrivals(synapses, fired[source]) + 1

    def check(self, fired: Mapping[str, NDArray[np.int64]], until: NDArray[np.int64], first: int = 0) -> None:
        """Refuse a run.

        Args:
            fired: Tick of the spike of each neuron and input, (B, n).
            until: Last tick that counts, (B,).
            first: Number of the first sample, for the message.

        Raises:
            SimulationError: A neuron of block A spiked, or was read, before its last input had arrived.
        """
        for name, last in self.arrivals(fired):
            early = np.argwhere(last > np.minimum(fired[name], until[:, None]))
            if len(early):
                sample, neuron = early[0].tolist()
                raise too_early(f"layer '{name}', neuron {neuron}", first + sample, len(early))

    def check_counters(self, counters: Counters) -> None:
        """SimulationError where a membrane that matters was clipped, or a current wrapped."""
        for name, c in counters.populations.items():
            if c.wraps or (self._once and c.saturations):
                raise SimulationError(
                    f"{c.wraps} wraps and {c.saturations} saturations of registers",
                    where=f"layer '{name}'",
                    remedy="convert with fewer ticks or fraction bits, or calibrate on data that include such inputs",
                )
