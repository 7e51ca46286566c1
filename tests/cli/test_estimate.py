"""``estimate``, ``calibrate`` and ``--energy-profile`` as a user meets them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from commandline import Cli

import neurodeploy as nd

RUN = ("run", "program.ndp", "--input", "data.npz", "-o", "run.npz", "--json")


def test_a_stored_run_costs_what_the_run_said(cli: Cli, work: Path) -> None:
    for profile in ((), ("--energy-profile", "sanafe"), ("--energy-profile", "max-affine")):
        run = cli(*RUN, *profile)
        found = cli("estimate", "program.ndp", "run.npz", *profile, "--json")
        assert found.code == 0 and found.err == ""
        assert found.json["costs"] == run.json["costs"]
        assert found.json["costs"]["profile"] == (profile[1] if profile else "halapoint")


def test_the_text_shows_levels_bounds_and_baselines(cli: Cli, work: Path) -> None:
    cli("compile", "model.nir", "--target", "loihi1", "-o", "one.ndp")
    cli("run", "one.ndp", "--input", "data.npz", "-o", "run.npz")
    text = cli("estimate", "one.ndp", "run.npz").out
    words = ("E1 mesh", "E2 + leakage", "E3 + embedded x86", "L1 free-running", "L2 host-streamed", "bound by: io")
    for word in (*words, "'davies2018'", "45nm: dense network, 8 bit, memory", "chip's E2"):
        assert word in text, word
    text = cli("estimate", "one.ndp", "run.npz", "--energy-profile", "gpu").out
    assert "no synop" not in text and "static_core_w" in text and "counted as 0" in text


def test_demo_takes_a_profile(cli: Cli, work: Path) -> None:
    rows = cli("demo", "--target", "loihi1", "--model", "digits-mlp", "--energy-profile", "sanafe", "--json").json
    assert [row["energy_profile"] for row in rows] == ["sanafe"]


@pytest.mark.parametrize("command", [RUN, ("estimate", "program.ndp", "run.npz", "--json")])
def test_an_unknown_profile_is_an_error_with_the_names(cli: Cli, work: Path, command: tuple[str, ...]) -> None:
    cli(*RUN)
    found = cli(*command, "--energy-profile", "sanafi")
    assert found.code != 0 and "sanafe" in found.json["remedy"]


def test_what_is_no_run_is_refused(cli: Cli, work: Path) -> None:
    for file, says in (("data.npz", "no array"), ("text", "not an .npz"), ("absent.npz", "no such file")):
        found = cli("estimate", "program.ndp", file, "--json")
        assert found.code != 0 and says in found.json["what"]


def test_calibrate_writes_a_target_that_compiles(cli: Cli, work: Path) -> None:
    costs = cli(*RUN).json["costs"]
    busy = sum(sum(costs["per_step"][f"{name}_s"]) for name in ("memory", "compute", "traffic"))
    with Path("board.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["program", "run", "energy_j", "time_s"])
        rows.writerow(["program.ndp", "run.npz", "", busy + 2e-6 * costs["steps"]])
    found = cli("calibrate", "board.csv", "--target", "loihi2", "--fit", "barrier_s", "-o", "board.toml", "--json")
    assert found.code == 0 and found.json["fitted"]["barrier_s"] == pytest.approx(2e-6, rel=1e-9)
    assert nd.load_target("board.toml").latency.barrier_s.status == "calibrated"
    assert cli("compile", "model.nir", "--target", "board.toml", "-o", "b.ndp").code == 0
    assert "barrier_s" in cli("calibrate", "board.csv", "--target", "loihi2", "--fit", "barrier_s", "-o", "b.toml").out
    refused = cli("calibrate", "board.csv", "--target", "loihi2", "-o", "all.toml", "--json")
    assert refused.code != 0 and "cannot determine" in refused.json["what"] and not Path("all.toml").exists()


def test_sanafe_needs_a_run(cli: Cli, work: Path) -> None:
    cli(*RUN)
    refused = cli("export", "program.ndp", "--to", "sanafe", "-o", "out", "--json")
    assert refused.code != 0 and "--run" in refused.json["remedy"]
    found = cli("export", "program.ndp", "--to", "sanafe", "--run", "run.npz", "-o", "out", "--json")
    assert found.code == 0 and json.loads(Path("out/network.json").read_text())["steps"] == 5 * 12
