"""Two models on the same spikes, layer by layer and step by step, in parts, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurodeploy.agreement import Divergence, first_divergence
from neurodeploy.compare.comparison import Comparison, Decisions, Floats, Ints
from neurodeploy.compare.findings import find
from neurodeploy.compare.sides import Side, Traces, check_data, chip_side, float_side, paired, samples_at_once
from neurodeploy.compare.tally import Tally
from neurodeploy.compare.teacher import taught_run
from neurodeploy.compare.trials import Bench, Deployment
from neurodeploy.compilation import Options
from neurodeploy.errors import ModelError
from neurodeploy.evaluate import accuracy, load_samples
from neurodeploy.network import Network
from neurodeploy.pipeline import run_passes
from neurodeploy.program import Program
from neurodeploy.semantics import Semantics
from neurodeploy.simulate.readout import scores
from neurodeploy.storage import load

T = TypeVar("T")
Progress = Callable[[int, int], None]


def compare_models(
    first: Any,
    second: Any,
    spikes: NDArray[Any],
    options: Options | None = None,
    *,
    labels: Ints | None = None,
    try_remedies: bool = True,
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """Run both on a data set.

    Args:
        first: A model, see :func:`neurodeploy.pipeline.run_passes`; its float network is run.
        second: A :class:`Program`, or another model.
        spikes: (N, T, *shape).
        options: For reading the models; what they leave open is taken from the Program.
        labels: True classes (N,), where known.
        try_remedies: Whether findings about a Program try their remedies on some of the samples.
        progress: Told samples done and samples in all.

    Raises:
        ModelError: The two have no layer in common, or one of different sizes.
        SimulationError: The data do not fit an input, or the labels the data.
    """
    options = options or Options()
    if isinstance(second, Program):
        network, name = _read(first, _as_compiled(options, second))
        return compare_program(
            network, second, spikes, labels=labels, try_remedies=try_remedies, name=name, progress=progress
        )
    sides = (float_side(*_read(first, options)), float_side(*_read(second, options)))
    return compare_sides(*sides, spikes, labels=labels, progress=progress)


def compare_program(
    network: Network,
    program: Program,
    spikes: NDArray[Any],
    *,
    labels: Ints | None = None,
    try_remedies: bool = True,
    name: str = "network",
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """As :func:`compare_models`, of a float network and the Program made of it."""
    deployed = Deployment(network, program)
    sides = (float_side(network, name), chip_side(program, str(program.provenance.get("model", "program"))))
    comparison = compare_sides(*sides, spikes, labels=labels, deployed=deployed, progress=progress)
    bench = Bench(deployed, spikes) if try_remedies else None
    return replace(comparison, findings=find(comparison, deployed, bench))


def _as_compiled(options: Options, program: Program) -> Options:
    known = {k: v for k, v in program.semantics.items() if k in Semantics.__dataclass_fields__ and k != "profile"}
    return replace(options, defaults={**known, **options.defaults})


def _read(model: Any, options: Options) -> tuple[Network, str]:
    state = run_passes(model, "loihi2", options, stop_after="lower")
    if state.network is None:
        raise ModelError(
            "a model of integers has no float reference",
            where=str(model),
            remedy="compile it and use 'neurodeploy verify', which compares engines",
        )
    return state.network, str(state.model)


def compare_sides(
    first: Side,
    second: Side,
    spikes: NDArray[Any],
    *,
    labels: Ints | None = None,
    deployed: Deployment | None = None,
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """See :func:`compare_models`; without findings."""
    pairs = paired(first, second)
    for side in (first, second):
        check_data(side, spikes)
    infinite = {n: np.full(size, np.inf) for n, size in first.sizes.items()}
    tallies = {n: Tally(n, first.thresholds.get(n, infinite[n])) for n in pairs}
    divergence: Divergence | None = None
    decided: list[tuple[Floats, Floats]] = []
    readable = first.output in pairs and pairs.get(first.output or "") == second.output
    total, part = len(spikes), samples_at_once(sum(first.sizes.values()), spikes.shape[1])
    for start in range(0, total, part):
        some = spikes[start : start + part]
        a, b = first.run(some), _renamed(second.run(some), pairs)
        for name, tally in tallies.items():
            forced = None
            if deployed is not None and deployed.comparable:
                forced = taught_run(deployed.network, deployed.program.net, name, some, a.spikes)
            tally.add(a, b, forced)
        if divergence is None:
            divergence = _divergence(first, second, pairs, some, a, b, start)
        if readable and first.output is not None:
            decided.append((_scores(first, a, first.output), _scores(second, b, first.output)))
        progress(start + len(some), total)
    decisions = None
    if decided:
        both = [np.concatenate([pair[i] for pair in decided]) for i in range(2)]
        if labels is not None:
            accuracy(both[1], labels)  # raises for labels that no output stands for
        decisions = Decisions.of(both[0], both[1], labels)
    return Comparison(
        {"model": first.name, "kind": first.kind},
        {"model": second.name, "kind": second.kind},
        total,
        int(spikes.shape[1]),
        "name" if all(a == b for a, b in pairs.items()) else "order",
        tuple(tally.result() for tally in tallies.values()),
        tuple(n for n in first.sizes if n not in pairs),
        tuple(n for n in second.sizes if n not in pairs.values()),
        divergence,
        decisions,
    )


def _renamed(traces: Traces, pairs: Mapping[str, str]) -> Traces:
    def by_first(values: Mapping[str, T]) -> dict[str, T]:
        return {a: values[b] for a, b in pairs.items() if b in values}

    spikes, membranes = by_first(traces.spikes), by_first(traces.membranes)
    return Traces(spikes, membranes, by_first(traces.wraps), by_first(traces.saturations))


def _divergence(
    first: Side, second: Side, pairs: Mapping[str, str], spikes: NDArray[Any], a: Traces, b: Traces, start: int
) -> Divergence | None:
    """With what both sides compared with their thresholds, from a second run of that sample."""
    differ = {n: a.spikes[n] != b.spikes[n] for n in pairs}
    found = first_divergence(list(pairs), differ, a.spikes, b.spikes)
    if found is None:
        return None
    sample, at = spikes[found.sample : found.sample + 1], (0, found.step, found.neuron)
    other = pairs[found.layer]
    return replace(
        found,
        sample=found.sample + start,
        membrane_found=float(first.potentials(sample, found.layer)[at]),
        membrane_expected=float(second.potentials(sample, other)[at]),
        threshold=_at(first.thresholds.get(found.layer), found.neuron),
        threshold_expected=_at(second.thresholds.get(other), found.neuron),
    )


def _at(thresholds: NDArray[Any] | None, neuron: int) -> float | None:
    return None if thresholds is None or not np.isfinite(thresholds[neuron]) else float(thresholds[neuron])


def _scores(side: Side, traces: Traces, layer: str) -> Floats:
    return scores(side.readout, traces.spikes[layer], traces.membranes.get(layer))


def compare_files(first: str, second: str, data: Path, options: Options, **more: Any) -> Comparison:
    """:func:`compare_models` of what a user names: models, or a ``.ndp`` file as the second, on ``DATA.npz``."""
    if Path(first).suffix.lower() == ".ndp":
        raise ModelError(
            "a program comes second", where=str(first), remedy="name the model first, then the program made from it"
        )
    other = load(second) if Path(second).suffix.lower() == ".ndp" else second
    samples = load_samples(data)
    return compare_models(first, other, samples.spikes, options, labels=samples.labels, **more)
