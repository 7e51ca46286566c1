"""Faults of neurons: dead, or firing in every step, by registers that no compiler would write."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipPopulation, ChipProjection
from neurodeploy.connections import Dense, Sparse
from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import ChosenOrChance, Draw, Fault, Image, with_field
from neurodeploy.faults.manifest import Hit
from neurodeploy.neurons.cuba import VTH_NEVER

VTH_ALWAYS = -131072
"""A threshold mantissa that every v exceeds: -2^23 is below the 24 bits of v."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class NeuronFault(ChosenOrChance):
    """A fault of the neurons of its layers, each with a probability, or of those listed in each."""

    def strike(self, image: Image, draw: Draw) -> tuple[Image, list[Hit]]:
        populations = image.net.populations
        self.check_layers(populations, "a population")
        masks = {
            name: self.chosen(draw.stream(k), p.size, f"layer '{name}'")
            for k, (name, p) in enumerate(populations.items())
            if self.concerns(name)
        }
        after = self.afflict(image, masks)
        return after, neuron_hits(self, image, after, masks)

    @abstractmethod
    def afflict(self, image: Image, masks: Mapping[str, Mask]) -> Image:
        """The image with the neurons of the masks faulty."""


class Dead(NeuronFault):
    """Neurons that never fire; where their membrane is what is read out, it stays at 0 as well."""

    name = "dead"

    def afflict(self, image: Image, masks: Mapping[str, Mask]) -> Image:
        return kill(image, masks, str(self))


class StuckOn(NeuronFault):
    """Neurons that fire in every step in which their population is live (of its firing window, if it has one).

    Their threshold is below every membrane and their refractory period 0, also where healthy ones fire once; where a
    spike subtracts the threshold, the membrane keeps nothing from step to step, or it would only saturate.
    """

    name = "stuck_on"

    def afflict(self, image: Image, masks: Mapping[str, Mask]) -> Image:
        changed = {}
        for name, mask in masks.items():
            p = _with_thresholds(image.net.populations[name], mask, str(self))
            values = {"vth": VTH_ALWAYS, "refractory": 0} | ({"dv": 4096} if p.reset == "subtract" else {})
            changed[name] = _written(p, mask, values)
        return image.with_populations(changed)


def kill(image: Image, masks: Mapping[str, Mask], fault: str) -> Image:
    """The image with the neurons of the masks dead."""
    changed, projections = {}, list(image.net.projections)
    for name, mask in masks.items():
        p = _with_thresholds(image.net.populations[name], mask, fault)
        values = {"vth": VTH_NEVER}
        if mask.any() and (name in image.membranes or np.all(p.full("vth") >= VTH_NEVER)):
            values |= {"bias_mant": 0, "u0": 0, "v0": 0}
            projections = [_deaf(q, mask, fault) if q.target == name else q for q in projections]
        changed[name] = _written(p, mask, values)
    return replace(
        image, net=replace(image.net, populations={**image.net.populations, **changed}, projections=projections)
    )


def neuron_hits(fault: Fault, before: Image, after: Image, masks: Mapping[str, Mask]) -> list[Hit]:
    """A line for each population: who was hit, and whose fields or incoming weights are not what they were."""
    hits = []
    for name, mask in masks.items():
        old, new = before.net.populations[name], after.net.populations[name]
        changed = np.zeros(old.size, bool)
        for field in old.fields:
            changed |= new.full(field) != old.full(field)
        for p, q in zip(before.net.projections, after.net.projections, strict=True):
            if q is not p and p.target == name:
                differ = p.connection.weights != q.connection.weights
                changed[np.broadcast_to(_targets(p), differ.shape)[differ]] = True
        hits.append(fault.hit(name, "neurons", old.size, mask, changed, share=float(mask.mean())))
    return hits


def _written(population: ChipPopulation, mask: Mask, values: Mapping[str, int]) -> ChipPopulation:
    for field, value in values.items():
        population = with_field(population, field, np.where(mask, value, population.full(field)))
    return population


def _with_thresholds(population: ChipPopulation, mask: Mask, fault: str) -> ChipPopulation:
    if mask.any() and population.model != "cuba":
        raise InvalidFault(
            f"no register of a single neuron of model '{population.model}' keeps it from firing or makes it fire",
            where=f"fault '{fault}', layer '{population.name}'",
            remedy="restrict the fault to layers of model 'cuba', as in dead=0.1@LAYER, or lose weights instead",
        )
    return population


def _deaf(projection: ChipProjection, mask: Mask, fault: str) -> ChipProjection:
    """The projection without the weights into the neurons of the mask."""
    c = projection.connection
    if not isinstance(c, (Dense, Sparse)):
        raise InvalidFault(
            f"the membrane of '{projection.target}' is read out, and its neurons share the weights of a {c.kind} "
            "connection: nothing keeps the membrane of a dead one at 0",
            where=f"fault '{fault}', layer '{projection.target}'",
            remedy="restrict the fault to other layers, as in dead=0.1@LAYER, or read out spikes",
        )
    weights = np.where(mask[_targets(projection)], 0, c.weights).astype(c.weights.dtype)
    weights.setflags(write=False)
    return replace(projection, connection=c.with_weights(weights))


def _targets(projection: ChipProjection) -> NDArray[np.int64]:
    """Target of each stored weight; its shape broadcasts to that of the weights."""
    c = projection.connection
    if isinstance(c, Sparse):
        return c.indices.astype(np.int64) if c.by_source else np.repeat(np.arange(c.n_target), np.diff(c.indptr))
    return np.arange(c.n_target)[:, None]
