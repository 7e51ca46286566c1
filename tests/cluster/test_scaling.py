"""Sweeps of scaling on a cluster: the same bytes as here."""

from __future__ import annotations

from pathlib import Path

import neurodeploy as nd
from neurodeploy.scaling import Protocol, sweep
from neurodeploy.scaling.table import MANIFEST, TABLE


def test_workers_make_the_same_table(local: nd.cluster.Cluster, tmp_path: Path) -> None:
    protocol = Protocol(neurons=(5, 10), channels=(3,), categories=(2, 3), seeds=2, n_per_class=6, target="loihi2")
    there: list[int] = []
    sweep(protocol, tmp_path / "there", cluster=local, progress=lambda done, total: there.append(done))
    sweep(protocol, tmp_path / "here")
    assert there == list(range(9))
    for name in (TABLE, MANIFEST):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
