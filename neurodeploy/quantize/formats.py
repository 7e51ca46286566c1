"""How a synapse holds its weights: the integers of a width and a sign mode, and the fewest bits for given ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Connection
from neurodeploy.errors import FieldOverflow
from neurodeploy.network import Projection
from neurodeploy.target import Target


@dataclass(frozen=True)
class Format:
    """Multiples of ``step`` in ``smallest..largest``: what :func:`neurodeploy.weights.prepare` leaves as they are.

    A mixed synapse of b bits has steps of ``2^(9 - b)`` and so even weights only; one whose weights all have one sign
    has steps of ``2^(8 - b)``, twice as many of them.
    """

    bits: int
    sign_mode: str
    step: int
    smallest: int
    largest: int

    @property
    def reach(self) -> int:
        """Largest magnitude that it holds of every sign it has."""
        return self.largest if self.largest else -self.smallest


def format_of_bits(bits: int, sign_mode: str, target: Target) -> Format:
    """The format of a width and sign mode on a target."""
    w, step = target.weight, 2 ** ((9 if sign_mode == "mixed" else 8) - bits)
    if sign_mode == "mixed":
        return Format(bits, sign_mode, step, w.value_min.value, w.value_max.value // step * step)
    most = min(w.single_sign_max.value, 255) // step * step
    low, high = (0, most) if sign_mode == "excitatory" else (-most, 0)
    return Format(bits, sign_mode, step, low, high)


def format_of(projection: Projection, bits: int, target: Target) -> Format:
    """The format of a projection's weights: the single-sign one where they have one sign.

    A convolution stays mixed, because its kernel must be even (Lava uses it as it is, a chip does not).

    Raises:
        FieldOverflow: One bit, for weights of both signs.
    """
    sign_mode = _sign_mode(projection.connection)
    form = format_of_bits(bits, sign_mode, target)
    if form.sign_mode == "mixed" and not form.largest:
        raise FieldOverflow(
            f"{bits}-bit weights have no step beside 0 for weights of either sign",
            where=f"projection '{projection.source}' -> '{projection.target}'",
            remedy=f"give layer '{projection.target}' more --bits, "
            f"of {[b for b in target.weight.legal_bits.value if b > bits]}",
        )
    return form


def _sign_mode(connection: Connection) -> str:
    if connection.kind == "conv2d":
        return "mixed"
    low, high = connection.weights.min(initial=0), connection.weights.max(initial=0)
    return "excitatory" if low >= 0 else "inhibitory" if high <= 0 else "mixed"


def fewest_bits(
    integers: NDArray[np.int32], exponent: int, form: Format, target: Target, *, movable: bool
) -> tuple[NDArray[np.int32], int, Format]:
    """The same weights in the narrowest format that loses nothing: integers, exponent and format.

    ``integers * 2^exponent`` stays: where the exponent is ``movable``, it gives way to larger integers, whose low bits
    a narrow format may clear. Sums are then multiples of what the exponent divides by, so its floor changes nothing.
    """
    bits_set = int(np.bitwise_or.reduce(np.abs(integers), axis=None, initial=0))
    zeros = (bits_set & -bits_set).bit_length() - 1 if bits_set else 8
    low, high = int(integers.min(initial=0)), int(integers.max(initial=0))
    for bits in sorted(b for b in target.weight.legal_bits.value if b < form.bits):
        narrow = format_of_bits(bits, form.sign_mode, target)
        shift = max(0, narrow.step.bit_length() - 1 - zeros)
        if shift and (not movable or exponent - shift < target.weight.exponent_min.value):
            continue
        if narrow.smallest <= low << shift and high << shift <= narrow.largest:
            return integers << np.int32(shift), exponent - shift, narrow
    return integers, exponent, form
