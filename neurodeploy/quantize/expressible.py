"""A network in terms that the chip's neurons have, or everything that they lack for it.

Nothing is approximated here: what is rewritten equals the network in real numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from neurodeploy.connections import Sparse
from neurodeploy.errors import UnsupportedFeature
from neurodeploy.network import Network, Population, Projection
from neurodeploy.neurons.float_step import spikes_of
from neurodeploy.target import Target

Finding = tuple[str, str, str]
"""Layer, what the chip lacks, alternative."""


def expressible(network: Network, target: Target) -> tuple[Network, tuple[str, ...]]:
    """The network without rules that no chip has, and a line for every rewriting.

    * ``subtract_late``, where the threshold goes a step late and undecayed, is a synapse of every neuron onto itself:
      of weight ``-(1 - b) theta`` beside a reset by subtraction, none without leak, or ``-theta`` beside no reset.
    * ``subtract``, where the target lacks it or its neurons would not fire at equality, is such a synapse of weight
      ``-b theta`` beside no reset. What a synaptic current keeps of either, another synapse takes back a step later.
    * ``zero_late`` is a reset to zero with a refractory period of one step (done where fields are made).
    * At most one spike per step under ``multi_trunc`` is ``ge``.
    * A bias that begins at step 1 is one from the start, and an initial current or membrane without it.

    Raises:
        UnsupportedFeature: Lists every layer with what the chip lacks and the alternative.
    """
    findings = list(_lacking(network, target))
    if findings:
        lines = "\n".join(f"  - {layer}: {what}; try: {remedy}" for layer, what, remedy in findings)
        raise UnsupportedFeature(
            f"target '{target.name}' has no neurons for what the network does:\n{lines}",
            where=f"layer '{findings[0][0]}'" + (f" and {len(findings) - 1} more" if len(findings) > 1 else ""),
            remedy=findings[0][2],
        )
    populations, projections, notes = {}, list(network.projections), []
    for name, population in network.populations.items():
        p = _with_bias_from_the_start(_with_one_spike(population))
        how = _way_to_subtract(p, target, _membrane_is_read(network, name))
        if how is not None and how != p.rules.reset:
            before = p.rules.reset
            p, back = _with_own_synapses(p, how)
            projections += back
            synapses = f"{len(back)} synapse{'s' * (len(back) > 1)} of each neuron onto itself and " if back else ""
            notes.append(f"{name}: reset '{before}' is {synapses}reset '{how}'")
        populations[name] = p
    return replace(network, populations=populations, projections=tuple(projections)), tuple(notes)


def _with_one_spike(p: Population) -> Population:
    if p.rules.spike == "multi_trunc" and p.rules.max_spikes == 1:
        return replace(p, rules=replace(p.rules, spike="ge", max_spikes=0))
    return p


def _with_bias_from_the_start(p: Population) -> Population:
    if not p.late_bias:
        return p
    d, missing = p.dynamics, p.dynamics.w * p.late_bias[1]
    keeps = d.a != 0
    i0 = d.i0 - np.where(keeps, missing / np.where(keeps, d.a, 1), 0.0)
    v0 = d.v0 - np.where(keeps | (missing == 0), 0.0, d.k * missing / np.where(d.b == 0, 1, d.b))
    return replace(p, bias=p.bias + p.late_bias[1], late_bias={}, dynamics=replace(d, i0=i0, v0=v0))


def _way_to_subtract(p: Population, target: Target, membrane_is_read: bool) -> str | None:
    """The chip's reset beside which the threshold is subtracted, ``subtract`` or ``none``; None where it is not.

    A membrane that is read out must be the one that the network stores.
    """
    legal = target.compartment.resets.value
    subtracts = "subtract" in legal and not (p.rules.spike == "ge" and np.any(p.dynamics.b != 1))
    if p.rules.reset == "subtract_late":
        return "subtract" if subtracts and not membrane_is_read else "none"
    if p.rules.reset == "subtract":
        return "none" if not subtracts and "none" in legal and not membrane_is_read else "subtract"
    return None


def _with_own_synapses(p: Population, how: str) -> tuple[Population, list[Projection]]:
    from scipy.sparse import diags_array

    d = p.dynamics
    theta = np.where(np.isfinite(d.theta), d.theta, 0.0)
    due = d.b if p.rules.reset == "subtract" else 1 - d.b if how == "subtract" else np.ones_like(d.b)
    p = replace(p, rules=replace(p.rules, reset=how))
    weights = -due * theta / (d.k * d.w)
    if not np.any(weights):
        return p, []
    own = [Sparse.from_matrix(diags_array(w), p.shape, p.shape) for w in (weights, -d.a * weights)]
    return p, [
        Projection(p.name, p.name, connection, delay, (), feedback=True, is_reset=True)
        for delay, connection in enumerate(own, start=1)
        if connection.synapses
    ]


def _membrane_is_read(network: Network, name: str) -> bool:
    return network.semantics.readout.startswith("v_") and name in network.outputs.values()


def _lacking(network: Network, target: Target) -> Iterator[Finding]:
    if network.semantics.latency_steps:
        yield next(iter(network.populations)), "spikes that leave a step late", "train without that latency"
    for name, p in network.populations.items():
        yield from ((name, what, remedy) for what, remedy in _of_population(_with_one_spike(p)))
        if _fires_at_equality_and_subtracts(network, p, target):
            yield (
                name,
                "firing at equality together with a reset by subtraction, a leak, and a membrane to be read out",
                "read out spikes, or train with a strict threshold or a reset to a value",
            )
        if p.rules.reset == "zero_late" and _membrane_is_read(network, name):
            yield name, "a membrane that is kept until the step after its spike, and read out", "read out spikes"
    for projection in network.projections:
        yield from _of_projection(network, projection, target.compartment.delay_max.value)


def _fires_at_equality_and_subtracts(network: Network, population: Population, target: Target) -> bool:
    """A chip subtracts its threshold, which is then not the network's, and nothing else may be done about it."""
    p = _with_one_spike(population)
    how = _way_to_subtract(p, target, _membrane_is_read(network, p.name))
    return p.rules.spike == "ge" and how == "subtract" == p.rules.reset and bool(np.any(p.dynamics.b != 1))


def _of_population(p: Population) -> Iterator[tuple[str, str]]:
    d, rules = p.dynamics, p.rules
    if rules.reset == "subtract_gated":
        yield (
            "a threshold that doubles while the membrane stays above it (snnTorch's subtract without reset_delay)",
            "train with reset_mechanism='subtract' and reset_delay=True, or with 'zero'",
        )
    if rules.spike == "multi_trunc":
        yield (
            "several spikes in one step",
            "train with one spike per step (Sinabs: SingleSpike, Rockpool: max_spikes_per_dt=1)",
        )
    if np.any(np.isfinite(d.v_min)):
        yield "a lower bound of the membrane", "train without it (Sinabs: min_v_mem=None)"
    if rules.reset in ("subtract_late", "zero_late") and np.any(spikes_of(d.v0, d, rules)):
        yield "a start above the threshold", "train from a membrane below it"
    for factor, what in ((d.a, "synaptic current"), (d.b, "membrane")):
        if np.any((factor < 0) | (factor > 1)):
            yield f"a {what} that grows or alternates by itself", "use a decay factor between 0 and 1"
    if late := [start for start in p.late_bias if start > 1]:
        yield f"a bias that begins at step {late[0]}", "train the layers before the delay without bias"
    elif p.late_bias and np.any((p.late_bias[1] != 0) & (d.a == 0) & (d.b == 0)):
        yield "a bias that begins at step 1", "train the feedback without bias, or compile with --recurrent-bias-t0"


def chip_delay(network: Network, projection: Projection) -> int:
    """Steps of delay that a chip gives a projection, beside the one that every synapse takes."""
    source = network.populations.get(projection.source)
    lag = network.populations[projection.target].depth - (source.depth if source else 0)
    return projection.delay_steps + lag - 1


def _of_projection(network: Network, projection: Projection, longest: int) -> Iterator[Finding]:
    source, target = projection.source, network.populations[projection.target]
    if source in network.populations and not network.populations[source].spiking:
        yield (
            source,
            "real values sent to another layer by neurons that never fire",
            "use spiking neurons there; a membrane can only be read out at the end",
        )
    delay = chip_delay(network, projection)
    if delay < 0:
        yield (
            target.name,
            f"feedback from '{source}' to '{target.name}' that spans {projection.delay_steps - delay} neuron "
            "layers; a chip needs a step per layer, so its spikes would arrive late",
            f"train with the feedback delayed by {-delay} more steps, or use recurrence within one layer",
        )
    if delay > longest:
        yield target.name, f"a delay of {delay} steps (of {longest})", "shorten the delay, or the path it balances"
