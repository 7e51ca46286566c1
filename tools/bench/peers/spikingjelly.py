"""SpikingJelly's multi-step mode: each layer over all steps at once. Its ``LIFNode`` has no synaptic current."""

from __future__ import annotations

from typing import Any

import torch
from spikingjelly.activation_based import functional, neuron
from workloads import KEEP_U, KEEP_V

from peers import Prepared
from peers.torch_loop import layer_sums, time_first

PACKAGES = ("spikingjelly", "torch")
EXACT = False
BATCHES = True
WORKLOADS = ("W1", "W2")


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`. The missing current's gain is put into the threshold, so that rates are alike."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    spikes, sums = time_first(workload), layer_sums(workload)
    numbers = {"tau": 1 / (1 - KEEP_V), "decay_input": False, "v_reset": 0.0, "step_mode": "m"}
    nodes = [neuron.LIFNode(v_threshold=float(v) * (1 - KEEP_U), **numbers).eval() for v in workload["vth"]]

    def run() -> Any:
        s, rasters = spikes, []
        for node, layer in zip(nodes, sums):  # noqa: B905 (Python 3.9)
            s = node(layer(s.flatten(0, 1)).unflatten(0, s.shape[:2]))
            rasters.append(s)
            functional.reset_net(node)
        return rasters

    return Prepared(run, lambda rasters: torch.stack([r.flatten(1).sum(1) for r in rasters]).numpy())
