"""``neurodeploy targets compare``: every target in a row, the same numbers as its own commands give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commandline import Cli

import neurodeploy as nd
from neurodeploy import what_if
from neurodeploy.compilation import Options
from neurodeploy.what_if import COSTS, PLACED, compare_targets


def by_target(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["target"]: row for row in rows}


def test_rows_are_those_of_single_runs(work: Path) -> None:
    told: list[tuple[int, int]] = []
    rows = compare_targets(
        "model.nir",
        Options(max_neurons_per_core=2),
        targets=("loihi1", "kapoho-bay", "tiny"),
        data="data.npz",
        samples=3,
        workers=1,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [row["target"] for row in rows] == ["loihi1", "kapoho-bay", "tiny"]
    assert all(row.keys() == {"target", "chip", "fits", "why", *PLACED} for row in rows)
    for row in rows:
        program = nd.compile("model.nir", row["target"], Options(max_neurons_per_core=2))
        spikes = np.load("data.npz")["spikes"][:3]
        run = nd.simulate(program, spikes)
        costs = nd.estimate(run, program)
        assert row["fits"] and row["why"] is None
        assert (row["cores"], row["chips"]) == (program.mapping.cores, program.mapping.chips)
        assert row["energy_j"] == costs.energy.value and row["energy_high_j"] == costs.energy.high
        assert row["step_s"] == pytest.approx(costs.latency.value / costs.steps)
        assert run.counters.traffic is not None
        hops = run.counters.traffic.total.hops_x + run.counters.traffic.total.hops_y
        assert row["spike_hops"] * 3 * run.steps == pytest.approx(hops)
        assert 0 < row["mean_share"] <= row["binding_share"] <= 1 and row["binding"]
        assert 0 <= row["accuracy"] <= 1
    assert rows[1]["chip"] == "loihi1" and rows[0]["cores"] == rows[1]["cores"] == 6
    own = {k: v for k, v in rows[0].items() if k != "target"}
    assert own == {k: v for k, v in rows[1].items() if k != "target"}  # the same chip, of which one is in use


def test_several_processes_give_the_same_rows(work: Path) -> None:
    targets = ("loihi1", "tiny")
    one, two = (compare_targets("model.nir", Options(), targets=targets, workers=k) for k in (1, 2))
    assert one == two and all(row[name] is None for row in one for name in COSTS)
    assert all(row["km1"] >= 6 for row in one)  # one message of every axon of the host


def test_what_does_not_fit_says_why_in_its_row(work: Path, cli: Cli) -> None:
    wide = nd.load_target("tiny").path
    narrow = (
        Path(wide)
        .read_text()
        .replace("neurons = { value = 32", "neurons = { value = 1")
        .replace("value = 7,", "value = 2,")
    )
    Path("narrow.toml").write_text(narrow.replace('name = "tiny"', 'name = "narrow"'))
    result = cli("targets", "compare", "model.nir", "--target", "narrow.toml", "--target", "loihi2", "--json")
    assert result.code == 0
    rows = by_target(result.json)
    assert not rows["narrow"]["fits"] and rows["narrow"]["cores"] is None
    assert "cores 11 of 4" in rows["narrow"]["why"] and "1 limits broken" in rows["narrow"]["why"]
    assert rows["loihi2"]["fits"]
    table = cli("targets", "compare", "model.nir", "--target", "narrow.toml", "--target", "loihi2", "--workers", 1)
    assert "narrow does not fit: 1 limits broken" in table.out and "give --input DATA.npz" in table.out


def test_a_target_that_lacks_a_feature_says_so(work: Path) -> None:
    (row,) = compare_targets("digits-mlp", Options(), targets=("tiny",), workers=1)
    assert not row["fits"] and "a bias that begins at step 3" in row["why"]


def test_the_table_names_all_targets_but_examples(work: Path, cli: Cli) -> None:
    result = cli("targets", "compare", "model.nir", "--input", "data.npz", "--workers", 1)
    assert result.code == 0 and result.err == ""
    names = {n for n in nd.list_targets() if nd.load_target(n).status != "example"}
    assert names == {line.split(maxsplit=1)[0] for line in result.out.splitlines() if line} & set(nd.list_targets())
    assert "accuracy" in result.out and "estimates" in result.out


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("model.nir", "--target", "lohi1"), 4, "did you mean 'loihi1'"),
        (("nothing.nir",), 3, "nothing.nir"),
        (("model.nir", "--input", "none.npz"), 3, "no such file"),
        (("vague.nir",), 3, "dt"),
        (("model.nir", "--input", "wide.npz", "--target", "loihi1"), 8, "input"),
        (("model.nir", "--samples", "0"), 2, "--samples"),
    ],
)
def test_mistakes_are_refused_with_a_remedy(work: Path, cli: Cli, words: tuple[str, ...], code: int, what: str) -> None:
    np.savez("wide.npz", spikes=np.ones((2, 3, 7), np.uint8))
    result = cli("targets", "compare", *words, "--workers", 1)
    assert result.code == code and what in result.err


def test_a_fault_of_the_data_crosses_processes(work: Path, cli: Cli) -> None:
    np.savez("wide.npz", spikes=np.ones((2, 3, 7), np.uint8))
    words = ("targets", "compare", "model.nir", "--input", "wide.npz", "--target", "loihi1", "--target", "loihi2")
    result = cli(*words, "--workers", 2)
    assert result.code == 8 and "try:" in result.err


def test_all_processors_are_used(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool:
        def __init__(self, workers: int, context: object) -> None:
            raise RuntimeError(f"{workers} workers")

    monkeypatch.setattr(what_if, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    with pytest.raises(RuntimeError, match="3 workers"):
        compare_targets("model.nir", Options())
