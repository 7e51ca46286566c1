"""How synapse memory holds a weight, bit by bit.

A projection of ``num_weight_bits`` b holds, by sign mode,

* ``mixed``: a signed integer of b bits in two's complement, which counts steps of ``2^(9 - b)``. With 8 bits those are
  the even weights -256..254. That -256 exists and 256 does not, and that the preparation of
  :func:`neurodeploy.weights.prepare` floors, is two's complement; sign and magnitude would have neither.
* ``excitatory``, ``inhibitory``: a magnitude of b bits that counts steps of ``2^(8 - b)``. The sign belongs to the
  projection, not to the synapse, so no bit of a synapse can turn it.

A convolution's kernel is stored once, and one faulty weight of it is faulty in every place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipProjection
from neurodeploy.errors import InvalidFault
from neurodeploy.weights import LIMITS, prepare

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Form:
    """The code of a weight: ``weight = step * code``.

    Attributes:
        bits: Stored bits of a weight, 1..9.
        step: Weight units of one code; negative for ``inhibitory``.
        signed: Two's complement instead of a magnitude.
    """

    bits: int
    step: int
    signed: bool

    @property
    def lowest(self) -> int:
        """Smallest code."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        """Largest code."""
        return (1 << self.bits - self.signed) - 1

    def codes(self, weights: NDArray[Any]) -> Codes:
        """Codes of stored weights."""
        return weights.astype(np.int64) // self.step

    def weights(self, codes: Codes) -> NDArray[np.int32]:
        """The weights of codes."""
        return (codes * self.step).astype(np.int32)

    def words(self, codes: Codes) -> Codes:
        """The stored bits as numbers 0..2^bits - 1."""
        return codes & ((1 << self.bits) - 1)

    def of_words(self, words: Codes) -> Codes:
        """Codes of stored bits."""
        return words - ((words >> self.bits - 1 & 1) << self.bits) if self.signed else words


def form_of(projection: ChipProjection) -> Form:
    """The form in which a projection's weights are stored.

    Raises:
        InvalidFault: A hand-made kernel that no synapse format holds (:func:`neurodeploy.weights.prepare` prepares all
            others when they are connected).
    """
    p, weights = projection, projection.connection.weights
    low, high = LIMITS[p.sign_mode]
    held = prepare(np.clip(weights, low, high), p.sign_mode, p.num_weight_bits)
    if not np.array_equal(held, weights):
        example = weights[held != weights].flat[0]
        raise InvalidFault(
            f"the kernel holds {example}, which no {p.sign_mode} synapse of {p.num_weight_bits} bits stores",
            where=f"projection '{p.source}' -> '{p.target}'",
            remedy="use even kernel weights in -256..254, as the quantiser does; or restrict the fault to other layers",
        )
    mixed = p.sign_mode == "mixed"
    step = 1 << (9 if mixed else 8) - p.num_weight_bits
    return Form(p.num_weight_bits, -step if p.sign_mode == "inhibitory" else step, mixed)
