"""The checks of tools/wheels.py notice wheels that must not be published."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

PATH = Path(__file__).resolve().parents[2] / "tools" / "wheels.py"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tools_wheels", PATH)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


wheels = module()


def library(machine: int = 62, names: tuple[str, ...] = ("GLIBC_2.2.5", "GLIBC_2.17", "libc.so.6")) -> bytes:
    """The header of a shared library and its string table."""
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HH", 3, machine)
    return header + b"\0" + b"\0".join(name.encode() for name in names) + b"\0"


def good_files(machine: str = "x86_64") -> dict[str, bytes]:
    files = {
        f"neurodeploy/kernels/libneurodeploy{level}.so": library(wheels.ELF_MACHINE[machine])
        for level in wheels.LEVELS[machine]
    }
    others = ["neurodeploy/cli.py", "neurodeploy_targets/loihi2.toml", "neurodeploy_models/digits-mlp/model.nir"]
    others += ["neurodeploy_snn-1.dist-info/licenses/LICENSE", "neurodeploy_snn-1.dist-info/entry_points.txt"]
    return files | dict.fromkeys(others, b"")


def problems(folder: Path, files: dict[str, bytes], machine: str = "x86_64", name: str | None = None) -> str:
    wheel = folder / (name or f"neurodeploy_snn-{wheels.version()}-py3-none-{wheels.platform_tag(machine)}.whl")
    with ZipFile(wheel, "w") as archive:
        for file, data in files.items():
            archive.writestr(file, data)
    return "; ".join(wheels.check(wheel, machine))


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_good_wheel_has_no_problem(machine: str, tmp_path: Path) -> None:
    assert problems(tmp_path, good_files(machine), machine) == ""


@pytest.mark.parametrize("missing", good_files())
def test_a_missing_file_is_named(missing: str, tmp_path: Path) -> None:
    files = good_files()
    del files[missing]
    said = problems(tmp_path, files)
    assert said.startswith(("no file", "libraries")) and Path(missing).suffix in said


@pytest.mark.parametrize(
    "extra",
    ["neurodeploy/kernels/nd.h", "neurodeploy/kernels/run.c", "neurodeploy_models/training/main.py", "tests/a.py"],
)
def test_a_file_too_many_is_named(extra: str, tmp_path: Path) -> None:
    assert problems(tmp_path, good_files() | {extra: b""}) == f"holds {extra}"


def test_a_library_too_many_is_named(tmp_path: Path) -> None:
    assert "libother.so" in problems(tmp_path, good_files() | {"neurodeploy/kernels/libother.so": library()})


def test_the_name_must_tell_the_platform(tmp_path: Path) -> None:
    assert problems(tmp_path, good_files(), name="neurodeploy_snn-0.1.0-py3-none-linux_x86_64.whl") == "wrong name"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (library(183), "ELF machine 183, expected 62"),
        (library(names=("GLIBC_2.2.5", "GLIBC_2.18", "libc.so.6")), "needs glibc (2, 18)"),
        (library(names=("GLIBC_3.0", "libc.so.6")), "needs glibc (3, 0)"),
        (library(names=("libc.so.6",)), "names no version of glibc"),
        (library(names=("GLIBC_2.17", "libgomp.so.1")), "needs ['libgomp.so.1']"),
        (b"MZ", "no ELF library of 64 bits"),
        (b"\x7fELF\x01\x01" + bytes(20), "no ELF library of 64 bits"),
    ],
)
def test_an_unfit_library_is_noticed(data: bytes, said: str) -> None:
    (problem,) = wheels.check_library(data, "x86_64")
    assert said in problem


def test_a_fit_library_is_not(tmp_path: Path) -> None:
    assert wheels.check_library(library(), "x86_64") == []
