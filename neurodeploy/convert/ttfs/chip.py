"""The stages of an integer network as ``cuba`` neurons: ramps, which neither u nor v forgets (du = -1, dv = 0).

Mixed-sign weights of 8 bits are even, so weights and thresholds are doubled; ``v >= theta`` is ``v > vth << 6`` with
``vth = theta - 1``. What a neuron hears of the reference can be more than a synapse holds: as many reference neurons
as needed spike together, and share it. A neuron spikes once by its target's own means, or by a synapse to itself that
takes away all that ever excites it: from the step after the spike on u <= 0, and v starts at 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.ttfs.relu_net import Array
from neurodeploy.convert.ttfs.stages import Stage
from neurodeploy.errors import FieldOverflow, UnsupportedFeature, did_you_mean
from neurodeploy.target import Target

if TYPE_CHECKING:
    from scipy.sparse import csr_array

INPUT, OUTPUT = "in", "out"
UNIT = 2
"""Weight on the chip of a weight of 1."""
REACH = 2**17
"""Units of weight that 24 bits of v hold, a weight of 1 adding 2^6."""
ONCE = ("auto", "feature", "synapse")


def check_ramp(target: Target) -> None:
    """UnsupportedFeature unless the target's neurons can be ramps."""
    if target.compartment.du_min.value > -1:
        raise UnsupportedFeature(
            f"'{target.name}' has no ramp: its current loses 1/4096 in every tick even at decay 0 (no du = -1), "
            "so that spikes come later than the values that they stand for",
            where="ttfs",
            remedy="choose a target whose currents can be kept (loihi2), or a rate or count code (convert qcfs)",
        )


def once_by(target: Target, how: str) -> str:
    """``feature`` or ``synapse``; UnsupportedFeature for a feature that the target lacks."""
    if how not in ONCE:
        raise UnsupportedFeature(f"no way '{how}' to spike once", where="ttfs", remedy=did_you_mean(how, ONCE))
    has = target.compartment.fire_once.value
    if how == "feature" and not has:
        raise UnsupportedFeature(f"'{target.name}' has no fire_once", where="ttfs", remedy="use fire_once='synapse'")
    return ("feature" if has else "synapse") if how == "auto" else how


def references(stages: Sequence[Stage], target: Target) -> list[int]:
    """How many reference neurons stand before each stage, and none behind the last."""
    most = target.weight.value_max.value // UNIT
    counts = [max(1, math.ceil(abs(stage.weights[:, [-1]]).max() / most)) for stage in stages]
    return [*counts, 0]


def names(stages: Sequence[Stage]) -> list[str]:
    """Of the populations: affine1, relu1, affine2, ..., out."""
    return [*(f"{stage.kind}{k // 2 + 1}" for k, stage in enumerate(stages[:-1])), OUTPUT]


def lowered(stages: Sequence[Stage], target: Target, fire_once: str, horizon: int) -> ChipNetwork:
    """A population for each stage; the last neurons of each, and of the input, are its references.

    Args:
        stages: Compact ones of an integer network.
        target: The chip.
        fire_once: ``feature`` or ``synapse``.
        horizon: Steps of a sample.

    Raises:
        FieldOverflow: A weight, threshold or membrane beyond its register; names layer, value and limit.
    """
    from scipy.sparse import csr_array

    net = ChipNetwork(sample_steps=horizon)
    counts = references(stages, target)
    size = stages[0].weights.shape[1] - 1
    net.add_input(INPUT, shape=(size + counts[0],))
    source = INPUT
    for stage, name, before, behind in zip(stages, names(stages), counts[:-1], counts[1:], strict=True):
        weights, theta = _whole(stage, before, behind)
        _check(stage, name, weights, theta, fire_once, target)
        once = fire_once == "feature"
        net.add_population(name, shape=(len(theta),), du=-1, dv=0, vth=theta - 1, reset="zero", fire_once=once)
        if stage.delay:
            late, prompt = _parted(weights, weights.shape[1] - before)
            net.connect(source, name, late, kind="sparse", delays=stage.delay)
            net.connect(source, name, prompt, kind="sparse")
        else:
            net.connect(source, name, weights, kind="sparse")
        if fire_once == "synapse":
            stop, exponent = _stop(weights)
            diagonal = csr_array((stop, (np.arange(len(stop)),) * 2), shape=(len(stop),) * 2)
            net.connect(name, name, diagonal, kind="sparse", weight_exp=exponent)
        source = name
    return net


def _whole(stage: Stage, before: int, behind: int) -> tuple[csr_array, Array]:
    """Weights and thresholds of the chip, with ``before`` reference columns and ``behind`` relay rows."""
    from scipy.sparse import csr_array, hstack

    neurons = stage.neurons - (behind > 0)
    rows = [*range(neurons), *[neurons] * behind]
    matrix = csr_array(np.rint(stage.weights)[rows]).astype(np.int64)
    share, rest = np.divmod(abs(matrix[:, [-1]].toarray()), before)
    of_reference = np.sign(matrix[:, [-1]].toarray()) * (share + (np.arange(before) < rest))
    weights = csr_array(UNIT * hstack([matrix[:, :-1], csr_array(of_reference)], format="csr"))
    return weights, UNIT * np.asarray(stage.theta)[rows]


def _parted(weights: csr_array, values: int) -> tuple[csr_array, csr_array]:
    """The synapses of the first ``values`` sources, and the others."""
    from scipy.sparse import csr_array, hstack

    rows, columns = weights.shape
    late, prompt = weights[:, :values], weights[:, values:]
    nothing = [csr_array((rows, n), dtype=np.int64) for n in (columns - values, values)]
    return hstack([late, nothing[0]], format="csr"), hstack([nothing[1], prompt], format="csr")


def _excitation(weights: csr_array) -> Array:
    total: Array = weights.maximum(0).sum(axis=1)
    return total


def _stop(weights: csr_array) -> tuple[Array, int]:
    """Even weights to themselves of at least what excites each neuron, and their exponent."""
    excites = _excitation(weights)
    exponent = max(0, math.ceil(math.log2(excites.max() / 256)))
    return -UNIT * -(-excites // (UNIT * 2**exponent)), exponent


def _check(stage: Stage, name: str, weights: csr_array, theta: Array, fire_once: str, target: Target) -> None:
    """FieldOverflow for the first register that is too narrow."""
    excites, dip = _excitation(weights), stage.dip
    takes = -weights.minimum(0).sum(axis=1)
    limits = [
        ("a weight", abs(weights[:, : stage.weights.shape[1] - 1]).max(), target.weight.value_max.value),
        ("a threshold", theta.max(), target.compartment.vth_mantissa_max.value + 1),
        ("a membrane of", (theta + excites).max(), REACH - 1),
    ]
    if fire_once == "synapse":
        stop, exponent = _stop(weights)
        limits.append(("a weight exponent of its own synapse", exponent, target.weight.exponent_max.value))
        takes, dip = takes - stop * 2**exponent, stage.worst_dip
    limits += [
        ("a current of minus", takes.max(), REACH - 1),
        ("a membrane of minus", math.ceil(UNIT * dip), REACH - 1),
    ]
    for what, value, limit in limits:
        if value > limit:
            raise FieldOverflow(
                f"{what} {int(value):,} (of {limit:,})",
                where=f"ttfs, layer '{name}'",
                remedy="use fewer ticks or fraction bits"
                if what == "a weight"
                else "use fewer ticks or fraction bits, or windows that are calibrated",
            )
