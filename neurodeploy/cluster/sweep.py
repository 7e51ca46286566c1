"""Many ways to compile a model, each on the whole data set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from neurodeploy.cluster import tasks
from neurodeploy.cluster.connection import Cluster, connect
from neurodeploy.cluster.dataset import SHARD_BYTES, SHARDS_PER_THREAD, checked, joined, legal_shard, shards
from neurodeploy.cluster.gather import completed, submit
from neurodeploy.cluster.wire import Plain, program_from
from neurodeploy.compilation import Options
from neurodeploy.errors import NeurodeployError, SimulationError
from neurodeploy.estimate import estimate
from neurodeploy.evaluate import Samples, accuracy
from neurodeploy.reading import locate_model
from neurodeploy.target import Target, load_target
from neurodeploy.version import installed_version

Choice = tuple[Target, Options]
Row = dict[str, Any]


def sweep(
    model: str | Path,
    options: Sequence[Options],
    samples: Samples,
    *,
    targets: Sequence[str | Target] = ("loihi2",),
    cluster: str | Cluster = "local",
    engine: str = "fast",
    steps: int | None = None,
    shard: int | None = None,
    progress: Callable[[int], None] = lambda samples: None,
) -> list[Row]:
    """Compile a model with all options for all targets, and run a data set on each program; workers do both.

    Args:
        model: A model file or the name of a bundled model; its bytes travel.
        options: What to compile with.
        samples: Input (N, T, *shape), and labels where known.
        targets: Names, paths or Targets.
        cluster: An address, or an open :class:`Cluster`.
        engine: ``fast`` or ``reference``.
        steps: Chip steps per sample; default all.
        shard: Samples per shard, at least 1.
        progress: Told after each shard how many samples it had, of N for each target and options.

    Returns:
        A row for each target and options, in that order: ``target``, the options' fields, then per inference
        ``accuracy`` (None without labels), ``cores``, ``chips``, ``spikes``, ``synops``, and the estimates
        ``energy_j``, ``latency_s`` with their ranges. What cannot be compiled or run has None there, and its
        fields in ``error``.

    Raises:
        ClusterError: As :func:`neurodeploy.cluster.connect`, or the cluster was lost on the way.
        UnknownModel, TargetError: There is no such model or target.
        SimulationError: No samples.
    """
    path = locate_model(model)
    choices = [(t if isinstance(t, Target) else load_target(t), o) for t in targets for o in options]
    if not len(samples.spikes):
        raise SimulationError("there are no samples", where="sweep", remedy="give at least one")
    settings = {"engine": engine, "steps": steps, "keep": ()}
    found: list[dict[int, Plain]] = [{} for _ in choices]
    with connect(cluster) as opened:
        size = _shard_size(samples, opened.threads, len(choices)) if shard is None else legal_shard(shard)
        compiled = _compile(opened, path, choices)
        for (k, start), result in completed(opened, _tasks(opened, compiled, shards(samples.spikes, size), settings)):
            found[k][start] = result
            progress(min(size, len(samples.spikes) - start))
        programs: dict[int, bytes] = {}
        for k, made in completed(opened, enumerate(compiled)):
            programs[k] = made.get("program", b"")
    return [_row(choice, programs[k], found[k], samples, engine) for k, choice in enumerate(choices)]


def _compile(cluster: Cluster, path: Path, choices: Sequence[Choice]) -> list[Any]:
    contents = submit(cluster, tasks.hold, path.read_bytes())
    return [
        submit(
            cluster,
            tasks.compile_task,
            installed_version(),
            path.name,
            contents,
            msgspec.to_builtins(target),
            {name: dict(v) if isinstance(v, Mapping) else v for name, v in vars(options).items()},
        )
        for target, options in choices
    ]


def _tasks(
    cluster: Cluster, compiled: Sequence[Any], parts: Iterator[tuple[int, Plain]], settings: Plain
) -> Iterator[tuple[tuple[int, int], Any]]:
    for start, part in parts:
        held = submit(cluster, tasks.hold, part)
        for k, program in enumerate(compiled):
            yield (k, start), submit(cluster, tasks.run_task, installed_version(), program, held, settings)


def _shard_size(samples: Samples, threads: int, choices: int) -> int:
    shares = math.ceil(len(samples.spikes) * choices / (SHARDS_PER_THREAD * max(1, threads)))
    return max(1, min(shares, len(samples.spikes), SHARD_BYTES // max(1, samples.spikes.nbytes // len(samples.spikes))))


RESULTS = (
    *("samples", "steps", "engine", "accuracy", "cores", "chips", "spikes", "synops", "bound"),
    *("energy_j", "energy_low_j", "energy_high_j", "latency_s", "latency_low_s", "latency_high_s"),
)


def _row(choice: Choice, program: bytes, found: Mapping[int, Plain], samples: Samples, engine: str) -> Row:
    target, options = choice
    row: Row = {"target": target.name} | vars(options) | dict.fromkeys(RESULTS)
    try:
        facts = _facts(program, {start: checked(part) for start, part in found.items()}, samples, engine)
    except NeurodeployError as error:
        return row | {"error": error.to_dict()}
    return row | facts | {"error": None}


def _facts(program: bytes, found: Mapping[int, Plain], samples: Samples, engine: str) -> Row:
    run, scores = joined(found, engine)
    costs = estimate(run, program_from(program))
    labels = samples.labels
    return {
        "samples": costs.samples,
        "steps": costs.steps,
        "engine": run.engine,
        "accuracy": None if labels is None or scores is None else accuracy(scores, labels),
        "cores": costs.cores,
        "chips": costs.chips,
        "spikes": costs.spikes,
        "synops": costs.syn_ops,
        "bound": costs.bound,
        "energy_j": costs.energy.value,
        "energy_low_j": costs.energy.low,
        "energy_high_j": costs.energy.high,
        "latency_s": costs.latency.value,
        "latency_low_s": costs.latency.low,
        "latency_high_s": costs.latency.high,
    }
