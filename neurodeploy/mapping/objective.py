"""What a mapping is to be good at, and how often each source sends."""

from __future__ import annotations

import collections.abc
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import InvalidNetwork, did_you_mean

Objective = Literal["cores", "traffic", "latency"]
"""``cores``: fewest cores, then least traffic between them. ``traffic``: least traffic, more cores if need be.
``latency``: the smallest largest load of a core, which sets the time of a step."""

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

Rates = collections.abc.Mapping[str, NDArray[np.float64]]
"""Mean messages per step of each neuron, (size,), per source as projections name them: inputs, populations, and
``population.output``."""


def checked_objective(objective: str) -> Objective:
    """InvalidNetwork for an objective that does not exist."""
    for known in OBJECTIVES:
        if objective == known:
            return known
    raise InvalidNetwork(f"no objective '{objective}'", where="map_network", remedy=did_you_mean(objective, OBJECTIVES))


def checked_rates(net: ChipNetwork, rates: Rates | None) -> Rates | None:
    """A finite rate of at least 0 for each neuron of every source, float64 (size,); None where none are given.

    Raises:
        InvalidNetwork: A source has no rates, or they have another size, or values that are no rates.
    """
    if rates is None:
        return None
    checked = {}
    for source in {p.source: None for p in net.projections}:
        if source not in rates:
            raise InvalidNetwork(
                f"no rates of '{source}', which sends messages",
                where="map_network(rates=...)",
                remedy="give rates of every input and population, or None",
            )
        values = np.asarray(rates[source], dtype=np.float64).ravel()
        if values.shape != (net.size_of(source),) or not np.all(np.isfinite(values)) or values.min(initial=0) < 0:
            raise InvalidNetwork(
                f"rates of '{source}': {values.size} values from {values.min(initial=0)} to {values.max(initial=0)}",
                where="map_network(rates=...)",
                remedy=f"give {net.size_of(source)} finite numbers of at least 0, mean messages per neuron and step",
            )
        checked[source] = values
    return checked
