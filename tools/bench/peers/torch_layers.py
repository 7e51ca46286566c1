"""PyTorch layer by layer: one float32 product over all steps of a layer, then its neurons step by step."""

from __future__ import annotations

from typing import Any

import torch
from workloads import KEEP_U, KEEP_V

from peers import Prepared
from peers.torch_loop import layer_sums, time_first

PACKAGES = ("torch", "numpy")
EXACT = False
BATCHES = True
WORKLOADS = ("W1", "W2")


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    spikes, sums = time_first(workload), layer_sums(workload)
    thresholds = [float(v) for v in workload["vth"]]

    def run() -> Any:
        s, rasters = spikes, []
        for layer, threshold in zip(sums, thresholds):  # noqa: B905 (Python 3.9)
            x = layer(s.flatten(0, 1)).unflatten(0, s.shape[:2])
            u, v = torch.zeros_like(x[0]), torch.zeros_like(x[0])
            s = torch.empty_like(x)
            for t in range(len(x)):
                u.mul_(KEEP_U).add_(x[t])
                v.mul_(KEEP_V).add_(u)
                fired = v > threshold
                v.masked_fill_(fired, 0.0)
                s[t] = fired
            rasters.append(s)
        return rasters

    return Prepared(run, lambda rasters: torch.stack([r.flatten(1).sum(1) for r in rasters]).numpy())
