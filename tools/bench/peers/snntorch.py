"""snnTorch's ``Synaptic`` neurons, step by step; its reset comes a step late, so that its rates are lower."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from workloads import KEEP_U, KEEP_V

from peers import Prepared
from peers.torch_loop import layer_sums, time_first

PACKAGES = ("snntorch", "torch")
EXACT = False
BATCHES = True
WORKLOADS = ("W1", "W2")


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    spikes, sums = time_first(workload), layer_sums(workload)
    neurons = [
        snntorch.Synaptic(alpha=KEEP_U, beta=KEEP_V, threshold=float(v), reset_mechanism="zero")
        for v in workload["vth"]
    ]

    def run() -> Any:
        states = [n.reset_mem() for n in neurons]
        counts = torch.zeros(len(sums), len(spikes))
        for t, s in enumerate(spikes):
            for k, layer in enumerate(sums):
                s, *states[k] = neurons[k](layer(s), *states[k])
                counts[k, t] = s.sum()
        return counts

    return Prepared(run, lambda counts: counts.numpy())
