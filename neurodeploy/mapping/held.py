"""The projections of an assignment: which cores each reaches, and how those hold it."""

from __future__ import annotations

import collections.abc
from dataclasses import dataclass
from functools import cached_property

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.mapping.encodings import Stored, dense_rows, least_rows, nothing
from neurodeploy.mapping.reach import Reach, reach
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Target

Assignment = collections.abc.Mapping[str, Ints]
"""Logical core of each neuron, per population; populations may be missing while they are not yet placed."""


@dataclass(frozen=True, eq=False)
class Held:
    """A projection whose targets are assigned: which cores it reaches, and how they hold it."""

    reach: Reach
    stored: Stored

    @cached_property
    def discrete(self) -> Reach | None:
        """The reach of the cores where every source neuron has an axon of its own."""
        return self.reach.without(self.stored.shared)


def all_held(net: ChipNetwork, core_of: Assignment, cores: int, target: Target) -> list[Held | None]:
    """Every projection, in the network's order; None where its target is not assigned."""
    found: list[Held | None] = []
    for p in net.projections:
        if p.target in core_of:
            seen = reach(p, core_of[p.target], cores, target)
            found.append(Held(seen, memory(p, seen, target)))
        else:
            found.append(None)
    return found


def memory(projection: ChipProjection, seen: Reach, target: Target) -> Stored:
    """How each core holds a projection, see ``synapse_words``."""
    if seen.counts is None:
        return dense_rows(projection, seen.n_source, seen.neurons, target)
    if seen.conv is None or None in seen.blocks.values():
        stored = least_rows(projection, seen.counts, seen.neurons, target)
    else:
        stored = nothing(len(seen.neurons))
    for at, block in seen.blocks.items():
        if seen.conv is not None and block is not None:
            stored.words[at], stored.encoding[at], stored.index_bits[at] = seen.conv.rows(block)
    return stored
