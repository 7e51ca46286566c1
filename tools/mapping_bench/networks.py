"""Five networks that need many cores, each with its partition and the traffic that is to be placed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurodeploy import ChipNetwork, Options, Target, load_target, simulate
from neurodeploy.bundled import load_model
from neurodeploy.evaluate import load_samples
from neurodeploy.mapping.flows import Flows, flows
from neurodeploy.pipeline import compile_model

SAMPLES = 32
"""Test samples whose spikes weigh the traffic of the bundled models."""


@dataclass(frozen=True)
class Case:
    """One network, partitioned.

    Attributes:
        name: What it is.
        target: The chip or system.
        traffic: Where its packets were counted.
        flows: They.
    """

    name: str
    target: Target
    traffic: str
    flows: Flows


def networks() -> Iterator[Case]:
    """The five cases, one at a time."""
    for name, neurons in (("digits-mlp", 4), ("digits-conv", 16), ("vowels-rsnn", 4)):
        yield bundled(name, neurons)
    chip = load_target("loihi1")
    yield case("random, locally connected", sheet(160, 20, 3.0), chip, 100)
    yield case("recurrent convolution", recurrent_convolution(), chip, 128)


def bundled(name: str, neurons: int) -> Case:
    """A bundled model with at most so many neurons on a core, and the spikes of its test data."""
    model = load_model(name)
    program = compile_model(model.nir, "loihi1", Options(max_neurons_per_core=neurons))
    spikes = load_samples(model.test).spikes[:SAMPLES]
    run = simulate(program, spikes)
    (entry,) = program.net.inputs
    sent = {entry: np.asarray(spikes), **run.spikes}
    steps = SAMPLES * run.steps  # the input may end before the run does
    rates = {name: np.count_nonzero(s, axis=(0, 1)).ravel() / steps for name, s in sent.items()}
    found = flows(program.net, program.mapping.core_of, program.mapping.cores, program.target, rates)
    return Case(f"{name}, {neurons} neurons a core", program.target, f"{SAMPLES} test samples", found)


def case(name: str, net: ChipNetwork, target: Target, neurons: int) -> Case:
    """A network with at most so many neurons on a core, and one message of every axon."""
    from neurodeploy.mapping import map_network

    mapping = map_network(net, target, max_neurons_per_core=neurons)
    return Case(name, target, "one message an axon", flows(net, mapping.core_of, mapping.cores, target))


def sheet(side: int, fan_out: int, spread: float) -> ChipNetwork:
    """Neurons on a torus of ``side`` x ``side``, each with ``fan_out`` targets at normally distributed distances."""
    rng = np.random.default_rng(1)
    size = side * side
    at = np.arange(size)
    steps = np.rint(rng.normal(0, spread, (2, size, fan_out))).astype(np.int64)
    target = ((at[:, None] // side + steps[0]) % side) * side + (at[:, None] + steps[1]) % side
    from scipy.sparse import csr_array

    weights = csr_array((np.full(size * fan_out, 2), (target.ravel(), np.repeat(at, fan_out))), shape=(size, size))
    weights.data[:] = 2  # two synapses of one pair are one
    net = ChipNetwork()
    net.add_population("sheet", shape=size)
    net.connect("sheet", "sheet", weights, kind="sparse")
    return net


def recurrent_convolution() -> ChipNetwork:
    """Three convolutions over 32 x 32 pixels, a recurrent layer on top that also feeds back, and a read-out."""
    rng = np.random.default_rng(2)

    def drawn(*shape: int) -> np.ndarray:
        return rng.integers(-60, 60, shape) * 2

    net = ChipNetwork()
    net.add_input("image", shape=(2, 32, 32))
    net.add_population("conv1", shape=(8, 32, 32))
    net.connect("image", "conv1", drawn(8, 2, 3, 3), kind="conv2d", padding=(1, 1))
    net.add_population("conv2", shape=(16, 16, 16))
    net.connect("conv1", "conv2", drawn(16, 8, 3, 3), kind="conv2d", stride=(2, 2), padding=(1, 1))
    net.add_population("conv3", shape=(32, 8, 8))
    net.connect("conv2", "conv3", drawn(32, 16, 3, 3), kind="conv2d", stride=(2, 2), padding=(1, 1))
    net.add_population("memory", shape=512)
    net.connect("conv3", "memory", drawn(512, 2048) * (rng.random((512, 2048)) < 0.05), kind="sparse")
    net.connect("memory", "memory", drawn(512, 512) * (rng.random((512, 512)) < 0.1), kind="sparse")
    net.add_population("out", shape=10)
    net.connect("memory", "out", drawn(10, 512))
    return net
