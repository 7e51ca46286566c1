"""How many bits the weights of each layer get: one number, or one per population."""

from __future__ import annotations

from collections.abc import Mapping

from neurodeploy.errors import FieldOverflow, did_you_mean
from neurodeploy.network import Network
from neurodeploy.target import Target

Bits = int | Mapping[str, int]
"""Weight bits of every population, or by the population that the weights act on; :data:`OTHERS` is all others."""

OTHERS = "*"
BITS_DEFAULT = 8


def parse_bits(text: str) -> Bits:
    """``8``, ``hidden=4,out=8``, or ``4,out=8``: a bare number is for all layers that are not named.

    Raises:
        ValueError: The text is none of these, or says the same thing twice.
    """
    bits: dict[str, int] = {}
    for word in text.split(","):
        name, equals, number = word.rpartition("=")
        name = name.strip() if equals else OTHERS
        if not name or name in bits:
            raise ValueError(text)
        bits[name] = int(number)
    return bits[OTHERS] if set(bits) == {OTHERS} else bits


def bits_by_layer(bits: Bits, network: Network, target: Target) -> dict[str, int]:
    """Weight bits of every population; those that a mapping leaves out get its :data:`OTHERS`, else 8.

    Raises:
        FieldOverflow: A layer that the network has not, or a width that the target has not; names both.
    """
    names, legal = list(network.populations), list(target.weight.legal_bits.value)
    given: Mapping[str, int] = bits if isinstance(bits, Mapping) else {OTHERS: bits}
    for name in given:
        if name != OTHERS and name not in names:
            raise FieldOverflow(f"no layer '{name}' to give bits to", where="--bits", remedy=did_you_mean(name, names))
    chosen = {name: given.get(name, given.get(OTHERS, BITS_DEFAULT)) for name in names}
    for name, width in chosen.items():
        if width not in legal:
            where = f"layer '{name}'" if name in given else f"target '{target.name}'"
            raise FieldOverflow(f"{width}-bit weights", where=where, remedy=f"choose --bits from {legal}")
    return chosen
