"""Run a stored program on a stored data set."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import check_writable, replacing
from neurodeploy.cluster import run_program as run_on_cluster
from neurodeploy.estimate import estimate
from neurodeploy.estimate_job import profiled
from neurodeploy.evaluate import accuracy, read_samples, run_program
from neurodeploy.frontends.exact import is_exact
from neurodeploy.frontends.nir.hdf5 import read_tree
from neurodeploy.pipeline import compile_model
from neurodeploy.program import Program
from neurodeploy.simulate.events import Events
from neurodeploy.simulate.readout import classify
from neurodeploy.storage import load
from neurodeploy.stored_run import run_arrays
from neurodeploy.verify import TIMEOUT_S, EnginesDiffer, verify


def run_job(
    program_path: Path,
    data_path: Path,
    *,
    steps: int | None = None,
    engine: str = "fast",
    out: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    lava_python: Path | None = None,
    timeout_s: float = TIMEOUT_S,
    cluster: str | None = None,
    energy_profile: str | None = None,
) -> dict[str, Any]:
    """Simulate, read out, cost; with ``out`` also write spikes and counts (:mod:`neurodeploy.stored_run`), scores and
    predictions.

    Args:
        program_path: A ``.ndp`` file; or a ``.nir`` file of a program's integers, mapped again onto its target.
        data_path: ``DATA.npz``, see :func:`neurodeploy.evaluate.read_samples`.
        steps: Chip steps per sample.
        engine: ``fast``, ``reference``, or ``lava``: Lava's u, v and spikes of every neuron at every step are then
            compared with the fast engine's, which also counts what Lava does not (wraps, active updates).
        out: Result ``.npz``.
        progress: Told samples done and samples in all.
        lava_python: The interpreter with Lava; default :func:`neurodeploy.lava_env.find_lava`.
        timeout_s: For Lava, per some hundred samples.
        cluster: Where to simulate, see :mod:`neurodeploy.cluster`; default this process. Not with Lava.
        energy_profile: Whose energies and times; default the target's own.

    Raises:
        EnginesDiffer: Lava gave other bits.
    """
    if out is not None:
        check_writable(out, keep=(program_path, data_path))
    program, (spikes, labels) = profiled(_loaded(program_path), energy_profile), read_samples(data_path)
    total, done = len(spikes), 0
    on_lava = engine == "lava"
    if on_lava:
        compared = verify(
            program,
            spikes.array() if isinstance(spikes, Events) else spikes,
            "lava",
            steps=steps,
            lava_python=lava_python,
            timeout_s=timeout_s,
            progress=progress,
        )
        if not compared["equal"]:
            raise EnginesDiffer({"program": str(program_path)} | compared)

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    outputs = tuple(output for name in program.net.populations for output in program.net.outputs_of(name))
    keep = outputs if out is not None else None
    simulate = run_program if cluster is None else partial(run_on_cluster, cluster=cluster)
    run, values = simulate(
        program, spikes, engine="fast" if on_lava else engine, steps=steps, keep=keep, progress=advance
    )
    costs = estimate(run, program)
    where = "this CPU" if cluster is None else f"the CPUs of {cluster}"
    facts: dict[str, Any] = {
        "program": str(program_path),
        "target": program.target.name,
        "engine": engine if on_lava else run.engine,
        "simulated": f"bit for bit on {where}{', equal to Lava 0.10.0 in every value' * on_lava}; not on a chip",
        "samples": total,
        "accuracy": None,
        "populations": {name: vars(c) for name, c in run.counters.populations.items()},
        "costs": costs.to_dict(),
    }
    if labels is not None:
        if values is None:
            names = ", ".join(program.outputs)
            warnings.warn(f"no accuracy: compile with --output NAME, one of {names}", UserWarning, stacklevel=2)
        else:
            facts["accuracy"] = accuracy(values, labels)
    if out is not None:
        arrays: dict[str, Any] = run_arrays(program, spikes, run)
        if values is not None:
            arrays |= {"scores": values, "predictions": classify(values)}
        with replacing(out) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        facts["result"] = str(out)
    return facts


def _loaded(path: Path) -> Program:
    if path.suffix.lower() == ".nir" and path.is_file() and is_exact(tree := read_tree(path)):
        return compile_model(path, str(tree.metadata["target"]))
    return load(path)
