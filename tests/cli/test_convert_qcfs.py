"""``neurodeploy convert qcfs``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commandline import Cli

pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")


def test_a_module_becomes_a_program(cli: Cli, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    data, out, spikes = tmp_path / "data.npz", tmp_path / "net.ndp", tmp_path / "spikes.npz"
    np.savez_compressed(data, values=rng.integers(0, 2, (30, 12)), labels=rng.integers(0, 3, 30))
    model = "qcfs_factories:mlp"
    options = ("--data", data, "--input-levels", "1", "-o", out, "--spikes", spikes)
    found = cli("convert", "qcfs", model, *options, "--json")
    assert found.code == 0, found.err
    assert found.json["samples equal"] == 30 and found.json["mode"] == "defer" and 0 <= found.json["accuracy"] <= 1
    ran = cli("run", out, "--input", spikes, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["accuracy"] == pytest.approx(found.json["accuracy"])
    relu = cli("convert", "qcfs", "qcfs_factories:relu_mlp", "--data", data, "--input-levels", "1", "--levels", "4")
    assert relu.code == 0 and "samples equal" in relu.out
    for arguments, message in (
        ((model,), "Give --data"),
        ((model, "--input-shape", "12", "--levels", "4"), "Give --data"),
        ((model, "--input-shape", "12"), "input_levels"),
        ((model, "--input-shape", "12", "--input-levels", "4", "--target", "loihi1"), "--thermometer"),
        ((model, "--data", spikes), "values"),
    ):
        wrong = cli("convert", "qcfs", *arguments)
        assert wrong.code and message in wrong.err, wrong.err
