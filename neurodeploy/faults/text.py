"""Faults as text: ``weight_loss=0.5``, ``stuck_at=0.01:bit=7:value=1@hidden/out``, several with commas between them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from neurodeploy.errors import InvalidFault, did_you_mean
from neurodeploy.faults.bits import BitFlip, StuckAt
from neurodeploy.faults.cores import CoreLoss, LostCores
from neurodeploy.faults.delays import DelayJitter
from neurodeploy.faults.fault import Fault
from neurodeploy.faults.inputs import InputDropout, InputFixed, InputNoise
from neurodeploy.faults.neurons import Dead, StuckOn
from neurodeploy.faults.thresholds import ThresholdDrift, ThresholdScale
from neurodeploy.faults.weights import WeightGain, WeightLoss, WeightNoise

FAULTS: dict[str, type[Fault]] = {
    kind.name: kind
    for kind in (
        *(WeightLoss, WeightGain, WeightNoise, BitFlip, StuckAt),
        *(Dead, StuckOn, ThresholdScale, ThresholdDrift, DelayJitter, CoreLoss, LostCores),
        *(InputNoise, InputDropout, InputFixed),
    )
}
"""All faults by name; a new one is a class and a word here."""

FORM = re.compile(r"(?P<name>[^=:@]*)(=(?P<severity>[^:@]*))?(?P<options>(:[^:@]*)*)(@(?P<layers>.*))?", re.DOTALL)
GRAMMAR = "write NAME=SEVERITY[:OPTION=VALUE][@LAYER/LAYER], as in weight_loss=0.5 or bit_flip=0.01:bit=-1@hidden"


def parse(text: str, severity: float | None = None) -> tuple[Fault, ...]:
    """The faults of a text, in its order.

    Args:
        text: ``NAME=SEVERITY``, then ``:OPTION=VALUE`` for each option, then ``@LAYER/LAYER`` for a restriction; commas
            between faults. Lists of numbers (``which``) are written with ``/`` between them.
        severity: Of the faults that have none in the text.

    Raises:
        InvalidFault: Not such a text, an unknown fault or option, or a severity that it cannot have.
    """
    return tuple(_fault(word.strip(), severity) for word in text.split(","))


def is_open(text: str) -> bool:
    """Whether a fault of the text has no severity; InvalidFault where it is no such text."""
    return any("=" not in word.split(":")[0].split("@")[0] and ":which=" not in word for word in text.split(","))


def faults_of(spec: str | Fault | Iterable[Fault]) -> tuple[Fault, ...]:
    """A spec in any of its forms."""
    if isinstance(spec, str):
        return parse(spec)
    return (spec,) if isinstance(spec, Fault) else tuple(spec)


def _fault(text: str, severity: float | None) -> Fault:
    where = f"fault '{text}'"
    form = FORM.fullmatch(text)
    if form is None or not form["name"]:
        raise InvalidFault("this is no fault", where=where, remedy=GRAMMAR)
    if form["name"] not in FAULTS:
        raise InvalidFault(f"no fault '{form['name']}'", where=where, remedy=did_you_mean(form["name"], FAULTS))
    kind = FAULTS[form["name"]]
    options = _options(kind, form["options"], where)
    if form["layers"] is not None:
        options["layers"] = tuple(form["layers"].split("/"))
        if not all(options["layers"]):
            raise InvalidFault("a layer without a name", where=where, remedy=GRAMMAR)
    if "which" in options:
        if form["severity"] is not None:
            raise InvalidFault("a severity beside which=", where=where, remedy="drop one of them")
    elif form["severity"] is not None:
        options["severity"] = _number(form["severity"], kind, where)
    elif severity is None:
        raise InvalidFault(
            "it has no severity", where=where, remedy=f"give {kind.meaning}: {kind.name}=..., or --severities"
        )
    else:
        options["severity"] = severity
    return kind(**options)


def _options(kind: type[Fault], text: str, where: str) -> dict[str, Any]:
    known = [f.name for f in fields(kind) if f.name not in ("severity", "layers")]
    found: dict[str, Any] = {}
    for word in text.split(":")[1:]:
        name, _, value = word.partition("=")
        if name not in known:
            raise InvalidFault(f"{kind.name} has no option '{name}'", where=where, remedy=did_you_mean(name, known))
        try:
            numbers = tuple(int(part) for part in value.split("/"))
        except ValueError:
            numbers = ()
        if not numbers or (name != "which" and len(numbers) > 1):
            form = "whole numbers with / between them" if name == "which" else "a whole number"
            raise InvalidFault(f"'{value}' is no value of {name}", where=where, remedy=f"give {form}")
        found[name] = numbers if name == "which" else numbers[0]
    return found


def _number(text: str, kind: type[Fault], where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidFault(
            f"'{text}' is no severity of {kind.name}", where=where, remedy=f"give {kind.meaning}"
        ) from None
