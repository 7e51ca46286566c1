"""Lava's LIF and LIFReset with one more port, which sends s, u and v after each step; the arithmetic is Lava's own.

A port, because Lava's ways to read registers (``Var.get``, Monitor) take some 15 us per value, an Extractor 7 ns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import PyLifModelBitAcc, PyLifResetModelBitAcc
from lava.proc.lif.process import LIF, LIFReset


class ProbedLIF(LIF):  # type: ignore[misc]
    """``LIF`` that is live in a part of every sample, with a ``trace`` port for the spikes and then u and v.

    Args:
        shape: (n,).
        window: First and last live step, counted from 1 in each sample.
        period: Steps from one sample to the next; each sample starts with the initial u and v. Outside its window the
            process drops its input, sends no spikes and keeps u and v.
        parameters: Of ``LIF``.

    Between samples, so many steps in which no process is live as the longest delay has, and one more, let the synapses
    run empty: what a sample computes is then what it would compute alone, with recurrence and delays, too.
    """

    def __init__(self, *, shape: tuple[int], window: tuple[int, int], period: int, **parameters: Any) -> None:
        super().__init__(shape=shape, **parameters)
        self.proc_params["window"], self.proc_params["period"] = window, period
        self.trace = OutPort(shape=(3, *shape))


class ProbedLIFReset(LIFReset):  # type: ignore[misc]
    """:class:`ProbedLIF` for ``LIFReset``, whose schedule counts the steps of each sample."""

    def __init__(self, *, shape: tuple[int], window: tuple[int, int], period: int, **parameters: Any) -> None:
        super().__init__(shape=shape, **parameters)
        self.proc_params["window"], self.proc_params["period"] = window, period
        self.trace = OutPort(shape=(3, *shape))


class _Probed:
    """Comes before one of Lava's ``fixed_pt`` models: that model in the steps of the window; then the trace."""

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)  # type: ignore[call-arg]
        self.first, self.last = proc_params["window"]
        self.period = proc_params["period"]
        self.initial: tuple[Any, Any] | None = None

    def run_spk(self: Any) -> None:
        step_of_run = self.time_step
        step = (step_of_run - 1) % self.period + 1
        if self.initial is None:
            self.initial = self.u.copy(), self.v.copy()
        elif step == 1:
            self.u[:], self.v[:] = self.initial
        if self.first <= step <= self.last:
            self.time_step = step  # what LIFReset looks at
            super().run_spk()  # type: ignore[misc]
            self.time_step = step_of_run
        else:
            self.a_in.recv()
            self.fired = np.zeros(self.u.shape, bool)
            self.s_out.send(self.fired)
        self.trace.send(np.stack([self.fired, self.u, self.v]).astype(np.int32))

    def spiking_activation(self) -> Any:
        self.fired = super().spiking_activation()  # type: ignore[misc]
        return self.fired


# Lava's models have their own process in `implements_process`, and the decorator would refuse to change it
@implements(proc=ProbedLIF, protocol=LoihiProtocol)
class PyProbedLifModel(_Probed, PyLifModelBitAcc):  # type: ignore[misc]
    """``LIF``; tags and resources are Lava's."""

    implements_process = None
    trace: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)


@implements(proc=ProbedLIFReset, protocol=LoihiProtocol)
class PyProbedResetModel(_Probed, PyLifResetModelBitAcc):  # type: ignore[misc]
    """``LIFReset``; tags and resources are Lava's."""

    implements_process = None
    trace: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
