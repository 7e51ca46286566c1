"""How long an estimate from a stored run takes, over the number of cores: python tools/energy_speed.py

Prints a table: the minimum of three repeats of each part, processor seconds of one thread; and those of the whole
command ``neurodeploy estimate`` for a program of 100 cores, the start of Python included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import neurodeploy as nd
from neurodeploy.estimate.model import costs_of
from neurodeploy.mapping import map_network
from neurodeploy.storage import load, save
from neurodeploy.stored_run import load_run, run_arrays

CORES = (10, 30, 100, 300, 1000)
PER_CORE = 100
SAMPLES, STEPS, RATE, FAN_IN = 4, 100, 0.05, 40


def stored(cores: int, folder: Path) -> tuple[Path, Path]:
    """A program on so many cores, ring-like and sparse, and a run of it."""
    rng = np.random.default_rng(cores)
    size = cores * PER_CORE
    net = nd.ChipNetwork()
    net.add_input("in", shape=size)
    net.add_population("ring", shape=size, dv=400, vth=200, start=1)
    net.connect("in", "ring", sparse(rng, size), kind="sparse")
    net.connect("ring", "ring", sparse(rng, size), kind="sparse")
    chip = nd.load_target("loihi1")
    program = nd.Program(
        net, map_network(net, chip, max_neurons_per_core=PER_CORE), chip, {"out": "ring"}, "count", {}, {}, {}
    )
    assert program.mapping.cores == cores
    spikes = (rng.random((SAMPLES, STEPS, size)) < RATE).astype(np.uint8)
    run = nd.simulate(program, spikes)
    save(program, folder / f"{cores}.ndp")
    np.savez_compressed(folder / f"{cores}.npz", **run_arrays(program, spikes, run))
    return folder / f"{cores}.ndp", folder / f"{cores}.npz"


def sparse(rng: np.random.Generator, size: int) -> Any:
    """FAN_IN synapses to each neuron from its neighbourhood."""
    from scipy.sparse import csr_array

    column = (np.arange(size)[:, None] + rng.integers(-200, 200, (size, FAN_IN))) % size
    row = np.repeat(np.arange(size), FAN_IN)
    matrix = csr_array((2 * rng.integers(1, 60, size * FAN_IN), (row, column.ravel())), shape=(size, size))
    matrix.data = np.minimum(matrix.data, 254)  # of synapses that fell together
    return matrix


def fastest(work: Callable[[], object]) -> float:
    """Processor seconds of this thread, the least of three."""
    best = float("inf")
    for _ in range(3):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def child_seconds(command: Sequence[str | Path]) -> float:
    """Processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    print(f"{SAMPLES} samples of {STEPS} steps, {PER_CORE} neurons a core, {FAN_IN} + {FAN_IN} synapses a neuron\n")
    print(
        "| cores | synapses | read the program, s | read the run, s | count, s | cost, s |\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        for cores in CORES:
            program_path, run_path = stored(cores, Path(temporary))
            program = load(program_path)
            run = load_run(run_path, program)
            counters = run.counters()
            seconds = (
                fastest(partial(load, program_path)),
                fastest(partial(load_run, run_path, program)),
                fastest(run.counters),
                fastest(partial(costs_of, counters, program)),
            )
            print(
                f"| {cores} | {program.net.synapses:,} | " + " | ".join(f"{s:.3f}" for s in seconds) + " |", flush=True
            )
            if cores == 100:
                script = Path(sys.executable).with_name("neurodeploy")
                command = [script, "estimate", program_path, run_path, "--json"]
                whole = min(child_seconds(command) for _ in range(3))
    print(f"\n`neurodeploy estimate` of the program of 100 cores, start of Python and all: {whole:.2f} s")


if __name__ == "__main__":
    main()
