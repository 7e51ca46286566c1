"""Lava's LIF with one more port, which sends s, u and v after each step; the arithmetic is Lava's own.

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
from lava.proc.lif.models import PyLifModelBitAcc
from lava.proc.lif.process import LIF


class ProbedLIF(LIF):  # type: ignore[misc]
    """``LIF`` whose ``trace`` port, shape (3, n), sends the spikes of the step and u and v as they are after it."""

    def __init__(self, *, shape: tuple[int], **parameters: Any) -> None:
        super().__init__(shape=shape, **parameters)
        self.trace = OutPort(shape=(3, *shape))


@implements(proc=ProbedLIF, protocol=LoihiProtocol)
class PyProbedLifModel(PyLifModelBitAcc):  # type: ignore[misc]
    """Lava's ``fixed_pt`` model, its tags and resources, then the trace."""

    implements_process = None  # Lava's model has LIF here, and the decorator would refuse to change it
    trace: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)

    def run_spk(self) -> None:
        super().run_spk()
        self.trace.send(np.stack([self.s_out_buff, self.u, self.v]).astype(np.int32))
