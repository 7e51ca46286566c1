"""Tables of many compilations, against compiling and running each here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphs
import nir
import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import SimulationError, UnknownModel, UnknownTarget
from neurodeploy.evaluate import Samples, accuracy, run_program

OPTIONS = [nd.Options(bits=2), nd.Options(bits=8), nd.Options(bits=8, max_neurons_per_core=2)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    nodes = {
        "fc1": nir.Linear(weight=rng.normal(0.2, 0.5, (8, 6))),
        "hidden": graphs.lif((8,), 0.875),
        "fc2": nir.Linear(weight=rng.normal(0.2, 0.5, (3, 8))),
        "out": graphs.lif((3,), 0.75),
    }
    return graphs.write(graphs.chain(nodes, source=(6,), sink=(3,)), tmp_path_factory.mktemp("sweep"))


def samples(labels: Any = (0, 1, 2, 0, 1, 2, 1)) -> Samples:
    spikes = (np.random.default_rng(1).random((7, 12, 6)) < 0.4).astype(np.uint8)
    return Samples(spikes, None if labels is None else np.array(labels))


def here(model: Path, target: str, options: nd.Options, data: Samples) -> dict[str, Any]:
    """A row, made in this process."""
    program = nd.compile(model, target, options)
    run, scores = run_program(program, data.spikes)
    costs = nd.estimate(run, program)
    assert scores is not None
    return {
        "target": target,
        "bits": options.bits,
        "max_neurons_per_core": options.max_neurons_per_core,
        "samples": len(data.spikes),
        "steps": run.steps,
        "engine": run.engine,
        "accuracy": None if data.labels is None else accuracy(scores, data.labels),
        "cores": program.mapping.cores,
        "chips": costs.chips,
        "spikes": costs.spikes,
        "synops": costs.syn_ops,
        "energy_j": costs.energy.value,
        "energy_low_j": costs.energy.low,
        "energy_high_j": costs.energy.high,
        "latency_s": costs.latency.value,
        "latency_low_s": costs.latency.low,
        "latency_high_s": costs.latency.high,
        "bound": costs.bound,
        "error": None,
    }


@pytest.mark.parametrize("shard", [None, 2])
def test_rows_are_those_of_local_runs(local: nd.cluster.Cluster, model: Path, shard: int | None) -> None:
    data, done = samples(), list[int]()
    rows = nd.cluster.sweep(
        model, OPTIONS, data, targets=["loihi1", "loihi2"], cluster=local, shard=shard, progress=done.append
    )
    expected = [here(model, target, options, data) for target in ("loihi1", "loihi2") for options in OPTIONS]
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert len({row["cores"] for row in rows}) > 1 and len({row["spikes"] for row in rows}) > 1
    assert sum(done) == 7 * len(rows) and len({tuple(row) for row in rows}) == 1


def test_a_row_that_cannot_be_tells_why_and_leaves_the_others(local: nd.cluster.Cluster, model: Path) -> None:
    data = samples()
    wrong = [nd.Options(bits=99), nd.Options(output="nothing"), nd.Options({"dt_s": 1e-4, "reset": "sideways"})]
    rows = nd.cluster.sweep(model, [*wrong, nd.Options()], data, cluster=local)
    for options, row in zip(wrong, rows, strict=False):
        with pytest.raises(nd.NeurodeployError) as caught:
            nd.compile(model, "loihi2", options)
        expected = caught.value.to_dict()
        assert row["error"] == expected | {"where": str(expected["where"]).replace(str(model), model.name)}
        assert row["accuracy"] is row["cores"] is row["energy_j"] is None
    assert rows[3]["error"] is None and rows[3]["synops"] == here(model, "loihi2", nd.Options(), data)["synops"]


def test_what_cannot_run_tells_why(local: nd.cluster.Cluster, model: Path) -> None:
    data = Samples(np.full((2, 4, 6), 3, np.int32), None)
    (row,) = nd.cluster.sweep(model, [nd.Options()], data, cluster=local)
    assert "not 0 or 1" in row["error"]["what"] and row["error"]["exit_code"] == 8 and row["spikes"] is None
    (row,) = nd.cluster.sweep(model, [nd.Options()], samples([3] * 7), cluster=local)
    assert "label 3" in row["error"]["what"] and row["accuracy"] is None


def test_labels_are_optional_and_targets_may_be_objects_and_files(
    local: nd.cluster.Cluster, model: Path, tmp_path: Path
) -> None:
    data = samples(None)
    own = tmp_path / "mine.toml"
    own.write_bytes(Path(nd.load_target("loihi1").path).read_bytes())
    rows = nd.cluster.sweep(
        model, [nd.Options()], data, targets=[nd.load_target("loihi1"), "loihi1", str(own)], cluster=local, steps=10
    )
    assert rows[0] == rows[1] and rows[0]["accuracy"] is None and rows[0]["steps"] == 10
    assert [{k: v for k, v in row.items() if k != "target"} for row in rows[1:2]] == [
        {k: v for k, v in rows[2].items() if k != "target"}
    ]


def test_mistakes_are_told_before_anything_starts(model: Path) -> None:
    options = [nd.Options()]
    with pytest.raises(UnknownModel, match="none.nir"):
        nd.cluster.sweep("none.nir", options, samples(), cluster="no address")
    with pytest.raises(UnknownTarget, match="loihi3"):
        nd.cluster.sweep(model, options, samples(), targets=["loihi3"], cluster="no address")
    with pytest.raises(SimulationError, match="no samples"):
        nd.cluster.sweep(model, options, Samples(samples().spikes[:0], None), cluster="no address")
