"""NEST's ``iaf_psc_exp``, a step of 1 ms, time constants that give the same decays; goes on from run to run."""

from __future__ import annotations

from math import exp, log
from typing import Any

import nest
import numpy as np
from workloads import KEEP_U, KEEP_V

from peers import Prepared

PACKAGES = ("nest-simulator", "numpy")
EXACT = False
BATCHES = False
WORKLOADS = ("W3", "W4")
STEP_MS = 1.0
CHUNK = 10_000_000
"""Synapses per call, which bounds the memory that the lists take."""


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`. Weights and bias are scaled to NEST's exact integration of the same decays."""
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.resolution = STEP_MS
    nest.local_num_threads = threads
    tau_m, tau_s = -STEP_MS / log(KEEP_V), -STEP_MS / log(KEEP_U)
    from_current = tau_m * tau_s / (tau_m - tau_s) * (exp(-STEP_MS / tau_m) - exp(-STEP_MS / tau_s))
    from_bias = tau_m * (1 - KEEP_V)
    indptr, targets = np.asarray(workload["indptr"]), np.asarray(workload["targets"])
    count = len(indptr) - 1
    shared = {"C_m": 1.0, "E_L": 0.0, "V_reset": 0.0, "t_ref": 0.0, "tau_m": tau_m, "tau_syn_ex": tau_s}
    neurons = nest.Create(
        "iaf_psc_exp",
        count,
        params=shared | {"tau_syn_in": tau_s, "V_th": float(workload["vth"][0])},
    )
    neurons.V_m = np.array(workload["v0"]) / 64
    neurons.I_e = np.array(workload["bias"]) / 64 / from_bias
    pre = np.repeat(np.arange(1, count + 1), np.diff(indptr))
    for first in range(0, len(targets), CHUNK):
        some = slice(first, first + CHUNK)
        weights = np.asarray(workload["weights"][some]).astype(np.float64) / from_current
        delays = np.full(len(weights), STEP_MS)
        ends = pre[some], targets[some].astype(np.int64) + 1
        nest.Connect(*ends, "one_to_one", {"weight": weights, "delay": delays, "synapse_model": "static_synapse"})
    recorder = nest.Create("spike_recorder", params={"record_to": "memory"}) if not workload.spec.big else None
    if recorder is not None:
        nest.Connect(neurons, recorder)
    nest.Prepare()

    def run() -> Any:
        nest.Run(workload.spec.steps * STEP_MS)

    def counts(result: Any) -> Any:
        return np.array([[recorder.n_events]]) if recorder is not None else None

    return Prepared(run, counts, notes="records spikes" if recorder is not None else "records nothing")
