"""Lava's neurons with one more port, which sends messages and registers after each step; the arithmetic is Lava's own.

A port, because Lava's ways to read registers (``Var.get``, Monitor) take some 15 us per value, an Extractor 7 ns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.graded.models import NormVecDelayModel, PyGradedReluVecModelFixed, PyGradedVecModelFixed
from lava.proc.graded.process import GradedReluVec, GradedVec, NormVecDelay
from lava.proc.io.encoder import DeltaEncoder, PyDeltaEncoderModelDense
from lava.proc.lif.models import PyLifModelBitAcc, PyLifResetModelBitAcc, PyTernLifModelFixed
from lava.proc.lif.process import LIF, LIFReset, TernaryLIF
from lava.proc.prodneuron.models import PyProdNeuronModelFixed
from lava.proc.prodneuron.process import ProdNeuron
from lava.proc.resfire.models import PyRFZeroModelFixed
from lava.proc.resfire.process import RFZero
from lava.proc.rf.models import PyRFModelFixed
from lava.proc.rf.process import RF
from lava.proc.rf_iz.models import PyRF_IZModelFixed
from lava.proc.rf_iz.process import RF_IZ
from lava.proc.sdn.models import PyDeltaModelFixed, PySigmaDeltaModelFixed, PySigmaModelFixed
from lava.proc.sdn.process import Delta, Sigma, SigmaDelta

MODELS = {
    LIF: PyLifModelBitAcc,
    LIFReset: PyLifResetModelBitAcc,
    TernaryLIF: PyTernLifModelFixed,
    Sigma: PySigmaModelFixed,
    Delta: PyDeltaModelFixed,
    SigmaDelta: PySigmaDeltaModelFixed,
    DeltaEncoder: PyDeltaEncoderModelDense,
    RF: PyRFModelFixed,
    RF_IZ: PyRF_IZModelFixed,
    RFZero: PyRFZeroModelFixed,
    GradedVec: PyGradedVecModelFixed,
    GradedReluVec: PyGradedReluVecModelFixed,
    ProdNeuron: PyProdNeuronModelFixed,
    NormVecDelay: NormVecDelayModel,
}
WIDE = {DeltaEncoder: np.int64}
"""Processes that compute in 64 bits: their trace has room for it, so that nobody takes what left 32 bits for exact."""


class _Probed:
    """Comes before one of Lava's ``fixed_pt`` models: that model in the steps of the window; then the trace."""

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)  # type: ignore[call-arg]
        probe = proc_params["probe"]
        self.first, self.last = probe["window"]
        self.period = probe["period"]
        self.in_ports, self.out_ports, self.traced = (probe[key] for key in ("ports", "outputs", "registers"))
        self.sent: dict[str, Any] = {}
        self.initial: dict[str, Any] = {}

    def run_spk(self: Any) -> None:
        step_of_run = self.time_step
        step = (step_of_run - 1) % self.period + 1
        if not self.initial:
            names = {*self.var_id_to_var_map.values(), *self.traced}
            values = {name: getattr(self, name) for name in names}
            self.initial = {name: x.copy() for name, x in values.items() if isinstance(x, np.ndarray)}
            for name in self.out_ports:
                self._listen(name)
        elif step == 1:
            for name, value in self.initial.items():
                setattr(self, name, value.copy())
        if self.first <= step <= self.last:
            self.time_step = step  # what LIFReset looks at
            super().run_spk()  # type: ignore[misc]
            self.time_step = step_of_run
        else:
            for name in self.in_ports:
                getattr(self, name).recv()
            for name in self.out_ports:
                port = getattr(self, name)
                port.send(np.zeros(port._shape, np.int32))
        rows = [self.sent[name] for name in self.out_ports] + [getattr(self, name) for name in self.traced]
        self.trace.send(np.stack(rows).astype(self.trace._d_type))

    def _listen(self, name: str) -> None:
        """Note what is sent, and send it."""
        port = getattr(self, name)
        send = port.send

        def noted(values: Any) -> None:
            self.sent[name] = np.array(values)
            send(values)

        port.send = noted


def _probed(process: type, model: type) -> tuple[type, type]:
    """The two classes with the trace: ``Probed<process>``, whose argument ``probe`` is a mapping, and its model.

    ``window``: first and last live step, counted from 1 in each sample. ``period``: steps from one sample to the next;
    each sample starts with the initial state. Outside its window a process drops its input, sends zeros and keeps its
    state. ``ports``, ``outputs``, ``registers``: names of what it has and of what the trace holds, outputs first.

    Between samples, so many steps in which no process is live as the longest delay has, and one more, let the synapses
    run empty: what a sample computes is then what it would compute alone, with recurrence and delays, too.
    """

    def __init__(self: Any, *, shape: tuple[int], probe: Mapping[str, Any], **parameters: Any) -> None:
        process.__init__(self, shape=shape, **parameters)  # type: ignore[misc]
        self.proc_params["probe"] = probe
        self.trace = OutPort(shape=(len(probe["outputs"]) + len(probe["registers"]), *shape))

    name = f"Probed{process.__name__}"
    probed = type(process)(name, (process,), {"__module__": __name__, "__init__": __init__})
    # Lava's models have their own process in `implements_process`, and the decorator would refuse to change it
    body = {
        "__module__": __name__,
        "__annotations__": {"trace": PyOutPort},
        "implements_process": None,
        "trace": LavaPyType(PyOutPort.VEC_DENSE, WIDE.get(process, np.int32), precision=24),
    }
    traced = type(model)(f"Py{name}Model", (_Probed, model), body)
    # DeltaEncoder's model has another tag
    return probed, implements(proc=probed, protocol=LoihiProtocol)(tag("fixed_pt")(traced))


def _all_probed() -> tuple[dict[str, type], dict[str, type]]:
    pairs = [(process.__name__, *_probed(process, model)) for process, model in MODELS.items()]
    processes = {name: probed for name, probed, _ in pairs}
    return processes, {cls.__name__: cls for _, *classes in pairs for cls in classes}


PROBED, _CLASSES = _all_probed()
globals().update(_CLASSES)  # where Lava looks for them
