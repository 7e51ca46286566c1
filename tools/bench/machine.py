"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, memory, system, compiler; as much as the system tells."""
    return {
        "processor": _field(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "family_model": " / ".join(filter(None, (_field(Path("/proc/cpuinfo"), k) for k in ("cpu family", "model")))),
        "instruction_sets": [s for s in ("avx2", "avx512f", "avx512vbmi", "avx512_vnni") if s in _flags()],
        "caches": _caches(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "compiler": _compiler(os.environ.get("CXX", "g++")),
    }


def load() -> list[float]:
    """The system's load averages over 1, 5 and 15 minutes, this benchmark's own processes included."""
    return [round(value, 2) for value in os.getloadavg()]


def ticks() -> tuple[int, int]:
    """Of all processors since the system started, and how many of them a hypervisor gave to others."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return 0, 0
    counts = [int(word) for word in stat.read_text().splitlines()[0].split()[1:9]]
    return sum(counts), counts[7]


def stolen_share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Which part of the time between was given to others."""
    return (after[1] - before[1]) / max(1, after[0] - before[0])


def _caches() -> dict[str, str]:
    """Size of each cache of the first core, by level."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = size
    return found


def _field(path: Path, name: str) -> str:
    if not path.is_file():
        return ""
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")


def _flags() -> list[str]:
    return _field(Path("/proc/cpuinfo"), "flags").split()


def _compiler(name: str) -> str:
    if shutil.which(name) is None:
        return f"no {name}"
    return subprocess.run([name, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
