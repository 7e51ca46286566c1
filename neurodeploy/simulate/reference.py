"""The definition of the integer core in numpy: obvious and slow; the bits of Lava 0.10.0 ``fixed_pt``."""

from __future__ import annotations

import numpy as np

from neurodeploy.arithmetic import shift, wrap_int24, wrap_int32
from neurodeploy.chipnet import ChipPopulation, ChipProjection
from neurodeploy.errors import RegisterOverflow
from neurodeploy.neurons import model_named
from neurodeploy.neurons.model import IntegerState, Ints
from neurodeploy.simulate.plan import Outcome, Plan


def run_reference(plan: Plan) -> Outcome:
    """Step by step, population by population; all samples of the batch side by side."""
    net, batch = plan.net, plan.batch
    spikes = {n: np.zeros((batch, plan.steps, p.size), np.uint8) for n, p in net.populations.items()}
    sent = spikes | {name: _padded(values, plan.steps) for name, values in plan.inputs.items()}
    states = {
        n: {r: np.zeros((batch, plan.steps, net.populations[n].size), np.int32) for r in registers}
        for n, registers in plan.registers.items()
    }
    registers = {n: _initial(p, batch, 1) for n, p in net.populations.items()}
    active = {n: np.zeros((batch, p.size), np.int64) for n, p in net.populations.items()}
    constant = {n: model_named(p.model).constant_input(p.fields) for n, p in net.populations.items()}
    wraps = dict.fromkeys(net.populations, 0)
    saturations = dict.fromkeys(net.populations, 0)
    incoming = {n: [p for p in plan.projections if p.target == n] for n in net.populations}
    for t in range(1, plan.steps + 1):
        for name, population in net.populations.items():
            first, last = plan.window(name)
            if first <= t <= last:
                before = _initial(population, batch, 0) if _resets(population, t) else registers[name]
                a, wrapped = np.zeros((batch, population.size), np.int64), 0
                for projection in incoming[name]:
                    emitted = t - 1 - projection.delay
                    if emitted >= 1:
                        exact, output = _synapse_output(projection, sent[projection.source][:, emitted - 1])
                        wrapped += int(np.count_nonzero(exact != output))
                        a += output
                wrapped += int(np.count_nonzero(a != wrap_int32(a)))
                active[name] += (a != 0) | (before.u != 0) | (before.v != 0) | (constant[name] != 0)
                after, fired = model_named(population.model).integer_step(
                    before, wrap_int32(a), population.fields, population.reset
                )
                wrapped += after.wraps
                if plan.strict and (wrapped or after.saturations):
                    raise overflow_error(name, t, wrapped, after.saturations)
                wraps[name] += wrapped
                saturations[name] += after.saturations
                registers[name] = after
                spikes[name][:, t - 1] = fired
            for register, kept in states.get(name, {}).items():
                kept[:, t - 1] = getattr(registers[name], register)
    return Outcome(spikes, states, active, wraps, saturations)


def overflow_error(name: str, step: int, wraps: int, saturations: int) -> RegisterOverflow:
    """The strict mode's error, the same from both engines."""
    return RegisterOverflow(
        f"{wraps} wraps of u and {saturations} saturations of v in strict mode",
        where=f"population '{name}', step {step}",
        remedy="lower the scale (weights, threshold and bias) of this population, or run without strict",
    )


def _padded(values: np.typing.NDArray[np.uint8], steps: int) -> np.typing.NDArray[np.uint8]:
    missing = max(0, steps - values.shape[1])
    return np.pad(values[:, :steps], ((0, 0), (0, missing), (0, 0)))


def _resets(population: ChipPopulation, t: int) -> bool:
    interval = population.reset_interval
    return interval > 0 and t % interval == population.reset_offset % interval


def _initial(population: ChipPopulation, batch: int, scale: int) -> IntegerState:
    """Registers at the start of a sample (``scale`` 1) or after a scheduled reset (0)."""
    shape = (batch, population.size)
    u, v = (np.broadcast_to(population.fields[f] * scale, shape).copy() for f in ("u0", "v0"))
    return IntegerState(u, v, np.zeros(shape, np.int64))


def _synapse_output(projection: ChipProjection, spikes: np.typing.NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """Exact and wrapped output for the spikes (B, n_source) of one step."""
    total = projection.connection.propagate(spikes)
    if projection.connection.kind == "conv2d":
        return total, wrap_int24(total)
    exact = shift(total, projection.weight_exp)
    return exact, wrap_int32(exact)
