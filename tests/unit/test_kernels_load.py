"""Which kernel library is loaded, and what is said where that cannot be done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy import kernels
from neurodeploy.doctor import examine

USABLE = kernels.usable()
LIBRARIES = kernels.installed()


def forget() -> None:
    for cached in (kernels.installed, kernels.usable, kernels._open):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def own_choice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No level forced from outside, and no trace of a test's libraries after it."""
    monkeypatch.delenv(kernels.ISA_VARIABLE, raising=False)
    yield
    monkeypatch.undo()
    forget()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An installation of the package with no library yet."""
    monkeypatch.setattr(kernels, "__path__", [str(tmp_path)])
    forget()
    return tmp_path


def put(folder: Path, *levels: str) -> None:
    for level in levels:
        shutil.copy(LIBRARIES[level], folder)


def processor_is(monkeypatch: pytest.MonkeyPatch, level: int) -> None:
    """Make the baseline library answer ``level`` when it is asked for the processor's."""
    monkeypatch.setattr(kernels._open(LIBRARIES["baseline"]), "nd_cpu_level", lambda: level)
    kernels.usable.cache_clear()


def missing() -> kernels.KernelsUnavailable:
    with pytest.raises(kernels.KernelsUnavailable) as caught:
        kernels.load()
    return caught.value


def doctor_says() -> tuple[bool, str, str]:
    (found,) = [f for f in examine() if f.name == "fast engine"]
    return found.ok, found.detail, found.remedy


def cpu_flags() -> set[str]:
    """What the operating system says of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    flags = [line.split(":")[1].split() for line in lines if line.startswith("flags")]
    if not flags:
        pytest.skip("no flags in /proc/cpuinfo")
    return set(flags[0])


def test_the_levels_are_those_of_the_processor() -> None:
    flags = cpu_flags()
    needs = {
        "baseline": "sse2",
        "v2": "cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2",
        "v3": "abm avx avx2 bmi1 bmi2 f16c fma movbe",
        "v4": "avx512f avx512bw avx512cd avx512dq avx512vl",
    }
    assert tuple(name for name in LIBRARIES if flags.issuperset(needs[name].split())) == USABLE


def test_the_highest_level_is_used() -> None:
    assert kernels.level() == USABLE[-1]
    assert kernels.library_path() == LIBRARIES[USABLE[-1]]
    assert kernels.load()._name == str(kernels.library_path())
    assert kernels.load() is kernels.load()


@pytest.mark.parametrize("level", kernels.LEVELS)
def test_the_variable_names_the_level(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if level not in USABLE:
        pytest.skip(f"usable here: {USABLE}")
    monkeypatch.setenv(kernels.ISA_VARIABLE, level)
    assert kernels.level() == level
    assert kernels.load()._name == str(LIBRARIES[level])
    ok, detail, _ = doctor_says()
    assert ok and detail.startswith(
        f"instruction set {level} (installed: {', '.join(LIBRARIES)}), {LIBRARIES[level]}, "
    )


def test_an_empty_variable_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernels.ISA_VARIABLE, "")
    assert kernels.level() == USABLE[-1]


@pytest.mark.skipif(len(LIBRARIES) < 4, reason="not built for every level")
@pytest.mark.parametrize("processor", (0, 1, 2, 3, 4, 5))
def test_a_level_that_the_processor_lacks_is_never_loaded(processor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    processor_is(monkeypatch, processor)
    assert kernels.usable() == kernels.LEVELS[: max(1, processor)]
    assert kernels.level() == kernels.LEVELS[min(3, max(0, processor - 1))]
    for level in kernels.LEVELS[max(1, processor) :]:
        monkeypatch.setenv(kernels.ISA_VARIABLE, level)
        fault = missing()
        usable = kernels.LEVELS[: max(1, processor)]
        assert fault.reason == (f"NEURODEPLOY_ISA={level}: this processor lacks it; usable here: {', '.join(usable)}")
        assert fault.remedy == f"unset NEURODEPLOY_ISA, or set it to {' or '.join(usable)}"


def test_an_unknown_level_is_an_error_that_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernels.ISA_VARIABLE, "avx2")
    assert missing().reason == f"NEURODEPLOY_ISA=avx2: no such level; usable here: {', '.join(USABLE)}"
    ok, detail, remedy = doctor_says()
    assert not ok and "NEURODEPLOY_ISA=avx2" in detail and remedy.startswith("unset NEURODEPLOY_ISA")


def test_a_run_with_an_unknown_level_warns_and_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernels.ISA_VARIABLE, "v5")
    net = nd.ChipNetwork()
    net.add_input("in", shape=2)
    net.add_population("out", shape=2, vth=10)
    net.connect("in", "out", np.full((2, 2), 8))
    with pytest.warns(RuntimeWarning, match="NEURODEPLOY_ISA=v5: no such level"):
        run = nd.simulate(net, np.ones((6, 2), np.uint8))
    assert run.engine == "reference" and run.spikes["out"].any()


def test_a_level_that_was_not_built(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "baseline")
    assert kernels.level() == "baseline"
    monkeypatch.setenv(kernels.ISA_VARIABLE, "v3")
    assert missing().reason == ("NEURODEPLOY_ISA=v3: this installation was built without it; usable here: baseline")


@pytest.mark.skipif("v2" not in LIBRARIES, reason="not built for several levels")
def test_a_gap_between_the_levels_is_no_harm(folder: Path) -> None:
    put(folder, "baseline", "v2")
    assert kernels.usable() == ("baseline", "v2") and kernels.level() == "v2"
    assert kernels.load()._name == str(folder / LIBRARIES["v2"].name)


@pytest.mark.skipif("v2" not in LIBRARIES, reason="not built for several levels")
def test_without_the_baseline_nothing_asks_the_processor_so_nothing_loads(folder: Path) -> None:
    put(folder, "v2")
    assert "not installed" in missing().reason and "pip install" in missing().remedy


def test_no_library(folder: Path) -> None:
    assert "not installed" in missing().reason and "pip install" in missing().remedy
    ok, detail, remedy = doctor_says()
    assert not ok and "slow reference" in detail and "pip install" in remedy


def test_a_damaged_library(folder: Path) -> None:
    (folder / LIBRARIES["baseline"].name).write_bytes(b"\x7fELF")
    assert "does not load" in missing().reason


def test_a_library_of_another_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "baseline")
    monkeypatch.setattr(kernels, "ABI_VERSION", kernels.ABI_VERSION + 1)
    assert f"has ABI version {kernels.ABI_VERSION - 1}, this package needs {kernels.ABI_VERSION}" in missing().reason


def test_the_variable_of_a_new_process_counts() -> None:
    code = "from neurodeploy import kernels; print(kernels.level())"
    environment = os.environ | {kernels.ISA_VARIABLE: "baseline"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "baseline"
