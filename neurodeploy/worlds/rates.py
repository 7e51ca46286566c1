"""How much the neurons fire, and how evenly: the measures by which homeostasis is judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodeploy.errors import SimulationError
from neurodeploy.worlds.world import Floats


@dataclass(frozen=True)
class FiringRates:
    """Of rates r[e, i], spikes per neuron and chip step of neuron i in episode e; our definitions.

    Attributes:
        mean: FR_m, the mean of r over episodes and neurons.
        std_mean: FR_std^m, the mean over neurons of the standard deviation of r over episodes.
        std_std: FR_std^s, the standard deviation over neurons of that standard deviation.
    """

    mean: float
    std_mean: float
    std_std: float


def firing_rates(rates: Floats) -> FiringRates:
    """The three measures of rates (E, neurons); standard deviations divide by the number of values."""
    rates = np.asarray(rates, np.float64)
    if rates.ndim != 2 or rates.size == 0:
        raise SimulationError(
            f"rates of shape {rates.shape}",
            where="firing_rates",
            remedy="give (episodes, neurons), one of each or more",
        )
    deviation = rates.std(axis=0)
    return FiringRates(float(rates.mean()), float(deviation.mean()), float(deviation.std()))
