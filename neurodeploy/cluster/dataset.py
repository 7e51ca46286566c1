"""One program on a data set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.cluster import tasks
from neurodeploy.cluster.connection import Cluster, connect
from neurodeploy.cluster.errors import ClusterError
from neurodeploy.cluster.gather import completed, submit
from neurodeploy.cluster.wire import Plain, error_from_plain, join_runs, pack, program_bytes, run_from_plain
from neurodeploy.evaluate import check_data
from neurodeploy.program import Program
from neurodeploy.simulate import Run
from neurodeploy.simulate.events import Events
from neurodeploy.simulate.inputs import Spikes
from neurodeploy.version import installed_version

SHARD_BYTES = 16 * 2**20
"""Most of a shard's messages, in and out."""
SHARDS_PER_THREAD = 4
"""So that the last shards end at about the same time."""

Scores = NDArray[np.float64]


def run_program(
    program: Program,
    spikes: Spikes,
    *,
    cluster: str | Cluster = "local",
    engine: str = "fast",
    steps: int | None = None,
    keep: Sequence[str] | None = None,
    shard: int | None = None,
    progress: Callable[[int], None] = lambda samples: None,
) -> tuple[Run, Scores | None]:
    """:func:`neurodeploy.evaluate.run_program` on a cluster: the same Run and scores, whatever the sharding.

    Shards of a worker that dies run again on the others.

    Args:
        program: The program.
        spikes: (N, T, *shape), or events.
        cluster: An address, or an open :class:`Cluster`.
        engine: ``fast`` or ``reference``.
        steps: Chip steps per sample; default all.
        keep: Populations whose spikes the Run holds; default the outputs.
        shard: Samples per shard, at least 1; default a few shards per thread of the cluster.
        progress: Told after each shard how many samples it had.

    Returns:
        One Run over all samples, and scores (N, classes), or None where the program has several outputs.

    Raises:
        ClusterError: As :func:`neurodeploy.cluster.connect`, or the cluster was lost on the way.
        SimulationError: As the local function.
    """
    check_data(program, spikes)
    spikes = spikes.array() if isinstance(spikes, Events) else spikes
    settings = {"engine": engine, "steps": steps, "keep": None if keep is None else tuple(keep)}
    with connect(cluster) as opened:
        size = shard_size(program, spikes, opened.threads, keep) if shard is None else legal_shard(shard)
        compiled = submit(opened, tasks.hold, {"program": program_bytes(program)})
        found: dict[int, Plain] = {}
        for start, result in completed(opened, _tasks(opened, compiled, shards(spikes, size), settings)):
            found[start] = checked(result)
            progress(min(size, len(spikes) - start))
    return joined(found, engine)


def _tasks(
    cluster: Cluster, compiled: Any, parts: Iterator[tuple[int, Plain]], settings: Plain
) -> Iterator[tuple[int, Any]]:
    for start, part in parts:
        yield start, submit(cluster, tasks.run_task, installed_version(), compiled, part, settings)


def shards(spikes: NDArray[Any], size: int) -> Iterator[tuple[int, Plain]]:
    """The first sample of each shard, and its packed messages."""
    for start in range(0, len(spikes), size):
        yield start, pack(spikes[start : start + size])


def legal_shard(size: int) -> int:
    """The user's samples per shard; ClusterError where that is none."""
    if size < 1:
        raise ClusterError(f"{size} samples per shard", where="shard", remedy="give at least 1, or None")
    return size


def shard_size(program: Program, spikes: NDArray[Any], threads: int, keep: Sequence[str] | None) -> int:
    """Samples per shard: enough shards to share out, and none that is a burden to send."""
    net = program.net
    kept = program.outputs.values() if keep is None else keep
    known = [name for name in kept if name in net.populations]
    back = len(spikes[0]) * sum(net.size_of(name) * (4 if net.message_bits_of(name) else 1) for name in known)
    shares = math.ceil(len(spikes) / (SHARDS_PER_THREAD * max(1, threads)))
    return max(1, min(shares, SHARD_BYTES // max(1, spikes.nbytes // len(spikes) + back)))


def checked(result: Plain) -> Plain:
    """A result; a user's error is raised as it would be here."""
    if "error" in result:
        raise error_from_plain(result["error"])
    return result


def joined(found: Mapping[int, Plain], engine: str) -> tuple[Run, Scores | None]:
    """Results by first sample as one; warns where workers had not the engine wanted."""
    parts = [found[start] for start in sorted(found)]
    runs = [run_from_plain(part["run"]) for part in parts]
    other = sum(run.engine != engine for run in runs)
    if other:
        warnings.warn(
            f"{other} of {len(runs)} shards ran on the slow reference engine, same bits: some workers have no C "
            "kernels. `neurodeploy doctor` on their machines says how to mend it.",
            RuntimeWarning,
            stacklevel=3,
        )
    scores = None if parts[0]["scores"] is None else np.concatenate([part["scores"] for part in parts])
    return join_runs(runs), scores
