"""Norse's ``LIFCell`` step by step: its parameters give the same decays."""

from __future__ import annotations

from typing import Any

import norse.torch as norse
import torch
from workloads import KEEP_U, KEEP_V

from peers import Prepared
from peers.torch_loop import layer_sums, time_first

PACKAGES = ("norse", "torch")
EXACT = False
BATCHES = True
WORKLOADS = ("W1", "W2")
DT_S = 0.001


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`. Norse multiplies the current by ``dt * tau_mem_inv``, which the threshold takes up."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    spikes, sums = time_first(workload), layer_sums(workload)
    leak_mem, leak_syn = (1 - KEEP_V) / DT_S, (1 - KEEP_U) / DT_S
    cells = []
    for vth in workload["vth"]:
        threshold = torch.tensor(float(vth) * (1 - KEEP_V))
        numbers = {"tau_mem_inv": torch.tensor(leak_mem), "tau_syn_inv": torch.tensor(leak_syn)}
        cells.append(norse.LIFCell(norse.LIFParameters(**numbers, v_th=threshold), dt=DT_S))

    def run() -> Any:
        states: list[Any] = [None] * len(cells)
        counts = torch.zeros(len(sums), len(spikes))
        for t, s in enumerate(spikes):
            for k, layer in enumerate(sums):
                s, states[k] = cells[k](layer(s), states[k])
                counts[k, t] = s.sum()
        return counts

    return Prepared(run, lambda counts: counts.numpy())
