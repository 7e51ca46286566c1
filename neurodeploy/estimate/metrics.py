"""NeuroBench's metrics of a deployed network, by NeuroBench's names and definitions (version 2.3.0)."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.simulate.counters import Counters


def metrics(net: ChipNetwork, counters: Counters) -> dict[str, Any]:
    """Footprint, sparsities and operations."""
    spikes = sum(counters.populations[name].spikes for name in net.populations)
    updates = sum(counters.populations[name].neuron_updates for name in net.populations)
    return {"ActivationSparsity": 1 - spikes / updates if updates else 0.0}


_ = np
