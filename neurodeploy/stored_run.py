"""``RUN.npz``: the spikes and counts of a run, from which its costs follow without simulating again.

The file has ``spikes_NAME`` for every output of a population and ``input_NAME`` for every input, (N, steps, *shape),
and ``counted``, a JSON text with what spikes do not tell: which updates were active, and how many registers wrapped.
"""

from __future__ import annotations

import json
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


def run_arrays(program: Program, inputs: NDArray[Any], run: Run) -> dict[str, Any]:
    """What a run file holds, of a program with one input.

    Args:
        program: The program.
        inputs: Messages (N, T, *shape), silent after T.
        run: With the spikes of every output.
    """
    (name,) = program.net.inputs
    missing = max(0, run.steps - inputs.shape[1])
    padding = [(0, 0), (0, missing)] + [(0, 0)] * (inputs.ndim - 2)
    counted = {
        "steps": run.steps,
        "live_steps": run.counters.live_steps,
        "populations": {n: vars(c) for n, c in run.counters.populations.items()},
    }
    return {
        f"input_{name}": np.pad(inputs[:, : run.steps], padding),
        **{f"spikes_{output}": spikes for output, spikes in run.spikes.items()},
        "counted": np.array(json.dumps(counted)),
    }


def load_run(path: Path, program: Program) -> StoredRun:
    """Read a run of a program, or of another mapping of the same network.

    Raises:
        UnreadableFile: Not such a file, or of another network.
    """
    arrays, found = read_arrays(path, None, HOW)
    net, where = program.net, str(path)
    names = {f"input_{name}": name for name in net.inputs}
    names |= {f"spikes_{output}": output for name in net.populations for output in net.outputs_of(name)}
    absent = sorted((names.keys() | {"counted"}) - arrays.keys())
    if absent:
        what = f"no array '{absent[0]}'; found {', '.join(found)}"
        raise UnreadableFile(what, where=where, remedy=f"write it with {HOW}, of this program")
    try:
        counted = json.loads(str(arrays["counted"]))
        populations = {
            name: PopulationCounters(**counted["populations"][name]) for name in (*net.inputs, *net.populations)
        }
        steps, live = int(counted["steps"]), int(counted["live_steps"])
    except (ValueError, KeyError, TypeError) as error:
        what = f"'counted' is not what a run writes: {type(error).__name__}: {error}"
        raise UnreadableFile(what, where=where, remedy=f"write it again with {HOW}") from error
    sent = {}
    samples = {len(arrays[key]) if arrays[key].ndim else 0 for key in names}
    for key, name in names.items():
        shape = (*samples, steps, *net.shape_of(name))
        if len(samples) != 1 or arrays[key].shape != shape or not arrays[key].size:
            what = f"'{key}' has shape {arrays[key].shape}, in this program {net.shape_of(name)}, in {steps} steps"
            raise UnreadableFile(what, where=where, remedy="give the run of this program")
        sent[name] = (arrays[key] != 0).astype(np.uint8).reshape(*shape[:2], -1)
    return StoredRun(program, sent, steps, live, populations)
