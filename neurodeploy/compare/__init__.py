"""Two models on the same spikes: where they part, which layer makes the errors, and what helps."""

from neurodeploy.compare.comparison import Comparison, Decisions, Finding, LayerComparison, Sums, Trial
from neurodeploy.compare.models import compare_files, compare_models, compare_program, compare_sides

__all__ = [
    "Comparison",
    "Decisions",
    "Finding",
    "LayerComparison",
    "Sums",
    "Trial",
    "compare_files",
    "compare_models",
    "compare_program",
    "compare_sides",
]
