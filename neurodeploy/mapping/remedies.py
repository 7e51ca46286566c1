"""DoesNotFit with every violation at once, and remedies whose effect has been computed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import msgspec
import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Dense, Sparse
from neurodeploy.errors import DoesNotFit, TargetError, Tried, Violation
from neurodeploy.mapping.partition import Partition, partition
from neurodeploy.target import list_targets, load_target
from neurodeploy.target_schema import Target

ADVICE = {
    "in_axons": "at most {limit:,} distinct sources per neuron fit; prune synapses, or put a smaller layer in between",
    "delay_slots": "use shorter delays",
    "synapse_words": "the rows of a single neuron overflow the core: it needs fewer sources",
    "out_axon_slots": "its neurons reach too many cores: let them feed fewer or smaller layers",
    "synapse_formats": "give the projections into it at most {limit} settings of bits, exponent, sign mode and delay",
    "axon_mem_words": "let fewer convolutions feed it",
    "pool_words": "the axons and rows of a single neuron overflow the core: it needs fewer sources",
}
"""What helps where splitting does not; other resources of a single neuron cannot overflow."""


WORK = 50_000_000
"""Neurons and explicit synapses that all remedies together may look at: what is tried must not depend on the clock."""


def refuse(net: ChipNetwork, target: Target, found: Partition, asked: int | None = None) -> DoesNotFit | None:
    """The error for a partition that exceeds the target, or None if it fits.

    Args:
        net: The network.
        target: The chip, with no more neurons on a core than asked for.
        found: Its partition there.
        asked: The chip's own limit of neurons where that is more.
    """
    violations = [
        (resource, needed, limit, layer)
        for layer, resources in found.impossible.items()
        for resource, (needed, limit) in resources.items()
    ]
    if found.cores > room(target):
        violations.append(("cores", found.cores, room(target), "network"))
    if not violations:
        return None
    alternatives = _Alternatives(net, target, found, asked)
    return DoesNotFit(
        (
            Violation(resource, needed, limit, layer, alternatives.advice(resource, layer, limit))
            for resource, needed, limit, layer in violations
        ),
        where=f"target {target.name}",
        tried=alternatives.tried,
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
    """Tries other chips, weight widths, encodings, layer sizes and targets; each at most once, as far as WORK goes."""

    def __init__(self, net: ChipNetwork, target: Target, found: Partition, asked: int | None) -> None:
        self.net, self.target, self.found, self.asked = net, target, found, asked
        self._room = room(target)
        sparse = sum(p.connection.synapses for p in net.projections if p.connection.kind == "sparse")
        self._left = WORK // (net.neurons + sparse)
        self.tried: list[Tried] = []
        self._more_chips()
        self._whole_cores()
        self._narrow = {bits: self._with_bits(bits) for bits in self._fewer_bits(None)}
        self._without_zeros()
        self._others = self._targets()

    def advice(self, resource: str, layer: str, limit: int) -> str:
        """What to do about one violation, with the numbers that result."""
        if resource == "cores":
            hints = [self._chips, self._size, self._bits(None), self.targets]
        else:
            hints = [ADVICE.get(resource, "use smaller layers").format(limit=limit)]
            hints += [self._bits(layer)] if resource in ("synapse_words", "pool_words") else []
            hints += [self.targets]
        return "; ".join(hint for hint in hints if hint)

    def _try(self, remedy: str, net: ChipNetwork, target: Target) -> Partition | None:
        """The partition under a remedy, None where there is no work left for it."""
        if self._left <= 0:
            return None
        self._left -= 1
        tried = partition(net, target)
        layers = tuple(f"{layer} ({', '.join(over)})" for layer, over in tried.impossible.items())
        self.tried.append(Tried(remedy, tried.cores, room(target), layers))
        return tried

    def _whole_cores(self) -> None:
        """The chip's own number of neurons on a core."""
        limit = self.target.core.neurons
        if self.asked is not None and self.asked > limit.value:
            core = msgspec.structs.replace(self.target.core, neurons=msgspec.structs.replace(limit, value=self.asked))
            remedy = f"without max_neurons_per_core = {limit.value}"
            self._try(remedy, self.net, msgspec.structs.replace(self.target, core=core))

    def _without_zeros(self) -> None:
        """Dense layers as sparse ones, where that leaves synapses out."""
        zeros = {id(p): _zeros(p) for p in self.net.projections}
        left = sum(p.connection.synapses - zeros[id(p)] for p in self.net.projections if zeros[id(p)])
        if 0 < left <= WORK:
            kept = [_sparse(p) if zeros[id(p)] else p for p in self.net.projections]
            remedy = f"the {_plural(sum(zeros.values()), 'zero weight')} of dense layers left out (kind='sparse')"
            self._try(remedy, ChipNetwork(self.net.inputs, self.net.populations, kept), self.target)

    def _more_chips(self) -> None:
        """As many chips as the cores need."""
        per_chip = self.target.mesh.cores_per_chip.value
        if not self.found.impossible:
            chips = -(-self.found.cores // per_chip)
            self.tried.append(Tried(_plural(chips, "chip"), self.found.cores, chips * per_chip))

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

    def _fewer_bits(self, layer: str | None) -> list[int]:
        """Legal widths below the widest weight (into a layer), ascending."""
        discrete = [p for p in self.net.projections if p.connection.kind in ("dense", "sparse")]
        widest = max((p.num_weight_bits for p in discrete if layer in (None, p.target)), default=0)
        return sorted(b for b in self.target.weight.legal_bits.value if b < widest)

    def _with_bits(self, bits: int) -> Partition | None:
        narrowed = [replace(p, num_weight_bits=min(bits, p.num_weight_bits)) for p in self.net.projections]
        return self._try(
            f"{bits}-bit weights", ChipNetwork(self.net.inputs, self.net.populations, narrowed), self.target
        )

    def _bits(self, layer: str | None) -> str:
        """Fewer weight bits: the most that fit, else what the fewest would leave."""
        tried = {b: p for b in self._fewer_bits(layer) if (p := self._narrow.get(b)) is not None}
        if not tried:
            return ""
        fitting = [b for b, p in tried.items() if fits(p, self.target)]
        least = min(tried)
        if fitting:
            return f"{max(fitting)}-bit weights fit on {_plural(tried[max(fitting)].cores, 'core')}"
        if layer is None and tried[least].cores < self.found.cores:
            return f"{least}-bit weights need {_plural(tried[least].cores, 'core')}"
        alone = [b for b, p in tried.items() if layer is not None and layer not in p.impossible]
        return f"with {max(alone)}-bit weights '{layer}' alone fits" if alone else ""

    def _targets(self) -> dict[str, tuple[Target, Partition]]:
        """Other chips, by name, with what the network needs there."""
        found = {}
        for name in list_targets():
            try:
                other = load_target(name)
            except TargetError:  # a broken plugin must not hide the error at hand
                continue
            if other.name != self.target.name and other.status != "example" and other.chip is None:
                tried = self._try(f"target {name}", self.net, other)
                if tried is not None:
                    found[name] = (other, tried)
        return found

    @property
    def targets(self) -> str:
        """Other chips by name that the network fits."""
        fitting = []
        for name, (other, tried) in self._others.items():
            if fits(tried, other):
                chips = -(-tried.cores // other.mesh.cores_per_chip.value)
                fitting.append(f"{name} ({_plural(tried.cores, 'core')} on {_plural(chips, 'chip')})")
        if fitting:
            return f"it fits {' and '.join(fitting)}"
        return "it fits no other bundled target as it is" if self._others else ""


def _zeros(projection: ChipProjection) -> int:
    """Zero weights of a dense projection without delays of its synapses' own."""
    if not isinstance(projection.connection, Dense) or projection.delays is not None:
        return 0
    return projection.connection.synapses - int(np.count_nonzero(projection.connection.weights))


def _sparse(projection: ChipProjection) -> ChipProjection:
    """The same without zero weights."""
    connection = projection.connection
    synapses = Sparse.from_matrix(connection.weights, connection.source_shape, connection.target_shape)
    return replace(projection, connection=synapses)
