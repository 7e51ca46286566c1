"""The arguments of the C kernels for one call, and what they hand back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.simulate.arena import Arena
from neurodeploy.simulate.events import Events
from neurodeploy.simulate.layout import Form, Layout
from neurodeploy.simulate.plan import Messages
from neurodeploy.simulate.prepared import Prepared
from neurodeploy.simulate.rasters import Lazy, reorder, unpack
from neurodeploy.simulate.rooms import Room, room
from neurodeploy.simulate.structs import EVENTS, MESSAGES

Inputs = Mapping[str, "Messages | Events"]
States = dict[str, dict[str, NDArray[np.int32]]]


class Call:
    """Structures for one call; what C writes are the attributes of an :class:`~neurodeploy.simulate.plan.Outcome`.

    Attributes:
        populations, rasters: The structures.
        sent_by: Decodes what a kept output sent, (B, steps, size).
        spikes: The same of each, decoded once, on demand.

    Args:
        prepared: The network, packed.
        form: Samples, steps, live steps, and the outputs whose messages are kept.
        inputs: Messages (B, T, size) or events of each.
        states: Room for registers, int32 (B, steps, size).
    """

    def __init__(self, prepared: Prepared, form: Form, inputs: Inputs, states: States) -> None:
        self._prepared, self._recorded = prepared, states
        self._alive: list[Any] = [inputs]
        layout = prepared.layout(form)
        self.populations = type(layout.populations).from_buffer_copy(layout.populations)
        self.rasters = type(layout.rasters).from_buffer_copy(layout.rasters)
        held = room(layout.words)
        if layout.words:
            address = _address(held)
            for source, (start, _) in layout.places.items():
                self.rasters[prepared.raster_of[source]].values = address + start
        # not of this call itself, which a cycle would keep until some collection of garbage, and the room with it
        self.sent_by = partial(_sent_by, prepared, self.rasters, layout, held)
        self.spikes = Lazy(layout.places, self.sent_by)
        for source, values in inputs.items():
            self._give(self.rasters[prepared.raster_of[source]], values)
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
        for entry, (name, registers) in zip(self.populations, self._prepared.registers.items(), strict=True):
            kept = states.get(name, {})
            entry.traces = arena.table([_address(kept[r]) if r in kept else None for r in registers])

    @property
    def states(self) -> States:
        """Recorded registers, int32 (B, steps, size), neurons in the network's order."""
        orders = self._prepared.orders
        return {
            name: {r: reorder(v, orders[name]) if name in orders else v for r, v in kept.items()}
            for name, kept in self._recorded.items()
        }

    def _counts(self, field: str) -> Lazy[int]:
        number = self._prepared.number_of
        return Lazy(number, lambda name: getattr(self.populations[number[name]], field))

    @property
    def active_updates(self) -> Lazy[int]:
        """Updates with input, bias or a nonzero register, by population."""
        return self._counts("active")

    @property
    def wraps(self) -> Lazy[int]:
        """Times that u or an int32 sum wrapped, by population."""
        return self._counts("wraps")

    @property
    def saturations(self) -> Lazy[int]:
        """Times that v was clipped, by population."""
        return self._counts("saturations")

    @property
    def syn_ops(self) -> Lazy[int]:
        """Messages but 0 that reached a synapse, by target."""
        return self._counts("syn_ops")

    @property
    def sent(self) -> Lazy[int]:
        """Messages but 0, by output and input."""
        raster_of = self._prepared.raster_of
        return Lazy(raster_of, lambda source: self.rasters[raster_of[source]].sent)


def _sent_by(prepared: Prepared, rasters: Any, layout: Layout, held: Room, name: str) -> Messages:
    start, end = layout.places[name]
    part, raster = held.view(np.uint8)[start:end], rasters[prepared.raster_of[name]]
    if raster.form == MESSAGES:
        count = layout.shape[0] * layout.shape[1] * raster.size
        return part.view(np.int32)[:count].reshape(*layout.shape, raster.size)
    return unpack(part.view(np.uint64).reshape(*layout.shape, -1), raster.size, prepared.orders.get(name))


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
