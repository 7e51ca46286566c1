#!/usr/bin/env python3
"""Makes the wheels for Linux: ``python tools/wheels.py --out DIR [--only x86_64|aarch64]``.

One ``py3-none-manylinux2014`` wheel for each processor, cross-compiled by Zig against glibc 2.17 whatever machine this
runs on; the build backend and Zig come from the package index into a temporary environment. Every wheel is checked
before it is kept: that its libraries are for the processor, use no newer glibc and nothing but glibc, that all
instruction sets, the targets, the models and the licence are in it, and no sources. Exits 1 where a check fails.
"""

from __future__ import annotations

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
GLIBC = (2, 17)  # manylinux2014
TOOLS = ("ziglang>=0.17,<0.18", "wheel")  # Zig as in build_backend/backend.py
ELF_MACHINE = {"x86_64": 62, "aarch64": 183}
LEVELS = {"x86_64": ("", "-v2", "-v3", "-v4"), "aarch64": ("",)}
SYSTEM_LIBRARIES = {"libc.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
KERNELS = "neurodeploy/kernels/"
WANTED = (
    r"\.dist-info/licenses/LICENSE$",
    r"\.dist-info/entry_points\.txt$",
    r"^neurodeploy/cli\.py$",
    r"^neurodeploy_targets/loihi2\.toml$",
    r"^neurodeploy_models/digits-mlp/model\.nir$",
)
UNWANTED = r"\.(c|h|o|cmake|pyc)$|/training/|^(tests|tools|build)"


def main() -> int:
    """Build and check each wheel; print its name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the wheels")
    parser.add_argument("--only", choices=ELF_MACHINE, help="one processor instead of all")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="neurodeploy-wheels-") as name:
        folder = Path(name)
        python = folder / "venv" / "bin" / "python"
        run([sys.executable, "-m", "venv", folder / "venv"])
        run([python, "-m", "pip", "install", "-q", *TOOLS])
        for machine in [options.only] if options.only else ELF_MACHINE:
            wheel = build(machine, python, folder)
            problems = check(wheel, machine)
            for problem in problems:
                print(f"{wheel.name}: {problem}", file=sys.stderr)
            if not problems:
                kept = options.out / wheel.name
                kept.write_bytes(wheel.read_bytes())
                print(f"{kept} ({kept.stat().st_size:,} bytes)")
            bad += bool(problems)
    return 1 if bad else 0


def run(command: list[str | Path], **environment: str) -> None:
    """Run a command to its success, with these environment variables more."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=os.environ | environment)


def build(machine: str, python: Path, folder: Path) -> Path:
    """Build the wheel of one processor and give it its platform's name."""
    target = f"{machine}-linux-gnu.{GLIBC[0]}.{GLIBC[1]}"
    built = folder / machine
    run(
        [python, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", built, ROOT],
        CC=f'"{python}" -I -m ziglang cc -target {target} -mcpu=baseline',
        CMAKE_ARGS=f"-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR={machine}",
        ZIG_GLOBAL_CACHE_DIR=str(folder / "zig"),
    )
    (wheel,) = built.glob("*.whl")
    # the build names the wheel after the machine it runs on
    run([python, "-m", "wheel", "tags", "--remove", "--platform-tag", platform_tag(machine), wheel])
    (wheel,) = built.glob("*.whl")
    return wheel


def platform_tag(machine: str) -> str:
    """The platform of a wheel's name: both spellings of the policy, sorted as packaging tools want them."""
    return f"manylinux2014_{machine}.manylinux_{GLIBC[0]}_{GLIBC[1]}_{machine}"


def version() -> str:
    """The package's version, as pyproject.toml has it."""
    (found,) = re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


def check(wheel: Path, machine: str) -> list[str]:
    """Say everything that is wrong with a wheel."""
    problems = []
    if wheel.name != f"neurodeploy_snn-{version()}-py3-none-{platform_tag(machine)}.whl":
        problems.append("wrong name")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        libraries = {name for name in names if re.search(r"\.(so|dylib|dll|a)\b", name)}
        expected = {f"{KERNELS}libneurodeploy{level}.so" for level in LEVELS[machine]}
        if libraries != expected:
            problems.append(f"libraries {sorted(libraries)}, expected {sorted(expected)}")
        for name in sorted(libraries):
            problems += [f"{name}: {problem}" for problem in check_library(archive.read(name), machine)]
    problems += [f"no file {pattern}" for pattern in WANTED if not any(re.search(pattern, name) for name in names)]
    problems += [f"holds {name}" for name in sorted(names) if re.search(UNWANTED, name)]
    return problems


def check_library(data: bytes, machine: str) -> list[str]:
    """Say what is wrong with a shared library, by its ELF header and the names in its string table."""
    problems = []
    if data[:6] != b"\x7fELF\x02\x01":  # 64 bits, least significant byte first
        return ["no ELF library of 64 bits"]
    (found,) = struct.unpack_from("<H", data, 18)
    if found != ELF_MACHINE[machine]:
        problems.append(f"ELF machine {found}, expected {ELF_MACHINE[machine]}")
    versions = {tuple(map(int, v.split(b"."))) for v in re.findall(rb"\0GLIBC_(\d+(?:\.\d+)+)(?=\0)", data)}
    if not versions:
        problems.append("names no version of glibc: not linked with it?")
    elif max(versions) > GLIBC:
        problems.append(f"needs glibc {max(versions)}")
    needed = {name.decode() for name in re.findall(rb"\0((?:lib|ld-)[\w.+-]*\.so(?:\.\d+)*)(?=\0)", data)}
    if foreign := {n for n in needed - SYSTEM_LIBRARIES if not n.startswith("libneurodeploy")}:
        problems.append(f"needs {sorted(foreign)}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
