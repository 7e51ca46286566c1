"""The networks of the study as NIR graphs, and compiled for a target."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.pipeline import compile_model
from neurodeploy.program import Program
from neurodeploy.scaling.reservoir import BETA, THRESHOLD, TRACE_DECAY, Floats, Hidden
from neurodeploy.target import Target

DT_S = 1e-3
HIDDEN, READOUT = "hidden", "readout"


def to_nir(hidden: Hidden, w_out: Floats | None = None) -> Any:
    """A graph that says all that it means: dt, hard reset, firing at the threshold, unit gains.

    Args:
        hidden: The layer; its recurrence, if any, becomes an edge of its own.
        w_out: (N, K) of a leaky read-out, whose membranes summed over the steps are the scores; None ends at the
            hidden layer.
    """
    import nir

    nodes: dict[str, Any] = {
        "input": nir.Input({"input": np.array([len(hidden.w_in)])}),
        "w_in": nir.Linear(weight=hidden.w_in.T),
        HIDDEN: nir.LIF(
            **_leak(hidden.neurons, BETA),
            v_threshold=np.full(hidden.neurons, THRESHOLD),
            v_reset=np.zeros(hidden.neurons),
        ),
    }
    edges = [("input", "w_in"), ("w_in", HIDDEN)]
    if hidden.w_rec is not None:
        nodes["w_rec"] = nir.Linear(weight=hidden.w_rec.T)
        edges += [(HIDDEN, "w_rec"), ("w_rec", HIDDEN)]
    last, size = HIDDEN, hidden.neurons
    if w_out is not None:
        last, size = READOUT, w_out.shape[1]
        nodes |= {"w_out": nir.Linear(weight=w_out.T), READOUT: nir.LI(**_leak(size, TRACE_DECAY))}
        edges += [(HIDDEN, "w_out"), ("w_out", READOUT)]
    nodes["output"] = nir.Output({"output": np.array([size])})
    said = {"dt_s": DT_S, "reset": "value", "spike": "ge", "readout": "count" if w_out is None else "v_sum"}
    return nir.NIRGraph(nodes, [*edges, (last, "output")], metadata={"neurodeploy": said}, type_check=False)


def _leak(size: int, factor: float) -> dict[str, NDArray[np.float64]]:
    """``v = factor v + x`` at DT_S by Euler's rule."""
    tau = np.full(size, DT_S / (1 - factor))
    return {"tau": tau, "r": tau / DT_S, "v_leak": np.zeros(size)}


def deploy(hidden: Hidden, w_out: Floats | None, target: str | Target) -> Program:
    """Quantise and map by the compiler as it is; NeurodeployError where the target cannot hold it."""
    import nir

    with tempfile.TemporaryDirectory(prefix="neurodeploy-") as folder:
        path = Path(folder) / "network.nir"
        nir.write(path, to_nir(hidden, w_out))
        return compile_model(path, target)
