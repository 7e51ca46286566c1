"""lava-dl's netx on Lava, out of process."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neurodeploy.export import lava

WORKER = Path(__file__).with_name("netx_worker.py")
SHIM = Path(lava.__file__).parent
TIMEOUT_S = 300.0
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "lava-dl"

Job = tuple[Path, NDArray[Any], int]
"""A file, its input (T, *shape), and netx's input_message_bits."""
Netx = Callable[[Sequence[Job]], list[list[NDArray[np.int32]]]]
"""Runs jobs; per job the messages (T, *shape) of every layer."""


@pytest.fixture(scope="session")
def netx_python(lava_python: Path) -> Path:
    """The interpreter with Lava; tests are skipped where it has no lava-dl."""
    code = "import importlib.metadata as m; print(m.version('lava-dl'))"
    found = subprocess.run([lava_python, "-E", "-s", "-c", code], capture_output=True, text=True, timeout=60)
    if found.stdout.strip() != "0.6.0":
        pytest.skip(f"no lava-dl 0.6.0 beside Lava at {lava_python}: run `python3 tools/test.py`, which installs it")
    return lava_python


@pytest.fixture(scope="session")
def worker(netx_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Hands arrays to the worker and returns its answer; kills its whole group in the end."""

    def call(arrays: dict[str, Any], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("netx")
        np.savez(folder / "jobs.npz", **arrays)
        command = [netx_python, "-B", "-E", "-s", WORKER, SHIM, folder / "jobs.npz", folder / "results.npz"]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        assert code == 0, (code, (folder / "log.txt").read_text()[-3000:])
        with np.load(folder / "results.npz") as archive:
            return dict(archive)

    return call


@pytest.fixture(scope="session")
def netx(worker: Callable[..., dict[str, Any]]) -> Netx:
    """netx on Lava."""

    def run(jobs: Sequence[Job]) -> list[list[NDArray[np.int32]]]:
        arrays: dict[str, Any] = {}
        for k, (file, values, bits) in enumerate(jobs):
            arrays |= {f"file{k}": str(file), f"input{k}": values, f"bits{k}": bits}
        results = worker(arrays)
        faults = {str(jobs[int(name[1:])][0]): str(text) for name, text in results.items() if name[0] == "e"}
        assert not faults, faults
        layers = [sum(name.startswith(f"r{k}_") for name in results) for k in range(len(jobs))]
        return [[results[f"r{k}_{n}"] for n in range(count)] for k, count in enumerate(layers)]

    return run


@pytest.fixture(scope="session")
def shared_file() -> Callable[[str], Path]:
    """A file of the collection beside the checkout; tests that want one are skipped where it is not."""

    def find(name: str) -> Path:
        if not (DATA / name).is_file():
            pytest.skip(f"no {DATA / name}")
        return DATA / name

    return find
