"""Mapping: which neuron sits on which core of which chip, proven to fit.

The order: ``partition`` (with ``split`` and ``grids``) under the limits of ``constraints`` over the loads of
``capacity``; ``place``; ``route``. ``check`` proves the result and shares no code with them.
"""

from __future__ import annotations

import msgspec

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import InvalidNetwork
from neurodeploy.mapping.check import check_mapping
from neurodeploy.mapping.objective import Rates, checked_objective, checked_rates
from neurodeploy.mapping.partition import partition
from neurodeploy.mapping.place import place
from neurodeploy.mapping.remedies import refuse
from neurodeploy.mapping.utilisation import Utilisation, utilisation
from neurodeploy.target_schema import Target

__all__ = ["Mapping", "Utilisation", "check_mapping", "map_network", "utilisation"]


def map_network(
    net: ChipNetwork,
    target: Target,
    *,
    max_neurons_per_core: int | None = None,
    objective: str = "cores",
    rates: Rates | None = None,
    seed: int = 0,
) -> Mapping:
    """Map a network onto a target; the same arguments give the same mapping.

    Args:
        net: The integer network.
        target: The chip or system.
        max_neurons_per_core: Forces finer splits than the target's limit on neurons.
        objective: ``cores``: fewest cores, then least traffic between them; ``traffic``: least traffic; ``latency``:
            the smallest largest load of a core.
        rates: Mean messages per step of each neuron, (size,), of every source: inputs, populations and
            ``population.output``; :func:`neurodeploy.simulate.rates.mean_rates` measures them. Default 1 each.
        seed: Of the choices among equals.

    Raises:
        DoesNotFit: With every violation, and remedies that have been tried.
        InvalidNetwork: ``max_neurons_per_core`` is not positive, no such objective, or rates that do not fit.
    """
    wanted, rates = checked_objective(objective), checked_rates(net, rates)
    asked = target.core.neurons.value
    if max_neurons_per_core is not None:
        if max_neurons_per_core < 1:
            raise InvalidNetwork(
                f"max_neurons_per_core = {max_neurons_per_core}",
                where="map_network",
                remedy=f"give 1..{target.core.neurons.value}, or None",
            )
        limit = target.core.neurons
        fewer = msgspec.structs.replace(limit, value=min(limit.value, max_neurons_per_core), low=None)
        core = msgspec.structs.replace(target.core, neurons=fewer)
        target = msgspec.structs.replace(target, core=core)
    found = partition(net, target, wanted, rates, seed)
    refusal = refuse(net, target, found, asked, wanted)
    if refusal is not None:
        raise refusal
    return place(found.core_of, found.cores, target, net, rates=rates, seed=seed)
