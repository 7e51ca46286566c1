"""What an inference costs: estimates from a run's counters and the target's constants."""

from neurodeploy.estimate.band import Band
from neurodeploy.estimate.baselines import Baseline
from neurodeploy.estimate.costs import CoreCosts, Costs, LayerCosts, StepCosts
from neurodeploy.estimate.model import estimate

__all__ = ["Band", "Baseline", "CoreCosts", "Costs", "LayerCosts", "StepCosts", "estimate"]
