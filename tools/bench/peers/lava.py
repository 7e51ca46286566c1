"""Lava 0.10.0 in fixed point on its Python back-end: ``RingBuffer`` -> ``Dense`` -> ``LIF`` ..., built once.

Timed is ``run`` of a network that has run before, without the start of Lava's processes; registers go on from run to
run. Records nothing, which is its fastest way. That its spikes are ours, bit for bit, is what tests/lava shows.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from peers import Prepared, Unavailable

PACKAGES = ("lava-nc", "numpy")
EXACT = False
BATCHES = False
WORKLOADS = ("W1", "W3")
DU, DV = 1023, 256
SHIM = Path(__file__).resolve().parents[3] / "neurodeploy" / "export" / "lava" / "shim.py"


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    if threads != 1:
        raise Unavailable("it has no threads: one process per population in any case")
    _install_shim()
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi1SimCfg

    last, settings = _network(workload), Loihi1SimCfg(select_tag="fixed_pt")

    def run() -> Any:
        last.run(condition=RunSteps(num_steps=workload.spec.steps), run_cfg=settings)

    return Prepared(run, notes="records nothing; without the start of its processes")


def _install_shim() -> None:
    """What lets Lava be imported on Python 3.11 and newer; loaded by path, for neurodeploy is not installed here."""
    spec = importlib.util.spec_from_file_location("lava_shim", SHIM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lava_shim"] = module
    spec.loader.exec_module(module)
    module.install()


def _network(workload: Any) -> Any:
    from lava.proc.dense.process import Dense
    from lava.proc.io.source import RingBuffer
    from lava.proc.lif.process import LIF
    from lava.proc.sparse.process import Sparse

    vth = [int(v) for v in workload["vth"]]
    if workload.spec.base == "W3":
        from scipy.sparse import csc_matrix

        neurons, start = len(workload["v0"]), {name: np.array(workload[f"{name}0"]) for name in ("u", "v")}
        group = LIF(shape=(neurons,), du=DU, dv=DV, vth=vth[0], bias_mant=np.array(workload["bias"]), **start)
        parts = tuple(np.array(workload[name]) for name in ("weights", "targets", "indptr"))
        matrix = csc_matrix((parts[0].astype(np.int32), *parts[1:]), shape=(neurons, neurons)).tocsr()
        synapses = Sparse(weights=matrix)
        group.s_out.connect(synapses.s_in)
        synapses.a_out.connect(group.a_in)
        return group
    source = RingBuffer(data=np.array(workload["spikes"][0]).T.astype(np.int32))
    for k in range(3):
        weights = np.array(workload[f"weights{k}"]).astype(np.int32)
        synapses = Dense(weights=weights, num_weight_bits=9)
        group = LIF(shape=(len(weights),), du=DU, dv=DV, vth=vth[k])
        source.s_out.connect(synapses.s_in)
        synapses.a_out.connect(group.a_in)
        source = group
    return group
