"""Which neuron goes onto which logical core: split every population, settle the fan-out, merge the small ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping as Dict
from dataclasses import dataclass

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.capacity import Assignment, Loads, all_reaches, core_loads, fan_out
from neurodeploy.mapping.constraints import Excess, uses
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
    splitters = {name: Splitter(net, p, target) for name, p in net.populations.items()}
    splits = {name: splitter.split(None, 1) for name, splitter in splitters.items()}
    unsettled = _settle(net, target, splitters, splits) if target.core.out_axon_slots is not None else {}
    core_of, cores = _number(splits)
    impossible = {n: s.impossible | unsettled.get(n, {}) for n, s in splits.items()}
    impossible = {n: found for n, found in impossible.items() if found}
    if not impossible:
        core_of, cores = _merge(core_of, core_loads(net, core_of, cores, target), target)
    return Partition(core_of, cores, impossible)


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
        slots: dict[str, Ints] = defaultdict(lambda: np.zeros((), np.int64))
        for by_source in demand.values():
            for source, needed in by_source.items():
                slots[source] = slots[source] + needed
        over = {}
        for name, needed in slots.items():
            per_core = np.bincount(splits[name].labels, weights=needed, minlength=splits[name].parts)
            if "out_axon_slots" not in splits[name].impossible and per_core.max() > limit.value:
                over[name] = int(per_core.max())
        if not over:
            return {}
        for name in over:
            splits[name] = splitters[name].split(slots[name], splits[name].parts)
            demand[name] = _demand(net, target, name, splits[name])
    return {name: {"out_axon_slots": (needed, limit.value)} for name, needed in over.items()}


def _demand(net: ChipNetwork, target: Target, name: str, split: Split) -> dict[str, Ints]:
    """Out-axon slots that a split of one population costs each neuron of its sources."""
    inward = ChipNetwork(net.inputs, net.populations, list(net.incoming(name)))
    return fan_out(inward, all_reaches(inward, {name: split.labels}, split.parts, target), target)


def _number(splits: Dict[str, Split]) -> tuple[dict[str, Ints], int]:
    """Cores numbered through, in the order of the populations."""
    core_of, cores = {}, 0
    for name, split in splits.items():
        core_of[name] = split.labels + cores
        cores += split.parts
    return core_of, cores


def _merge(core_of: Assignment, loads: Loads, target: Target) -> tuple[dict[str, Ints], int]:
    """Put populations of a single core onto the nearest earlier core that has room for them.

    Loads are added up, which never says less than the load of the merged core: sources, settings and formats that two
    populations share are then counted twice.
    """
    table = uses(loads, target)
    needs = np.stack([needed for needed, _ in table.values()]).astype(np.int64)
    limits = np.array([limit for _, limit in table.values()])
    cores = needs.shape[1]
    host = np.arange(cores)
    for labels in core_of.values():
        own = int(labels[0])
        if np.any(labels != own):
            continue
        for other in reversed(range(own)):
            if host[other] == other and np.all(needs[:, other] + needs[:, own] <= limits):
                host[own] = other
                needs[:, other] += needs[:, own]
                break
    kept, renumbered = np.unique(host, return_inverse=True)
    return {name: renumbered.ravel()[labels] for name, labels in core_of.items()}, len(kept)
