"""Reaching a cluster, and what is said within seconds where that cannot be."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from dask_processes import ABSENT, OLDER, Dask, wait_until

import neurodeploy as nd
from neurodeploy.cluster import ClusterError, connection
from neurodeploy.cluster.address import Address, parse_address
from neurodeploy.errors import MissingDependency


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", Address("local")),
        ("local:1", Address("local:1", workers=1)),
        ("local:64", Address("local:64", workers=64)),
        ("tcp://host:8786", Address("tcp://host:8786", "tcp://host:8786")),
        ("tls://10.0.0.1:1", Address("tls://10.0.0.1:1", "tls://10.0.0.1:1")),
        ("tcp://[::1]:65535", Address("tcp://[::1]:65535", "tcp://[::1]:65535")),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


WRONG = ["", "locl", "local:", "local:0", "local:-1", "local:x", "host:8786", "tcp://host", "tcp://host:0"]


@pytest.mark.parametrize(
    "text", [*WRONG, "tcp://host:65536", "http://host:80", "tcp://:8786", "tcp://a b:1", "local:1\n"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ClusterError, match="is not the address of a cluster") as caught, nd.cluster.connect(text):
        pass
    assert repr(text)[1:-1] in repr(caught.value.what) and caught.value.where == "--cluster"
    assert "local:4" in caught.value.remedy and "tcp://host:8786" in caught.value.remedy
    assert caught.value.exit_code == 8


def test_what_dask_leaves_of_a_lost_result_is_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    from distributed.client import AllExit

    with nd.cluster.connect("local:1"):
        pass
    logger = logging.getLogger("asyncio")
    for error in (AllExit(), ValueError("of the user")):  # as asyncio does when nobody asked a task for its result
        logger.error("Task exception was never retrieved", exc_info=(type(error), error, None))
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError]


@contextmanager
def refused(what: str, seconds: float = 40) -> Iterator[pytest.ExceptionInfo[ClusterError]]:
    """A ClusterError with this text, soon."""
    began = time.monotonic()
    with pytest.raises(ClusterError, match=what) as caught:
        yield caught
    assert time.monotonic() - began < seconds


@pytest.mark.parametrize("listening", [False, True], ids=["nobody listens", "somebody else listens"])
def test_no_scheduler(listening: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[cluster]")
    assert connection.CONNECT_S <= 10
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listening:
            other.listen()
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with refused("no Dask scheduler answers") as caught, nd.cluster.connect(address):
            pass
    assert caught.value.where == address and "dask scheduler" in caught.value.remedy


def test_workers_that_are_not_there_or_cannot_do_it(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(connection, "CONNECT_S", 0.5)
        with refused("the scheduler has no workers") as caught, nd.cluster.connect(dask.address):
            pass
        assert caught.value.where == dask.address and f"dask worker {dask.address}" in caught.value.remedy
    for preload, what in ((ABSENT, "no neurodeploy"), (OLDER, "neurodeploy 0.0.7")):
        worker = dask.worker(preload)
        with refused(f"this is neurodeploy {nd.__version__}") as caught, nd.cluster.connect(dask.address):
            pass
        (line,) = [text for text in caught.value.what.splitlines() if text.startswith("  - ")]
        assert line.startswith("  - tcp://127.0.0.1:") and line.endswith(f": {what}")
        assert f"pip install 'neurodeploy-snn[cluster]=={nd.__version__}'" in caught.value.remedy
        worker.kill()
        worker.wait()


def test_the_scheduler_needs_neurodeploy_too(tmp_path: Path) -> None:
    """Dask's scheduler reads the tasks' names."""
    answers = {"tcp://worker": nd.__version__}

    class Client:
        def run(self, *_: object, **__: object) -> dict[str, object]:
            return dict(answers)

        def run_on_scheduler(self, function: object, name: str) -> str:
            raise connection.importlib.metadata.PackageNotFoundError(name)

    with pytest.raises(ClusterError, match="  - the scheduler: no neurodeploy"):
        connection._check_versions(Client(), "tcp://somewhere")


def test_a_worker_that_ended_while_asked_is_no_fault() -> None:
    class Client:
        def run(self, *_: object, **__: object) -> dict[str, object]:
            return {"tcp://gone": OSError("Timed out"), "tcp://there": nd.__version__}

        def run_on_scheduler(self, function: object, name: str) -> str:
            return nd.__version__

    connection._check_versions(Client(), "tcp://somewhere")


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependency, match="Dask distributed is not installed") as caught, nd.cluster.connect():
        pass
    assert caught.value.remedy == "pip install 'neurodeploy-snn[cluster]'" and caught.value.exit_code == 9


def test_importing_neurodeploy_does_not_import_dask() -> None:
    code = "import sys, neurodeploy.cli, neurodeploy.job; print(sorted({'dask', 'distributed'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_open_clusters_are_handed_back_and_stay_open(local: nd.cluster.Cluster) -> None:
    with nd.cluster.connect(local) as again:
        assert again is local
    assert local.threads == 2


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[cluster]")
    script = tmp_path / "script.py"
    script.write_text("import neurodeploy as nd\nwith nd.cluster.connect('local:1'):\n    print('connected')\n")
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=240)
    assert found.returncode == 1 and "connected" not in found.stdout
    assert "put a script's work under: if __name__ == '__main__':" in found.stderr.splitlines()[-1]


def test_one_worker_for_each_usable_cpu_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[cluster]")
    monkeypatch.setattr(connection.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(connection, "_usable_cpus", lambda: 1)
    with nd.cluster.connect() as cluster:
        assert cluster.threads == 1 and list(tmp_path.glob("neurodeploy-dask-*"))
        ports = [int(a.rsplit(":", 1)[1]) for a in (cluster.client.scheduler.address, *cluster.client.nthreads())]
    assert not list(tmp_path.glob("neurodeploy-dask-*"))
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
    wait_until(lambda: cluster.client.status == "closed")
    with pytest.raises(ValueError, match="No clients"):
        distributed.default_client()
    assert np.all([port > 0 for port in ports])
