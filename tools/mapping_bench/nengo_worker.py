"""Runs in nengo-loihi's environment: builds the networks given as JSON on stdin, prints what its cores hold.

A case is ``{"shape": [...], "layers": [{"outputs", "kernel", "stride", "block"}, ...]}``: maps (C, H, W) without
padding, or vectors; ``block`` is the shape of a core's neurons, or null for nengo-loihi's own choice.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np

warnings.simplefilter("ignore")

import nengo  # noqa: E402
import nengo_loihi  # noqa: E402
from nengo.exceptions import BuildError  # noqa: E402
from nengo_loihi.config import BlockShape  # noqa: E402


def build(case: dict[str, Any]) -> dict[str, Any]:
    """Lines of ``utilization_summary``, and per block its layer and what it uses, in order."""
    with nengo.Network(seed=0) as network:
        nengo_loihi.add_params(network)
        network.config[nengo.Ensemble].neuron_type = nengo.SpikingRectifiedLinear()
        network.config[nengo.Ensemble].gain = nengo.dists.Choice([1.0])
        network.config[nengo.Ensemble].bias = nengo.dists.Choice([0.0])
        network.config[nengo.Connection].synapse = 0.005
        shape = tuple(case["shape"])
        before = nengo.Ensemble(int(np.prod(shape)), 1, label="in")
        network.config[before].on_chip = False
        for k, layer in enumerate(case["layers"], start=1):
            transform, shape = _transform(shape, layer)
            after = nengo.Ensemble(int(np.prod(shape)), 1, label=f"l{k}")
            nengo.Connection(before.neurons, after.neurons, transform=transform)
            if layer.get("block"):
                network.config[after].block_shape = BlockShape(tuple(layer["block"]), shape)
            before = after
        nengo.Probe(before.neurons)
    with nengo_loihi.Simulator(network, target="sim", progress_bar=False) as simulator:
        model = simulator.model
        blocks = [
            {"layer": str(block), "used": {k: int(used) for k, (used, _) in block.utilization().items()}}
            for block in model.blocks
        ]
        return {"summary": model.utilization_summary(), "blocks": blocks}


def _transform(shape: tuple[int, ...], layer: dict[str, Any]) -> tuple[Any, tuple[int, ...]]:
    rng = np.random.default_rng(1)
    if not layer.get("kernel"):
        return rng.normal(size=(layer["outputs"], int(np.prod(shape)))), (layer["outputs"],)
    kernel = tuple(layer["kernel"])
    transform = nengo.Convolution(
        layer["outputs"],
        nengo.transforms.ChannelShape(shape, channels_last=False),
        strides=tuple(layer.get("stride", (1, 1))),
        kernel_size=kernel,
        padding="valid",
        channels_last=False,
        init=rng.normal(size=(*kernel, shape[0], layer["outputs"])),
    )
    return transform, tuple(transform.output_shape.shape)


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    counted = {}
    for name, case in cases.items():
        try:
            counted[name] = {"case": case, **build(case)}
        except BuildError as error:  # a core of this shape would exceed a limit
            counted[name] = {"case": case, "refused": str(error)}
    json.dump({"nengo-loihi": nengo_loihi.__version__, "cases": counted}, sys.stdout)
