"""The definition of the integer core in numpy: obvious and slow; the bits of Lava 0.10.0 ``fixed_pt``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodeploy.chipnet import ChipPopulation
from neurodeploy.errors import RegisterOverflow
from neurodeploy.neurons import model_named
from neurodeploy.neurons.cuba import VTH_NEVER
from neurodeploy.neurons.model import Ints
from neurodeploy.simulate.plan import Messages, Outcome, Plan, WholeOutcome
from neurodeploy.simulate.synapses import arriving


def run_reference(plan: Plan) -> Outcome:
    """Step by step, population by population; all samples of the batch side by side."""
    net, batch = plan.net, plan.batch
    spikes, states = plan.rasters(), plan.traces()
    sent = spikes | plan.padded_inputs()
    registers = {n: _initial(p, batch) for n, p in net.populations.items()}
    active = dict.fromkeys(net.populations, 0)
    wraps = dict.fromkeys(net.populations, 0)
    saturations = dict.fromkeys(net.populations, 0)
    incoming = {n: [p for p in plan.projections if p.target == n] for n in net.populations}
    for t in range(1, plan.steps + 1):
        for name, population in net.populations.items():
            first, last = plan.window(name)
            if first <= t <= last:
                model = model_named(population.model)
                before = registers[name]
                if _resets(population, t):
                    before = {register: np.zeros_like(values) for register, values in before.items()}
                inputs, wrapped = arriving(incoming[name], sent, t, model.ports, (batch, population.size))
                active[name] += _active(model.registers, before, inputs, model.constant_input(population.fields))
                after = model.integer_step(before, inputs, _fields(population, t), population.reset)
                wrapped += after.wraps
                if plan.strict and (wrapped or after.saturations):
                    raise overflow_error(name, t, wrapped, after.saturations)
                wraps[name] += wrapped
                saturations[name] += after.saturations
                registers[name] = after.state
                for source, messages in zip(plan.outputs[name], after.messages, strict=True):
                    spikes[source][:, t - 1] = messages
            for register, kept in states.get(name, {}).items():
                kept[:, t - 1] = registers[name][register]
    returned = {source: messages for source, messages in spikes.items() if plan.keeps(source)}
    return WholeOutcome(returned, states, active, wraps, saturations, _syn_ops(plan, sent), _sent(sent))


def _syn_ops(plan: Plan, sent: Mapping[str, Messages]) -> dict[str, int]:
    total = dict.fromkeys(plan.net.populations, 0)
    for p in plan.projections:
        received = np.count_nonzero(sent[p.source][:, plan.delivered(p)], axis=(0, 1))
        total[p.target] += int(received @ p.connection.fan_out())
    return total


def _sent(messages: Mapping[str, Messages]) -> dict[str, int]:
    return {source: int(np.count_nonzero(values)) for source, values in messages.items()}


def overflow_error(name: str, step: int, wraps: int, saturations: int) -> RegisterOverflow:
    """The strict mode's error, the same from both engines."""
    return RegisterOverflow(
        f"{wraps} wraps and {saturations} saturations of registers in strict mode",
        where=f"population '{name}', step {step}",
        remedy="lower the scale (weights, threshold and bias) of this population, or run without strict",
    )


def _resets(population: ChipPopulation, t: int) -> bool:
    interval = population.reset_interval
    return interval > 0 and t % interval == population.reset_offset % interval


def _fields(population: ChipPopulation, t: int) -> Mapping[str, Ints]:
    """Those of step t, counted from 1: outside its firing window a population has a threshold that no v exceeds."""
    if population.window is None or population.window[0] < t <= population.window[1]:
        return population.fields
    return {**population.fields, "vth": np.array(VTH_NEVER)}


def _initial(population: ChipPopulation, batch: int) -> Mapping[str, Ints]:
    """Registers at the start of a sample."""
    start = model_named(population.model).initial(population.fields)
    return {register: np.broadcast_to(values, (batch, population.size)) for register, values in start.items()}


def _active(registers: tuple[str, ...], before: Mapping[str, Ints], inputs: Mapping[str, Ints], bias: Ints) -> int:
    """Neurons with input, bias, or anything in a register."""
    values = [*inputs.values(), *(before[register] for register in registers), bias]
    return int(np.count_nonzero(np.any(np.broadcast_arrays(*(v != 0 for v in values)), axis=0)))
