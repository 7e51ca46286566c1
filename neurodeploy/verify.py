"""Two engines on one program: every register of every neuron at every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.evaluate import load_samples, run_program
from neurodeploy.export.lava import run_lava
from neurodeploy.lava_env import find_lava
from neurodeploy.neurons import model_named
from neurodeploy.program import Program
from neurodeploy.simulate import Run, simulate
from neurodeploy.simulate.plan import Plan
from neurodeploy.storage import load

AGAINST = ("reference", "lava")
TIMEOUT_S = 600.0
PART_BYTES = 256 * 2**20
BYTES_PER_VALUE = 20
"""Of one message or register in one step of one sample: those of two engines, and Lava's answer as it comes."""

Traces = dict[tuple[str, str], NDArray[Any]]
"""(B, steps, n) by population and register."""


@dataclass(frozen=True)
class Divergence:
    """The first value that differs; samples and neurons are counted from 0, chip steps from 1.

    Attributes:
        sample: Number in the data set.
        step: Chip step.
        population: The user's name.
        neuron: Number in C order.
        register: Of its model, or ``s`` (or the name of a further output) for messages.
        found: The fast engine's value.
        expected: The other engine's.
    """

    sample: int
    step: int
    population: str
    neuron: int
    register: str
    found: int
    expected: int


class EnginesDiffer(SimulationError):
    """Two engines gave different bits; carries the facts of :func:`verify`."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        d, total = facts["first_divergence"], sum(row["mismatched"] for row in facts["registers"])
        super().__init__(
            f"{facts['engine']} and {facts['against']} differ in {total:,} values; first in sample {d['sample']}, step "
            f"{d['step']}, population '{d['population']}', neuron {d['neuron']}, register {d['register']}: "
            f"{facts['engine']} {d['found']}, {facts['against']} {d['expected']}",
            where=str(facts.get("program", "verify")),
            remedy="report the program and the input; until then use --engine reference, which is the definition",
        )

    def to_dict(self) -> dict[str, object]:
        """The fields of the base class, the counts and the first divergence."""
        return super().to_dict() | dict(self.facts)


def verify_files(
    program_path: Path, data_path: Path, against: str, *, samples: int | None = None, **options: Any
) -> dict[str, Any]:
    """:func:`verify` of a ``.ndp`` file on the first ``samples`` of a data set."""
    program, spikes = load(program_path), load_samples(data_path).spikes[:samples]
    head = {"program": str(program_path), "target": program.target.name}
    return head | verify(program, spikes, against, **options)


def verify(
    program: Program,
    spikes: NDArray[Any],
    against: str,
    *,
    steps: int | None = None,
    lava_python: Path | None = None,
    timeout_s: float = TIMEOUT_S,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Run a data set on the fast engine and on another one, and compare all values.

    Args:
        program: The program.
        spikes: Messages (N, T, *shape) for the only input.
        against: ``reference`` or ``lava``.
        steps: Chip steps per sample; default all.
        lava_python: The interpreter with Lava; default :func:`neurodeploy.lava_env.find_lava`.
        timeout_s: For each of Lava's parts of the data set.
        progress: Told samples done and samples in all.

    Returns:
        ``equal``, per population and register the matched and mismatched values, and the first divergence or None.

    Raises:
        SimulationError: No fast engine here, or Lava has no equal of something in the program, or Lava failed.
        MissingDependency: No Lava.
    """
    python = find_lava(lava_python) if against == "lava" else None
    if len(program.net.inputs) != 1 or not len(spikes):
        run_program(program, spikes)  # says what is wrong
    record = {name: model_named(p.model).registers for name, p in program.net.populations.items()}
    matched: dict[tuple[str, str], int] = {}
    mismatched: dict[tuple[str, str], int] = {}
    first: Divergence | None = None
    part = _part(program, program.net.steps_of(spikes.shape[1]) if steps is None else steps)
    run: Run | None = None
    for start in range(0, len(spikes), part):
        chosen = spikes[start : start + part]
        run = simulate(program, chosen, steps=steps, record=record)
        if run.engine != "fast":
            raise SimulationError(
                "the fast engine is not available, so there is nothing to verify",
                where="verify",
                remedy="neurodeploy doctor, which says how to mend it",
            )
        found = _traces(program, run.spikes, run.states)
        if python is None:
            other = simulate(program, chosen, steps=steps, record=record, engine="reference")
            expected = _traces(program, other.spikes, other.states)
        else:
            answer = run_lava(_plan(program, chosen, run.steps, record), python=python, timeout_s=timeout_s)
            expected = _traces(program, answer.spikes, answer.states)
        for key, values in found.items():
            wrong = int(np.count_nonzero(values != expected[key]))
            mismatched[key] = mismatched.get(key, 0) + wrong
            matched[key] = matched.get(key, 0) + values.size - wrong
        first = first or first_divergence(found, expected, start)
        progress(start + len(chosen), len(spikes))
    return {
        "engine": "fast",
        "against": against,
        "equal": first is None,
        "samples": len(spikes),
        "steps": run.steps if run else 0,
        "registers": [
            {"population": name, "register": register, "matched": count, "mismatched": mismatched[name, register]}
            for (name, register), count in matched.items()
        ],
        "first_divergence": None if first is None else asdict(first),
    }


def first_divergence(found: Traces, expected: Traces, first_sample: int = 0) -> Divergence | None:
    """The earliest difference: by sample, step, population, neuron, then registers and messages as a step has them."""
    earliest: tuple[tuple[int, ...], Divergence] | None = None
    order = {name: k for k, name in enumerate(dict.fromkeys(name for name, _ in found))}
    for rank, ((name, register), values) in enumerate(found.items()):
        differs = values != expected[name, register]
        if not differs.any():
            continue
        sample, step, neuron = (int(i) for i in np.unravel_index(np.argmax(differs), differs.shape))
        pair = (int(source[sample, step, neuron]) for source in (values, expected[name, register]))
        here = Divergence(first_sample + sample, step + 1, name, neuron, register, *pair)
        key = (sample, step, order[name], neuron, rank)
        if earliest is None or key < earliest[0]:
            earliest = key, here
    return earliest[1] if earliest else None


def _traces(
    program: Program, spikes: Mapping[str, NDArray[Any]], states: Mapping[str, Mapping[str, NDArray[Any]]]
) -> Traces:
    """Per population its registers first, then its messages."""
    net = program.net
    return {
        (name, register): values.reshape(*values.shape[:2], -1)
        for name, population in net.populations.items()
        for register, values in (
            *states[name].items(),
            *zip(model_named(population.model).outputs, (spikes[s] for s in net.outputs_of(name)), strict=True),
        )
    }


def _plan(program: Program, spikes: NDArray[Any], steps: int, record: Mapping[str, tuple[str, ...]]) -> Plan:
    net = program.net
    (port,) = net.inputs.values()
    dtype = np.int32 if port.message_bits else np.uint8
    flat = np.ascontiguousarray(spikes.reshape(*spikes.shape[:2], -1), dtype=dtype)
    return Plan(net, {port.name: flat}, steps, steps - net.latency_steps, record, False)


def _part(program: Program, steps: int) -> int:
    """Samples whose traces stay within the memory set aside for them."""
    models = [(model_named(p.model), p.size) for p in program.net.populations.values()]
    values = sum(size * (len(model.registers) + len(model.outputs)) for model, size in models)
    return max(1, PART_BYTES // max(1, BYTES_PER_VALUE * steps * values))
