"""Trains of spikes on which the chip's integers are compared with the golden model."""

from __future__ import annotations

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.functions.expression import Expression
from neurodeploy.convert.functions.lower import OUTPUT
from neurodeploy.convert.functions.table import Bits, all_patterns
from neurodeploy.errors import SimulationError
from neurodeploy.simulate import simulate

MOST_EXHAUSTIVE_BITS = 14
"""Of a train: all trains of so many bits are tried."""
DENSITIES = (0.05, 0.2, 0.5, 0.8, 0.95)


def check(net: ChipNetwork, golden: Expression, clock: int | None, span: int, samples: int, seed: int) -> str:
    """Compare network and golden model at the declared latency, every tick of every train.

    All trains of as many ticks as fit ``MOST_EXHAUSTIVE_BITS`` are tried if they cover ``span`` ticks, and ``samples``
    random ones of two bursts, between which nothing is sent for longer than the network remembers.

    Returns:
        What was tried.

    Raises:
        SimulationError: They differ; names the train and the tick.
    """
    inputs = net.inputs["in"].size
    free = [j for j in range(inputs) if j != clock]
    ticks = MOST_EXHAUSTIVE_BITS // max(1, len(free))
    tried = []
    if free and ticks >= span:
        trains = np.ones((2 ** (ticks * len(free)), ticks, inputs), np.uint8)
        trains[:, :, free] = all_patterns(ticks * len(free)).reshape(-1, ticks, len(free))
        compare(net, golden, trains)
        tried.append(f"all {len(trains):,} trains of {ticks} ticks")
    if samples:
        trains = random_trains(np.random.default_rng(seed), samples, 2 * span + 4, inputs, span + 2)
        if clock is not None:
            trains[:, :, clock] = 1
        compare(net, golden, trains)
        tried.append(f"{samples:,} random trains of {trains.shape[1]} ticks (seed {seed})")
    return " and ".join(tried) if tried else "none"


def random_trains(rng: np.random.Generator, samples: int, burst: int, inputs: int, gap: int) -> Bits:
    """(samples, 2 * burst + gap, inputs): two bursts of several densities, and silence between them."""
    density = rng.choice(DENSITIES, (samples, 1, inputs))
    bursts = (rng.random((samples, 2 * burst, inputs)) < density).astype(np.uint8)
    return np.concatenate([bursts[:, :burst], np.zeros((samples, gap, inputs), np.uint8), bursts[:, burst:]], axis=1)


def compare(net: ChipNetwork, golden: Expression, trains: Bits, engine: str = "fast") -> None:
    """SimulationError unless the network sends what the golden model says, a latency later, and nothing before."""
    latency = net.populations[OUTPUT].start
    sent = simulate(net, trains, keep=OUTPUT, engine=engine).spikes[OUTPUT][..., 0]
    expected = np.zeros_like(sent)  # relays that lag the output lengthen the run, not its window
    expected[:, latency : latency + trains.shape[1]] = golden.on(trains)
    differ = np.argwhere(sent != expected)
    if len(differ):
        sample, step = differ[0].tolist()
        raise SimulationError(
            f"train {sample} gives {sent[sample, step]} and not {expected[sample, step]} in tick {step - latency}, and "
            f"{len(differ) - 1} more differ: {trains[sample, : step - latency + 1].tolist()}",
            where="function compiler",
            remedy="report it with the function; it is a fault of neurodeploy",
        )
