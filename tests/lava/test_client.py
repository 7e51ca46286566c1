"""What happens around Lava: refusals, timeouts, cleaning up. Needs no Lava where it does not ask for it."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodeploy.export.lava.client as client
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import MissingDependency, SimulationError
from neurodeploy.export.lava import LavaTimeout, run_lava, shim
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference

PYTHON = Path(sys.executable)


def plan_for(net: ChipNetwork, steps: int = 4, registers: tuple[str, ...] = ("u", "v")) -> Plan:
    spikes = {name: np.ones((1, steps - net.latency_steps, p.size), np.uint8) for name, p in net.inputs.items()}
    live = steps - net.latency_steps
    return Plan(net, spikes, steps, live, dict.fromkeys(net.populations, registers), False)


def network(shape: tuple[int, ...] = (3,), **population: Any) -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=shape)
    net.add_population("layer one", shape=shape, **population)
    return net


def delayed_conv() -> ChipNetwork:
    net = network((1, 4, 4))
    net.connect("in", "layer one", np.full((1, 1, 1, 1), 2), kind="conv2d", delays=2)
    return net


def wide_conv() -> ChipNetwork:
    net = network((1, 1, 200))
    net.add_population("wide", shape=(1, 1, 1))
    net.connect("in", "wide", np.full((1, 1, 1, 200), 2), kind="conv2d")
    return net


def ternary_into(model: str) -> ChipNetwork:
    net = network(model="ternary_lif")
    net.add_population("next", shape=3, model=model)
    net.connect("layer one", "next", kind="direct")
    return net


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: network(model="sigma_delta_corrected"), r"(?s)lava#875.*'layer one'.*model 'sigma_delta'; or --eng"),
        (lambda: network(model="rf", reset_interval=3), r"(?s)reset_interval on model 'rf'.*reset_interval 0"),
        (
            lambda: network(model="delta_encoder", num_bits=9, spike_exp=24),
            r"(?s)num_bits 9 .*spike_exp 24.*within 32",
        ),
        (lambda: ternary_into("delta"), r"(?s)64 bits in Lava, to model 'delta'.*'layer one' -> 'next'.*'graded_vec'"),
        (lambda: network(reset="subtract"), r"(?s)reset 'subtract'.*'layer one'.*'zero'.*--against reference"),
        (lambda: network(reset="none", vth=131071), r"(?s)reset 'none'.*'layer one'.*--engine reference"),
        (lambda: network(refractory=2), r"(?s)no fixed_pt equal of refractory.*'layer one'.*--engine reference"),
        (delayed_conv, r"(?s)Conv with delay \(2 here\).*'in' -> 'layer one'.*to_csr"),
        (wide_conv, r"(?s)above 127.*200.*'in' -> 'wide'.*to_csr"),
    ],
)
def test_what_lava_cannot_do_is_refused_beforehand(make: Callable[[], ChipNetwork], message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        run_lava(plan_for(make()), python=Path("never started"), timeout_s=1)


@pytest.mark.parametrize(
    "net", [ternary_into("graded_vec"), network(model="delta_encoder", num_bits=8, spike_exp=24)], ids=["wide", "bits"]
)
def test_what_lava_can_do_is_not_refused(net: ChipNetwork) -> None:
    with pytest.raises(MissingDependency):
        run_lava(plan_for(net, registers=()), python=Path("no such interpreter"), timeout_s=60)


@pytest.mark.parametrize("python", [Path("no such interpreter"), PYTHON])
def test_no_lava_is_an_error_of_its_own(python: Path) -> None:
    with pytest.raises(MissingDependency, match=r"(?s)no Lava at this interpreter.*neurodeploy lava setup"):
        run_lava(plan_for(network()), python=python, timeout_s=60)


HANGS = """
import os, sys, time
from multiprocessing import shared_memory
from pathlib import Path
segment = shared_memory.SharedMemory(create=True, size=8)
child = os.fork()
if child:
    Path(sys.argv[1], "progress.txt").write_text("0")
    Path(__file__).with_name("left").write_text(f"{child} {segment.name}")
time.sleep(600)
"""


DIES = HANGS.replace("time.sleep(600)", "os.kill(os.getpid(), 9) if child else time.sleep(600)")


@pytest.mark.skipif(not client.SHARED_MEMORY.is_dir(), reason="no /dev/shm on this system")
@pytest.mark.parametrize(
    ("script", "fault", "message"),
    [
        (HANGS, LavaTimeout, r"(?s)within 3 s, in network 1 of 1.*wait for ever"),
        (DIES, SimulationError, r"(?s)exit code -9\), in network 1 of 1"),
    ],
    ids=["hangs", "is killed"],
)
def test_whatever_happens_to_it_the_group_and_its_shared_memory_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, fault: type[SimulationError], message: str
) -> None:
    (tmp_path / "worker.py").write_text(script)
    monkeypatch.setattr(client, "WORKER", tmp_path / "worker.py")
    with pytest.raises(fault, match=message):
        run_lava(plan_for(network()), python=PYTHON, timeout_s=3)
    child, segment = (tmp_path / "left").read_text().split()
    deadline = time.monotonic() + 10
    while is_alive(int(child)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(int(child))
    assert not (client.SHARED_MEMORY / segment).exists()


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_shared_memory_in_use_is_kept(tmp_path: Path) -> None:
    segments = [tmp_path / name for name in ("psm_used", "psm_left")]
    for path in segments:
        path.write_bytes(b"x" * 10)
    with segments[0].open("rb") as used:
        import mmap

        with mmap.mmap(used.fileno(), 0, prot=mmap.PROT_READ):
            client._remove_segments(set(segments))
    assert segments[0].exists() == (os.uname().sysname == "Linux")
    assert not segments[1].exists()


def test_a_failing_worker_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "worker.py").write_text("print('about to fail')\nraise SystemExit(4)")
    monkeypatch.setattr(client, "WORKER", tmp_path / "worker.py")
    with pytest.raises(SimulationError, match=r"(?s)exit code 4.*before the first network.*about to fail"):
        run_lava(plan_for(network()), python=PYTHON, timeout_s=60)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the shim does nothing on 3.10")
def test_the_shim_touches_one_class_and_restores_dataclass(monkeypatch: pytest.MonkeyPatch) -> None:
    original = dataclasses.dataclass

    def fails(name: str) -> types.ModuleType:
        assert name == shim.FAULTY_MODULE and dataclasses.dataclass is not original
        plain = type("Other", (), {"__annotations__": {"x": int}, "__module__": "lava.x"})
        encoder = type("ByteEncoder", (), {"__annotations__": {"x": int}, "__module__": "lava.x"})
        assert dataclasses.dataclass(plain).__hash__ is None  # type: ignore[attr-defined]
        assert dataclasses.dataclass(frozen=False)(encoder)(1).__hash__() == hash(encoder(1))
        raise ImportError("broken")

    monkeypatch.setattr(importlib, "import_module", fails)
    with pytest.raises(ImportError, match="broken"):
        shim.install()
    assert dataclasses.dataclass is original


@pytest.mark.slow
def test_odd_networks_run_too(lava_python: Path) -> None:
    """Parts that nothing connects, an unused input, silence, and populations without recorded registers."""
    net = network(bias_mant=200)
    net.add_population("alone", shape=2, v0=500, vth=3)
    net.add_population("fed", shape=(1, 2), vth=1, reset_interval=3, reset_offset=1)
    net.connect("alone", "fed", np.zeros((2, 2), np.int64), kind="sparse", delays=3)
    net.connect("fed", "alone", np.full((2, 2), 40))
    plan = dataclasses.replace(plan_for(net, 6), registers={"fed": ("v",)})
    expected, found = run_reference(plan), run_lava(plan, python=lava_python, timeout_s=60)
    for name in net.populations:
        np.testing.assert_array_equal(found.spikes[name], expected.spikes[name])
    assert found.states.keys() == {"fed"} and found.states["fed"].keys() == {"v"}
    np.testing.assert_array_equal(found.states["fed"]["v"], expected.states["fed"]["v"])


def test_what_other_lava_there_is_will_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "worker.py").write_text(
        "import sys, pathlib\n"
        """pathlib.Path(sys.argv[1], "versions.json").write_text('{"lava-nc": "0.9.0", "numpy": "1.0"}')"""
    )
    monkeypatch.setattr(client, "WORKER", tmp_path / "worker.py")
    with pytest.raises(MissingDependency, match=r"(?s)lava-nc 0.9.0 instead of 0.10.0.*neurodeploy lava setup"):
        client.check_lava(PYTHON)
