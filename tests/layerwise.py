"""The integers of a chain of layers, layer after layer, in plain arrays and without the chip's latency.

A second definition, written from the equations alone, of what a chip with late starts must compute: every layer begins
at its initial registers with the first step of its input and runs for as many steps as that has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork


def toward_zero(x: NDArray[Any], bits: int) -> NDArray[Any]:
    return np.sign(x) * (np.abs(x) >> bits)


def layer_synchronous(net: ChipNetwork, x: NDArray[Any]) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Spikes and v after each step, (B, T, n) each, of every layer of dense ``cuba`` layers in a chain."""
    sent = x.reshape(*x.shape[:2], -1).astype(np.int64)
    found, before = {}, next(iter(net.inputs))
    for name, layer in net.populations.items():
        (wire,) = net.incoming(name)
        assert wire.source == before and layer.model == "cuba" and wire.connection.kind == "dense" and not wire.delay
        f = {key: np.broadcast_to(value, layer.size).astype(np.int64) for key, value in layer.fields.items()}
        assert not f["refractory"].any() and (f["bias_exp"] >= 0).all()
        weights, threshold = np.asarray(wire.connection.weights, np.int64), f["vth"] << 6
        u, v = (np.tile(f[key], (len(sent), 1)) for key in ("u0", "v0"))
        spikes, membranes = [], []
        for t in range(sent.shape[1]):
            a = sent[:, t] @ weights.T
            a = a << wire.weight_exp if wire.weight_exp >= 0 else a >> -wire.weight_exp
            u = toward_zero(u * (4095 - f["du"]), 12) + (a << 6)
            v = toward_zero(v * (4096 - f["dv"]), 12) + u + (f["bias_mant"] << f["bias_exp"])
            assert np.abs(u).max() < 2**23 and np.abs(v).max() < 2**23
            s = v > threshold
            v = {"zero": np.where(s, 0, v), "subtract": v - threshold * s, "none": v}[layer.reset]
            spikes.append(s)
            membranes.append(v)
        sent = np.stack(spikes, axis=1).astype(np.int64)
        found[name] = (sent, np.stack(membranes, axis=1))
        before = name
    return found


def on_the_chip(net: ChipNetwork, run: Any, steps: int) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """The same of a run that recorded every v, in the layers' own steps."""
    found = {}
    for depth, name in enumerate(net.populations, start=1):
        own = slice(depth, depth + steps)
        found[name] = tuple(
            values.reshape(*values.shape[:2], -1)[:, own] for values in (run.spikes[name], run.states[name]["v"])
        )
    return found
