"""A backend's answer to one case beside what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.conformance.backend import Declaration
from neurodeploy.conformance.suite import Entry

EXACT, WITHIN, REJECTED, REFUSED, NOT_DECLARED = "exact", "within", "rejected", "refused", "n/a"
WRONG, ACCEPTED, TIMEOUT, CRASHED = "WRONG", "ACCEPTED", "TIMEOUT", "CRASHED"
Answer = Mapping[str, Mapping[str, Any]]
"""Of one sample: ``{"sent": {node: (T, ...)}, "v": ...}``."""

FAULTS = (WRONG, ACCEPTED, TIMEOUT, CRASHED)
"""Outcomes that a user would be hurt by; a refusal hurts nobody."""


@dataclass(frozen=True)
class Result:
    """Outcome of one case.

    Attributes:
        case: Its name.
        status: ``exact``; ``within`` the backend's declared tolerance; ``rejected``, as it must be; ``refused``
            though it means something; ``n/a``: about a convention that the backend declares otherwise; ``WRONG``;
            ``ACCEPTED`` what must be rejected; ``TIMEOUT``; ``CRASHED``.
        detail: The reason.
        compared: Numbers compared.
        mismatching: Numbers that differ: spikes that are not equal, other values beyond the case's tolerance.
        first: The first that does: sample, step, node, index, what, found, expected.
        max_dv: Largest error of membranes and other values that are no spikes; None where none was compared.
        seconds: Running time.
    """

    case: str
    status: str
    detail: str = ""
    compared: int = 0
    mismatching: int = 0
    first: Mapping[str, Any] | None = None
    max_dv: float | None = None
    seconds: float = 0.0


def try_case(backend: Any, entry: Entry) -> Result:
    """Load, run and judge, in this process."""
    declared: Declaration = backend.declaration
    conventions = declared.chosen(entry)
    if isinstance(conventions, str):
        return Result(entry.name, NOT_DECLARED, f"needs {conventions}")
    try:
        backend.load(entry.graph, conventions)
        found = _run(backend, entry)
    except Exception as error:  # a backend may refuse with any error
        status = REJECTED if entry.refuse else REFUSED
        return Result(entry.name, status, f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
    return Result(entry.name, ACCEPTED, entry.about) if entry.refuse else judge(entry, found, declared)


def _run(backend: Any, entry: Entry) -> list[Answer]:
    """Sample by sample."""
    results: list[Answer] = []
    samples, steps = next(iter(entry.inputs.values())).shape[:2]
    for n in range(samples):
        backend.reset()
        if hasattr(backend, "run"):
            results.append(backend.run({name: values[n] for name, values in entry.inputs.items()}))
            continue
        kept: dict[str, dict[str, list[Any]]] = {"sent": {}, "v": {}}
        for t in range(steps):
            for kind, values in backend.step({name: v[n, t] for name, v in entry.inputs.items()}).items():
                for node, value in values.items():
                    kept[kind].setdefault(node, []).append(np.array(value, np.float64))
        results.append(kept)
    return results


@dataclass(frozen=True, eq=False)
class _Compared:
    """One array of an answer: (N, T, ...) each."""

    kind: str
    node: str
    spikes: bool
    found: NDArray[Any]
    expected: NDArray[Any]
    differs: NDArray[np.bool_]

    @property
    def error(self) -> NDArray[np.float64]:
        """Absolute, infinite where the answer is not a number."""
        return np.asarray(np.nan_to_num(np.abs(self.found - self.expected), nan=np.inf), np.float64)


def judge(entry: Entry, found: Sequence[Answer], declared: Declaration) -> Result:
    """Compare every value that the backend gave."""
    for name in entry.outputs:
        if any(name not in sample.get("sent", {}) for sample in found):
            return Result(entry.name, WRONG, f"no value for the output '{name}'")
    compared: list[_Compared] = []
    for kind, wanted in (("sent", entry.sent), ("v", entry.v)):
        for node, expected in wanted.items():
            if any(node not in sample.get(kind, {}) for sample in found):
                continue
            got = [np.asarray(sample[kind][node], np.float64) for sample in found]
            if any(g.size != e.size or len(g) != len(e) for g, e in zip(got, expected, strict=True)):
                shapes = [g.shape for g in got]
                return Result(entry.name, WRONG, f"'{node}' {kind} has shapes {shapes}, not {expected.shape[1:]}")
            values = np.stack([g.reshape(e.shape) for g, e in zip(got, expected, strict=True)])
            spikes = kind == "sent" and node in entry.spiking
            differs = ~(np.abs(values - expected) <= (0.0 if spikes else entry.tolerance))
            compared.append(_Compared(kind, node, spikes, values, expected, differs))
    mismatching = sum(int(c.differs.sum()) for c in compared)
    status = EXACT if not mismatching else WITHIN if _tolerable(compared, declared) else WRONG
    total = sum(c.differs.size for c in compared)
    max_dv = max((float(c.error.max(initial=0.0)) for c in compared if not c.spikes), default=None)
    return Result(entry.name, status, "", total, mismatching, _first(compared), max_dv)


def _tolerable(compared: Sequence[_Compared], declared: Declaration) -> bool:
    """Few spikes differ, and values are close until one does: afterwards two networks go their own ways."""
    if declared.exact:
        return False
    spikes = [c.differs for c in compared if c.spikes]
    if sum(int(d.sum()) for d in spikes) > declared.spike_tolerance * sum(d.size for d in spikes):
        return False
    apart = np.zeros(compared[0].differs.shape[:2], np.bool_)
    for d in spikes:
        apart |= d.any(axis=tuple(range(2, d.ndim)))
    together = ~np.logical_or.accumulate(apart, axis=1)
    for c in compared:
        largest = max(1.0, float(np.abs(c.expected).max(initial=0.0)))
        if not c.spikes and np.any(c.error[together] > declared.value_tolerance * largest):
            return False
    return True


def _first(compared: Sequence[_Compared]) -> dict[str, Any] | None:
    """The earliest divergence, by sample and step."""
    places = []
    for k, c in enumerate(compared):
        if c.differs.any():
            places.append((*(int(i) for i in np.unravel_index(np.argmax(c.differs), c.differs.shape)[:2]), k))
    if not places:
        return None
    c = compared[min(places)[2]]
    at = tuple(int(i) for i in np.unravel_index(np.argmax(c.differs), c.differs.shape))
    return {
        "sample": at[0],
        "step": at[1],
        "node": c.node,
        "index": list(at[2:]),
        "what": c.kind,
        "found": float(c.found[at]) if np.isfinite(c.found[at]) else str(c.found[at]),
        "expected": float(c.expected[at]),
    }
