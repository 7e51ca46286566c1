"""Connections to Dask schedulers; the only module that imports Dask."""

from __future__ import annotations

import importlib.metadata
import logging
import multiprocessing
import os
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

from neurodeploy.cluster.address import LEGAL, Address, parse_address
from neurodeploy.cluster.errors import ClusterError
from neurodeploy.errors import MissingDependency
from neurodeploy.version import installed_version

DISTRIBUTION = "neurodeploy-snn"
CONNECT_S = 5.0
"""To reach a scheduler, and for its first worker to be there."""
START_S = 60.0
"""For workers of our own to start."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """An open connection; made by :func:`connect`.

    Attributes:
        address: As given.
        client: Dask's client.
    """

    address: str
    client: Any

    @property
    def threads(self) -> int:
        """Shards that run at the same time, at present."""
        return sum(self.client.nthreads().values())


@contextmanager
def connect(address: str | Cluster = "local") -> Iterator[Cluster]:
    """Connect, check all workers, and leave nothing behind: workers of our own end with the block.

    Args:
        address: See :mod:`neurodeploy.cluster`; an open Cluster is handed back, and left open.

    Raises:
        ClusterError: Not an address; no scheduler there; no workers; or some have no neurodeploy, or another version.
        MissingDependency: Dask is not installed.
    """
    if isinstance(address, Cluster):
        yield address
        return
    parsed, distributed = parse_address(address), load_distributed()
    with ExitStack() as stack:
        _hush("distributed.client", stack)
        logging.getLogger("asyncio").addFilter(_is_news)  # to stay: such lines come when Python ends
        if parsed.scheduler is None:
            client = _start_workers(distributed, parsed, stack)
        else:
            client = _reach(distributed, parsed.scheduler)
            stack.callback(client.close)
            _check_versions(client, parsed.scheduler)
        yield Cluster(address, client)


def load_distributed() -> Any:
    """Dask's package; MissingDependency says how to get it."""
    try:
        import distributed
    except ImportError as error:
        raise MissingDependency(
            f"Dask distributed is not installed ({error})",
            where="--cluster",
            remedy=f"pip install '{DISTRIBUTION}[cluster]'",
        ) from error
    return distributed


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of asyncio's log is more than the end of a wait for a result that was lost, which we report."""
    return not (record.exc_info and record.exc_info[0] is not None and record.exc_info[0].__name__ == "AllExit")


def _hush(name: str, stack: ExitStack) -> None:
    """A logger that would print a traceback of what we report as an error."""
    logger = logging.getLogger(name)
    stack.callback(logger.setLevel, logger.level)
    logger.setLevel(logging.CRITICAL + 1)


def _reach(distributed: Any, scheduler: str) -> Any:
    try:
        _knock(scheduler)
        client = distributed.Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # of Dask, of the network, or of TLS
        raise ClusterError(
            f"no Dask scheduler answers ({type(error).__name__}: {error})",
            where=scheduler,
            remedy="start one there (dask scheduler) and workers (dask worker ADDRESS), or " + LEGAL,
        ) from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except Exception as error:
        client.close()
        raise ClusterError(
            f"the scheduler has no workers, also after {CONNECT_S:g} s",
            where=scheduler,
            remedy=f"start some: dask worker {scheduler}",
        ) from error
    return client


def _knock(scheduler: str) -> None:
    """OSError unless a Dask server speaks first, as it does over TCP: Dask waits for ever for one that says nothing."""
    host, port = scheduler.split("://")[1].rsplit(":", 1)
    with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S) as door:
        if scheduler.startswith("tls:"):  # there the client speaks first
            return
        length = int.from_bytes(door.recv(8, socket.MSG_WAITALL), "little")
        if not 0 < length < 2**20:
            raise OSError("something else than Dask answers there")


def _start_workers(distributed: Any, address: Address, stack: ExitStack) -> Any:
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # a worker that runs the user's script
        raise ClusterError(
            "a new worker process runs this script from its start, and would start workers itself",
            where=address.text,
            remedy="put the script's work under: if __name__ == '__main__':",
        )
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="neurodeploy-dask-", ignore_cleanup_errors=True))
    workers = address.workers or _usable_cpus()
    try:
        with _sigint_held_back():
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",  # cannot be had without; the default port may be taken
                    worker_dashboard_address="127.0.0.1:0",
                    local_directory=folder,
                    silence_logs=logging.CRITICAL,  # what is the user's comes back as an error; the rest are tracebacks
                )
            )
            client = stack.enter_context(distributed.Client(cluster, timeout=START_S, set_as_default=False))
        client.wait_for_workers(workers, timeout=START_S)
    except Exception as error:
        raise ClusterError(
            f"{workers} worker processes did not start ({type(error).__name__}: {error})",
            where=address.text,
            remedy="ask for fewer (local:1), and put a script's work under: if __name__ == '__main__':",
        ) from error
    return client


@contextmanager
def _sigint_held_back() -> Iterator[None]:
    """Ctrl-C waits until the block ends, and never reaches the processes started here, also later, by Dask's thread.

    A terminal sends it to every process of the group. Workers would die of it one by one, with tracebacks, and Dask
    would start them again; so only this process shall have it, which then stops them.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # or the thread that starts the first worker does, and lets SIGINT in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_versions(client: Any, scheduler: str) -> None:
    """By a function of Python's own, which also those can call that have no neurodeploy."""
    ours = installed_version()
    found: dict[str, Any] = client.run(importlib.metadata.version, DISTRIBUTION, on_error="return")
    try:
        found["the scheduler"] = client.run_on_scheduler(importlib.metadata.version, DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        found["the scheduler"] = error
    wrong = {}
    for name, answer in found.items():
        if isinstance(answer, importlib.metadata.PackageNotFoundError):
            wrong[name] = "no neurodeploy"
        elif isinstance(answer, str) and answer != ours:
            wrong[name] = f"neurodeploy {answer}"
    if wrong:
        raise other_versions(wrong, scheduler)


def other_versions(found: Mapping[str, str], where: str) -> ClusterError:
    """Which workers have what instead of our version."""
    ours = installed_version()
    lines = "\n".join(f"  - {name}: {what}" for name, what in sorted(found.items()))
    return ClusterError(
        f"this is neurodeploy {ours}, but not all of the cluster has that:\n{lines}",
        where=where,
        remedy=f"on each of their machines: pip install '{DISTRIBUTION}[cluster]=={ours}', then start them again",
    )


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
