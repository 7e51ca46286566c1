"""One model on many targets: what it needs of each, what it would cost there, and why it does not fit the others."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.compilation import Options
from neurodeploy.errors import DoesNotFit, NeurodeployError, SimulationError
from neurodeploy.estimate import estimate
from neurodeploy.evaluate import accuracy, load_samples, run_program
from neurodeploy.mapping import utilisation
from neurodeploy.mapping.flows import Rates, flows
from neurodeploy.mapping.metrics import placement_metrics
from neurodeploy.pipeline import compile_model, run_passes
from neurodeploy.program import Program
from neurodeploy.target import load_target, usable_targets

COSTS = ("energy_j", "energy_low_j", "energy_high_j", "step_s", "step_low_s", "step_high_s", "accuracy")
"""Columns that need input."""
PLACED = ("cores", "chips", "binding", "binding_share", "mean_share", "km1", "spike_hops", "link_max", *COSTS)
"""Columns of a target that the model fits."""


def compare_targets(
    model: str,
    options: Options,
    *,
    targets: Sequence[str] = (),
    data: str | Path | None = None,
    samples: int = 32,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """A row of plain values for each target, in their order.

    Args:
        model: A file, the name of a bundled model, or ``package.module:factory``.
        options: Of the compilation.
        targets: Names or paths; default all known ones but examples.
        data: ``DATA.npz``, whose first samples are run: without it, no energy, step time or accuracy, and traffic is
            one message of every axon.
        samples: How many of them.
        workers: Processes; default one for each processor. 1: this process.
        progress: Told targets done and targets in all.

    Returns:
        ``target``, ``chip``, ``fits``, ``why`` (not) and those of ``PLACED``, None where they do not apply. Energy is
        that of an inference, mesh and leakage; traffic and time are of a step. ``km1``: packets between cores, those of
        the host included.

    Raises:
        ModelError: The model cannot be read, whatever the target.
        UnreadableFile: The data cannot.
        TargetError: One of ``targets`` does not exist or is not valid.
        SimulationError: The data are not the model's.
    """
    names = list(targets) or [name for name, chip in usable_targets().items() if chip.status != "example"]
    if data is not None:
        load_samples(data)
    for name in targets:
        load_target(name)
    run_passes(model, names[0], options, stop_after="lower")
    jobs = [(model, name, options, None if data is None else str(data), samples) for name in names]
    rows: dict[int, dict[str, Any]] = {}
    number = min(workers or os.cpu_count() or 1, len(jobs))
    progress(0, len(jobs))
    if number == 1:
        for k, job in enumerate(jobs):
            rows[k] = _row(*job)
            progress(len(rows), len(jobs))
    else:
        with ProcessPoolExecutor(number, multiprocessing.get_context("spawn")) as pool:
            pending = {pool.submit(_row, *job): k for k, job in enumerate(jobs)}
            for done in as_completed(pending):
                rows[pending[done]] = done.result()
                progress(len(rows), len(jobs))
    for row in rows.values():
        if fault := row.pop("fault", None):
            raise SimulationError(fault["what"], where=fault["where"], remedy=fault["remedy"])
    return [rows[k] for k in range(len(jobs))]


def _row(model: str, name: str, options: Options, data: str | None, samples: int) -> dict[str, Any]:
    """The row of one target; ``fault`` in it is a simulation that could not start."""
    chip = load_target(name)
    row: dict[str, Any] = {"target": chip.name, "chip": chip.chip or chip.name, "fits": False, "why": None}
    row |= dict.fromkeys(PLACED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the model came when it was read first
            program = compile_model(model, chip, options)
    except DoesNotFit as error:
        return row | {"why": f"{len(error.violations)} limits broken, the worst: {error.violations[0]}"}
    except NeurodeployError as error:
        return row | {"why": f"{error.what} (at {error.where})"}
    row |= {"fits": True, "cores": program.mapping.cores, "chips": program.mapping.chips}
    used = utilisation(program.net, program.mapping, chip).cores
    fullest = max(used, key=lambda core: core.share)
    shares = {"binding_share": fullest.share, "mean_share": sum(core.share for core in used) / len(used)}
    row |= {"binding": fullest.binding, **shares}
    rates = None
    if data is not None:
        try:
            costs, rates = _costs(program, data, samples)
        except SimulationError as error:
            return row | {"fault": error.to_dict()}
        row |= costs
    found = flows(program.net, program.mapping.core_of, program.mapping.cores, chip, rates)
    placed = placement_metrics(found, program.mapping, chip)
    return row | {"km1": placed.remote_packets, "spike_hops": placed.spike_hops, "link_max": placed.link_max}


def _costs(program: Program, data: str, samples: int) -> tuple[dict[str, Any], Rates]:
    """The columns of ``COSTS``, and how often each source sends in a step."""
    given = load_samples(data)
    spikes = given.spikes[:samples]
    sources = {p.source for p in program.net.projections} - program.net.inputs.keys()
    run, scores = run_program(program, spikes, keep=sorted(sources))
    costs, (entry,) = estimate(run, program), program.net.inputs
    steps = run.steps * len(spikes)
    rates = {n: np.count_nonzero(s, axis=(0, 1)).ravel() / steps for n, s in {entry: spikes, **run.spikes}.items()}
    row: dict[str, Any] = {
        "energy_j": costs.energy.value,
        "energy_low_j": costs.energy.low,
        "energy_high_j": costs.energy.high,
        "step_s": costs.latency.value / costs.steps,
        "step_low_s": costs.latency.low / costs.steps,
        "step_high_s": costs.latency.high / costs.steps,
    }
    if given.labels is not None and scores is not None:
        row["accuracy"] = accuracy(scores, given.labels[:samples])
    return row, rates
