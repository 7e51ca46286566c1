"""Whole cores lost: all neurons that the mapping put there are dead."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import ChosenOrChance, Draw, Fault, Image
from neurodeploy.faults.manifest import Hit
from neurodeploy.faults.neurons import kill, neuron_hits


class CoreFault(Fault):
    """A fault of cores; needs a program, whose mapping says what is on them."""

    def strike(self, image: Image, draw: Draw) -> tuple[Image, list[Hit]]:
        if image.mapping is None:
            raise InvalidFault(
                "a network that no program has mapped sits on no cores",
                where=f"fault '{self}'",
                remedy="give the program, or dead neurons instead",
            )
        if self.layers:
            raise InvalidFault(
                "cores belong to no layer", where=f"fault '{self}'", remedy=f"drop @{'/'.join(self.layers)}"
            )
        lost = self.lost(draw.stream(), image.mapping.cores)
        masks = {name: lost[cores] for name, cores in image.mapping.core_of.items()}
        after = kill(image, masks, str(self))
        return after, [self.hit("mapping", "cores", len(lost), lost, lost), *neuron_hits(self, image, after, masks)]

    @abstractmethod
    def lost(self, rng: np.random.Generator, cores: int) -> NDArray[np.bool_]:
        """Which of the cores."""


@dataclass(frozen=True)
class CoreLoss(ChosenOrChance, CoreFault):
    """Each core is lost with a probability, or those listed, logical numbers as in the mapping."""

    name = "core_loss"

    def lost(self, rng: np.random.Generator, cores: int) -> NDArray[np.bool_]:
        return self.chosen(rng, cores, "the mapping")


class LostCores(CoreFault):
    """So many cores are lost, drawn at random."""

    name = "lost_cores"
    meaning = "a whole number of cores >= 0"
    whole = True

    def lost(self, rng: np.random.Generator, cores: int) -> NDArray[np.bool_]:
        if self.severity > cores:
            raise InvalidFault(
                f"the program has {cores} cores", where=f"fault '{self}'", remedy=f"lose at most {cores}"
            )
        return np.asarray(rng.permutation(cores) < self.severity)
