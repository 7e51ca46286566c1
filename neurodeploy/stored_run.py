"""``RUN.npz``: the spikes and counts of a run, from which its costs follow without simulating again.

The file has ``spikes_NAME`` (N, steps, *shape) for every output of a population; ``input_NAME`` for every input, which
lists the places in C order of (N, steps, size) at which there is a message, int64; and ``counted``, a JSON text with
what spikes do not tell: which updates were active, and how many registers wrapped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnreadableFile
from neurodeploy.npz import read_arrays
from neurodeploy.program import Program
from neurodeploy.simulate.counters import Counters, PopulationCounters
from neurodeploy.simulate.events import Events
from neurodeploy.simulate.inputs import Spikes
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.run import Run
from neurodeploy.simulate.traffic import measure

HOW = "`neurodeploy run PROGRAM --input DATA.npz -o RUN.npz`"


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A run read back.

    Attributes:
        program: The program that it is of, or another mapping or target of the same network.
        sent: Where every input and output sent a message, uint8 0 or 1, (N, steps, size).
        steps: Chip steps per sample.
        live_steps: Steps in which each population is live.
        populations: Counts of populations and inputs.
    """

    program: Program
    sent: Mapping[str, NDArray[np.uint8]]
    steps: int
    live_steps: int
    populations: Mapping[str, PopulationCounters]

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(next(iter(self.sent.values())))

    @property
    def plan(self) -> Plan:
        """What was simulated."""
        inputs = {name: self.sent[name] for name in self.program.net.inputs}
        return Plan(self.program.net, inputs, self.steps, self.live_steps, {}, False)

    def counters(self) -> Counters:
        """All counts, with the mapping and the times of the program."""
        traffic = measure(self.plan, self.sent, self.program.mapping, self.program.target)
        return Counters(self.samples, self.steps, self.live_steps, self.populations, traffic)


def run_arrays(program: Program, inputs: Spikes, run: Run) -> dict[str, Any]:
    """What a run file holds, of a program with one input.

    Args:
        program: The program.
        inputs: Messages (N, T, *shape), silent after T, or events.
        run: With the spikes of every output.
    """
    ((name, port),) = program.net.inputs.items()
    counted = {
        "samples": run.counters.samples,
        "steps": run.steps,
        "live_steps": run.counters.live_steps,
        "populations": {n: vars(c) for n, c in run.counters.populations.items()},
    }
    return {
        f"input_{name}": _places(inputs, run.steps, port.size),
        **{f"spikes_{output}": spikes for output, spikes in run.spikes.items()},
        "counted": np.array(json.dumps(counted)),
    }


def _places(inputs: Spikes, steps: int, size: int) -> NDArray[np.int64]:
    """Where there are messages, in C order of (samples, steps, size)."""
    length = inputs.shape[1]
    if isinstance(inputs, Events):
        row = np.repeat(np.arange(inputs.samples * length), np.diff(inputs.starts))
        address = inputs.addresses.astype(np.int64)
    else:
        row, address = np.nonzero(inputs.reshape(-1, size))
    sample, t = np.divmod(row, length)
    places: NDArray[np.int64] = ((sample * steps + t) * size + address)[t < steps]
    return places


def load_run(path: Path, program: Program) -> StoredRun:
    """Read a run of a program, or of another mapping of the same network.

    Raises:
        UnreadableFile: Not such a file, or of another network.
    """
    arrays, held = read_arrays(path, None, HOW)
    net, where = program.net, str(path)
    names = {f"input_{name}": name for name in net.inputs}
    names |= {f"spikes_{output}": output for name in net.populations for output in net.outputs_of(name)}
    absent = sorted((names.keys() | {"counted"}) - arrays.keys())
    if absent:
        what = f"no array '{absent[0]}'; found {', '.join(held)}"
        raise UnreadableFile(what, where=where, remedy=f"write it with {HOW}, of this program")
    try:
        counted = json.loads(str(arrays["counted"]))
        everything = (*net.inputs, *net.populations)
        populations = {name: PopulationCounters(**counted["populations"][name]) for name in everything}
        samples, steps, live = (int(counted[key]) for key in ("samples", "steps", "live_steps"))
    except (ValueError, KeyError, TypeError) as error:
        what = f"'counted' is not what a run writes: {type(error).__name__}: {error}"
        raise UnreadableFile(what, where=where, remedy=f"write it again with {HOW}") from error
    sent = {}
    for key, name in names.items():
        found, shape = arrays[key], (samples, steps, net.size_of(name))
        if name in net.inputs:
            legal = found.ndim == 1 and found.dtype == np.int64 and min(shape) > 0
            if not legal or found.min(initial=0) < 0 or found.max(initial=0) >= math.prod(shape):
                raise _other(f"'{key}' does not list places among {shape}", where)
            flags = np.zeros(math.prod(shape), np.uint8)
            flags[found] = 1
        else:
            if found.shape != (samples, steps, *net.shape_of(name)):
                what = f"'{key}' has shape {found.shape}, in this program {net.shape_of(name)}, in {steps} steps"
                raise _other(what, where)
            flags = (found != 0).astype(np.uint8)
        sent[name] = flags.reshape(shape)
    return StoredRun(program, sent, steps, live, populations)


def _other(what: str, where: str) -> UnreadableFile:
    return UnreadableFile(what, where=where, remedy="give the run of this program")
