"""A network on more cores, chips and layers than a page shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from programs import program_of

import neurodeploy as nd
from neurodeploy import ChipNetwork
from neurodeploy.chipmap import Mapping


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 layers of 24 neurons, one neuron on each core: 720 cores on 6 chips; 600 steps, every neuron fires a lot."""
    rng, net, last = np.random.default_rng(0), ChipNetwork(), "in"
    net.add_input("in", shape=(24,))
    for k in range(30):
        net.add_population(f"layer_with_a_long_name_{k}", shape=(24,), du=4095, dv=4000, vth=10, start=k)
        net.connect(last, f"layer_with_a_long_name_{k}", rng.integers(0, 100, (24, 24)) * 2)
        last = f"layer_with_a_long_name_{k}"
    core_of = {name: np.arange(24 * k, 24 * k + 24, dtype=np.int32) for k, name in enumerate(net.populations)}
    cores = np.arange(720, dtype=np.int32)
    program = program_of(net, "loihi1", Mapping(core_of, cores // 128, cores % 128))
    folder = tmp_path_factory.mktemp("large")
    nd.report(program, (rng.random((2, 600, 24)) < 0.5).astype(np.uint8), folder / "report.html")
    return folder / "report.html"


def test_the_page_stays_small_and_says_what_it_leaves_out(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    for said in (
        "24 of 30 rows",
        "The 40 fullest of 720 cores",
        "4 of 6 chips are drawn",
        "Cores are taken together in groups",
        "The first 300 of 629 steps",
        "629 steps in 300 stretches",
        "6 of 30 connections are drawn",
        "The 16 largest of 30 layers",
        "16 of 60 registers, the fullest",
        "packets leave their chip",
        "Busiest: tile",
    ):
        assert said in text, said
    assert text.count("<tr>") < 400


def test_the_files_have_everything(page: Path) -> None:
    assert len(page.with_name("layers.csv").read_text().splitlines()) == 31
    assert len(page.with_name("cores.csv").read_text().splitlines()) == 721
