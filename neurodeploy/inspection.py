"""What a model is, and what a target would say to it, before anything is compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurodeploy.errors import DoesNotFit, NeurodeployError
from neurodeploy.mapping import map_network
from neurodeploy.network import Network
from neurodeploy.pipeline import Options, run_passes
from neurodeploy.quantize.features import missing_features


def inspect_model(model: str | Path, target: str, options: Options) -> dict[str, Any]:
    """Layers, neurons, synapses and timing of a model, and everything that ``target`` lacks for it.

    Raises:
        ModelError: The model cannot be read or means nothing without more options.
        TargetError: No such target.
    """
    state = run_passes(model, target, options, stop_after="lower")
    network = state.network
    assert network is not None
    result: dict[str, Any] = {
        "model": str(model),
        "semantics": network.semantics.to_dict(),
        "inputs": {name: list(shape) for name, shape in network.inputs.items()},
        "outputs": dict(network.outputs),
        "layers": [_layer(network, name) for name in network.populations],
        "neurons": network.neurons,
        "synapses": network.synapses,
        "latency_steps": max(p.depth for p in network.populations.values()),
        "target": state.target.name,
        "problems": [],
        "cores": None,
        "chips": None,
    }
    try:
        quantized = run_passes(model, state.target, options, stop_after="quantize")
        assert quantized.net is not None and quantized.quantization is not None
        result["quantization"] = quantized.quantization.to_dict()
        result["problems"] = [
            {"layer": layer, "what": f"the target lacks {what}", "remedy": remedy}
            for layer, what, remedy in missing_features(quantized.net, state.target)
        ]
        mapping = map_network(quantized.net, state.target, max_neurons_per_core=options.max_neurons_per_core)
        result["cores"], result["chips"] = mapping.cores, mapping.chips
    except DoesNotFit as error:
        result["problems"] += [
            {"layer": v.layer, "what": f"{v.resource} {v.needed:,} of {v.available:,}", "remedy": v.remedy}
            for v in error.violations
        ]
    except NeurodeployError as error:
        result["problems"].append({"layer": error.where, "what": error.what, "remedy": error.remedy})
    return result


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
