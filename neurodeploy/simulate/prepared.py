"""A network as the C kernels read it: made once, used by every run."""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from neurodeploy import kernels
from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import Dense
from neurodeploy.errors import SimulationError
from neurodeploy.neurons import model_named
from neurodeploy.neurons.cuba import FOREVER
from neurodeploy.simulate.arena import Arena
from neurodeploy.simulate.components import components
from neurodeploy.simulate.layout import Form, Layout
from neurodeploy.simulate.order import neuron_order, pixel_orders
from neurodeploy.simulate.packing import Packing
from neurodeploy.simulate.signatures import declare
from neurodeploy.simulate.structs import BITS, FLAGS, MESSAGES, WORD, Population, Projection, Raster
from neurodeploy.simulate.sums import Incoming, Reach, fits32, narrow_exponent

KINDS = {"dense": 0, "sparse": 1, "conv2d": 2, "direct": 3}
MAX_SOURCES = 2**23 - 1
"""Largest fan-in of 9-bit weights whose sum is sure to fit 32 bits."""
LANES = ("du", "dv", "vth")
MOST_LAYOUTS = 64
"""Kept of a network."""


class Prepared:
    """Structures to be copied for a run, and what their addresses lead to.

    Attributes:
        sources: Name of every raster: outputs of the populations, then inputs.
        n_outputs: How many of them are outputs.
        raster_of: Number of each.
        number_of: Number of every population.
        starts: Idle steps of every population at the start of a sample.
        registers: Names of each population's.
        orders: Which neuron stands at each place, for populations that are kept in another order.
        rasters: ``nd_raster[]`` without the values of a run.
        populations: ``nd_population[]`` without the fields of a run; no register is recorded.
        projections: ``nd_projection[]`` by target; those with a delay per synapse keep it where the target is narrow,
            and are split by delay elsewhere.
        cuts: Their synapses cut into parts, by number of the projection and of parts; None where they cannot be.
    """

    def __init__(self, net: ChipNetwork, library: ctypes.CDLL) -> None:
        self.key = _key(net)
        self.library = library  # weights lie as its vectors want them
        self.parts = (tuple(net.populations.values()), tuple(net.projections))  # so that no id of the key is used again
        self.arena = Arena()
        self._arenas = {"": self.arena}
        outputs = {name: net.outputs_of(name) for name in net.populations}
        self.sources = [*(source for names in outputs.values() for source in names), *net.inputs]
        self.n_outputs = len(self.sources) - len(net.inputs)
        self.starts = [population.start for population in net.populations.values()]
        self._layouts: dict[Form, Layout] = {}
        raster_of = self.raster_of = {source: k for k, source in enumerate(self.sources)}
        self.number_of = {name: k for k, name in enumerate(net.populations)}
        self.registers = {name: model_named(p.model).registers for name, p in net.populations.items()}
        graded = {source: net.message_bits_of(source) > 0 for source in self.sources}
        split = [part for p in net.projections for part in p.by_delay]
        pixels = pixel_orders(net, split, graded)
        self.orders = {name: neuron_order(net.populations[name].shape, order) for name, order in pixels.items()}
        packing = Packing(library, self.arena, self.orders, pixels)
        self.rasters = (Raster * len(self.sources))()
        for raster, source in zip(self.rasters, self.sources, strict=True):
            raster.size = net.size_of(source)
            raster.form = MESSAGES if graded[source] else FLAGS if source in net.inputs else BITS
        self.populations = (Population * len(net.populations))()
        into = self._into = {name: _incoming(net, name, graded) for name in net.populations}
        self.projections = (Projection * sum(map(len, into.values())))()
        self.cuts: dict[tuple[int, int], NDArray[np.int64] | None] = {}
        recurrent = self._order_components(net)
        number = 0
        for k, (name, population) in enumerate(net.populations.items()):
            entry = self.populations[k]
            incoming = into[name]
            entry.n_outputs, entry.first_raster = len(outputs[name]), raster_of[name]
            entry.first_projection, entry.n_projections = number, len(incoming)
            self._fill_population(entry, population, self.orders.get(name))
            if population.model == "cuba":
                self._fill_cuba(entry, population, self.orders.get(name), incoming)
                entry.is_tiled = entry.is_tiled and name not in recurrent
            entry.fits32 = fits32(incoming)
            for i in incoming:
                slot = self.projections[number]
                slot.source, slot.target = raster_of[i.projection.source], k
                self._fill_projection(slot, i, model_named(population.model).ports.index(i.projection.port))
                packing.fill(slot, i, entry)
                number += 1
            if entry.is_narrow and entry.n_projections == 1 and incoming[0].projection.connection.kind == "conv2d":
                entry.map_at = packing.map_at(self.projections[number - 1], entry)

    def layout(self, form: Form) -> Layout:
        """The layout of calls of a form, made once."""
        known = self._layouts.get(form)
        if known is None:
            if len(self._layouts) >= MOST_LAYOUTS:
                self._layouts.clear()
            known = self._layouts[form] = Layout.of(self, form)
        return known

    def with_fields(self, population: ChipPopulation) -> Prepared:
        """The same with other fields of one cuba population, for the next steps of a worker that is under way."""
        other = copy.copy(self)
        other._layouts = {}
        other.populations = type(self.populations).from_buffer_copy(self.populations)
        other.arena = Arena()
        other._arenas = self._arenas | {population.name: other.arena}
        entry, order = other.populations[self.number_of[population.name]], self.orders.get(population.name)
        is_tiled = entry.is_tiled
        other._fill_population(entry, population, order)
        other._fill_cuba(entry, population, order, self._into[population.name])
        entry.is_tiled = is_tiled
        return other

    def _order_components(self, net: ChipNetwork) -> set[str]:
        """Number the components; the names of the populations in a cycle."""
        recurrent: set[str] = set()
        for number, component in enumerate(components(net)):
            for name in component.populations:
                self.populations[self.number_of[name]].component = number
                self.populations[self.number_of[name]].is_recurrent = component.is_recurrent
            if component.is_recurrent:
                recurrent.update(component.populations)
        return recurrent

    def _keep(self, values: NDArray[Any], size: int, order: NDArray[np.int64] | None) -> int:
        """The address of a field, (size,) in the engine's order, filled up with zeros."""
        padded = np.zeros(-(-size // WORD) * WORD, np.int32)
        padded[:size] = values if order is None or np.ndim(values) == 0 else np.broadcast_to(values, (size,))[order]
        return self.arena.keep(padded, np.int32)

    def _fill_population(self, entry: Any, population: ChipPopulation, order: NDArray[np.int64] | None) -> None:
        model, size = model_named(population.model), population.size
        if model.name != "cuba":
            entry.step = ctypes.cast(getattr(self.library, f"nd_{model.name}"), ctypes.c_void_p).value
        entry.size, entry.n_ports = size, len(model.ports)
        entry.n_registers, entry.n_state = len(model.registers), len(model.state)
        first, stop = population.window or (0, FOREVER)
        entry.fires_from, entry.fires_until = first + 1, stop
        entry.reset_interval, entry.reset_offset = population.reset_interval, population.reset_offset
        fields = model.kernel_fields(population.fields, population.reset)
        entry.fields = self.arena.table([self._keep(f, size, order) for f in fields])
        initial = model.initial(population.fields)
        entry.initial = self.arena.table([self._keep(initial[register], size, order) for register in model.state])
        entry.traces = self.arena.table([None] * len(model.registers))
        entry.constant = self._keep(model.constant_input(population.fields), size, order)

    def _fill_cuba(
        self,
        entry: Any,
        population: ChipPopulation,
        order: NDArray[np.int64] | None,
        incoming: Sequence[Incoming],
    ) -> None:
        du, dv, vth = (population.fields[name] for name in LANES)
        bias = model_named("cuba").constant_input(population.fields)
        for k, values in enumerate((4095 - du, 4096 - dv, vth << 6, bias)):
            # a constant may stand where the places behind the last neuron, too, are silent with it
            shared = np.all(values == np.ravel(values)[0]) and (
                population.size % WORD == 0 or (vth.min() >= 0 and k < 3)
            )
            some = np.full(WORD, np.ravel(values)[0], np.int32) if shared else None
            entry.lanes[k] = (
                self._keep(values, population.size, order) if some is None else self.arena.keep(some, np.int32)
            )
            entry.lane_masks[k] = -1 if some is None else WORD - 1
        if not np.any(population.fields["refractory"]):
            entry.n_state = 2  # u and v; the third counts refractory steps
        entry.is_regular = self.library.nd_cuba_is_regular(ctypes.byref(entry))
        entry.has_bias = bool(np.any(bias))
        exponent = narrow_exponent(incoming)
        if exponent is not None:
            entry.is_narrow, entry.input_exp = True, exponent
            reach = Reach.of(population, bias, incoming, exponent)
            is_uniform = all(entry.lane_masks[k] == WORD - 1 for k in range(3))
            entry.is_plain = is_uniform and reach.u_is_bound and population.reset == "zero"
            entry.v_is_bound = reach.v_is_bound
        dense = all(
            isinstance(i.projection.connection, Dense) and i.projection.delays is None and i.fits_bytes(i.exponent)
            for i in incoming
        )
        entry.is_tiled = dense and fits32(incoming)

    def _fill_projection(self, slot: Any, incoming: Incoming, port: int) -> None:
        p, c = incoming.projection, incoming.projection.connection
        if c.n_source > MAX_SOURCES:
            raise SimulationError(
                f"{c.n_source:,} sources in one projection",
                where=f"projection '{p.source}' -> '{p.target}'",
                remedy=f"split the source into populations of at most {MAX_SOURCES:,}",
            )
        slot.kind, slot.port, slot.weight_exp = KINDS["sparse" if p.delays is not None else c.kind], port, p.weight_exp
        slot.latency = p.latency if p.delays is None else 1
        slot.graded, slot.products_wrap = incoming.is_graded, p.products_wrap
        slot.n_source, slot.n_target = c.n_source, c.n_target


def _incoming(net: ChipNetwork, name: str, graded: dict[str, bool]) -> list[Incoming]:
    """What a population hears, split by delay unless its sums are narrow as it is."""

    def measured(projections: Iterable[ChipProjection]) -> list[Incoming]:
        return [Incoming.of(p, is_graded=graded[p.source] and p.message_bits > 0) for p in projections]

    given = list(net.incoming(name))
    if net.populations[name].model == "cuba" and any(p.delays is not None for p in given):
        whole = measured(given)
        if narrow_exponent(whole) is not None:
            return whole
    return measured(part for p in given for part in p.by_delay)


_prepared: WeakKeyDictionary[ChipNetwork, Prepared] = WeakKeyDictionary()


def prepare(net: ChipNetwork) -> Prepared:
    """The network's structures, made anew only when it has changed; it stays with the kernels that it met first.

    Raises:
        KernelsUnavailable: The library is missing or of another version.
    """
    known = _prepared.get(net)
    if known is None or known.key != _key(net):
        _prepared[net] = known = Prepared(net, declare(kernels.load()))
    return known


def _key(net: ChipNetwork) -> tuple[object, ...]:
    parts = (net.inputs.values(), net.populations.values(), net.projections)
    return (tuple(net.inputs), *(tuple(map(id, part)) for part in parts))
