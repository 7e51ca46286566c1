"""The arguments of the C kernels for one call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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
        self.sent: dict[str, NDArray[Any]] = {}
        n_populations, n_rasters = len(prepared.populations), len(prepared.sources)
        self.populations = (Population * n_populations).from_buffer_copy(prepared.populations)
        self.rasters = (Raster * n_rasters).from_buffer_copy(prepared.rasters)
        for raster, source in zip(self.rasters, prepared.sources, strict=True):
            if source in inputs:
                self._give(raster, inputs[source])
            else:
                raster.steps = shape[1]
                if kept is None or source in kept:
                    words = raster.form == BITS
                    row, dtype = (-(-raster.size // WORD), np.uint64) if words else (raster.size, np.int32)
                    self.sent[source] = room = np.empty((*shape, row), dtype)
                    raster.values = _address(room)
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
        orders, size = self._prepared.orders, self._net.size_of
        return Lazy({n: partial(_decoded, v, size(n), orders.get(n)) for n, v in self.sent.items()})

    def states(self) -> States:
        """The kept registers, (B, steps, size)."""
        orders = self._prepared.orders
        return {
            name: {r: reorder(v, orders[name]) if name in orders else v for r, v in kept.items()}
            for name, kept in self._states.items()
        }

    def counts(self, field: str) -> dict[str, int]:
        """A count of each population."""
        return {name: getattr(q, field) for name, q in zip(self._net.populations, self.populations, strict=True)}

    def sent_counts(self) -> dict[str, int]:
        """Messages but 0 of each output and input."""
        return {source: raster.sent for source, raster in zip(self._prepared.sources, self.rasters, strict=True)}


def _decoded(values: NDArray[Any], size: int, order: NDArray[np.int64] | None) -> Messages:
    return unpack(values, size, order) if values.dtype == np.uint64 else values


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
