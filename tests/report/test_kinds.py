"""Reports of programs of all kinds: every neuron model, silence, a single step, names that are no HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import pytest
from numpy.typing import NDArray
from programs import program_of

import neurodeploy as nd
from neurodeploy import ChipNetwork
from neurodeploy.neurons import MODELS


def page_of(net: ChipNetwork, spikes: NDArray[Any], folder: Path) -> str:
    """Valid, and without a number that is none."""
    nd.report(program_of(net), spikes, folder / "report.html", labels=np.zeros(len(spikes), int))
    text = (folder / "report.html").read_text(encoding="utf-8")
    html5lib.HTMLParser(strict=True).parse(text)
    assert "nan" not in text and 'inf"' not in text
    return text


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_every_neuron_model(model: Any, tmp_path: Path) -> None:
    rng, net = np.random.default_rng(5), ChipNetwork()
    net.add_input("in", shape=(6,), message_bits=16)
    net.add_population("layer", shape=(4,), model=model.name)
    for port in model.ports:
        net.connect("in", "layer", rng.integers(-20, 60, (4, 6)) * 2, port=port)
    net.add_population("out", shape=(2,), model="cuba", vth=1)
    net.connect("layer", "out", rng.integers(0, 60, (2, 4)) * 2)
    text = page_of(net, rng.integers(-5, 6, (2, 7, 6)), tmp_path)
    assert "Spikes of layer out" in text


def test_silence_and_a_single_step(tmp_path: Path) -> None:
    net = ChipNetwork()
    net.add_input("input", shape=(3,))
    net.add_population("only", shape=(1,), vth=100)
    net.connect("input", "only", np.zeros((1, 3), int))
    text = page_of(net, np.zeros((1, 1, 3), np.uint8), tmp_path)
    assert "Never a spike in only: look there first" in text


def test_names_are_text(tmp_path: Path) -> None:
    net = ChipNetwork()
    net.add_input('<i a="b">', shape=(3,))
    net.add_population("<svg><b>&", shape=(4,), vth=1)
    net.connect('<i a="b">', "<svg><b>&", np.full((4, 3), 100))
    text = page_of(net, np.ones((2, 4, 3), np.uint8), tmp_path)
    assert "<b>" not in text and "<i a" not in text
    assert "&lt;svg&gt;&lt;b&gt;&amp;" in text
