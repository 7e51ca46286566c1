"""Keep a cluster busy with a bounded number of tasks, and say what happened to those that failed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from neurodeploy.cluster.connection import Cluster, load_distributed, other_versions
from neurodeploy.cluster.errors import ClusterError

AHEAD = 3
"""Tasks under way for each thread of the cluster: one runs, its successors wait at the worker."""
LOST_S = 60.0
"""How long no worker may be there before a run gives up: a busy machine takes long to start some again."""
POLL_S = 1.0

_ELSE = "a worker without this neurodeploy that joined late dies of its first task"

K = TypeVar("K")


def submit(cluster: Cluster, function: Any, *arguments: Any) -> Any:
    """A Dask future of a function of :mod:`neurodeploy.cluster.tasks`.

    The scheduler keeps the arguments until nobody needs the result, so that a lost worker's task can run elsewhere.
    Scattered data would be lost with the worker that has them.
    """
    key = f"neurodeploy-{function.__name__}-{uuid4().hex}"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # Dask's advice: scatter
        return cluster.client.submit(function, *arguments, key=key, pure=False)


def completed(cluster: Cluster, tasks: Iterator[tuple[K, Any]]) -> Iterator[tuple[K, Any]]:
    """Results with their keys, as they come; takes from ``tasks`` (key, future) only as many as are worth having.

    Raises:
        ClusterError: Connection or all workers lost, workers that joined cannot do it, or a task killed its workers.
    """
    distributed = load_distributed()
    most = AHEAD * max(1, cluster.threads)
    pending: dict[Any, K] = {}
    last_seen = time.monotonic()
    while True:
        results: list[tuple[K, Any]] = []
        try:
            pending |= {future: key for key, future in islice(tasks, most - len(pending))}
            if not pending:
                return
            with cluster.client.as_current():
                done = distributed.wait(list(pending), timeout=POLL_S, return_when="FIRST_COMPLETED").done
            for future in done:
                results.append((pending[future], _result(distributed, cluster, future)))
                del pending[future]
        except distributed.TimeoutError:  # nothing done, or a result lost with its worker, which Dask makes again
            now = time.monotonic()
            last_seen = now if results or _workers(cluster) else last_seen
            if now - last_seen > LOST_S:
                raise ClusterError(
                    f"all workers are gone, for {LOST_S:g} s now",
                    where=cluster.address,
                    remedy=f"see their logs, start workers again, and run it again; {_ELSE}",
                ) from None
        except (distributed.CancelledError, OSError) as error:
            raise _connection_lost(cluster, error) from error
        if results:
            last_seen = time.monotonic()
            yield from results


def _workers(cluster: Cluster) -> int:
    try:
        return cluster.threads
    except Exception as error:  # whatever a closed client makes Dask raise
        raise _connection_lost(cluster, error) from error


def _result(distributed: Any, cluster: Cluster, future: Any) -> Any:
    try:
        result = future.result(timeout=LOST_S)
    except distributed.KilledWorker as error:
        raise ClusterError(
            f"workers died at the same task again and again: {error}",
            where=cluster.address,
            remedy=f"see their logs; if memory ran out: fewer workers or fewer samples per shard (shard=); {_ELSE}",
        ) from error
    if isinstance(result, dict) and "other_version" in result:
        raise other_versions({"a worker that joined late": f"neurodeploy {result['other_version']}"}, cluster.address)
    return result


def _connection_lost(cluster: Cluster, error: BaseException) -> ClusterError:
    return ClusterError(
        f"the connection to the scheduler was lost ({type(error).__name__}: {error})",
        where=cluster.address,
        remedy="see whether the scheduler still runs, and run it again",
    )
