"""The limits of a core, one function per rule; its docstring is the rule.

Each takes the loads of some cores and returns what they need of the resource and how much a core has, or None where
the target knows no such limit. ``{limit}`` in a docstring stands for the target's number.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from neurodeploy.mapping.capacity import Loads
from neurodeploy.mapping.rows import Ints
from neurodeploy.target_schema import Count, Target

Use = tuple[Ints, int]
"""What each core needs of a resource, and how much a core has."""
Excess = tuple[int, int]
"""The largest need of a resource, and how much a core has."""


def neurons(loads: Loads, target: Target) -> Use | None:
    """At most {limit} compartments on a core (Davies et al. 2018, constraint 1; Loihi 2: lava-dl's printed compile
    reports)."""
    return _against(loads.neurons, target.core.neurons)


def in_axons(loads: Loads, target: Target) -> Use | None:
    """At most {limit} in-axons on a core, host inputs included (Davies et al. 2018, constraint 4): one per distinct
    source neuron with a synapse in a dense or sparse row; for a convolution in shared rows one per distinct source
    pixel, whose channels are told apart by their atoms (nengo-loihi). Where the target charges convolutions by the
    core, a fixed number of words for each, budgeted from lava-dl's printed compile reports."""
    return _against(loads.axons_in, target.core.in_axons)


def out_axon_slots(loads: Loads, target: Target) -> Use | None:
    """At most {limit} out-axon slots on a core (Davies et al. 2018, constraint 3). Each neuron takes ``discrete_slots``
    for each distinct core that holds dense or sparse rows of it. For each convolution and core that holds it in shared
    rows, each distinct pixel on the sending core takes ``pop32_slots``: its channels share the axon (nengo-loihi). A
    pop32 axon has a 12-bit id, enough for all in-axons of a core; a pop16 axon would take one slot, but at most 32
    channels and a first compartment that is a multiple of four, which the blocks of a convolution do not have."""
    return _against(loads.axon_slots, target.core.out_axon_slots)


def synapse_words(loads: Loads, target: Target) -> Use | None:
    """At most {limit} words of synapse memory on a core (Davies et al. 2018, constraint 2). A dense projection takes
    dense rows, one per source neuron with a synapse for each neuron here, zero weights included; a sparse one either
    those or sparse rows of the synapses that exist, each with an index, whichever are smaller. A convolution's block
    takes shared rows, or rows of each source neuron if the larger of their shares of memory and of in-axons is the
    smaller one. Each started chunk of ``synapse_chunk`` synapses has a header and is rounded up to whole words; delays
    widen every synapse."""
    return _against(loads.words, target.core.synapse_words)


def delay_slots(loads: Loads, target: Target) -> Use | None:
    """At most {limit} slots for delayed input on a core that has a synapse of more than ``delay_default_max`` steps:
    each of its neurons takes the longest delay there, rounded up to a power of two (inferred: 8 steps for 1024
    compartments, and up to 62 with fewer, Davies et al. 2018)."""
    free = target.compartment.delay_default_max
    steps = np.where(loads.delay > (0 if free is None else free.value), loads.delay, 0)
    rounded = np.where(steps > 0, 1 << np.ceil(np.log2(np.maximum(steps, 1))).astype(np.int64), 0)
    return _against(loads.neurons * rounded, target.core.delay_slots)


def compartment_profiles(loads: Loads, target: Target) -> Use | None:
    """At most {limit} distinct compartment settings on a core: model, reset, decays, bias exponent (nengo-loihi
    ``block.py``)."""
    return _against(loads.profiles, target.core.compartment_profiles)


def vth_profiles(loads: Loads, target: Target) -> Use | None:
    """At most {limit} distinct threshold values on a core (nengo-loihi ``block.py``)."""
    return _against(loads.thresholds, target.core.vth_profiles)


def synapse_formats(loads: Loads, target: Target) -> Use | None:
    """At most {limit} synapse formats on a core: discrete or shared rows, weight bits, weight exponent, sign mode,
    delay bits and index bits (nengo-loihi ``block.py``)."""
    return _against(loads.formats, target.core.synapse_formats)


def neuron_groups(loads: Loads, target: Target) -> Use | None:
    """At most {limit} neuron groups on a core, one per population (lava-dl's printed compile reports)."""
    return _against(loads.populations, target.core.neuron_groups)


def axon_map_words(loads: Loads, target: Target) -> Use | None:
    """At most {limit} words of axon map on a core, charged per neuron (inferred from lava-dl's printed compile
    reports, where it is exact for dense layers)."""
    return _against(_axon_map(loads, target), target.core.axon_map_words)


def axon_mem_words(loads: Loads, target: Target) -> Use | None:
    """At most {limit} words of axon memory on a core, charged per convolution that it holds in shared rows (a budget:
    the largest that lava-dl's compile reports print)."""
    return _against(_axon_mem(loads, target), target.core.axon_mem_words)


def pool_words(loads: Loads, target: Target) -> Use | None:
    """At most {limit} words of in-axons + neurons + synapse memory + axon map + axon memory together (inferred: it
    reproduces 13 of 13 totals of lava-dl's printed compile reports)."""
    own = target.core.neuron_words
    compartments = loads.neurons * (0 if own is None else own.value)
    total = loads.axons_in + compartments + loads.words + _axon_map(loads, target) + _axon_mem(loads, target)
    return _against(total, target.core.pool_words)


Constraint = Callable[[Loads, Target], "Use | None"]

CONSTRAINTS: tuple[Constraint, ...] = (
    neurons,
    in_axons,
    out_axon_slots,
    synapse_words,
    delay_slots,
    compartment_profiles,
    vth_profiles,
    synapse_formats,
    neuron_groups,
    axon_map_words,
    axon_mem_words,
    pool_words,
)


def name_of(constraint: Constraint) -> str:
    """The resource, as in the target file."""
    return str(getattr(constraint, "__name__", constraint))


def uses(loads: Loads, target: Target) -> dict[str, Use]:
    """Need per core and limit of every resource that the target limits."""
    found = {name_of(c): c(loads, target) for c in CONSTRAINTS}
    return {name: use for name, use in found.items() if use is not None}


def violated(loads: Loads, target: Target) -> dict[str, Excess]:
    """The resources of which some core needs too much: the largest need and the limit."""
    worst = {name: (int(needed.max(initial=0)), limit) for name, (needed, limit) in uses(loads, target).items()}
    return {name: (needed, limit) for name, (needed, limit) in worst.items() if needed > limit}


def describe(constraint: Constraint, target: Target) -> str | None:
    """The rule in words with the target's number, or None where the target has no such limit."""
    limit = getattr(target.core, name_of(constraint))
    text = " ".join((inspect.getdoc(constraint) or "").split())
    return None if limit is None else text.replace("{limit}", f"{limit.value:,}")


def _against(needed: Ints, limit: Count | None) -> Use | None:
    return None if limit is None else (needed, limit.value)


def _axon_map(loads: Loads, target: Target) -> Ints:
    per_neuron = target.core.axon_map_neuron_words
    return loads.neurons * (0 if per_neuron is None else per_neuron.value)


def _axon_mem(loads: Loads, target: Target) -> Ints:
    charge = target.core.conv_axon_mem_words
    return np.zeros_like(loads.neurons) if charge is None else loads.convolutions * charge.value
