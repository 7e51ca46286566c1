"""Remedies tried on some samples: what calibration or more bits of a layer would change, and which fields err."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.calibration import CalibrationData, calibrate
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.compare.causes import causes
from neurodeploy.compare.comparison import Trial
from neurodeploy.compare.sides import Traces, chip_traces, float_side, samples_at_once
from neurodeploy.compare.teacher import can_be_taught, taught_run
from neurodeploy.errors import QuantizeError
from neurodeploy.network import Network
from neurodeploy.program import Program
from neurodeploy.quantize import quantize
from neurodeploy.quantize.bits import bits_by_layer
from neurodeploy.semantics import SPIKE_READOUTS
from neurodeploy.simulate.readout import classify, scores

TRIAL_SAMPLES = 64
"""Most samples on which a remedy is tried."""


@dataclass(frozen=True, eq=False)
class Deployment:
    """A float network and what was made of it."""

    network: Network
    program: Program

    @cached_property
    def comparable(self) -> bool:
        """Whether the program's layers are the network's."""
        return can_be_taught(self.network, self.program.net)

    @cached_property
    def calibrated(self) -> bool:
        """Whether its fields were chosen on data."""
        return bool(self.program.quantization.get("calibration"))

    @cached_property
    def asked_bits(self) -> dict[str, int]:
        """Weight bits that the program was compiled with, by layer; weights that need fewer have fewer."""
        given: Any = self.program.provenance.get("bits")
        if given is None:
            given = {n: bits for n in self.network.populations if (bits := self.bits(n))}
        return bits_by_layer(given, self.network, self.program.target)

    def bits(self, layer: str) -> int:
        """Weight bits of a layer; 0 where nothing arrives."""
        return max((p.num_weight_bits for p in self.program.net.incoming(layer)), default=0)


class Bench:
    """The first samples, and what the float network does on them; computed when first needed."""

    def __init__(self, deployed: Deployment, spikes: NDArray[Any]) -> None:
        self.deployed = deployed
        most = samples_at_once(deployed.network.neurons, spikes.shape[1])
        self.spikes = spikes[: min(TRIAL_SAMPLES, most)]
        self._causes: dict[str, dict[str, int]] = {}
        self._trials: dict[str, tuple[Trial, ...]] = {}

    @cached_property
    def _floats(self) -> Traces:
        return float_side(self.deployed.network, "").run(self.spikes)

    @cached_property
    def _as_it_is(self) -> tuple[int, int | None]:
        return self._free(self.deployed.program.net)

    def causes(self, layer: str) -> dict[str, int]:
        """See :func:`neurodeploy.compare.causes.causes`."""
        if layer not in self._causes:
            d = self.deployed
            self._causes[layer] = causes(d.network, d.program.net, layer, self.spikes, self._floats.spikes)
        return self._causes[layer]

    def trials(self, layer: str) -> tuple[Trial, ...]:
        """The layer with calibrated fields, with the next larger legal number of weight bits, and with the largest."""
        if layer not in self._trials:
            calibrated = [] if self._calibrated is None else [(f"--calibrate '{layer}'", self._calibrated)]
            wider = [(f"{bits}-bit weights into '{layer}'", net) for bits, net in self._wider(layer)]
            net = self.deployed.program.net
            self._trials[layer] = tuple(
                self._trial(layer, change, exchanged(net, other, layer)) for change, other in (*calibrated, *wider)
            )
        return self._trials[layer]

    @cached_property
    def _calibrated(self) -> ChipNetwork | None:
        """All layers with scales, clipping and rounding chosen on these samples; None where they already are."""
        d = self.deployed
        if d.calibrated:
            return None
        data = CalibrationData(self.spikes)
        try:
            return calibrate(d.network, d.program.target, data, bits=d.asked_bits, method="mse")[0]
        except QuantizeError:
            return None

    def _wider(self, layer: str) -> Iterator[tuple[int, ChipNetwork]]:
        d = self.deployed
        wider = [bits for bits in d.program.target.weight.legal_bits.value if bits > d.bits(layer) > 0]
        for bits in dict.fromkeys((*wider[:1], *wider[-1:])):
            try:
                yield bits, quantize(d.network, d.program.target, bits={layer: bits})[0]
            except QuantizeError:
                continue

    def _trial(self, layer: str, change: str, net: ChipNetwork) -> Trial:
        before, flips_before = self._as_it_is
        mismatching, flips = self._free(net)
        (made_before, silenced_before), (made, silenced) = (
            self._taught(one, layer) for one in (self.deployed.program.net, net)
        )
        return Trial(
            change,
            len(self.spikes),
            made_before,
            made,
            silenced_before,
            silenced,
            before,
            mismatching,
            flips_before,
            flips,
        )

    def _taught(self, net: ChipNetwork, layer: str) -> tuple[int, int]:
        """Mismatching spikes and silenced neurons of a layer, given the float network's spikes."""
        sent = self._floats.spikes
        wanted, found = sent[layer], taught_run(self.deployed.network, net, layer, self.spikes, sent).spikes[layer]
        silenced = wanted.any(axis=(0, 1)) & ~found.any(axis=(0, 1))
        return int(np.count_nonzero(found != wanted)), int(np.count_nonzero(silenced))

    def _free(self, net: ChipNetwork) -> tuple[int, int | None]:
        """Mismatching spikes of all layers, and decisions that are not the float network's."""
        floats = self._floats
        made = chip_traces(net, self.spikes, tuple(net.populations), self.spikes.shape[1])
        mismatching = sum(int(np.count_nonzero(made.spikes[n] != floats.spikes[n])) for n in net.populations)
        program = self.deployed.program
        if len(program.outputs) != 1:
            return mismatching, None
        (output,) = program.outputs.values()
        source = "spikes" if program.readout in SPIKE_READOUTS else "membranes"
        if output not in getattr(floats, source) or output not in getattr(made, source):
            return mismatching, None
        decided = [classify(scores(program.readout, t.spikes[output], t.membranes.get(output))) for t in (floats, made)]
        return mismatching, int(np.count_nonzero(decided[0] != decided[1]))


def exchanged(net: ChipNetwork, other: ChipNetwork, layer: str) -> ChipNetwork:
    """``net`` with one layer, its fields and the weights into it, of ``other``."""
    populations = {n: other.populations[n] if n == layer else p for n, p in net.populations.items()}
    projections = [p for n in net.populations for p in (other if n == layer else net).incoming(n)]
    return ChipNetwork(net.inputs, populations, projections)
