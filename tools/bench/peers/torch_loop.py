"""The loop that a PyTorch user writes: float32, one matrix product or convolution per layer and step.

W3 and W4 sum the rows of the neurons that spiked with ``index_add_``, which is faster than a sparse matrix product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, conv2d
from workloads import KEEP_U, KEEP_V

from peers import Prepared

PACKAGES = ("torch", "numpy")
EXACT = False
BATCHES = True
WORKLOADS = ("W1", "W2", "W3", "W4")


def floats(values: Any) -> Any:
    """A float32 tensor."""
    return torch.from_numpy(np.array(values, dtype=np.float32))


def layer_sums(workload: Any) -> list[Any]:
    """Per layer, the function from spikes (B, ...) to input; in units of the threshold mantissas."""
    weights = [floats(workload[f"weights{k}"]) for k in range(3)]
    if workload.spec.base == "W1":
        transposed = [w.T.contiguous() for w in weights]
        return [lambda s, w=w: s @ w for w in transposed]
    last = weights[2].T.contiguous()
    return [
        lambda s: conv2d(s, weights[0]),
        lambda s: conv2d(4 * avg_pool2d(s, 2), weights[1]),
        lambda s: (4 * avg_pool2d(s, 2)).flatten(1) @ last,
    ]


def time_first(workload: Any) -> Any:
    """The input spikes, (T, B, ...)."""
    return floats(workload["spikes"]).transpose(0, 1).contiguous()


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    if not workload.spec.layered:
        return _recurrent(workload)
    spikes, sums = time_first(workload), layer_sums(workload)
    thresholds = [float(v) for v in workload["vth"]]

    def run() -> Any:
        u: list[Any] = [0.0] * len(sums)
        v: list[Any] = [0.0] * len(sums)
        counts = torch.zeros(len(sums), len(spikes))
        for t, s in enumerate(spikes):
            for k, layer in enumerate(sums):
                u[k] = KEEP_U * u[k] + layer(s)
                v[k] = KEEP_V * v[k] + u[k]
                s = (v[k] > thresholds[k]).float()
                v[k] = v[k] * (1 - s)
                counts[k, t] = s.sum()
        return counts

    return Prepared(run, lambda counts: counts.numpy())


def _recurrent(workload: Any) -> Prepared:
    indptr, targets = (torch.from_numpy(np.array(workload[name])) for name in ("indptr", "targets"))
    weights, bias = floats(workload["weights"]), floats(workload["bias"]) / 64
    start = [floats(workload[name]) / 64 for name in ("u0", "v0")]
    threshold = float(workload["vth"][0])
    lengths = indptr.diff()

    def run() -> Any:
        u, v = (s.clone() for s in start)
        counts = torch.zeros(1, workload.spec.steps)
        x = torch.zeros_like(u)
        for t in range(workload.spec.steps):
            u.mul_(KEEP_U).add_(x)
            v.mul_(KEEP_V).add_(u).add_(bias)
            fired = v > threshold
            v.masked_fill_(fired, 0.0)
            spiking = fired.nonzero().flatten()
            counts[0, t] = len(spiking)
            many = lengths[spiking]
            first = indptr[spiking] - (many.cumsum(0) - many)
            synapses = torch.repeat_interleave(first, many).add_(torch.arange(int(many.sum())))
            x.zero_().index_add_(0, targets[synapses], weights[synapses])
        return counts

    return Prepared(run, lambda counts: counts.numpy())
