"""Forms that a law may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurodeploy.scaling.expression import Expression, parse

Floats = NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True)
class Form:
    """A function of N, S, K with parameters to be fitted.

    Attributes:
        name: For tables.
        expression: What it computes.
        family: ``linear``, ``polynomial``, ``law``, ``chance`` (corrected for it), or ``proposed``.
        bounds: Of parameters that have any, (low, high).
        starts: Ranges that random starts are drawn from, by parameter; default -1..1.
    """

    name: str
    expression: Expression
    family: str = "law"
    bounds: Mapping[str, Range] = field(default_factory=dict)
    starts: Mapping[str, Range] = field(default_factory=dict)

    @property
    def k(self) -> int:
        """Number of parameters."""
        return len(self.expression.parameters)

    @property
    def limits(self) -> tuple[Floats, Floats]:
        """Lower and upper bounds, (k,) each, infinite where there are none."""
        found = [self.bounds.get(p, (-np.inf, np.inf)) for p in self.expression.parameters]
        low, high = np.array(found, dtype=np.float64).reshape(-1, 2).T
        return low, high

    def draw(self, rng: np.random.Generator) -> Floats:
        """A random start (k,) within the bounds."""
        ranges = [self.starts.get(p, (-1.0, 1.0)) for p in self.expression.parameters]
        low, high = self.limits
        return np.clip([rng.uniform(*r) for r in ranges], low, high)


_POSITIVE: Range = (0.0, np.inf)
_POWER = {"p0": (0.2, 2.0), "p1": (-0.5, 0.5), "p2": (-0.5, 0.5), "p3": (-0.5, 0.5)}
_DECAY = {"p0": (0.2, 2.0), "p1": (0.0, 1.0), "p2": (0.0, 0.5)}
_LOGISTIC = {"p0": (0.05, 3.0), "p1": (0.0, 1.5), "p2": (-1.5, 0.0), "p3": (-1.5, 0.0)}


def _form(name: str, text: str, family: str = "law", starts: Mapping[str, Range] | None = None) -> Form:
    """A form whose factor p0 stays positive where it has starts of its own."""
    return Form(name, parse(text), family, {"p0": _POSITIVE} if starts else {}, starts or {})


FORMS: tuple[Form, ...] = (
    _form("chance 1/K", "1/K", "chance"),
    _form("linear(N,S,K)", "p0 + p1*N + p2*S + p3*K", "linear"),
    _form("linear K", "p0 + p1*K", "linear"),
    _form("polynomial K, degree 2", "p0 + p1*K + p2*K*K", "polynomial"),
    _form("polynomial K, degree 3", "p0 + p1*K + p2*K*K + p3*K*K*K", "polynomial"),
    _form(
        "full quadratic",
        "p0 + p1*N + p2*S + p3*K + p4*N*N + p5*S*S + p6*K*K + p7*N*S + p8*N*K + p9*S*K",
        "polynomial",
    ),
    _form("a K^-b", "p0*K**(-p1)", "law", _DECAY),
    _form("a K^-b + c", "p0*K**(-p1) + p2", "law", _DECAY),
    _form("a K^-b N^c S^d", "p0*K**(-p1)*N**p2*S**p3", "law", _POWER),
    _form("a exp(-b K)", "p0*exp(-p1*K)", "law", {"p0": (0.2, 2.0), "p1": (0.0, 0.1)}),
    _form("a - b ln K", "p0 - p1*log(K)", "law", {"p0": (0.2, 2.0), "p1": (0.0, 1.0)}),
    _form("1/(1 + a K^b)", "1/(1 + p0*K**p1)", "law", _LOGISTIC),
    _form("1/(1 + a K^b N^c S^d)", "1/(1 + p0*K**p1*N**p2*S**p3)", "law", _LOGISTIC),
    _form("1/(1 + a (K-1)^b N^c)", "1/(1 + p0*(K - 1)**p1*N**p2)", "law", _LOGISTIC),
    _form("1/K + (1-1/K) a K^-b", "1/K + (1 - 1/K)*(p0*K**(-p1))", "chance", _DECAY),
    _form("1/K + (1-1/K) a K^-b N^c S^d", "1/K + (1 - 1/K)*(p0*K**(-p1)*N**p2*S**p3)", "chance", _POWER),
    _form(
        "1/K + (1-1/K)/(1 + a K^b N^c S^d)",
        "1/K + (1 - 1/K)*(1/(1 + p0*K**p1*N**p2*S**p3))",
        "chance",
        _LOGISTIC,
    ),
)
"""The library; starts and bounds are ours."""

LINEAR = "linear(N,S,K)"
QUADRATIC = "full quadratic"
LOGISTIC_POWER = "1/(1 + a K^b N^c S^d)"


def form_named(name: str) -> Form:
    """The form of the library called so; KeyError if there is none."""
    return {form.name: form for form in FORMS}[name]
