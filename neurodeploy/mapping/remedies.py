"""DoesNotFit with every violation at once, and remedies whose effect has been computed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import DoesNotFit, TargetError, Violation
from neurodeploy.mapping.partition import Partition, partition
from neurodeploy.target import list_targets, load_target
from neurodeploy.target_schema import Target

ADVICE = {
    "in_axons": "at most {limit:,} distinct sources per neuron fit; prune synapses, or put a smaller layer in between",
    "synapse_words": "the rows of a single neuron overflow the core: it needs fewer sources",
    "out_axon_slots": "its neurons reach too many cores: let them feed fewer or smaller layers",
    "synapse_formats": "give the projections into it at most {limit} settings of bits, exponent, sign mode and delay",
    "axon_mem_words": "let fewer convolutions feed it",
    "pool_words": "the axons and rows of a single neuron overflow the core: it needs fewer sources",
}
"""What helps where splitting does not; other resources of a single neuron cannot overflow."""


def refuse(net: ChipNetwork, target: Target, found: Partition) -> DoesNotFit | None:
    """The error for a partition that exceeds the target, or None if it fits."""
    violations = [
        (resource, needed, limit, layer)
        for layer, resources in found.impossible.items()
        for resource, (needed, limit) in resources.items()
    ]
    if found.cores > room(target):
        violations.append(("cores", found.cores, room(target), "network"))
    if not violations:
        return None
    alternatives = _Alternatives(net, target, found)
    return DoesNotFit(
        (
            Violation(resource, needed, limit, layer, alternatives.advice(resource, layer, limit))
            for resource, needed, limit, layer in violations
        ),
        where=f"target {target.name}",
    )


def room(target: Target) -> int:
    """Cores of all chips."""
    return target.mesh.chips.value * target.mesh.cores_per_chip.value


def fits(found: Partition, target: Target) -> bool:
    """Whether a partition is within all limits."""
    return not found.impossible and found.cores <= room(target)


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class _Alternatives:
    """Tries other weight widths, layer sizes and targets; each at most once."""

    def __init__(self, net: ChipNetwork, target: Target, found: Partition) -> None:
        self.net, self.target, self.found = net, target, found
        self._room = room(target)
        self._by_bits: dict[int, Partition] = {}

    def advice(self, resource: str, layer: str, limit: int) -> str:
        """What to do about one violation, with the numbers that result."""
        if resource == "cores":
            hints = [self._chips, self._size, self._bits(None), self.targets]
        else:
            hints = [ADVICE.get(resource, "use smaller layers").format(limit=limit)]
            hints += [self._bits(layer)] if resource in ("synapse_words", "pool_words") else []
            hints += [self.targets]
        return "; ".join(hint for hint in hints if hint)

    @cached_property
    def _chips(self) -> str:
        """How many chips would do."""
        mesh = self.target.mesh
        at_least = "at least " if self.found.impossible else ""
        chips = -(-self.found.cores // mesh.cores_per_chip.value)
        return f"{at_least}{_plural(chips, 'chip')} of {mesh.cores_per_chip.value} cores, not {mesh.chips.value}"

    @cached_property
    def _size(self) -> str:
        """How many neurons of the layer on the most cores there is room for, if it is fed by dense projections only:
        then any run no longer than its longest fits a core."""
        sizes = {name: np.bincount(np.unique(at, return_inverse=True)[1]) for name, at in self.found.core_of.items()}
        name = max(sizes, key=lambda n: len(sizes[n]))
        free = self._room - (self.found.cores - len(sizes[name]))
        dense = all(p.connection.kind == "dense" for p in self.net.incoming(name))
        if self.found.impossible or free <= 0 or not dense:
            return ""
        neurons = int(sizes[name].max()) * free
        return f"{neurons:,} neurons in '{name}' fit (it takes {len(sizes[name]):,} of the {self.found.cores:,} cores)"

    def _bits(self, layer: str | None) -> str:
        """Fewer weight bits: the most that fit, else what the fewest would leave."""
        discrete = [p for p in self.net.projections if p.connection.kind != "conv2d"]
        widest = max((p.num_weight_bits for p in discrete if layer in (None, p.target)), default=0)
        legal = sorted(b for b in self.target.weight.legal_bits.value if b < widest)
        if not legal:
            return ""
        least = self._tried(legal[0])
        if fits(least, self.target):
            most = next(b for b in reversed(legal) if fits(self._tried(b), self.target))
            return f"{most}-bit weights fit on {_plural(self._tried(most).cores, 'core')}"
        if layer is None and least.cores < self.found.cores:
            return f"{legal[0]}-bit weights need {_plural(least.cores, 'core')}"
        if layer is not None and layer not in least.impossible:
            most = next(b for b in reversed(legal) if layer not in self._tried(b).impossible)
            return f"with {most}-bit weights '{layer}' alone fits"
        return ""

    def _tried(self, bits: int) -> Partition:
        if bits not in self._by_bits:
            narrowed = [replace(p, num_weight_bits=min(bits, p.num_weight_bits)) for p in self.net.projections]
            net = ChipNetwork(self.net.inputs, self.net.populations, narrowed)
            self._by_bits[bits] = partition(net, self.target)
        return self._by_bits[bits]

    @cached_property
    def targets(self) -> str:
        """Other chips by name that the network fits."""
        fitting = []
        for name in list_targets():
            try:
                other = load_target(name)
            except TargetError:  # a broken plugin must not hide the error at hand
                continue
            if other.name != self.target.name and other.status != "example" and other.chip is None:
                tried = partition(self.net, other)
                if fits(tried, other):
                    chips = -(-tried.cores // other.mesh.cores_per_chip.value)
                    fitting.append(f"{name} ({_plural(tried.cores, 'core')} on {_plural(chips, 'chip')})")
        return f"it fits {' and '.join(fitting)}" if fitting else "it fits no other bundled target as it is"
