"""Which neuron goes onto which logical core: split every population, settle the fan-out, merge the small ones."""

from __future__ import annotations

import heapq
from collections.abc import Mapping as Dict
from dataclasses import dataclass, fields

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.capacity import Loads, core_loads
from neurodeploy.mapping.constraints import Excess, uses
from neurodeploy.mapping.fanout import Demand, fan_out
from neurodeploy.mapping.held import Assignment, all_held
from neurodeploy.mapping.objective import Objective, Rates
from neurodeploy.mapping.rows import Ints
from neurodeploy.mapping.split import Split, Splitter
from neurodeploy.target_schema import Target

ROUNDS = 100
"""Most rounds of re-splitting until the fan-out settles; a network that needs more is taken not to fit."""


@dataclass(frozen=True, eq=False)
class Partition:
    """A partition, or as much of one as the target allows.

    Attributes:
        core_of: Logical core of each neuron, per population.
        cores: Number of logical cores.
        impossible: Per population, resources that no split can satisfy, with the need of the worst neuron or core;
            the partition ignores them, so ``cores`` is then a lower bound.
    """

    core_of: Assignment
    cores: int
    impossible: Dict[str, Dict[str, Excess]]


def partition(
    net: ChipNetwork, target: Target, objective: Objective = "cores", rates: Rates | None = None, seed: int = 0
) -> Partition:
    """Split every population of ``net`` over cores of ``target``; the same arguments give the same partition."""
    splitters = {n: Splitter(net, p, target, objective, rates, seed) for n, p in net.populations.items()}
    splits = {name: splitter.split(None, 1) for name, splitter in splitters.items()}
    unsettled = _settle(net, target, splitters, splits)
    if objective == "latency" and not unsettled and not any(s.impossible for s in splits.values()):
        parts = spread(net, target, {n: s.parts for n, s in splits.items()}, rates)
        splits = {name: splitter.split(None, parts[name]) for name, splitter in splitters.items()}
        unsettled = _settle(net, target, splitters, splits)
    core_of, cores = _number(splits)
    impossible = {n: s.impossible | unsettled.get(n, {}) for n, s in splits.items()}
    impossible = {n: found for n, found in impossible.items() if found}
    if not impossible and objective != "latency":
        core_of, cores = _merge(core_of, core_loads(net, core_of, cores, target), target)
    return Partition(core_of, cores, impossible)


def spread(net: ChipNetwork, target: Target, parts: Dict[str, int], rates: Rates | None) -> dict[str, int]:
    """Parts of each population when the cores that its chips have left go, one by one, to the busiest parts.

    The work of a population is what its neurons' updates and synapses take in a step, in the mean; its parts share it.
    """
    per_chip, used = target.mesh.cores_per_chip.value, sum(parts.values())
    free = min(-(-used // per_chip), target.mesh.chips.value) * per_chip - used
    work = {name: expected_step_s(net, name, target, rates) for name in parts}
    number = dict(parts)
    heap = [(-work[name] / k, order, name) for order, (name, k) in enumerate(parts.items())]
    heapq.heapify(heap)
    while free > 0 and heap:
        _, order, name = heapq.heappop(heap)
        if number[name] < net.populations[name].size:
            number[name] += 1
            free -= 1
            heapq.heappush(heap, (-work[name] / number[name], order, name))
    return number


def expected_step_s(net: ChipNetwork, name: str, target: Target, rates: Rates | None) -> float:
    """Time that the updates and synapses of a population take in a step, all on one core, in seconds."""
    events = 0.0
    for p in net.incoming(name):
        fan_out_of = p.connection.fan_out()
        events += float(fan_out_of.sum() if rates is None else fan_out_of @ rates[p.source])
    active, synop = target.latency.neuron_active_s.value, target.latency.synop_s.value
    return active * net.populations[name].size + synop * events


def _settle(
    net: ChipNetwork, target: Target, splitters: Dict[str, Splitter], splits: dict[str, Split]
) -> dict[str, dict[str, Excess]]:
    """Split sources with too many out-axon slots further, until stable: finer targets cost their sources slots.

    Returns those that did not become stable.
    """
    limit = target.core.out_axon_slots
    if limit is None:
        return {}
    demand = {name: _demand(net, target, name, splits[name]) for name in splits}
    over: dict[str, int] = {}
    for _ in range(ROUNDS):
        slots: dict[str, Demand] = {}
        for by_source in demand.values():
            for source, needed in by_source.items():
                slots[source] = slots[source] + needed if source in slots else needed
        over = {}
        for name, needed in slots.items():
            per_core = needed.per_core(splits[name].labels, splits[name].parts)
            if "out_axon_slots" not in splits[name].impossible and per_core.max() > limit.value:
                over[name] = int(per_core.max())
        if not over:
            return {}
        for name in over:
            splits[name] = splitters[name].split(slots[name], splits[name].parts)
            demand[name] = _demand(net, target, name, splits[name])
    return {name: {"out_axon_slots": (most, limit.value)} for name, most in over.items()}


def _demand(net: ChipNetwork, target: Target, name: str, split: Split) -> dict[str, Demand]:
    """Out-axon slots that a split of one population costs its sources."""
    inward = ChipNetwork(net.inputs, net.populations, list(net.incoming(name)))
    return fan_out(inward, all_held(inward, {name: split.labels}, split.parts, target), target)


def _number(splits: Dict[str, Split]) -> tuple[dict[str, Ints], int]:
    """Cores numbered through, in the order of the populations."""
    core_of, cores = {}, 0
    for name, split in splits.items():
        core_of[name] = split.labels + cores
        cores += split.parts
    return core_of, cores


def _merge(core_of: Assignment, loads: Loads, target: Target) -> tuple[dict[str, Ints], int]:
    """Put populations of a single core onto the nearest earlier core that has room for them."""
    host = np.arange(len(loads.neurons))
    for labels in core_of.values():
        own = int(labels[0])
        if np.any(labels != own):
            continue
        table = uses(loads.joined(slice(own), own), target)
        room = [needed <= limit for needed, limit in table.values()]
        hosts = np.flatnonzero(np.logical_and.reduce([host[:own] == np.arange(own), *room]))
        if len(hosts):
            host[own] = hosts[-1]
            together = loads.joined(int(hosts[-1]), own)
            for f in fields(loads):
                getattr(loads, f.name)[hosts[-1]] = getattr(together, f.name)
    kept, renumbered = np.unique(host, return_inverse=True)
    return {name: renumbered.ravel()[labels] for name, labels in core_of.items()}, len(kept)
