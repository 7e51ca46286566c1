"""Worker processes to test with, and something for them to do."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from dask_processes import Dask
from programs import program_of

import neurodeploy as nd


@pytest.fixture(scope="session", autouse=True)
def sockets() -> Iterator[None]:
    """Lets go of what Dask has left of connections whose other end was killed; pytest would fail at its very end."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def local() -> Iterator[nd.cluster.Cluster]:
    """Two worker processes."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[cluster]")
    with nd.cluster.connect("local:2") as cluster:
        yield cluster


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    """A scheduler without workers."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[cluster]")
    with ExitStack() as stack:
        yield Dask(tmp_path, stack)


@pytest.fixture(scope="session")
def slow_case() -> tuple[nd.Program, np.ndarray]:
    """A recurrent program and 16 samples, of which the reference engine runs some dozens a second."""
    rng = np.random.default_rng(3)
    net = nd.ChipNetwork()
    net.add_input("in", shape=20)
    net.add_population("l1", shape=50, du=1000, dv=200, vth=300)
    net.connect("in", "l1", rng.integers(-100, 110, (50, 20)) * 2)
    net.connect("l1", "l1", rng.integers(-60, 60, (50, 50)) * 2)
    net.add_population("out", shape=5, dv=300, vth=500)
    net.connect("l1", "out", rng.integers(-60, 62, (5, 50)) * 2)
    return program_of(net), (rng.random((16, 150, 20)) < 0.3).astype(np.uint8)
