"""What all calls of one shape have in common: the structures for C, but for the addresses of a call's own arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neurodeploy.simulate.structs import BITS, WORD

if TYPE_CHECKING:
    from neurodeploy.simulate.prepared import Prepared

Form = tuple[int, int, int, "frozenset[str] | None"]
"""Samples, steps, live steps, and the outputs whose messages are kept, None for all."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Structures to be copied for a call.

    Attributes:
        populations: ``nd_population[]`` with their live steps.
        rasters: ``nd_raster[]``; those of kept outputs have as ``values`` where theirs begin in the room of a call.
        places: Begin and end in bytes of each kept output in that room, which is one array, since asking for an
            address takes as long as a layer.
        words: Size of the room, in uint64.
        shape: Samples and steps.
    """

    populations: Any
    rasters: Any
    places: dict[str, tuple[int, int]]
    words: int
    shape: tuple[int, int]

    @classmethod
    def of(cls, prepared: Prepared, form: Form) -> Layout:
        """The layout of a network's calls of that form."""
        samples, steps, live, kept = form
        populations = type(prepared.populations).from_buffer_copy(prepared.populations)
        rasters = type(prepared.rasters).from_buffer_copy(prepared.rasters)
        for entry, start in zip(populations, prepared.starts, strict=True):
            entry.first, entry.last = start + 1, min(start + live, steps)
        places, end = {}, 0
        for raster, source in zip(rasters[: prepared.n_outputs], prepared.sources, strict=False):
            raster.steps = steps
            if kept is None or source in kept:
                start, end = end, end + 8 * samples * steps * _row_words(raster)
                places[source], raster.values = (start, end), start
        return cls(populations, rasters, places, end // 8, (samples, steps))


def _row_words(raster: Any) -> int:
    """Of one step of one sample."""
    words: int = -(-raster.size // WORD) if raster.form == BITS else -(-raster.size // 2)
    return words
