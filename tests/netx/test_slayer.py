"""Networks of lava-dl's SLAYER through ``export_hdf5``: the torch blocks, our engines and netx on Lava, bit for bit.

SLAYER's first block has its input in the step in which it was given, netx has it one step later, and biases count from
the first step on. A silent step in front of SLAYER's input makes the two equal; without biases it changes nothing.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from netx_files import cuba, dense, write_net
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.export import lava
from neurodeploy.frontends.netx import read_netx

WORKER = Path(__file__).with_name("slayer_worker.py")
KINDS = (
    *("dense", "recurrent", "delays", "decay-per-neuron", "mean-only-norm"),
    *("convolution", "read-out", "resonators", "izhikevich"),
)
SEEDS = range(3)
STATE_SCALE = 2**12
"""Register steps per unit of SLAYER's membrane."""

pytestmark = pytest.mark.filterwarnings("ignore:.*netx on Lava may take:UserWarning")  # integer rotations of resonators

Case = tuple[Path, NDArray[np.uint8], dict[str, NDArray[Any]]]


@pytest.fixture(scope="module")
def slayer(netx_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Case]:
    """By kind and seed: the file, the input, and what SLAYER's layers sent."""
    folder = tmp_path_factory.mktemp("slayer")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [netx_python, "-B", "-E", "-s", WORKER, Path(lava.__file__).parent, folder],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    cases = {}
    for kind in KINDS:
        for seed in SEEDS:
            with np.load(folder / f"{kind}-{seed}.npz") as archive:
                sent = dict(archive)
            cases[kind, seed] = (folder / f"{kind}-{seed}.net", sent.pop("x"), sent)
    assert len(list(folder.glob("*.net"))) == len(cases)
    return cases


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_sends_what_slayer_sends(kind: str, slayer: dict[tuple[str, int], Case]) -> None:
    for seed in SEEDS:
        file, x, sent = slayer[kind, seed]
        net = read_netx(file, input_shape=input_shape(x)).net
        record = {name: ("v",) for name, p in net.populations.items() if p.reset == "none" and p.model == "cuba"}
        assert (kind == "read-out") == bool(record)
        for engine in ("fast", "reference"):
            run = nd.simulate(net, x, steps=x.shape[1], record=record, engine=engine)
            assert run.spikes.keys() == sent.keys()
            for name, expected in sent.items():
                assert np.count_nonzero(expected) > 100, name
                ours = run.states[name]["v"] / STATE_SCALE if name in record else run.spikes[name]
                np.testing.assert_array_equal(ours, expected, err_msg=f"{file.name}, {name}, {engine}")


def test_netx_on_lava_sends_the_same(netx: Any, slayer: dict[tuple[str, int], Case]) -> None:
    cases = [slayer[kind, 0] for kind in KINDS]
    results = netx([(file, x[0].astype(np.int32), 0) for file, x, _ in cases])
    for (file, x, _), theirs in zip(cases, results, strict=True):
        net = read_netx(file, input_shape=input_shape(x)).net
        run = nd.simulate(net, x[0], steps=x.shape[1])
        for (name, ours), expected in zip(run.spikes.items(), theirs, strict=True):
            np.testing.assert_array_equal(ours, expected, err_msg=f"{file.name}, {name}")


@pytest.mark.parametrize("kind", ("dense", "recurrent", "convolution", "read-out"))
def test_the_exported_file_is_compiled(kind: str, slayer: dict[tuple[str, int], Case]) -> None:
    """``nd.compile`` of a SLAYER file, with one argument more where it begins with a convolution."""
    file, x, sent = slayer[kind, 0]
    program = nd.compile(file, "loihi2", nd.Options(input_shape=input_shape(x)))
    run = nd.simulate(program, x, steps=x.shape[1])
    for name, expected in sent.items():
        if kind != "read-out" or name == "layer0":
            np.testing.assert_array_equal(run.spikes[name], expected, err_msg=name)
    assert program.readout == ("v_last" if kind == "read-out" else "count")


def test_values_that_slayer_writes_and_netx_takes(netx: Any, tmp_path: Path) -> None:
    """A threshold of 2^18 - 1 never fires, and one bias holds for all neurons (slayer's, before the norm has run)."""
    weights = [[40, -60, 90], [2, 200, -8]]
    file = write_net(tmp_path / "x.net", [dense(weights, bias=[7.0]), dense([[100, 50]], cuba(2**18 - 1))])
    x = (np.random.default_rng(0).random((40, 3)) < 0.4).astype(np.int32)
    ((first, second),) = netx([(file, x, 0)])
    run = nd.simulate(read_netx(file).net, x, steps=40)
    np.testing.assert_array_equal(run.spikes["layer0"], first)
    assert first.any() and not second.any() and not run.spikes["layer1"].any()


def input_shape(x: NDArray[Any]) -> tuple[int, ...] | None:
    """What ``--input-shape`` must say: files that begin with a convolution do not hold it."""
    return x.shape[2:] if x.ndim == 5 else None
