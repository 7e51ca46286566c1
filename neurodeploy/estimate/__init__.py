"""What an inference costs: estimates from a run's counters and the target's constants."""

from neurodeploy.estimate.band import Band
from neurodeploy.estimate.costs import Costs, LayerCosts, estimate

__all__ = ["Band", "Costs", "LayerCosts", "estimate"]
