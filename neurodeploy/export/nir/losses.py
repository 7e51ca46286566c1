"""What a tool that knows only NIR's own equations will not know about a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from neurodeploy.errors import ModelError, UnsupportedNode
from neurodeploy.graph import Graph
from neurodeploy.network import Network, Population
from neurodeploy.neurons import model_for_nir
from neurodeploy.neurons.model import FloatDynamics, Floats
from neurodeploy.populate import populate
from neurodeploy.semantics import Semantics

TOLERANCE = 1e-6
"""Relative difference of factors that is a matter of single precision."""
FACTORS = {
    "a": "decay of the synaptic current",
    "b": "decay of the membrane",
    "gain": "gain of the input",
    "l": "leak current",
    "theta": "threshold",
    "v_reset": "membrane after a spike",
    "v0": "membrane at the start",
    "v_min": "lower bound of the membrane",
}


class LossyExport(ModelError):
    """A network that other tools would run differently; carries the list of what they would not know."""

    def __init__(self, lost: Sequence[str], where: str) -> None:
        self.lost = tuple(lost)
        lines = "\n".join(f"  - {line}" for line in lost)
        super().__init__(
            f"other tools will not know {len(lost)} things that NIR cannot say:\n{lines}",
            where=where,
            remedy="--allow-lossy writes it all the same, with these things in metadata that neurodeploy reads again",
        )

    def to_dict(self) -> dict[str, object]:
        """The fields of the base class and the list."""
        return super().to_dict() | {"losses": list(self.lost)}


def losses(graph: Graph, network: Network) -> list[str]:
    """Differences between the network and what forward Euler makes of NIR's equations at the same time step.

    NIR's neurons start at 0, fire above the threshold, are reset to ``v_reset`` and take a spike for 1 during its step.
    Nothing is said about the time step, nor about where a loop is cut; the latter is listed where it matters.
    """
    found: dict[str, list[str]] = {}
    for name, population in network.populations.items():
        for what in _of_neurons(graph, population, network.semantics):
            found.setdefault(what, []).append(name)
    for what, where in _of_loops(graph, network):
        found.setdefault(what, []).append(where)
    if network.semantics.input_amplitude != "held":
        found["a spike is an impulse of unit area, 1/dt during its step"] = ["all layers"]
    if network.semantics.latency_steps:
        found["a spike arrives one step late"] = ["all layers"]
    return [f"{', '.join(dict.fromkeys(names))}: {what}" for what, names in found.items()]


def _of_neurons(graph: Graph, population: Population, semantics: Semantics) -> Iterator[str]:
    node = graph.nodes[population.name]
    if model_for_nir(node.type) is None:
        return
    rules = population.rules
    if population.spiking and node.type != "Threshold" and rules.reset != "value":
        yield f"reset '{rules.reset}'; NIR's neurons are reset to v_reset"
    if population.spiking and rules.spike != "gt":
        most = f", at most {rules.max_spikes} a step" if rules.max_spikes else ""
        yield f"spike condition '{rules.spike}'{most}; NIR's neurons fire where v > threshold, once a step"
    plain = Semantics(semantics.dt_s, "value", if_gain="r_dt")
    bare = replace(node, conventions={}, exact={})
    try:
        expected = populate(bare, population.shape, population.depth, plain, {}, graph.origin).dynamics
    except UnsupportedNode as error:
        yield f"its factors per step; NIR's parameters mean nothing at dt = {semantics.dt_s:g} s ({error.what})"
        return
    for key, what in FACTORS.items():
        ours, theirs = _factor(population.dynamics, key), _factor(expected, key)
        if key in ("theta", "v_reset") and (not population.spiking or key == "v_reset" and rules.reset != "value"):
            continue
        if not np.allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE):
            yield f"{what} {_range(ours)}; by NIR's equations at dt = {semantics.dt_s:g} s it is {_range(theirs)}"


def _of_loops(graph: Graph, network: Network) -> Iterator[tuple[str, str]]:
    for p in network.projections:
        if not p.feedback or p.is_reset:
            continue
        loop = " -> ".join((p.source, *p.nodes, p.target))
        if p.source != p.target:
            yield "the loop is cut here, by one step; NIR does not say where", loop
        if any(np.any(graph.nodes[n].params.get("bias", 0)) for n in p.nodes):
            when = "in" if network.semantics.recurrent_bias_t0 else "not in"
            yield f"the bias on this way back counts {when} the first step; NIR does not say", loop


def _factor(dynamics: FloatDynamics, key: str) -> Floats:
    return dynamics.k * dynamics.w if key == "gain" else np.asarray(getattr(dynamics, key))


def _range(values: Floats) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.6g}" if low == high else f"{low:.6g} .. {high:.6g}"
