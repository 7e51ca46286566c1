"""The chip's integers against the golden model: every neuron's train, every layer, every sample, every logit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.qcfs.golden import IntegerNet, Ints
from neurodeploy.convert.qcfs.layers import OUTPUT
from neurodeploy.convert.qcfs.schedule import Schedule
from neurodeploy.errors import SimulationError
from neurodeploy.simulate import simulate

DENSITIES = (0.05, 0.3, 0.6, 0.95)


def trains(counts: NDArray[Any], levels: int, rng: np.random.Generator | None = None) -> NDArray[np.uint8]:
    """Counts (B, *shape) as spikes (B, levels, *shape): in the first steps, or with ``rng`` in any."""
    steps = np.arange(levels).reshape(1, -1, *[1] * (counts.ndim - 1))
    spikes = (steps < counts[:, None]).astype(np.uint8)
    return spikes if rng is None else rng.permuted(spikes, axis=1)


def random_counts(rng: np.random.Generator, samples: int, net: IntegerNet) -> Ints:
    """(samples, *input_shape), of several densities."""
    density = rng.choice(DENSITIES, (samples, *[1] * len(net.input_shape)))
    return rng.binomial(net.input_levels, np.broadcast_to(density, (samples, *net.input_shape))).astype(np.int64)


def compare(
    chip: ChipNetwork,
    net: IntegerNet,
    schedule: Schedule,
    counts: Ints,
    spikes: NDArray[np.uint8] | None = None,
    engine: str = "fast",
) -> dict[str, Ints]:
    """What the golden model makes of counts, after the chip was seen to make the same.

    Args:
        chip: The lowered network.
        net: The golden model.
        schedule: When which layer fires.
        counts: (B, *input_shape).
        spikes: Trains of these counts; default those that come first.
        engine: Of the simulator.

    Raises:
        SimulationError: A spike is missing, too many or in another step, or a logit differs; names the first.
    """
    golden = net.counts(counts)
    run = simulate(
        chip,
        trains(counts, net.input_levels) if spikes is None else spikes,
        record={OUTPUT: ("v",)},
        keep=[layer.name for layer in net.hidden],
        engine=engine,
    )
    for layer in net.hidden:
        sent = run.spikes[layer.name].reshape(len(counts), run.steps, -1)
        expected = _raster(golden[layer.name], layer.levels, schedule, layer.name, run.steps, sent.shape[2])
        _check_equal(sent.astype(np.int64), expected, f"layer '{layer.name}'", "spikes (sample, step, neuron)")
    register = np.asarray(chip.populations[OUTPUT].scale) / net.layers[-1].scale
    logits = run.states[OUTPUT]["v"].reshape(len(counts), run.steps, -1)[:, -1] / register
    _check_equal(logits, golden[OUTPUT].astype(np.float64), "read-out", "logits (sample, class)")
    return golden


def _raster(counts: Ints, levels: int, schedule: Schedule, name: str, steps: int, neurons: int) -> Ints:
    """What a layer has to send: its counts in the first steps of its phase; copies of a neuron all in the first."""
    phase = schedule.phases[name]
    raster = np.zeros((len(counts), steps, neurons), np.int64)
    front = trains(counts, levels)
    if neurons == counts.shape[1]:
        raster[:, phase.opens : phase.closes] = front
    else:
        raster[:, phase.opens] = front.reshape(len(counts), -1)
    return raster


def _check_equal(found: NDArray[Any], expected: NDArray[Any], where: str, what: str) -> None:
    differ = np.argwhere(found != expected)
    if len(differ):
        first = tuple(differ[0].tolist())
        raise SimulationError(
            f"{what} {first}: {found[first]:g} and not {expected[first]:g}; {len(differ):,} differ",
            where=f"qcfs compiler, {where}",
            remedy="report it with the model; it is a fault of neurodeploy",
        )
