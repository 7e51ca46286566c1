"""Exact integers in PyTorch: int8 products (``torch._int_mm``) over all steps of a layer, then int32 neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from peers import Prepared, counts, digest

PACKAGES = ("torch", "numpy")
EXACT = True
BATCHES = True
WORKLOADS = ("W1",)


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    spikes = torch.from_numpy(np.array(workload["spikes"]).astype(np.int8)).transpose(0, 1).contiguous()
    by_source = [torch.from_numpy(np.array(workload[f"weights{k}"])).T.contiguous() for k in range(3)]
    thresholds = workload.thresholds

    def run() -> Any:
        s, rasters = spikes, []
        for matrix, threshold in zip(by_source, thresholds):  # noqa: B905 (Python 3.9)
            steps, samples, _ = s.shape
            x = torch._int_mm(s.flatten(0, 1), matrix).unflatten(0, (steps, samples)) << 6
            u, v = torch.zeros_like(x[0]), torch.zeros_like(x[0])
            s = torch.zeros(x.shape, dtype=torch.int8)
            for t in range(steps):  # decays of 3/4 and 15/16 toward zero, which stay within int32
                u.mul_(3).add_((u >> 31).bitwise_and_(3)).bitwise_right_shift_(2)
                if t:
                    u.add_(x[t - 1])
                v.mul_(15).add_((v >> 31).bitwise_and_(15)).bitwise_right_shift_(4).add_(u)
                fired = v > threshold
                v.masked_fill_(fired, 0)
                s[t] = fired
            rasters.append(s)
        return rasters

    def numpy_rasters(rasters: Any) -> Any:
        return [r.transpose(0, 1).numpy() for r in rasters]

    return Prepared(run, lambda r: counts(numpy_rasters(r)), lambda r: digest(numpy_rasters(r)))
