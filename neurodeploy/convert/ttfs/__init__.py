"""ReLU networks as networks of neurons that spike once, when they spike being their value: exact.

After "Expressivity of Spiking Neural Networks" (Singh, Fono, Kutyniok, arXiv 2308.08218); the compact lowering, the
integer form and its golden network are our own, see :mod:`neurodeploy.convert.ttfs.stages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.convert.ttfs.certificate import Certificate, certify
from neurodeploy.convert.ttfs.chip import OUTPUT, check_ramp, lowered, once_by, references
from neurodeploy.convert.ttfs.code import NEVER, Code
from neurodeploy.convert.ttfs.relu_net import Affine, Array, Golden, ReluNet, golden_net
from neurodeploy.convert.ttfs.run import Result, run_all, run_until_spike
from neurodeploy.convert.ttfs.spiking import SpikingNet, spiking_net
from neurodeploy.convert.ttfs.stages import Stage, stages_of
from neurodeploy.convert.ttfs.torch_net import relu_net
from neurodeploy.errors import ModelError, SimulationError, did_you_mean
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.program import Program
from neurodeploy.quantize.features import check_features
from neurodeploy.target import Target, load_target
from neurodeploy.version import installed_version

__all__ = ["Affine", "Certificate", "Code", "Golden", "ReluNet", "Result", "SpikingNet", "Ttfs", "spiking_net", "ttfs"]

READOUTS = ("class", "values")
HORIZONS = ("readout", "long")


@dataclass(frozen=True, eq=False)
class Ttfs:
    """A ReLU network on a chip.

    Attributes:
        program: Runs, costs and reports like any other; its input ``in`` is fed by :meth:`encode`.
        golden: The integer network that it equals.
        code: What its spike times stand for.
        certificate: What is promised.
    """

    program: Program
    golden: Golden
    code: Code
    certificate: Certificate

    def encode(self, x: Any) -> NDArray[np.uint8]:
        """Spikes of inputs (B, *shape), (B, T, n + references); SimulationError for a value outside the range."""
        return self.code.spikes(self.code.ticks_of(x))

    def run(self, x: Any, *, engine: str = "fast") -> Result:
        """Run inputs (B, *shape) for the whole horizon; see :func:`neurodeploy.convert.ttfs.run.run_all`."""
        return run_all(self.program, self.code, self.code.ticks_of(x), engine)

    def classify(self, x: Any) -> Result:
        """Run each input until its first output spike; see :func:`neurodeploy.convert.ttfs.run.run_until_spike`."""
        return run_until_spike(self.program, self.code, self.code.ticks_of(x))


def ttfs(
    model: Any,
    *,
    low: Any = 0.0,
    high: Any = 1.0,
    input_shape: Sequence[int] | None = None,
    ticks: float = 8,
    input_ticks: float | None = None,
    fraction_bits: int = 5,
    nearest: bool = False,
    calibration: Any = None,
    readout: str = "class",
    horizon: str = "readout",
    fire_once: str = "auto",
    target: str | Target = "loihi2",
    samples: int = 64,
    seed: int = 0,
) -> Ttfs:
    """Compile a ReLU network into neurons that spike once, and compare the chip's integers with its golden network.

    Args:
        model: A torch module of Linear, Conv2d, BatchNorm, ReLU, average and max pooling, ...;
            ``package.module:factory``, a function that returns one; or a :class:`ReluNet`, whose own box then counts.
        low, high: Of the inputs, one number or one for each.
        input_shape: Of one sample, for modules that do not begin with a Linear.
        ticks: Of a unit of activation or output: the resolution of spike times.
        input_ticks: Of a unit of input; default ``ticks``.
        fraction_bits: Of the weights.
        nearest: Round hidden values to the nearest tick rather than down.
        calibration: Inputs (B, *shape) on which windows are measured, with a quarter to spare; None: worst case.
        readout: ``class``: the first output spike is the largest output; ``values``: every output's time is its value.
        horizon: ``readout``: a sample lasts until outputs must have spiked; ``long``: until every neuron must have.
        fire_once: ``feature`` of the target, ``synapse`` of each neuron to itself, or ``auto``.
        target: A target, its name, or the path of a ``.toml`` file.
        samples: Inputs on which chip and golden network are compared: of the calibration data, else random ones.
        seed: Of those.

    Raises:
        ModelError: The model is none of these.
        UnsupportedFeature: The target has no ramp neurons, or lacks something else.
        FieldOverflow: A register is too narrow; names layer, value and limit.
        DoesNotFit: It needs more cores than there are.
        SimulationError: Calibration data outside the box.
    """
    for name, given, known in (("readout", readout, READOUTS), ("horizon", horizon, HORIZONS)):
        if given not in known:
            raise ModelError(f"no {name} '{given}'", where="ttfs", remedy=did_you_mean(given, known))
    chip = target if isinstance(target, Target) else load_target(target)
    check_ramp(chip)
    once = once_by(chip, fire_once)
    net = model if isinstance(model, ReluNet) else relu_net(model, low, high, input_shape)
    scale = ticks if input_ticks is None else input_ticks
    golden = golden_net(net, input_ticks=scale, ticks=ticks, fraction_bits=fraction_bits, nearest=nearest)
    seen = None if calibration is None else np.rint(net.checked(calibration) * scale).astype(np.int64)
    stages = stages_of(golden, 2**fraction_bits, "compact", seen, negated=readout == "class")
    code = _code(golden, stages, scale, ticks, readout, horizon, references(stages, chip)[0])
    chip_net = lowered(stages, chip, once, code.horizon)
    check_features(chip_net, chip)
    mapping = map_network(chip_net, chip)
    check_mapping(chip_net, mapping, chip)
    program = Program(chip_net, mapping, chip, {OUTPUT: OUTPUT}, "first_spike", code.to_dict(), {}, {})
    tried = _trials(golden, seen, samples, seed)
    _compare(program, code, golden, tried)
    windows = "worst case" if seen is None else f"calibrated on {len(seen)} samples"
    kind = "random inputs" if seen is None else "calibration samples"
    checked = f"{len(tried)} {kind} (seed {seed})" if len(tried) else "none"
    certificate = certify(net.widths, stages, chip_net, code, windows, once, checked)
    provenance = {
        "model": model if isinstance(model, str) else type(model).__name__,
        "target": chip.name,
        "neurodeploy": installed_version(),
        "ttfs": certificate.to_dict(),
    }
    program = Program(chip_net, mapping, chip, {OUTPUT: OUTPUT}, "first_spike", code.to_dict(), {}, provenance)
    return Ttfs(program, golden, code, certificate)


def _code(
    golden: Golden, stages: Sequence[Stage], scale: float, ticks: float, readout: str, horizon: str, first: int
) -> Code:
    t_in = max(0, -int(golden.low.min()))
    reference = t_in + np.cumsum([0, *(int(stage.after) for stage in stages)])
    last = stages[-1]
    ends = int(reference[-1] + (last.high.min() if readout == "class" else last.high.max()))
    if horizon == "long":
        ends = max(int(t + stage.high.max()) for t, stage in zip(reference[1:], stages, strict=True))
    length = max(ends, t_in + max(0, int(golden.high.max()))) + 1
    sides = [tuple(side.tolist()) for side in (golden.low, golden.high)]
    return Code(t_in, int(reference[-1]), length, float(scale), float(ticks), golden.q, readout, first, *sides)


def _trials(golden: Golden, seen: Array | None, samples: int, seed: int) -> Array:
    """Ticks (samples, n) to compare on; a fifth of the random ones lie in corners of the box."""
    rng = np.random.default_rng(seed)
    if seen is not None:
        return seen[np.sort(rng.permutation(len(seen))[:samples])]
    drawn = rng.integers(golden.low, golden.high + 1, (samples, len(golden.low)))
    corners = np.where(rng.random(drawn.shape) < 0.5, golden.low, golden.high)
    return np.where(np.arange(samples)[:, None] % 5 == 0, corners, drawn)


def _compare(program: Program, code: Code, golden: Golden, ticks: Array) -> None:
    """SimulationError unless the chip says what the golden network says."""
    if not len(ticks):
        return
    found = run_all(program, code, ticks, "fast")
    expected = golden.floor(ticks) if code.readout == "class" else golden.ceil(ticks)
    spiked = abs(found.outputs) != NEVER
    differ = np.argwhere(spiked & (found.outputs != expected))
    if len(differ) or (found.classes is not None and np.any(found.classes != golden.classes(ticks))):
        raise SimulationError(
            f"chip and golden network differ in {len(differ)} outputs of {len(ticks)} inputs",
            where="ttfs",
            remedy="report it with the model; it is a fault of neurodeploy",
        )
