"""One tree of errors. Each says what is wrong, where, and how to mend it; the number is the exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass


class NeurodeployError(Exception):
    """Base of every error a user can cause.

    Args:
        what: What is wrong, in the user's words.
        where: The file, layer, field or option it concerns.
        remedy: What to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  at:  {self.where}\n  try: {self.remedy}"

    def to_dict(self) -> dict[str, object]:
        """The fields printed by ``--json``."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class ModelError(NeurodeployError):
    """The network given cannot be understood."""

    exit_code = 3


class UnknownModel(ModelError):
    """No such model file or bundled model."""


class UnsupportedNode(ModelError):
    """The network holds a node or a node parameter that we do not deploy."""


class AmbiguousSemantics(ModelError):
    """The file does not say what it means (dt, reset, ...) and no option does."""


class ShapeMismatch(ModelError):
    """Two shapes that must agree do not."""


class UnreadableFile(ModelError):
    """A file is missing, damaged, of another kind or of a newer version."""


class UnwritableFile(ModelError):
    """A result cannot be stored where the user wants it."""


class InvalidNetwork(ModelError):
    """A hand-made integer network has a field outside its legal range, or a name that does not exist."""


class InvalidFault(ModelError):
    """A fault that does not exist, or that this network cannot have."""


class TargetError(NeurodeployError):
    """The chip description cannot be used."""

    exit_code = 4


class UnknownTarget(TargetError):
    """No target of that name."""


class InvalidTarget(TargetError):
    """A target file breaks the schema: names file, key and legal values."""


class UnsupportedFeature(TargetError):
    """The network needs something that the target's neurons or synapses lack."""


class QuantizeError(NeurodeployError):
    """Float parameters cannot be turned into the target's integer fields."""

    exit_code = 5


class FieldOverflow(QuantizeError):
    """A parameter does not fit its field at any scale."""


@dataclass(frozen=True)
class Violation:
    """One limit that a network breaks.

    Attributes:
        resource: Name of the limited resource, as in the target file.
        needed: How much the network needs.
        available: How much the target has.
        layer: The user's name of the population, or ``"network"``.
        remedy: What to try, with its computed effect where there is one.
    """

    resource: str
    needed: int
    available: int
    layer: str
    remedy: str

    @property
    def share(self) -> float:
        """``needed / available``; infinite where nothing is available."""
        return self.needed / self.available if self.available else float("inf")

    def __str__(self) -> str:
        return (
            f"{self.layer}: {self.resource} {self.needed:,} of {self.available:,} "
            f"({self.share:.2f}x); try: {self.remedy}"
        )


@dataclass(frozen=True)
class Tried:
    """A remedy whose effect has been computed.

    Attributes:
        remedy: What was changed.
        cores: Cores that the network then needs; at least so many where ``layers`` still exceed a core.
        available: Cores there are then.
        layers: What a single neuron still exceeds, as ``layer (resource)``.
    """

    remedy: str
    cores: int
    available: int
    layers: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it is a remedy."""
        return not self.layers and self.cores <= self.available

    def __str__(self) -> str:
        least, verdict = "at least " * bool(self.layers), "fits" if self.fits else "does not fit"
        blocked = f": {', '.join(self.layers)}" if self.layers else ""
        return f"{self.remedy}: {least}{self.cores:,} of {self.available:,} cores, {verdict}{blocked}"


class DoesNotFit(NeurodeployError):
    """The network exceeds the target; carries **all** violations, worst first, and the remedies that were tried."""

    exit_code = 6

    def __init__(self, violations: Iterable[Violation], *, where: str, tried: Iterable[Tried] = ()) -> None:
        self.violations = tuple(sorted(violations, key=lambda v: -v.share))
        self.tried = tuple(tried)
        lines = "\n".join(f"  - {v}" for v in self.violations)
        if self.tried:
            lines += "\nremedies tried:\n" + "\n".join(f"  - {t}" for t in self.tried)
        super().__init__(
            f"the network does not fit the target ({len(self.violations)} violations):\n{lines}",
            where=where,
            remedy=self.violations[0].remedy,
        )

    def to_dict(self) -> dict[str, object]:
        """The fields of the base class, the violations and the remedies; JSON has no infinity, so it is None there."""
        rows = [asdict(v) | {"share": v.share if v.available else None} for v in self.violations]
        tried = [asdict(t) | {"layers": [*t.layers], "fits": t.fits} for t in self.tried]
        return super().to_dict() | {"violations": rows, "tried": tried}


class NoRoute(NeurodeployError):
    """Two cores that must talk have no path between them."""

    exit_code = 7


class MappingFault(NeurodeployError):
    """The independent checker found a mapping that is not legal."""

    exit_code = 7


class SimulationError(NeurodeployError):
    """A run cannot start, or overflowed in strict mode."""

    exit_code = 8


class RegisterOverflow(SimulationError):
    """A register left its width in strict mode: names layer, register, compartment and step."""


class MissingDependency(NeurodeployError):
    """An optional package is not installed; names the extra."""

    exit_code = 9


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: the closest known one, and all of them."""
    options = sorted(known)
    close = difflib.get_close_matches(str(name), options, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(options) or 'none'}"
