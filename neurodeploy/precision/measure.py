"""One setting of the bits, compiled as it would be deployed and run on the calibration data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.compilation import Compilation, made
from neurodeploy.errors import DoesNotFit, ModelError, QuantizeError, SimulationError, did_you_mean
from neurodeploy.estimate import estimate
from neurodeploy.evaluate import Samples, accuracy, float_scores, run_program
from neurodeploy.mapping import utilisation
from neurodeploy.pipeline import PASSES, finish
from neurodeploy.program import Program
from neurodeploy.simulate import Run
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.simulate.readout import classify

METRICS = {
    "output": "squared difference of the output's scores, of the float network's squared scores",
    "spikes": "share of all layers' spikes that differ from the float network's",
    "task": "share of wrong decisions (needs labels); equal ones by 'output'",
}
FLOAT_SAMPLES = 64
"""Samples of the float network at a time."""

Setting = tuple[int, ...]
"""Bits of every layer, in the network's order."""


@dataclass(frozen=True)
class Point:
    """A setting and what it makes of the network, all of it measured on the calibration data.

    Attributes:
        bits: Weight bits by layer.
        fields: How scales, clipping and rounding were chosen: ``rule``, or a method of calibration.
        memory_words: Synapse memory in use on all cores, in the target's words.
        cores: Cores in use.
        energy_j: Of an inference, mesh and leakage (estimate).
        loss: The metric; 0 is the float network's own.
        output_loss: The metric ``output``, by which equal losses are told apart; 0 where there are several outputs.
        flips: Decisions that are not the float network's; None where there are several outputs.
        accuracy: Share of right decisions, where labels are known.
    """

    bits: Mapping[str, int]
    fields: str
    memory_words: int
    cores: int
    energy_j: float
    loss: float
    output_loss: float
    flips: int | None
    accuracy: float | None

    def cost(self, resource: str) -> float:
        """Words, joules or cores."""
        return {"memory": self.memory_words, "energy": self.energy_j, "cores": self.cores}[resource]

    @property
    def uniform(self) -> int | None:
        """The bits of all layers, where these are the same."""
        return next(iter(self.bits.values())) if len(set(self.bits.values())) == 1 else None


class Meter:
    """Measures settings, each once.

    Args:
        lowered: A compilation whose float network is known.
        samples: The calibration data.
        metric: One of ``METRICS``.

    Raises:
        ModelError: The metric needs one output, and there are several.
        SimulationError: There is no such metric, or it needs labels.
    """

    def __init__(self, lowered: Compilation, samples: Samples, metric: str) -> None:
        if metric not in METRICS:
            raise SimulationError(f"no metric '{metric}'", where="--metric", remedy=did_you_mean(metric, METRICS))
        if metric == "task" and samples.labels is None:
            raise SimulationError(
                "the metric 'task' needs labels", where="--metric", remedy="store labels in the data, or use 'output'"
            )
        if metric != "spikes" and len(lowered.outputs) != 1:
            raise ModelError(
                f"the metric '{metric}' reads one output, the model has {', '.join(lowered.outputs)}",
                where=str(lowered.model),
                remedy="choose one with --output, or use --metric spikes",
            )
        self.lowered, self.samples, self.metric = lowered, samples, metric
        self.network = made(lowered.network)
        self.names = tuple(self.network.populations)
        self.points: dict[Setting, Point | None] = {}
        self.single = len(lowered.outputs) == 1
        self._layers = self.names if metric == "spikes" else ()
        self._scores = self._rasters = None
        if self.single:
            (output,) = lowered.outputs.values()
            self._scores = float_scores(self.network, samples.spikes, output)
        if self._layers:
            self._rasters = self._float_rasters()

    @property
    def float_accuracy(self) -> float | None:
        """Of the float network."""
        if self._scores is None or self.samples.labels is None:
            return None
        return accuracy(self._scores, self.samples.labels)

    def measure(self, setting: Setting) -> Point | None:
        """The point of a setting; None where fields do not hold it, or the target does not."""
        if setting not in self.points:
            try:
                self.points[setting] = self._point(dict(zip(self.names, setting, strict=True)))
            except (QuantizeError, DoesNotFit):
                self.points[setting] = None
        return self.points[setting]

    def _point(self, bits: dict[str, int]) -> Point:
        program = finish(compiled(self.lowered, bits))
        kept = self._layers or tuple(program.outputs.values())
        run, scores = run_program(program, self.samples.spikes, keep=kept)
        words = sum(chip.synapse_words for chip in utilisation(program.net, program.mapping, program.target).chips)
        output_loss, flips, right = 0.0, None, None
        if scores is not None and self._scores is not None:
            output_loss = float(((scores - self._scores) ** 2).sum() / max((self._scores**2).sum(), 1e-300))
            flips = int(np.count_nonzero(classify(scores) != classify(self._scores)))
            right = None if self.samples.labels is None else accuracy(scores, self.samples.labels)
        loss = output_loss
        if self.metric == "spikes":
            loss = self._mismatching(program, run)
        elif self.metric == "task" and right is not None:
            loss = 1 - right
        energy = estimate(run, program).energy.value
        options = self.lowered.options
        fields = "rule" if options.calibrate is None else options.calibration
        return Point(bits, fields, words, program.mapping.cores, energy, loss, output_loss, flips, right)

    def _float_rasters(self) -> dict[str, NDArray[Any]]:
        (name,) = self.network.inputs
        spikes = self.samples.spikes
        parts = [
            simulate_float(self.network, {name: spikes[start : start + FLOAT_SAMPLES]}).spikes
            for start in range(0, len(spikes), FLOAT_SAMPLES)
        ]
        return {n: np.packbits(np.concatenate([p[n] for p in parts]) != 0, axis=1) for n in self.names}

    def _mismatching(self, program: Program, run: Run) -> float:
        steps, wrong, total = run.counters.live_steps, 0, 0
        for name, packed in (self._rasters or {}).items():
            population = program.net.populations[name]
            found = run.spikes[name].reshape(-1, run.steps, population.size)[:, population.start :][:, :steps]
            wrong += int(np.count_nonzero(np.unpackbits(packed, axis=1, count=steps) != found))
            total += found.size
        return wrong / total


def compiled(lowered: Compilation, bits: Mapping[str, int]) -> Compilation:
    """The passes that make integers and place them, with these bits."""
    names = [name for name, _ in PASSES]
    state = replace(lowered, options=replace(lowered.options, bits=bits))
    for _, transform in PASSES[names.index("quantize") :]:
        state = transform(state)
    return state
