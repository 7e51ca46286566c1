"""Sweeps over faults: rows against plain runs, resumption, summaries and yields by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import program_of

import neurodeploy as nd
from neurodeploy import robustness
from neurodeploy.errors import InvalidFault, UnreadableFile, UnwritableFile
from neurodeploy.evaluate import run_program
from neurodeploy.faults import inject
from neurodeploy.robustness import Case, Cell, Demand, cells_of, summarise, sweep, yields
from neurodeploy.robustness.cases import digest_of
from neurodeploy.robustness.cell import COLUMNS, Row
from neurodeploy.robustness.table import HEADER, Table, line_of, read_rows

FAULTS = ("weight_loss", "dead@hidden", "threshold_scale=1.5", "input_noise")
CELLS = cells_of(FAULTS, (0.0, 0.4), 3)


def case_of(seed: int, name: str) -> Case:
    rng = np.random.default_rng(seed)
    net = nd.ChipNetwork()
    net.add_input("in", shape=(6,))
    net.add_population("hidden", shape=(12,), vth=30, dv=300, start=1)
    net.connect("in", "hidden", rng.integers(-60, 120, (12, 6)))
    net.add_population("out", shape=(3,), vth=40, dv=300, start=2)
    net.connect("hidden", "out", rng.integers(-80, 90, (3, 12)))
    program = program_of(net)
    spikes = (rng.random((20, 12, 6)) < 0.5).astype(np.uint8)
    labels = run_program(program, spikes)[1]
    assert labels is not None
    return Case(name, program, spikes, labels.argmax(axis=1), digest_of(program), f"data{seed}")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case_of(1, "one"), case_of(2, "two")]


def test_a_cell_is_a_chip_and_a_seed_that_draws_nothing_makes_no_second_one() -> None:
    counts = {(c.fault, c.severity): sum(d.fault == c.fault and d.severity == c.severity for d in CELLS) for c in CELLS}
    assert counts == {
        ("none", None): 1,
        ("weight_loss", 0.0): 1,
        ("weight_loss", 0.4): 3,
        ("dead@hidden", 0.0): 1,
        ("dead@hidden", 0.4): 3,
        ("threshold_scale=1.5", None): 1,
        ("input_noise", 0.0): 1,
        ("input_noise", 0.4): 3,
    }
    for fault, drawn in {
        "weight_loss=1": 1,
        "dead:which=3": 1,
        "bit_flip=1": 5,
        "bit_flip=1:bit=0": 1,
        "weight_gain=2": 1,
    }.items():
        assert len(cells_of([fault], (), 5)) == 1 + drawn
    with pytest.raises(InvalidFault, match="no severity"):
        cells_of(["dead"], (), 3)
    with pytest.raises(InvalidFault, match="twice"):
        cells_of(["dead", "dead"], (0.1,), 3)


def test_rows_are_what_plain_runs_of_the_faulty_programs_give(cases: list[Case]) -> None:
    rows = sweep(cases, CELLS)
    assert [(r["model"], r["fault"], r["severity"], r["seed"]) for r in rows] == [
        (case.model, c.fault, c.severity, c.seed) for case in cases for c in CELLS
    ]
    for row in rows:
        case = next(c for c in cases if c.model == row["model"])
        name, _, layer = row["fault"].partition("@")
        text = row["fault"] if "=" in name else f"{name}={row['severity']}" + (f"@{layer}" if layer else "")
        faulty = inject(case.program, () if name == "none" else text, row["seed"])
        run = nd.simulate(faulty.image, faulty.spikes(case.spikes))
        steps = 12 + case.program.net.latency_steps
        answers = run.spikes["out"][:, 2:].sum(axis=1).argmax(axis=1)
        assert row["correct"] == np.count_nonzero(answers == case.labels) and row["samples"] == 20
        assert row["accuracy"] == row["correct"] / 20
        sent = {n: int(run.spikes[n].sum()) for n in ("hidden", "out")}
        assert row["spikes"] == sum(sent.values()) / 20 and run.steps == steps
        assert json.loads(row["layer_rates"]) == {
            n: pytest.approx(sent[n] / (20 * size * 12), abs=1e-8) for n, size in (("hidden", 12), ("out", 3))
        }
        assert row["rate"] == pytest.approx(sum(sent.values()) / (20 * 15 * 12))
        assert row["changed"] == sum(len(h.changed) for h in faulty.manifest.hits)
    accuracies = [r["accuracy"] for r in rows]
    assert max(accuracies) == 1.0 and min(accuracies) < 0.8
    assert all(r["accuracy"] == 1 and r["changed"] == 0 for r in rows if r["severity"] == 0 or r["fault"] == "none")


def test_a_sweep_cut_off_anywhere_goes_on_and_ends_with_the_same_bytes(cases: list[Case], tmp_path: Path) -> None:
    whole = tmp_path / "whole.csv"
    expected = sweep(cases, CELLS, table=whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + len(expected)
    for kept, broken in ((0, 0.5), (1, 0.0), (4, 0.7), (len(lines) - 1, 0.3), (len(lines), 0.0)):
        partial = tmp_path / f"partial{kept}.csv"
        rest = lines[kept][: int(len(lines[kept]) * broken)] if kept < len(lines) else b""
        partial.write_bytes(b"".join(lines[:kept]) + rest)
        told: list[tuple[int, int]] = []
        rows = sweep(cases, CELLS, table=partial, progress=lambda done, total, told=told: told.append((done, total)))
        assert rows == expected and partial.read_bytes() == whole.read_bytes()
        assert told[0] == (max(0, kept - 1), len(expected)) and told[-1] == (len(expected), len(expected))
        assert len(told) == 1 + len(expected) - max(0, kept - 1)


def test_an_interrupted_sweep_keeps_every_row_that_was_done(cases: list[Case], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(cases, CELLS, table=path, progress=stop)
    rows, size = read_rows(path)
    assert len(rows) == 5 and size == path.stat().st_size
    with path.open("ab") as file:
        file.write(b"one,half of a row that is longer than any whole one" + b"." * 1000)

    def stop_again(done: int, total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(cases, CELLS, table=path, progress=stop_again)
    assert read_rows(path)[0][:5] == rows and read_rows(path)[1] == path.stat().st_size
    assert sweep(cases, CELLS, table=path) == sweep(cases, CELLS)


def test_two_sweeps_do_not_write_the_same_table(cases: list[Case], tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="files are locked on Unix")
    path = tmp_path / "t.csv"
    with Table(path) as table:
        table.add(sweep(cases[:1], CELLS[:1])[0])
        before = path.read_bytes()
        with pytest.raises(UnwritableFile, match="another sweep"):
            sweep(cases, CELLS, table=path)
        assert path.read_bytes() == before
    assert len(sweep(cases, CELLS, table=path)) == 2 * len(CELLS)


def test_a_full_disk_is_an_error_of_ours(cases: list[Case]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full, which only Linux has")
    table = Table(None)
    table.path = full
    with pytest.raises(UnwritableFile, match="No space left"), full.open("wb", buffering=0) as table._handle:
        table.add(sweep(cases[:1], CELLS[:1])[0])


def test_a_table_grows_by_seeds_and_keeps_what_is_of_others(cases: list[Case], tmp_path: Path) -> None:
    grown, direct = tmp_path / "grown.csv", tmp_path / "direct.csv"
    more = cells_of(FAULTS, (0.0, 0.4, 0.8), 5)
    sweep(cases[:1], CELLS, table=grown)
    sweep(cases, CELLS, table=grown)
    sweep(cases, more, table=grown)
    sweep(cases, more, table=direct)
    assert grown.read_bytes() == direct.read_bytes()
    other = replace(cases[0], data_digest="other")
    assert len(sweep([other], CELLS, table=grown)) == len(CELLS)
    assert len(read_rows(grown)[0]) == 2 * len(more) + len(CELLS)


def test_rows_are_read_back_to_the_same_bits(tmp_path: Path) -> None:
    values = {str: 'a,"b"', float: 0.1 + 0.2, int: 7}
    row = {name: values[kind] for name, kind in COLUMNS.items()} | {"severity": None, "accuracy": 1 / 3}
    (tmp_path / "t").write_text(HEADER + line_of(row))
    assert read_rows(tmp_path / "t") == ([row], (tmp_path / "t").stat().st_size)


@pytest.mark.parametrize("contents", ["some text\n", "a,b\n1,2\n", HEADER + "1,2\n", HEADER + "x," * 15 + "y\n"])
def test_files_that_are_no_table_are_not_touched(cases: list[Case], tmp_path: Path, contents: str) -> None:
    path = tmp_path / "t"
    path.write_text(contents)
    with pytest.raises(UnreadableFile, match="not a table"):
        sweep(cases, CELLS, table=path)
    assert path.read_text() == contents
    with pytest.raises(UnwritableFile):
        sweep(cases, CELLS, table=tmp_path)


def test_digests_tell_programs_apart_by_what_they_compute(cases: list[Case]) -> None:
    program = cases[0].program
    assert digest_of(replace(program, provenance={"date": "another"})) == digest_of(program)
    others = [digest_of(inject(program, text).image) for text in ("weight_loss=0.1", "dead=0.4", "delay_jitter=2")]
    assert len({digest_of(program), digest_of(replace(program, readout="first_spike")), *others}) == 5


# ---- summaries --------------------------------------------------------------------------------------------------


def row(fault: str, severity: float | None, seed: int, correct: int, **others: Any) -> Row:
    fixed = {"model": "m", "target": "t", "program": "p", "data": "d", "samples": 100, "accuracy": correct / 100}
    counts = {"spikes": 10.0 * seed, "synops": 5.0, "rate": 0.1, "hit": 1, "changed": 1, "parts": 9}
    return fixed | counts | {"fault": fault, "severity": severity, "seed": seed, "correct": correct} | others


ROWS = [
    row("none", None, 0, 95),
    *(row("dead", 0.3, s, c) for s, c in enumerate((80, 90, 100))),
    row("gain=2", None, 0, 90),
]


def test_a_summary_by_hand() -> None:
    healthy, dead, gain = summarise(ROWS)
    assert (healthy["accuracy"], healthy["accuracy_low"], healthy["difference"]) == (0.95, None, 0)
    assert dead["accuracy"] == pytest.approx(0.9) and dead["accuracy_low"] == pytest.approx(0.651586, abs=1e-6)
    assert dead["difference"] == pytest.approx(-0.05)
    assert dead["difference_low"] == pytest.approx(-0.05 - 0.248414, abs=1e-6)
    assert dead["difference_high"] == pytest.approx(-0.05 + 0.248414, abs=1e-6)
    assert (dead["seeds"], dead["samples"], dead["accuracy_min"], dead["spikes"]) == (3, 100, 0.8, 10)
    assert (gain["accuracy"], gain["seeds"], gain["difference_low"]) == (0.9, 1, None)


def test_a_yield_by_hand() -> None:
    rows = [row("none", None, 0, 95), *(row("dead", 0.3, s, 91 if s < 8 else 60) for s in range(10))]
    _, dead = yields(rows, Demand(accuracy=0.9))
    assert (dead["chips"], dead["good"], dead["yield"], dead["accuracy_min"]) == (10, 8, 0.8, 0.6)
    assert (dead["yield_low"], dead["yield_high"]) == (
        pytest.approx(0.443905, abs=1e-5),
        pytest.approx(0.974789, abs=1e-5),
    )
    assert yields(rows, Demand(accuracy=0.9), method="wilson")[1]["yield_low"] == pytest.approx(0.490162, abs=1e-5)
    for demand, good in (
        (Demand(accuracy=0.91), 8),  # reaching it is enough
        (Demand(accuracy=0.911), 0),
        (Demand(drop=0.04), 8),
        (Demand(drop=0.039), 0),
        (Demand(drop=0.35), 10),
    ):
        assert yields(rows, demand)[1]["good"] == good
    (alone, _) = yields(rows, Demand(accuracy=0.9))
    assert (alone["yield"], alone["chips"], alone["yield_low"]) == (1.0, 1, None)


def test_models_are_compared_with_their_own_healthy_chip() -> None:
    rows = [*ROWS[:4], row("none", None, 0, 50, model="n"), row("dead", 0.3, 0, 40, model="n")]
    assert [line["difference"] for line in summarise(rows)] == [0, pytest.approx(-0.05), 0, pytest.approx(-0.1)]
    assert [line["good"] for line in yields(rows, Demand(drop=0.1))] == [1, 2, 1, 1]


# ---- cases ------------------------------------------------------------------------------------------------------


def test_data_without_labels_and_models_without_data_are_refused(cases: list[Case], tmp_path: Path) -> None:
    nd.save(cases[0].program, tmp_path / "p.ndp")
    np.savez(tmp_path / "d.npz", spikes=cases[0].spikes)
    with pytest.raises(UnreadableFile, match="no labels"):
        robustness.load_case(str(tmp_path / "p.ndp"), "loihi2", data=tmp_path / "d.npz")
    with pytest.raises(UnreadableFile, match="no data"):
        robustness.load_case(str(tmp_path / "p.ndp"), "loihi2")
    with pytest.raises(UnreadableFile, match="compiled for loihi2"):
        robustness.load_case(str(tmp_path / "p.ndp"), "loihi1")
    np.savez(tmp_path / "d.npz", spikes=cases[0].spikes, labels=cases[0].labels)
    case = robustness.load_case(str(tmp_path / "p.ndp"), "loihi2", data=tmp_path / "d.npz", samples=7)
    assert len(case.labels) == 7 and case.program_digest == cases[0].program_digest
    assert robustness.measure(case.program, case.spikes, case.labels, Cell("none", None, 0))["accuracy"] == 1
