"""A compilation in plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from neurodeploy.compilation import Compilation
from neurodeploy.mapping import utilisation


def summarise(state: Compilation) -> dict[str, Any]:
    """What each pass that ran has made; ``cores``, ``chips`` and ``utilisation`` once mapped."""
    facts: dict[str, Any] = {"model": state.model.name, "target": state.target.name}
    if state.conventions:
        facts["semantics"] = dict(state.conventions)
    network = state.network or state.net
    if network is not None:
        facts |= {"neurons": network.neurons, "synapses": network.synapses}
    if state.proof:
        facts["proof"] = dict(state.proof)
    if state.quantization is not None:
        facts["quantization"] = state.quantization.to_dict()
    if state.net is not None and state.mapping is not None:
        facts |= {"cores": state.mapping.cores, "chips": state.mapping.chips}
        facts["utilisation"] = asdict(utilisation(state.net, state.mapping, state.target))
    return facts
