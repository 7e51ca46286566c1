"""``simulate``: check the input, choose the engine, hand back a :class:`Run`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import InvalidNetwork, SimulationError, did_you_mean
from neurodeploy.kernels import KernelsUnavailable
from neurodeploy.neurons import model_named
from neurodeploy.simulate.counters import Counters
from neurodeploy.simulate.counting import count
from neurodeploy.simulate.engine import NotFlags, run_fast
from neurodeploy.simulate.inputs import Spikes, checked_inputs
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.rasters import Lazy
from neurodeploy.simulate.reference import run_reference

if TYPE_CHECKING:
    from neurodeploy.program import Program

ENGINES = ("fast", "reference")
MOST_STEPS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Run:
    """Result of a simulation; arrays have no batch axis where the input had none.

    Attributes:
        spikes: (B, steps, *shape) per population, and per further output of a model as ``population.output``: uint8
            where messages are 0 or 1, else int32.
        states: int32 (B, steps, *shape) per recorded register, e.g. ``states["l1"]["u"]``; after each step.
        counters: Spikes, SynOps, neuron updates, packets and hops.
        steps: Chip steps run.
        engine: The engine that ran.
        latency_steps: Steps by which the last population lags the input.
    """

    spikes: Mapping[str, NDArray[Any]]
    states: Mapping[str, Mapping[str, NDArray[np.int32]]]
    counters: Counters
    steps: int
    engine: str
    latency_steps: int


def simulate(
    network: ChipNetwork | Program,
    spikes: Spikes | Mapping[str, Spikes],
    *,
    steps: int | None = None,
    record: Mapping[str, Sequence[str]] | None = None,
    keep: Collection[str] | None = None,
    engine: str = "fast",
    strict: bool = False,
    threads: int | None = None,
) -> Run:
    """Run an integer network on spikes.

    Args:
        network: A ChipNetwork, or a Program, whose mapping then gives packets, hops and per-core counts.
        spikes: Messages (T, *shape) or (B, T, *shape) for the only input, or a dict of such by input name: 0 and 1,
            or integers where the input takes graded messages. :class:`Events` may stand for arrays of 0 and 1.
        steps: Chip steps; default T plus the latency of the last population, so that every layer is live for T steps;
            or the network's ``sample_steps``.
        record: Registers to keep per population, e.g. ``{"l1": ("u", "v")}``.
        keep: Outputs whose spikes the Run holds; default all, ``()`` for counters alone. The ``fast`` engine keeps a
            bit for a spike, and makes arrays of them when they are looked at.
        engine: ``fast`` or ``reference``; both give the same bits.
        strict: Raise RegisterOverflow where a register wraps or saturates, and refuse networks whose weights the
            synapse format altered; otherwise both are counted.
        threads: How many share the samples, or the large dense layers of a single one, on the ``fast`` engine; default
            what the work is worth. Results do not depend on it.

    Raises:
        SimulationError: The input does not fit the network, or an unknown engine or register.
        RegisterOverflow: In strict mode.
    """
    if isinstance(network, ChipNetwork):
        net, placed = network, None
    else:
        net, placed = network.net, (network.mapping, network.target)
    if engine not in ENGINES:
        raise SimulationError(f"no engine '{engine}'", where="simulate", remedy=did_you_mean(engine, ENGINES))
    if not net.populations:
        raise SimulationError("the network has no population", where="simulate", remedy="add one, and connect it")
    inputs, batched = checked_inputs(net, spikes, bytes_too=engine != "fast")
    length = next(iter(inputs.values())).shape[1]
    latency = net.latency_steps
    total = net.steps_of(length) if steps is None else steps
    if steps is None and net.sample_steps and length > total:
        raise SimulationError(
            f"{length} steps of input; a sample of this network has {total}",
            where="simulate",
            remedy=f"give at most {total} steps, the rest is cut off if you say steps={total}",
        )
    if total <= latency:
        raise SimulationError(
            f"{total} steps do not reach the last layer, which starts after {latency}",
            where="simulate",
            remedy=f"run at least {latency + 1} steps",
        )
    if total > MOST_STEPS:
        raise SimulationError(
            f"{total:,} steps", where="simulate", remedy=f"run at most {MOST_STEPS:,} steps at a time"
        )
    if strict:
        _refuse_altered(net)
    kept = checked_outputs(net, keep)
    registers = checked_registers(net, record or {})
    # packets are counted from all spikes
    plan = Plan(net, inputs, total, total - latency, registers, strict, kept if placed is None else None)
    if length > total:  # of which the kernels do not read all
        checked_inputs(net, spikes)
    outcome, used = _run(plan, engine, threads, lambda: checked_inputs(net, spikes))

    def shaped(name: str, values: NDArray[Any]) -> NDArray[Any]:
        view = values.reshape(*values.shape[:2], *net.shape_of(name))
        return view if batched else view[0]

    return Run(
        Lazy(
            outcome.spikes if kept is None else [name for name in outcome.spikes if name in kept],
            lambda name: shaped(name, outcome.spikes[name]),
        ),
        {n: {r: shaped(n, v) for r, v in kept.items()} for n, kept in outcome.states.items()},
        count(plan, outcome, placed),
        total,
        used,
        latency,
    )


def _run(plan: Plan, engine: str, threads: int | None, check: Callable[[], object]) -> tuple[Outcome, str]:
    if engine == "reference":
        return run_reference(plan), engine
    try:
        outcome = run_fast(plan, threads=threads)
    except NotFlags:
        check()
        raise
    except KernelsUnavailable as missing:
        warnings.warn(
            f"the C kernels are not available ({missing}); running the slow reference engine, same bits. "
            "`neurodeploy doctor` says how to mend it.",
            RuntimeWarning,
            stacklevel=4,
        )
        check()
        return run_reference(plan), "reference"
    if plan.strict and (any(outcome.wraps.values()) or any(outcome.saturations.values())):
        run_reference(plan)
    return outcome, engine


def checked_outputs(net: ChipNetwork, keep: Collection[str] | None) -> frozenset[str] | None:
    """The outputs to keep, None for all; SimulationError for one that is not there."""
    if keep is None:
        return None
    known = [source for name in net.populations for source in net.outputs_of(name)]
    for name in (keep,) if isinstance(keep, str) else keep:
        if name not in known:
            raise SimulationError(f"no output '{name}' to keep", where="keep", remedy=did_you_mean(name, known))
    return frozenset((keep,) if isinstance(keep, str) else keep)


def checked_registers(net: ChipNetwork, record: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The registers to keep; SimulationError for what is not there."""
    registers = {}
    for name, wanted in record.items():
        if name not in net.populations:
            raise SimulationError(
                f"no population '{name}' to record", where="record", remedy=did_you_mean(name, net.populations)
            )
        known = model_named(net.populations[name].model).registers
        for register in wanted:
            if register not in (*known, "s"):
                raise SimulationError(
                    f"no register '{register}'", where=f"record['{name}']", remedy=did_you_mean(register, (*known, "s"))
                )
        registers[name] = tuple(r for r in known if r in wanted)
    return registers


def _refuse_altered(net: ChipNetwork) -> None:
    for p in net.projections:
        if p.altered_weights:
            raise InvalidNetwork(
                f"the synapse format altered {p.altered_weights} weights, in strict mode",
                where=f"projection '{p.source}' -> '{p.target}', {p.sign_mode}, {p.num_weight_bits} bits",
                remedy="give weights that the format holds (mixed: even numbers), or run without strict",
            )
