"""How long a user waits for the first result of ``neurodeploy demo``, cold and warm."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DROP = Path("/proc/sys/vm/drop_caches")
WARM_RUNS = 5


def measure() -> dict[str, Any]:
    """Start the command as installed for this interpreter; seconds until it has printed its table.

    Returns:
        ``cold_s``, how it was made ``cold``, and ``warm_s``, the least of some runs after it.
    """
    command = Path(sys.executable).parent / "neurodeploy"
    cold = "with an empty page cache" if _drop_page_cache() else "the first start of this run; pages may be cached"
    cold_s = seconds(command)
    return {"cold_s": cold_s, "cold": cold, "warm_s": min(seconds(command) for _ in range(WARM_RUNS))}


def seconds(command: Path) -> float:
    """Of one demo, until the first line of its result is there."""
    began = time.perf_counter()
    process = subprocess.Popen([command, "demo"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    first = process.stdout.readline()
    took = time.perf_counter() - began
    process.stdout.read()
    process.stdout.close()
    if process.wait() or not first:
        raise RuntimeError(f"`{command} demo` failed: run it by hand")
    return took


def _drop_page_cache() -> bool:
    """Whether the system let us: it wants root."""
    if not DROP.exists():
        return False
    os.sync()
    try:
        DROP.write_text("3\n")
    except OSError:
        return False
    return True
