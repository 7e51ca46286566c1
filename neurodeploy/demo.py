"""The main job on bundled models and bundled real data: file to chip answer."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import make_folder, replacing
from neurodeploy.bundled import list_models, load_model
from neurodeploy.compilation import Options
from neurodeploy.errors import NeurodeployError, UnknownModel, did_you_mean
from neurodeploy.estimate import Costs, estimate
from neurodeploy.estimate_job import profiled
from neurodeploy.evaluate import accuracy, float_scores, load_samples, output_of, run_program
from neurodeploy.pipeline import finish, run_passes
from neurodeploy.program import Program
from neurodeploy.storage import save

Progress = Callable[[str], None]


def run_demo(
    target: str,
    models: Sequence[str] = (),
    out: Path | None = None,
    engine: str = "fast",
    progress: Progress = lambda text: None,
    energy_profile: str | None = None,
) -> list[dict[str, Any]]:
    """Compile, run and cost bundled models on their whole test sets.

    Args:
        target: A target.
        models: Names; all bundled models by default.
        out: Folder for programs, costs and per-layer tables; made if missing.
        engine: ``fast`` or ``reference``.
        progress: Told what is being done.
        energy_profile: Whose energies and times; default the target's own.

    Returns:
        One row per model, per inference where that applies.

    Raises:
        UnknownModel: No bundled model of that name.
    """
    known = list_models()
    if not known:
        raise UnknownModel(
            "this installation has no bundled models",
            where="demo",
            remedy="pip install --force-reinstall neurodeploy-snn",
        )
    for name in models:
        if name not in known:
            raise UnknownModel(f"no bundled model '{name}'", where="--model", remedy=did_you_mean(name, known))
    if out is not None:
        make_folder(out)
    return [_named(name, target, out, engine, progress, energy_profile) for name in models or known]


def _named(
    name: str, target: str, out: Path | None, engine: str, progress: Progress, profile: str | None
) -> dict[str, Any]:
    """As :func:`_one`; an error says which of the models it is about."""
    try:
        return _one(name, target, out, engine, progress, profile)
    except NeurodeployError as error:
        error.where = f"model {name}, {error.where}"
        raise


def _one(
    name: str, target: str, out: Path | None, engine: str, progress: Progress, profile: str | None
) -> dict[str, Any]:
    model = load_model(name)
    samples = load_samples(model.test)
    if samples.labels is None:
        raise RuntimeError(f"the bundled data of {name} have no labels")
    progress(f"{name}: compile")
    state = run_passes(model.nir, target, Options())
    program, network = profiled(finish(state), profile), state.network
    assert network is not None
    progress(f"{name}: float reference")
    floats = float_scores(network, samples.spikes, output_of(program))
    progress(f"{name}: {engine} engine")
    run, integers = run_program(program, samples.spikes, engine=engine)
    assert integers is not None
    costs = estimate(run, program)
    row = {
        "model": name,
        "target": program.target.name,
        "samples": len(samples.spikes),
        "steps": run.steps,
        "float_accuracy": accuracy(floats, samples.labels),
        "integer_accuracy": accuracy(integers, samples.labels),
        "same_answer": float(np.mean(floats.argmax(axis=1) == integers.argmax(axis=1))),
        "neurons": program.net.neurons,
        "synapses": program.net.synapses,
        "cores": costs.cores,
        "chips": costs.chips,
        "spikes": costs.spikes,
        "synops": costs.syn_ops,
        "energy_j": costs.energy.value,
        "energy_low_j": costs.energy.low,
        "energy_high_j": costs.energy.high,
        "mesh_energy_j": costs.mesh_energy.value,
        "total_energy_j": costs.total_energy.value,
        "latency_s": costs.latency.value,
        "latency_low_s": costs.latency.low,
        "latency_high_s": costs.latency.high,
        "bound": costs.bound,
        "energy_profile": costs.profile,
        "engine": run.engine,
    }
    if out is not None:
        _write(out / name, program, costs, row)
    return row


def _write(folder: Path, program: Program, costs: Costs, row: dict[str, Any]) -> None:
    make_folder(folder)
    save(program, folder / "program.ndp")
    for file, content in (("result.json", row), ("costs.json", costs.to_dict())):
        with replacing(folder / file) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    write_layers(costs, folder / "layers.csv")


def write_layers(costs: Costs, path: Path) -> None:
    """Per-layer costs as CSV, per inference; energies are estimates in joules."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["layer", "neurons", "cores", "spikes", "syn_ops", "energy_j", "energy_low_j", "energy_high_j"])
        for layer in costs.layers:
            energy = (layer.energy.value, layer.energy.low, layer.energy.high)
            table.writerow([layer.name, layer.neurons, layer.cores, layer.spikes, layer.syn_ops, *energy])
