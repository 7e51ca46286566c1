"""nengo-loihi's emulator: numpy with Loihi's integers, on blocks made by hand and rounded by its own rules.

Decays and thresholds are ours as far as those rules keep them; a neuron rests for a step after a spike, as its chip
demands, so that rates are a little lower. Registers go on from run to run.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.builder.discretize import discretize_model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput
from workloads import KEEP_U, KEEP_V

from peers import Prepared, Unavailable

PACKAGES = ("nengo-loihi", "nengo", "numpy")
EXACT = False
BATCHES = False
WORKLOADS = ("W1", "W3")
LOWEST_V = -(2**22) + 1


def prepare(workload: Any, threads: int) -> Prepared:
    """See :mod:`peers`."""
    if threads != 1:
        raise Unavailable("it has no threads")
    warnings.simplefilter("ignore")
    model, source, fed = Model(), None, []
    if workload.spec.layered:
        source = SpikeInput(784)
        model.add_input(source)
        fed = [np.flatnonzero(step) for step in workload["spikes"][0]]
    blocks = _layers(workload, source) if workload.spec.layered else [_recurrent(workload)]
    for block in blocks:
        model.add_block(block)
    discretize_model(model)
    for block in blocks:
        block.compartment.vmin = LOWEST_V
    emulator = EmulatorInterface(model)
    emulator.strict = emulator.compartment.strict = emulator.synapses.strict = False

    def run() -> Any:
        for t, addresses in enumerate(fed, start=emulator.t + 1):
            source.add_spikes(t, addresses)
        counts = np.zeros((1, workload.spec.steps), np.int64)
        for t in range(workload.spec.steps):
            emulator.step()
            counts[0, t] = np.count_nonzero(emulator.compartment.spiked)
        return counts

    return Prepared(run, lambda counts: counts)


def _block(neurons: int, vth: int) -> Any:
    block = LoihiBlock(neurons)
    compartment = block.compartment
    compartment.configure_lif()
    compartment.decay_u[:], compartment.decay_v[:], compartment.vth[:] = 1 - KEEP_U, 1 - KEEP_V, vth
    compartment.scale_u = compartment.scale_v = False
    return block


def _wire(block: Any, by_source: Any, sender: Any) -> None:
    """From a sender (input or block) by a matrix (n_source, n_target), dense or CSR."""
    synapse, axon = Synapse(by_source.shape[0]), Axon(by_source.shape[0])
    synapse.set_weights(by_source)
    block.add_synapse(synapse)
    axon.target = synapse
    sender.add_axon(axon)


def _layers(workload: Any, source: Any) -> list[Any]:
    blocks = []
    for k in range(3):
        weights = np.array(workload[f"weights{k}"]).astype(np.float32)
        block = _block(len(weights), int(workload["vth"][k]))
        _wire(block, weights.T, source)
        blocks.append(block)
        source = block
    return blocks


def _recurrent(workload: Any) -> Any:
    from scipy.sparse import csr_matrix

    neurons = len(workload["v0"])
    parts = (np.array(workload[name]) for name in ("targets", "indptr"))
    matrix = csr_matrix((np.array(workload["weights"]).astype(np.float32), *parts), shape=(neurons, neurons))
    block = _block(neurons, int(workload["vth"][0]))
    block.compartment.bias[:] = np.array(workload["bias"]) / 64
    _wire(block, matrix, block)
    return block
