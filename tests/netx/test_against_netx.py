"""Files of every kind on netx and here, and programs through ``.net`` and netx: every message of every layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from netx_files import random_net, special_nets, write_net
from numpy.typing import NDArray
from programs import program_of

import neurodeploy as nd
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.export.netx import export_netx
from neurodeploy.frontends.netx import read_netx

RANDOM = 24
SHARED = ("mnist_mlp.net", "pilotnet_sdnn.net", "tiny.net")


def test_random_files(netx: Any, tmp_path: Path) -> None:
    jobs = []
    for seed in range(RANDOM):
        layers, values = random_net(seed)
        jobs.append((write_net(tmp_path / f"{seed}.net", layers), values, 0))
    active = [
        assert_equal(read_netx(file).net, values, layers, str(file))
        for (file, values, _), layers in zip(jobs, netx(jobs), strict=True)
    ]
    assert np.median(active) > 50


def test_special_files_there_and_back(netx: Any, tmp_path: Path) -> None:
    """Each as it is, and as exported after reading."""
    jobs, nets = [], []
    for label, (layers, values, bits) in special_nets().items():
        file, again = (tmp_path / f"{label}{end}.net" for end in ("", " again"))
        net = read_netx(write_net(file, layers), input_message_bits=bits or None).net
        export_netx(program_of(net), again)
        jobs += [(file, values, bits), (again, values, bits)]
        nets += [net, net]
    for (file, values, _), net, layers in zip(jobs, nets, netx(jobs), strict=True):
        assert assert_equal(net, values, layers, file.stem) >= 10, file.stem


def test_shared_files_there_and_back(netx: Any, shared_file: Callable[[str], Path], tmp_path: Path) -> None:
    """lava-dl's own: file -> Program -> ``.ndp`` -> ``.net`` -> netx on Lava, and the file on netx."""
    inputs, jobs, programs = shared_inputs(), [], []
    for name in SHARED:
        program = nd.compile(shared_file(name), "loihi2")
        nd.save(program, tmp_path / "p.ndp")
        export_netx(nd.load(tmp_path / "p.ndp"), tmp_path / name)
        jobs += [(shared_file(name), inputs[name], 0), (tmp_path / name, inputs[name], 0)]
        programs += [program, program]
    for (file, values, _), program, layers in zip(jobs, programs, netx(jobs), strict=True):
        assert assert_equal(program.net, values, layers, str(file)) > 200


def test_bundled_models(netx: Any, tmp_path: Path) -> None:
    """Layers start late here and at once in netx; equal in every step that counts, those from the first input on."""
    jobs, programs = [], []
    for name in ("digits-conv", "vowels-rsnn"):
        program = nd.compile(nd.load_model(name).nir, "loihi2")
        export_netx(program, tmp_path / f"{name}.net")
        with np.load(nd.load_model(name).test) as data:
            spikes = _first_sample(data, next(iter(program.net.inputs.values())).shape)
        padded = np.concatenate([spikes, np.zeros((program.net.latency_steps, *spikes.shape[1:]), np.int32)])
        jobs.append((tmp_path / f"{name}.net", padded, 0))
        programs.append(program)
    for (_, values, _), program, layers in zip(jobs, programs, netx(jobs), strict=True):
        live = len(values) - program.net.latency_steps
        run = nd.simulate(program, values[:live])
        for (name, ours), theirs in zip(run.spikes.items(), layers, strict=True):
            start = program.net.populations[name].start
            assert ours[start : start + live].any()
            assert not theirs[:start].any()
            np.testing.assert_array_equal(ours[start : start + live], theirs[start : start + live], err_msg=name)


def shared_inputs() -> dict[str, NDArray[np.int32]]:
    """Input (T, *shape) for each of the shared files."""
    rng = np.random.default_rng(3)
    frame = rng.integers(0, 64, (3, 66, 200))
    return {
        "mnist_mlp.net": (rng.random((25, 784)) < 0.15).astype(np.int32),
        "tiny.net": np.trunc(36 * rng.random((10, 3, 16, 16)) * 3 + 34).astype(np.int32),
        "pilotnet_sdnn.net": np.stack([frame + rng.integers(-8, 9, frame.shape) for _ in range(5)]).astype(np.int32),
    }


def _first_sample(data: Any, shape: tuple[int, ...]) -> NDArray[np.int32]:
    if "spikes" in data:
        return np.asarray(data["spikes"][0], np.int32)
    events = data["events"][data["events"][:, 0] == 0]
    spikes = np.zeros((int(data["steps"]), int(np.prod(shape))), np.int32)
    spikes[events[:, 1], events[:, 2]] = 1
    return spikes.reshape(-1, *shape)


def assert_equal(net: ChipNetwork, values: NDArray[Any], expected: list[NDArray[Any]], label: str) -> int:
    """Every message of every layer on both engines; the number of messages that are not 0."""
    for engine in ("fast", "reference"):
        run = nd.simulate(net, values, steps=len(values), engine=engine)
        for (name, ours), theirs in zip(run.spikes.items(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{label}, {name}, {engine}")
    return sum(np.count_nonzero(messages) for messages in expected)
