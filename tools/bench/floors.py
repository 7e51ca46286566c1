"""The physical floor of a workload: its synaptic work and one sweep of its neurons, each at this machine's best rate.

floors.c measures the rates here, in the same run as everything else. Synaptic work is that of the fastest known way:
dense and convolved rows summed in registers (from level 2 of the cache, or level 1 for kernels), sparse rows scattered
over 16-bit sums; bytes hide behind it, except where memory is the slower of the two (W4: four bytes per synapse).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "floors.c"
FLAGS = ("-O3", "-march=native", "-std=gnu11", "-pthread")
LEVEL_1, LEVEL_2, MEMORY = 1 << 14, 1 << 18, 1 << 29
TIMEOUT_S = 600
SYNAPSE_BYTES = 4
"""Of a network with more neurons than 16 bits can name."""

Rates = dict[str, dict[str, float]]
"""Best rate per second by kind of work and size."""


@dataclass(frozen=True)
class Floor:
    """Times that a workload cannot beat, in seconds.

    Attributes:
        synapses_s: Of the synaptic events.
        neurons_s: Of the neuron updates.
    """

    synapses_s: float
    neurons_s: float

    @property
    def total_s(self) -> float:
        """One after the other."""
        return self.synapses_s + self.neurons_s


def measure(cache: Path, threads: list[int]) -> dict[str, Any]:
    """Compile and run floors.c.

    Returns:
        ``vector_bytes`` and ``rates`` by thread count (as text), or ``unavailable``: why not.
    """
    compiler = os.environ.get("CC", "gcc")
    if shutil.which(compiler) is None:
        return {"unavailable": f"no C compiler '{compiler}' (set CC)"}
    what = hashlib.sha256(SOURCE.read_bytes() + " ".join((compiler, *FLAGS)).encode()).hexdigest()[:16]
    program = cache / f"floors-{what}"
    done = subprocess.run([compiler, *FLAGS, "-o", program, SOURCE], capture_output=True, text=True)
    if done.returncode:
        return {"unavailable": f"floors.c does not compile: {done.stderr[-300:]}"}
    rates: dict[str, Rates] = {}
    vector = 0
    for count in threads:
        rates[str(count)] = found = {}
        try:
            done = subprocess.run([program, str(count)], capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
        except subprocess.SubprocessError as error:
            return {"unavailable": f"floors.c does not run with {count} threads: {error}"}
        for kind, size, rate in map(str.split, done.stdout.splitlines()):
            found.setdefault(kind, {})[size] = float(rate)
        vector = int(next(iter(found.pop("vector"))))
    return {"vector_bytes": vector, "rates": rates}


def floor_of(base: str, work: dict[str, int], rates: Rates) -> Floor:
    """The floor of a workload's network.

    Args:
        base: W1, W2, W3 or W4.
        work: ``synaptic_events`` and ``neuron_updates`` of the whole run.
        rates: For the thread count.
    """
    events, updates = work["synaptic_events"], work["neuron_updates"]

    def at(kind: str, size: int) -> float:
        return rates[kind][str(size)]

    if base == "W1":
        return Floor(events / at("rows", LEVEL_2), updates / at("lif", 1000))
    if base == "W2":
        return Floor(events / at("rows", LEVEL_1), updates / at("lif", 10_000))
    neurons = {"W3": 10_000, "W4": 1_000_000}[base]
    scatter_s = events / at("scatter", neurons)
    if base == "W4":
        scatter_s = max(scatter_s, SYNAPSE_BYTES * events / at("read", MEMORY))
    return Floor(scatter_s, updates / at("lif_bias", neurons))


def table(found: dict[str, Any]) -> list[list[str]]:
    """Heading and rows: the rates of all thread counts."""
    if "unavailable" in found:
        return [["floors"], [found["unavailable"]]]
    counts = list(found["rates"])
    first = found["rates"][counts[0]]
    lines = [["best of many short runs", *(f"{c} thread{'s' if c != '1' else ''}" for c in counts)]]
    for kind, sizes in first.items():
        what, scale, unit = WORDS[kind]
        for size in sizes:
            values = (found["rates"][c][kind][size] for c in counts)
            name = f"{int(size) // 1024:,} KiB" if kind in ("read", "rows") else f"{int(size):,}"
            lines.append([what.format(name), *(f"{value / scale:,.3g} {unit}" for value in values)])
    return lines


WORDS = {
    "read": ("read {}", 1e9, "GB/s"),
    "rows": ("int8 rows summed in int16 registers, {}", 1e9, "G synapses/s"),
    "scatter": ("random 16-bit read-modify-write, {} targets", 1e9, "G/s"),
    "lif": ("exact neuron update, {} neurons", 1e9, "G/s"),
    "lif_bias": ("the same with bias, {} neurons", 1e9, "G/s"),
}
