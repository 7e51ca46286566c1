"""Faults of stored weights as numbers: lost, scaled, noisy. Results are rounded to the nearest storable weight."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import Chance, Draw, Fault, Image
from neurodeploy.faults.manifest import Hit
from neurodeploy.faults.stored import Codes, Form, form_of


@dataclass(frozen=True)
class Struck:
    """New codes of a projection's weights.

    Attributes:
        codes: In the form's range.
        chosen: Which weights were hit.
        saturated: How many would have left the range.
        rounded_away: How many were to change by less than half a step, and stayed.
    """

    codes: Codes
    chosen: NDArray[np.bool_]
    saturated: int = 0
    rounded_away: int = 0


class WeightFault(Fault):
    """A fault of the weights of all synapses into its layers."""

    def strike(self, image: Image, draw: Draw) -> tuple[Image, list[Hit]]:
        self.check_layers(image.net.populations, "a population")
        projections, hits = list(image.net.projections), []
        for k, p in enumerate(projections):
            if p.connection.kind == "direct" or not self.concerns(p.target):
                continue
            form = form_of(p)
            struck = self.of_codes(form.codes(p.connection.weights), form, draw.stream(k))
            after = form.weights(struck.codes)
            hits.append(self._line(f"{p.source} -> {p.target}", p.connection.weights, after, struck))
            if len(hits[-1].changed):
                after.setflags(write=False)
                projections[k] = replace(p, connection=p.connection.with_weights(after))
        if not hits:
            raise InvalidFault(
                f"there are no weights into {' or '.join(self.layers) or 'any layer'}",
                where=f"fault '{self}'",
                remedy="name layers that synapses lead to",
            )
        return replace(image, net=replace(image.net, projections=projections)), hits

    @abstractmethod
    def of_codes(self, codes: Codes, form: Form, rng: np.random.Generator) -> Struck:
        """What becomes of stored codes."""

    def _line(self, where: str, before: NDArray[Any], after: NDArray[Any], struck: Struck) -> Hit:
        old, change = before.astype(np.float64), after.astype(np.float64) - before
        power = float(np.sum(old * old))
        return self.hit(
            where,
            "weights",
            before.size,
            struck.chosen,
            change,
            gain=1 + float(np.sum(old * change)) / power if power else float("nan"),
            mean_change=float(change.mean()) if change.size else 0.0,
            std_change=float(change.std()) if change.size else 0.0,
            saturated=float(struck.saturated),
            rounded_away=float(struck.rounded_away),
        )


class WeightLoss(Chance, WeightFault):
    """Each weight becomes 0 with a probability."""

    name = "weight_loss"

    def of_codes(self, codes: Codes, form: Form, rng: np.random.Generator) -> Struck:
        lost = self.drawn(rng, codes.shape)
        return Struck(np.where(lost, 0, codes), lost)


class WeightGain(WeightFault):
    """All weights times a factor."""

    name = "weight_gain"
    meaning = "a factor >= 0"
    neutral = 1.0
    is_drawn = False

    def of_codes(self, codes: Codes, form: Form, rng: np.random.Generator) -> Struck:
        return _rounded(codes * self.severity, codes, form)


class WeightNoise(WeightFault):
    """A normal number of its own is added to each weight, stored zeros included."""

    name = "weight_noise"
    meaning = "a standard deviation >= 0, in weight units (weights are integers in -256..255)"

    def of_codes(self, codes: Codes, form: Form, rng: np.random.Generator) -> Struck:
        return _rounded(codes + rng.standard_normal(codes.shape) * (self.severity / form.step), codes, form)


def _rounded(wanted: NDArray[Any], codes: Codes, form: Form) -> Struck:
    rounded = np.rint(wanted)
    after = np.clip(rounded, form.lowest, form.highest).astype(np.int64)
    meant = wanted != codes
    return Struck(
        after, meant, int(np.count_nonzero(rounded != after)), int(np.count_nonzero(meant & (rounded == codes)))
    )
