"""``neurodeploy adapt`` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commandline import Cli

import neurodeploy as nd


@pytest.fixture
def stream(work: Path) -> Path:
    """Longer data than the other commands need."""
    rng = np.random.default_rng(1)
    spikes = (rng.random((60, 10, 6)) < 0.5).astype(np.uint8)
    np.savez_compressed(work / "stream.npz", spikes=spikes, labels=rng.integers(0, 3, 60))
    np.savez_compressed(work / "clean.npz", spikes=(rng.random((30, 10, 6)) < 0.3).astype(np.uint8))
    return work


def test_a_program_learns_its_rates_and_holds_them(cli: Cli, stream: Path) -> None:
    found = cli(*"adapt program.ndp --clean clean.npz --input stream.npz --eta 0.2 -o adapts.ndp --json".split())
    assert found.code == 0 and found.err == ""
    on, off = found.json["rows"]
    assert (on["rule"], off["rule"]) == ("homeo_gain", "off")
    assert on["writes per inference"] > 0 == off["writes per inference"]
    assert found.json["costs"]["adaptation"]["writes"] == pytest.approx(on["writes per inference"])
    (layer,) = found.json["layers"]
    assert layer["layer"] == "hidden" and layer["smallest gain"] < 1
    run = cli("run", "program.ndp", "--input", "stream.npz", "--json").json
    assert (off["accuracy burn-in"] + off["accuracy after it"]) / 2 == pytest.approx(run["accuracy"])
    again = cli("adapt", "adapts.ndp", "--input", "stream.npz", "--json")
    assert again.json["rule"] == found.json["rule"] and again.json["rows"] == found.json["rows"]
    text = cli("adapt", "adapts.ndp", "--input", "stream.npz").out
    for word in ("rule homeo_gain, eta 0.2", "accuracy after it", "adaptation", "of E1", "writes"):
        assert word in text, word
    refused = cli("export", "adapts.ndp", "--to", "lava", "-o", "folder")
    assert refused.code == 3 and "adapts while it runs" in refused.err and "--rule off" in refused.err
    assert cli("adapt", "adapts.ndp", "--rule", "off", "-o", "still.ndp").code == 0
    assert cli("export", "still.ndp", "--to", "lava", "-o", "folder").code == 0
    assert nd.adapt.rule_of(nd.load(stream / "still.ndp")) is None


def test_mistakes(cli: Cli, stream: Path) -> None:
    for words, code, message in (
        ("program.ndp", 2, "nothing to do"),
        ("program.ndp --input stream.npz", 8, "no nominal rates"),
        ("program.ndp --input stream.npz --rule homeo", 2, "homeo_gain"),
        ("program.ndp --input stream.npz --clean clean.npz --layer hiden", 8, "hidden"),
        ("program.ndp --input none.npz --clean clean.npz", 3, "none.npz"),
        ("none.ndp --input stream.npz", 3, "none.ndp"),
    ):
        found = cli("adapt", *words.split())
        assert found.code == code and message in found.err, (words, found)
