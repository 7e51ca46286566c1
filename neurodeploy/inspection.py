"""What a model is, and what a target would say to it, before anything is compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.compilation import Compilation, Options
from neurodeploy.errors import DoesNotFit, NeurodeployError
from neurodeploy.mapping import map_network
from neurodeploy.network import Network
from neurodeploy.pipeline import run_passes
from neurodeploy.quantize.features import missing_features
from neurodeploy.quantize.preload import by_synapses


def inspect_model(model: str | Path, target: str, options: Options) -> dict[str, Any]:
    """Layers, neurons, synapses and timing of a model, and everything that ``target`` lacks for it.

    Raises:
        ModelError: The model cannot be read or means nothing without more options.
        TargetError: No such target.
    """
    state = run_passes(model, target, options, stop_after="lower")
    result: dict[str, Any] = {
        "model": str(model),
        "semantics": dict(state.conventions),
        **_structure(state),
        "target": state.target.name,
        "problems": [],
        "cores": None,
        "chips": None,
    }
    try:
        if state.net is None:
            state = run_passes(model, state.target, options, stop_after="quantize")
        assert state.net is not None
        if state.quantization is not None:
            result["quantization"] = state.quantization.to_dict()
        net = by_synapses(state.net, state.target)
        result["problems"] = [
            {"layer": layer, "what": f"the target lacks {what}", "remedy": remedy}
            for layer, what, remedy in missing_features(net, state.target)
        ]
        mapping = map_network(
            net,
            state.target,
            max_neurons_per_core=options.max_neurons_per_core,
            objective=options.objective,
            seed=options.seed,
        )
        result["cores"], result["chips"] = mapping.cores, mapping.chips
    except DoesNotFit as error:
        result["problems"] += [
            {"layer": v.layer, "what": f"{v.resource} {v.needed:,} of {v.available:,}", "remedy": v.remedy}
            for v in error.violations
        ]
    except NeurodeployError as error:
        result["problems"].append({"layer": error.where, "what": error.what, "remedy": error.remedy})
    return result


def _structure(state: Compilation) -> dict[str, Any]:
    """Ends, layers and sizes of a float model, or of one that is integer already."""
    network, net = state.network, state.net
    if network is not None:
        return {
            "inputs": {name: list(shape) for name, shape in network.inputs.items()},
            "outputs": dict(network.outputs),
            "layers": [_layer(network, name) for name in network.populations],
            "neurons": network.neurons,
            "synapses": network.synapses,
            "latency_steps": max(p.depth for p in network.populations.values()),
        }
    assert net is not None
    depths = dict.fromkeys(net.inputs, 0)
    for name in net.populations:
        before = (depths[p.source] + p.latency for p in net.incoming(name) if p.source in depths)
        depths[name] = max(before, default=0)
    return {
        "inputs": {i.name: list(i.shape) for i in net.inputs.values()},
        "outputs": dict(state.outputs),
        "layers": [_chip_layer(net, name, depths[name]) for name in net.populations],
        "neurons": net.neurons,
        "synapses": net.synapses,
        "latency_steps": max(depths.values()),
    }


def _chip_layer(net: ChipNetwork, name: str, depth: int) -> dict[str, Any]:
    population = net.populations[name]
    return {
        "name": name,
        "type": population.model,
        "shape": list(population.shape),
        "neurons": population.size,
        "synapses": sum(p.connection.synapses for p in net.incoming(name)),
        "from": [
            f"{p.source} ({p.connection.kind}{', recurrent' if p.source == name else ''})" for p in net.incoming(name)
        ],
        "depth": depth,
    }


def _layer(network: Network, name: str) -> dict[str, Any]:
    population = network.populations[name]
    return {
        "name": name,
        "type": population.nir_type,
        "shape": list(population.shape),
        "neurons": population.size,
        "synapses": sum(p.connection.synapses for p in network.incoming(name)),
        "from": [
            f"{p.source} ({p.connection.kind}{', recurrent' if p.delay_steps else ''})" for p in network.incoming(name)
        ],
        "depth": population.depth,
    }
