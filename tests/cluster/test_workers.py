"""Workers and schedulers that die, or come too late, in the middle of a run: real processes, killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dask_processes import Dask, wait_until
from programs import assert_same_array, assert_same_counters

import neurodeploy as nd
from neurodeploy import evaluate
from neurodeploy.cluster import ClusterError, connection, gather, tasks, wire
from neurodeploy.evaluate import run_program
from neurodeploy.simulate import Run

Slow = tuple[nd.Program, np.ndarray]


def once(action: Callable[[], object]) -> Callable[[int], None]:
    """A progress function that acts when the first shard is done."""
    done = list[int]()

    def progress(samples: int) -> None:
        if not done:
            action()
        done.append(samples)

    return progress


def run(case: Slow, cluster: nd.cluster.Cluster, **options: object) -> tuple[Run, object]:
    return nd.cluster.run_program(*case, cluster=cluster, engine="reference", shard=1, **options)  # type: ignore[arg-type]


def assert_equal_to_local(found: tuple[Run, object], case: Slow) -> None:
    expected, scores = run_program(*case, engine="reference")
    assert expected.counters.spikes > 1000
    assert_same_array(found[0].spikes["out"], expected.spikes["out"])
    assert_same_counters(found[0].counters, expected.counters)
    assert_same_array(found[1], scores)


@pytest.mark.parametrize("victims", [1, 2])
def test_killed_local_workers_lose_nothing_and_come_back(victims: int, slow_case: Slow) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[cluster]")
    with nd.cluster.connect("local:2") as cluster:
        before = sorted(cluster.client.run(os.getpid).values())

        def kill() -> None:
            for pid in before[:victims]:
                os.kill(pid, signal.SIGKILL)

        found = run(slow_case, cluster, progress=once(kill))
        assert_equal_to_local(found, slow_case)
        wait_until(lambda: len(cluster.client.nthreads()) == 2)
        after = set(cluster.client.run(os.getpid).values())
        assert len(after) == 2 and not after & set(before[:victims])
    for pid in (*before, *after):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_killed_worker_of_a_scheduler_loses_nothing(dask: Dask, slow_case: Slow) -> None:
    first, second = dask.worker(), dask.worker()
    with nd.cluster.connect(dask.address) as cluster:
        wait_until(lambda: cluster.threads == 2)
        killed = list[int]()

        def progress(samples: int) -> None:
            if cluster.threads == 2 and not killed:
                first.send_signal(signal.SIGKILL)
                killed.append(first.wait())

        found = run(slow_case, cluster, progress=progress)
        assert_equal_to_local(found, slow_case)
        assert killed == [-signal.SIGKILL] and cluster.threads == 1 and second.poll() is None


def test_all_workers_gone_is_an_error(dask: Dask, slow_case: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "LOST_S", 0.3)
    monkeypatch.setattr(gather, "POLL_S", 0.1)
    worker = dask.worker()
    with nd.cluster.connect(dask.address) as cluster:
        with pytest.raises(ClusterError, match="all workers are gone, for 0.3 s") as caught:
            run(slow_case, cluster, progress=once(worker.kill))
        assert caught.value.where == dask.address and "start workers again" in caught.value.remedy
        dask.worker()
        wait_until(lambda: cluster.threads)
        assert_equal_to_local(run(slow_case, cluster), slow_case)  # the connection can still be used


def test_a_killed_scheduler_is_an_error(dask: Dask, slow_case: Slow, capfd: pytest.CaptureFixture[str]) -> None:
    dask.worker()
    began = time.monotonic()
    with (
        pytest.raises(ClusterError, match="connection to the scheduler was lost") as caught,
        nd.cluster.connect(dask.address) as cluster,
    ):
        run(slow_case, cluster, progress=once(dask.scheduler.kill))
    assert caught.value.where == dask.address and "still runs" in caught.value.remedy
    assert time.monotonic() - began < 60 and "Traceback" not in capfd.readouterr().err


def test_a_task_that_kills_its_workers_is_an_error(
    local: nd.cluster.Cluster, slow_case: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = gather.submit

    def deadly(cluster: nd.cluster.Cluster, function: object, *arguments: object) -> object:
        if function is tasks.run_task:
            return submit(cluster, os._exit, 1)
        return submit(cluster, function, *arguments)

    monkeypatch.setattr(nd.cluster.dataset, "submit", deadly)
    with pytest.raises(ClusterError, match="died at the same task") as caught:
        nd.cluster.run_program(*slow_case, cluster=local, shard=16)
    assert "fewer samples per shard" in caught.value.remedy
    wait_until(lambda: local.threads == 2)


def test_a_late_worker_of_another_version_is_an_error(
    local: nd.cluster.Cluster, slow_case: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nd.cluster.dataset, "installed_version", lambda: "9.9.9")
    with pytest.raises(ClusterError, match=f"a worker that joined late: neurodeploy {nd.__version__}") as caught:
        nd.cluster.run_program(*slow_case, cluster=local)
    assert "pip install" in caught.value.remedy
    answer = tasks.compile_task("9.9.9", "m.nir", b"", {}, {})
    assert answer == {"other_version": nd.__version__}


def test_tasks_hold_more_than_dask_likes(local: nd.cluster.Cluster) -> None:
    contents = np.random.default_rng(0).bytes(11 * 2**20)  # with a warning, which is an error here
    assert gather.submit(local, tasks.hold, contents).result() == contents


def test_no_more_tasks_wait_than_are_worth_having(local: nd.cluster.Cluster) -> None:
    wait_until(lambda: local.threads == 2)
    taken, most = list[int](), gather.AHEAD * connection.Cluster.threads.fget(local)  # type: ignore[attr-defined]

    def endless() -> object:
        for k in range(40):
            taken.append(k)
            yield k, gather.submit(local, tasks.hold, k)

    for seen, (key, value) in enumerate(gather.completed(local, endless()), 1):  # type: ignore[arg-type]
        assert key == value and len(taken) <= seen + most
    assert seen == 40 and most == 6


class Holder:
    """Kills the worker that holds the first result, after it is known to be done and before it is fetched.

    With ``impatient`` the result then does not come in time. (Patience of milliseconds would do it too, but Dask never
    recovers from a request that is cancelled before it was sent.)
    """

    def __init__(self, cluster: nd.cluster.Cluster, monkeypatch: pytest.MonkeyPatch, impatient: bool = False) -> None:
        self.killed, self.asked, self._impatient = list[int](), 0, impatient
        self._pids = cluster.client.run(os.getpid)
        self._fetch = gather._result
        monkeypatch.setattr(gather, "_result", self)

    def __call__(self, distributed: Any, cluster: nd.cluster.Cluster, future: object) -> object:
        self.asked += 1
        if not self.killed and future.key.startswith("neurodeploy-run_task"):  # type: ignore[attr-defined]
            ((address, *_),) = cluster.client.who_has([future]).values()
            assert future.status == "finished"  # type: ignore[attr-defined]
            os.kill(self._pids[address], signal.SIGKILL)
            self.killed.append(self._pids[address])
            if self._impatient:
                raise distributed.TimeoutError
        return self._fetch(distributed, cluster, future)


def within(seconds: float, work: Callable[[], object]) -> object:
    """The result of a function, or its error; fails where it takes longer."""
    results = list[tuple[object, BaseException | None]]()

    def call() -> None:
        try:
            results.append((work(), None))
        except BaseException as error:
            results.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert results, f"still at it after {seconds:g} s"
    result, error = results[0]
    if error is not None:
        raise error
    return result


@pytest.mark.parametrize("impatient", [False, True], ids=["waits", "asks again"])
def test_a_result_lost_before_it_is_fetched_is_made_again(
    dask: Dask, slow_case: Slow, monkeypatch: pytest.MonkeyPatch, impatient: bool
) -> None:
    for _ in range(2):
        dask.worker()
    with nd.cluster.connect(dask.address) as cluster:
        wait_until(lambda: cluster.threads == 2)
        holder = Holder(cluster, monkeypatch, impatient)
        found = within(240, lambda: run(slow_case, cluster))
        assert_equal_to_local(found, slow_case)  # type: ignore[arg-type]
        assert len(holder.killed) == 1 and cluster.threads == 1
        assert holder.asked == len(slow_case[1]) + impatient


def test_a_result_lost_with_the_last_worker_is_an_error(
    dask: Dask, slow_case: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask.worker()
    with nd.cluster.connect(dask.address) as cluster:
        holder = Holder(cluster, monkeypatch)
        monkeypatch.setattr(gather, "LOST_S", 0.5)
        with pytest.raises(ClusterError, match="all workers are gone, for 0.5 s") as caught:
            within(240, lambda: run(slow_case, cluster))
        assert len(holder.killed) == 1 and caught.value.where == dask.address


def test_tasks_leave_the_other_cores_to_other_workers(monkeypatch: pytest.MonkeyPatch, slow_case: Slow) -> None:
    given = list[object]()
    simulate = evaluate.simulate
    monkeypatch.setattr(evaluate, "simulate", lambda *a, **options: (given.append(options), simulate(*a, **options))[1])
    program, spikes = slow_case
    compiled = {"program": wire.program_bytes(program)}
    settings = {"engine": "fast", "steps": None, "keep": None}
    assert "run" in tasks.run_task(nd.__version__, compiled, wire.pack(spikes), settings)
    assert given and all(options["threads"] == 1 for options in given)  # type: ignore[index]
    with nd.cluster.connect("local:2") as cluster:
        assert list(cluster.client.nthreads().values()) == [1, 1]
        assert set(cluster.client.run(os.getenv, "OMP_NUM_THREADS").values()) == {"1"}
