"""Faults of single stored bits of weights, see :mod:`neurodeploy.faults.stored`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np

from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import Chance
from neurodeploy.faults.stored import Codes, Form
from neurodeploy.faults.weights import Struck, WeightFault


@dataclass(frozen=True)
class BitFault(Chance, WeightFault):
    """With a probability, one stored bit of a weight is faulty.

    Attributes:
        bit: Which, 0 the lowest stored one, -1 the highest (of a mixed weight: its sign); drawn for each weight by
            default. A mixed 8-bit weight is stored without its lowest bit, so that its bit 0 is worth 2.
    """

    bit: int | None = field(default=None, kw_only=True)

    @property
    def is_drawn(self) -> bool:
        return self.severity > 0 if self.bit is None else super().is_drawn

    def of_codes(self, codes: Codes, form: Form, rng: np.random.Generator) -> Struck:
        chosen = self.drawn(rng, codes.shape)
        drawn = rng.integers(0, form.bits, codes.shape)
        if self.bit is None:
            bit = drawn
        elif -form.bits <= self.bit < form.bits:
            bit = np.full(codes.shape, self.bit % form.bits)
        else:
            raise InvalidFault(
                f"there is no bit {self.bit} in a weight of {form.bits} stored bits",
                where=f"fault '{self}'",
                remedy=f"give 0..{form.bits - 1}, or -1 for the highest",
            )
        words = form.words(codes)
        return Struck(form.of_words(np.where(chosen, self.faulty(words, np.int64(1) << bit), words)), chosen)

    @abstractmethod
    def faulty(self, words: Codes, bit: Codes) -> Codes:
        """Stored bits with the faulty one, which ``bit`` marks."""


@dataclass(frozen=True)
class BitFlip(BitFault):
    """A stored bit of a weight is inverted."""

    name = "bit_flip"

    def faulty(self, words: Codes, bit: Codes) -> Codes:
        return words ^ bit


@dataclass(frozen=True)
class StuckAt(BitFault):
    """A stored bit of a weight is 0, or 1, whatever was written.

    Attributes:
        value: 0 or 1.
    """

    value: int = field(default=0, kw_only=True)
    name = "stuck_at"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value not in (0, 1):
            raise InvalidFault(f"a bit stuck at {self.value}", where=f"fault '{self.name}'", remedy="give value=0 or 1")

    def faulty(self, words: Codes, bit: Codes) -> Codes:
        return words | bit if self.value else words & ~bit
