"""The arguments of the C kernels for one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.simulate.arena import Arena
from neurodeploy.simulate.events import Events
from neurodeploy.simulate.plan import Messages
from neurodeploy.simulate.prepared import Prepared
from neurodeploy.simulate.rasters import Lazy, reorder, unpack
from neurodeploy.simulate.structs import BITS, EVENTS, MESSAGES, WORD, Population, Raster

Inputs = Mapping[str, "Messages | Events"]
States = dict[str, dict[str, NDArray[np.int32]]]


class Call:
    """Structures for one call; what C writes is read by the methods.

    Args:
        net: The network.
        prepared: The same, packed.
        inputs: Messages (B, T, size) or events of each.
        shape: (B, steps) of the run.
        kept: Outputs whose messages are kept.
        states: Room for registers, int32 (B, steps, size).
    """

    def __init__(
        self,
        net: ChipNetwork,
        prepared: Prepared,
        inputs: Inputs,
        shape: tuple[int, int],
        kept: frozenset[str] | None,
        states: States,
    ) -> None:
        self._net, self._prepared, self._states = net, prepared, states
        self._alive: list[Any] = [inputs]
        self._shape = shape
        self._places: dict[str, tuple[int, int]] = {}
        n_populations, n_rasters = len(prepared.populations), len(prepared.sources)
        self.populations = (Population * n_populations).from_buffer_copy(prepared.populations)
        self.rasters = (Raster * n_rasters).from_buffer_copy(prepared.rasters)
        end = 0
        for raster, source in zip(self.rasters, prepared.sources, strict=True):
            if source in inputs:
                self._give(raster, inputs[source])
            else:
                raster.steps = shape[1]
                if kept is None or source in kept:
                    start, end = end, end + shape[0] * shape[1] * _row_bytes(raster)
                    self._places[source] = start, end
        self._room = np.empty(end // 8 + 1, np.uint64)  # one for all: asking for an address takes as long as a layer
        address = _address(self._room)
        for source, (start, _) in self._places.items():
            self.rasters[prepared.raster_of[source]].values = address + start
        if states:
            self._record(states)

    def _give(self, raster: Any, values: Messages | Events) -> None:
        raster.steps = values.shape[1]
        if isinstance(values, Events):
            raster.form, raster.values, raster.starts = EVENTS, _address(values.addresses), _address(values.starts)
            return
        array = np.ascontiguousarray(values, np.int32 if raster.form == MESSAGES else np.uint8)
        self._alive.append(array)
        raster.values = _address(array)

    def _record(self, states: States) -> None:
        arena = Arena()
        self._alive.append(arena)
        for entry, name in zip(self.populations, self._net.populations, strict=True):
            kept, registers = states.get(name, {}), self._prepared.registers[name]
            entry.traces = arena.table([_address(kept[r]) if r in kept else None for r in registers])

    def messages(self) -> Lazy[Messages]:
        """What the kept outputs sent, (B, steps, size), decoded on demand."""
        return Lazy(self._places, self._decoded)

    def _decoded(self, name: str) -> Messages:
        start, end = self._places[name]
        held, size = self._room.view(np.uint8)[start:end], self._net.size_of(name)
        if self.rasters[self._prepared.raster_of[name]].form == MESSAGES:
            return held.view(np.int32)[: self._shape[0] * self._shape[1] * size].reshape(*self._shape, size)
        return unpack(held.view(np.uint64).reshape(*self._shape, -1), size, self._prepared.orders.get(name))

    def states(self) -> States:
        """The kept registers, (B, steps, size)."""
        orders = self._prepared.orders
        return {
            name: {r: reorder(v, orders[name]) if name in orders else v for r, v in kept.items()}
            for name, kept in self._states.items()
        }

    def counts(self, field: str) -> Lazy[int]:
        """A count of each population."""
        number = self._prepared.number_of
        return Lazy(number, lambda name: getattr(self.populations[number[name]], field))

    def sent_counts(self) -> Lazy[int]:
        """Messages but 0 of each output and input."""
        raster_of = self._prepared.raster_of
        return Lazy(raster_of, lambda source: self.rasters[raster_of[source]].sent)


def _row_bytes(raster: Any) -> int:
    """Of one step of one sample, in whole words."""
    row: int = 8 * (-(-raster.size // WORD) if raster.form == BITS else -(-raster.size // 2))
    return row


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
