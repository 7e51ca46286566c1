"""Faults of timing: synapses that deliver sooner or later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurodeploy.chipnet import ChipProjection
from neurodeploy.chipnet_synapses import DELAY_LIMIT
from neurodeploy.connections import Conv2d, Sparse
from neurodeploy.connections.base import frozen
from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import Draw, Fault, Image, Ints
from neurodeploy.faults.manifest import Hit


class DelayJitter(Fault):
    """Each synapse's delay changes by an integer drawn evenly from -n..n, for good; no delay becomes less than 0.

    A convolution has one delay, and so one such number. Where the target is known, no delay exceeds what it has.
    """

    name = "delay_jitter"
    meaning = "a whole number of steps >= 0"
    whole = True
    highest = float(DELAY_LIMIT)

    def strike(self, image: Image, draw: Draw) -> tuple[Image, list[Hit]]:
        self.check_layers(image.net.populations, "a population")
        longest = DELAY_LIMIT
        if image.target is not None:
            longest = min(longest, image.target.compartment.delay_max.value)
        projections, hits = list(image.net.projections), []
        for k, p in enumerate(projections):
            if p.connection.kind == "direct" or not self.concerns(p.target):
                continue
            shared = isinstance(p.connection, Conv2d)
            if isinstance(p.connection, Sparse):
                p = replace(p, connection=p.connection.by_target())  # the layout in which delays are kept
            shape = () if shared else p.connection.weights.shape
            before = np.broadcast_to(np.int64(p.delay) if p.delays is None else p.delays, shape)
            spread = 2 * int(self.severity) + 1
            shift = np.floor(draw.stream(k).random(shape) * spread).astype(np.int64) - int(self.severity)
            after = np.clip(before + shift, 0, np.maximum(longest, before))
            change = after - before
            hits.append(
                self.hit(
                    f"{p.source} -> {p.target}",
                    "delays",
                    before.size,
                    np.ravel(shift),
                    np.ravel(change),
                    mean_change=float(change.mean()) if change.size else 0.0,
                    std_change=float(change.std()) if change.size else 0.0,
                    saturated=float(np.count_nonzero(change != shift)),
                )
            )
            if len(hits[-1].changed):
                projections[k] = _delayed(p, after)
        if not hits:
            raise InvalidFault(
                f"there are no synapses into {' or '.join(self.layers) or 'any layer'}",
                where=f"fault '{self}'",
                remedy="name layers that synapses lead to",
            )
        return replace(image, net=replace(image.net, projections=projections)), hits


def _delayed(projection: ChipProjection, delays: Ints) -> ChipProjection:
    """The projection with these delays, one for all where they are equal."""
    longest = int(delays.max())
    each = None if np.all(delays == longest) else frozen(delays)
    wraps = projection.connection.kind == "dense" and longest > 0
    return replace(projection, delay=longest, delays=each, products_wrap=wraps)
