"""Weight bits layer by layer, chosen by measurement so that a budget is kept, and the frontier of what is possible."""

from neurodeploy.precision.budget import Budget, parse_budget
from neurodeploy.precision.choose import MixedPrecision, mixed_precision
from neurodeploy.precision.measure import METRICS, Point

__all__ = ["METRICS", "Budget", "MixedPrecision", "Point", "mixed_precision", "parse_budget"]
