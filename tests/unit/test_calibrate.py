"""Calibration finds the constants that made the measurements, refuses measurements that do not determine them, and
writes a target."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from programs import program_of

import neurodeploy as nd
from neurodeploy.calibrate_job import calibrate_job
from neurodeploy.chipmap import Mapping
from neurodeploy.errors import SimulationError, UnreadableFile
from neurodeploy.estimate.calibrate import ENERGY, TIME, Measured, fit
from neurodeploy.mapping import map_network
from neurodeploy.storage import save
from neurodeploy.stored_run import run_arrays
from neurodeploy.target import check_target, load_target

TRUE = {
    "barrier_s": 3e-6,
    "overhead_run_s": 2e-5,
    "static_core_w": 0.5e-3,
    "overhead_chip_w": 0.03,
    "overhead_run_j": 1e-6,
}
RUNS = ((20, 10, 1), (10, 20, 1), (5, 40, 2), (3, 30, 1), (20, 100, 1))
"""Most neurons per core, steps and chips of each."""


def program(limit: int, chips: int) -> nd.Program:
    rng = np.random.default_rng(limit)
    net = nd.ChipNetwork()
    net.add_input("in", shape=20)
    net.add_population("a", shape=30, dv=400, vth=60, start=1)
    net.add_population("b", shape=9, dv=400, vth=60, start=2)
    net.connect("in", "a", rng.integers(0, 60, (30, 20)) * 2)
    net.connect("a", "b", rng.integers(0, 60, (9, 30)) * 2)
    mapping = map_network(net, load_target("loihi1"), max_neurons_per_core=limit)
    on = (np.arange(mapping.cores) % chips).astype(np.int32)
    return program_of(net, "loihi1", Mapping(mapping.core_of, on, mapping.core_on_chip))


def measured() -> list[tuple[nd.Program, np.ndarray, nd.Run, Measured]]:
    """Runs and what they would take with the true constants."""
    rng = np.random.default_rng(0)
    found = []
    for number, (limit, steps, chips) in enumerate(RUNS):
        one = program(limit, chips)
        spikes = (rng.random((2, steps, 20)) < 0.2).astype(np.uint8)
        run = nd.simulate(one, spikes)
        costs = nd.estimate(run, one)
        busy = costs.latency.value - costs.per_step.barrier_s.sum()
        time_s = busy + TRUE["barrier_s"] * costs.steps + TRUE["overhead_run_s"]
        power = TRUE["static_core_w"] * costs.cores + TRUE["overhead_chip_w"] * costs.chips
        energy = costs.mesh_energy.value + power * time_s + TRUE["overhead_run_j"]
        found.append((one, spikes, run, Measured(str(number), energy, time_s, costs)))
    return found


@pytest.fixture(scope="module")
def runs() -> list[tuple[nd.Program, np.ndarray, nd.Run, Measured]]:
    return measured()


@pytest.fixture
def table(runs: list[tuple[nd.Program, np.ndarray, nd.Run, Measured]], tmp_path: Path) -> Path:
    path = tmp_path / "board.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["program", "run", "energy_j", "time_s", "remark"])
        for one, spikes, run, row in runs:
            save(one, tmp_path / f"{row.name}.ndp")
            np.savez(tmp_path / f"{row.name}.npz", **run_arrays(one, spikes, run))
            rows.writerow([f"{row.name}.ndp", f"{row.name}.npz", row.energy_j, row.time_s, "made up"])
    return path


def test_the_constants_that_made_the_measurements_are_found(
    runs: list[tuple[nd.Program, np.ndarray, nd.Run, Measured]],
) -> None:
    found = fit([row for *_, row in runs])
    assert found.constants == pytest.approx(TRUE, rel=1e-9)
    assert np.abs([*found.residuals_energy, *found.residuals_time]).max() < 1e-12


def test_residuals_show_what_constants_cannot_explain(
    runs: list[tuple[nd.Program, np.ndarray, nd.Run, Measured]],
) -> None:
    rows = [row for *_, row in runs]
    odd = [replace(rows[0], time_s=rows[0].time_s * 2), *rows[1:]]
    found = fit(odd, TIME)
    assert max(map(abs, found.residuals_time)) > 0.05 and found.residuals_energy == ()
    assert found.constants.keys() == set(TIME)


def test_no_constant_is_negative(runs: list[tuple[nd.Program, np.ndarray, nd.Run, Measured]]) -> None:
    rows = [replace(row, energy_j=row.costs.mesh_energy.value / 2) for *_, row in runs]
    found = fit(rows, ENERGY)
    assert set(found.constants.values()) == {0.0} and min(found.residuals_energy) > 0


def test_too_few_measurements_are_refused(runs: list[tuple[nd.Program, np.ndarray, nd.Run, Measured]]) -> None:
    rows = [row for *_, row in runs]
    with pytest.raises(SimulationError, match="2 measurements cannot determine 3 constants") as caught:
        fit(rows[:2], ENERGY)
    assert "fewer" in caught.value.remedy
    without = [replace(row, energy_j=None) for row in rows[2:]]
    with pytest.raises(SimulationError, match="2 measurements cannot determine 3 constants"):
        fit([*rows[:2], *without])


def test_measurements_that_do_not_differ_are_refused(
    runs: list[tuple[nd.Program, np.ndarray, nd.Run, Measured]],
) -> None:
    rows = [row for *_, row in runs]
    same_length = [rows[0]] * 3
    with pytest.raises(SimulationError, match="barrier_s, overhead_run_s apart"):
        fit(same_length, TIME)
    one_core = [rows[0], rows[4], rows[0], rows[4]]  # as many cores and chips in all
    with pytest.raises(SimulationError, match="static_core_w, overhead_chip_w apart") as caught:
        fit(one_core, ("static_core_w", "overhead_chip_w"))
    assert "cores and chips" in caught.value.remedy
    assert fit(one_core, ("overhead_chip_w",)).constants["overhead_chip_w"] > TRUE["overhead_chip_w"]


def test_the_file_is_a_target_that_gives_the_measurements_back(
    runs: list[tuple[nd.Program, np.ndarray, nd.Run, Measured]], table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "my-board.toml"
    facts = calibrate_job(table, "loihi1", out)
    json.dumps(facts, allow_nan=False)
    assert facts["fitted"] == pytest.approx(TRUE, rel=1e-9) and check_target(out) == []
    target, base = load_target(out), load_target("loihi1")
    assert (target.name, target.core, target.energy.synop_j) == ("my-board", base.core, base.energy.synop_j)
    assert target.calibration is not None
    assert (target.calibration.runs, target.calibration.file) == (len(RUNS), "board.csv")
    assert target.calibration.rms_relative_energy == pytest.approx(0, abs=1e-12)
    assert target.energy.overhead_chip_w.status == "calibrated"
    assert "board.csv" in target.energy.overhead_chip_w.source
    for one, _, run, row in runs:
        again = replace(one, target=target)
        costs = nd.estimate(nd.simulate(again, runs[int(row.name)][1]), again)
        assert costs.latency.value == pytest.approx(row.time_s, rel=1e-9)
        assert costs.total_energy.value == pytest.approx(row.energy_j, rel=1e-9)
        assert {"overhead_run_s", "overhead_run_j", "overhead_chip_w"} <= costs.sources.keys()
        assert run.steps == costs.steps
    second = tmp_path / "again.toml"
    calibrate_job(table, str(out), second, wanted=("overhead_run_j",))
    assert load_target(second).energy.overhead_chip_w == target.energy.overhead_chip_w


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0.ndp,0.npz,-1,1", "energy_j is '-1'"),
        ("0.ndp,0.npz,1,soon", "time_s is 'soon'"),
        ("0.ndp,0.npz,1,", "time_s is ''"),
        ("no.ndp,0.npz,1,1", "no.ndp"),
        ("0.ndp,no.npz,1,1", "no.npz"),
    ],
)
def test_wrong_rows_are_refused(table: Path, tmp_path: Path, line: str, says: str) -> None:
    table.write_text("program,run,energy_j,time_s\n" + line + "\n")
    with pytest.raises(Exception, match=says.replace("'", ".")) as caught:
        calibrate_job(table, "loihi1", tmp_path / "out.toml")
    assert isinstance(caught.value, nd.errors.NeurodeployError)
    assert not (tmp_path / "out.toml").exists()


@pytest.mark.parametrize(
    ("text", "says"), [("program,run,time_s\n", "energy_j"), ("program,run,energy_j,time_s\n", "no m")]
)
def test_wrong_tables_are_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(UnreadableFile, match=says):
        calibrate_job(path, "loihi1", tmp_path / "out.toml")
    with pytest.raises(UnreadableFile, match="cannot read"):
        calibrate_job(tmp_path / "absent.csv", "loihi1", tmp_path / "out.toml")
