"""What a network may take of a chip: a share of what its widest weights take, or an amount with a unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from neurodeploy.errors import QuantizeError, did_you_mean
from neurodeploy.target import Target

RESOURCES = ("memory", "energy", "cores")
UNITS = {
    "memory": ("words", "bits", "KiB"),
    "energy": ("J", "mJ", "uJ", "nJ", "pJ"),
    "cores": ("cores",),
}
EXAMPLES = "memory=0.6, memory=60%, memory=1200words, memory=48KiB, energy=200nJ or cores=2"
_TEXT = re.compile(r"^([a-z]+)=([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z%]*)$")


@dataclass(frozen=True)
class Budget:
    """A limit.

    Attributes:
        resource: ``memory``: words of synapse memory on all cores; ``energy``: joules of an inference, mesh and
            leakage, as estimated; ``cores``.
        amount: How much.
        unit: Of the amount; empty for a share of what the widest weights of all layers take.
    """

    resource: str
    amount: float
    unit: str = ""

    def __post_init__(self) -> None:
        if self.resource not in RESOURCES:
            raise _wrong(f"no resource '{self.resource}'", did_you_mean(self.resource, RESOURCES))
        if self.unit and self.unit not in UNITS[self.resource]:
            raise _wrong(f"no unit '{self.unit}' of {self.resource}", did_you_mean(self.unit, UNITS[self.resource]))
        if not 0 < self.amount < math.inf:
            raise _wrong(f"{self.amount:g} is no amount", f"give more than 0, such as {EXAMPLES}")
        if not self.unit and self.amount > 1:
            units = ", ".join(UNITS[self.resource])
            raise _wrong(
                f"{self.amount:g} is more than the widest weights take",
                f"give a share up to 1, or a unit ({units}): {EXAMPLES}",
            )

    def limit(self, widest: float, target: Target) -> float:
        """Words, joules or cores; ``widest`` is what the widest weights take of them."""
        word = target.core.word_bits.value
        factors = {"": widest, "words": 1.0, "bits": 1 / word, "KiB": 8 * 1024 / word, "cores": 1.0}
        factors |= {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12}
        return self.amount * factors[self.unit]

    def __str__(self) -> str:
        return f"{self.resource}={self.amount:g}{self.unit}"


def parse_budget(text: str) -> Budget:
    """``memory=0.6``, ``memory=60%``, ``memory=1200words``, ``memory=48KiB``, ``energy=200nJ``, ``cores=2``.

    Raises:
        QuantizeError: The text is none of these.
    """
    match = _TEXT.match(text.strip())
    if match is None:
        raise _wrong(f"'{text}' is no budget", f"write it as {EXAMPLES}")
    resource, number, unit = match.groups()
    try:
        amount = float(number)
    except ValueError:
        raise _wrong(f"'{number}' is no number", f"write it as {EXAMPLES}") from None
    if unit == "%":
        amount, unit = amount / 100, ""
    elif resource == "cores" and not unit:
        unit = "cores"
    return Budget(resource, amount, unit)


def _wrong(what: str, remedy: str) -> QuantizeError:
    return QuantizeError(what, where="--budget", remedy=remedy)
