"""Turns a plan into what the worker reads, and refuses what Lava would compute differently."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Conv2d, Sparse
from neurodeploy.errors import SimulationError
from neurodeploy.export.lava.limits import Fault, conv_extents, population_fault, projection_fault
from neurodeploy.export.lava.models import lava_process
from neurodeploy.neurons import model_named
from neurodeploy.simulate.plan import Plan

Keep = Callable[[NDArray[Any]], str]


@dataclass(frozen=True, eq=False)
class LavaOutcome:
    """What Lava computed; Lava counts neither wraps nor saturations.

    Attributes:
        spikes: Messages (B, steps, size) per output, named and typed as in an engine's outcome.
        states: int32 (B, steps, size) per recorded register.
    """

    spikes: Mapping[str, NDArray[Any]]
    states: Mapping[str, Mapping[str, NDArray[np.int32]]]


def write_jobs(plans: Sequence[Plan], folder: Path) -> None:
    """Write ``jobs.json`` and ``arrays.npz``.

    Raises:
        SimulationError: Lava has no exact equal of something; names the population and the alternative.
    """
    arrays: dict[str, NDArray[Any]] = {}
    jobs = [_job(plan, arrays) for plan in plans]
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]  # the stubs: any keyword may be theirs


def read_outcome(plan: Plan, path: Path) -> LavaOutcome:
    """The result of one job."""
    spikes: dict[str, NDArray[Any]] = {}
    states: dict[str, dict[str, NDArray[np.int32]]] = {}
    with np.load(path) as results:
        for k, (name, outputs) in enumerate(plan.outputs.items()):
            rows = np.moveaxis(results[f"p{k}"], 2, 0)
            for source, messages in zip(outputs, rows, strict=False):
                spikes[source] = messages.astype(np.int32 if plan.net.message_bits_of(source) else np.uint8)
            if name in plan.registers:
                found = dict(zip(_traced(plan, name), rows[len(outputs) :], strict=True))
                states[name] = {register: found[register] for register in plan.registers[name]}
    return LavaOutcome(spikes, states)


def _traced(plan: Plan, name: str) -> tuple[str, ...]:
    """Registers whose values come back; those of DeltaEncoder always, to see whether they leave its 32 bits."""
    model = model_named(plan.net.populations[name].model)
    return model.registers if plan.registers.get(name) or model.name == "delta_encoder" else ()


def _job(plan: Plan, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    def keep(values: NDArray[Any]) -> str:
        arrays[key := f"a{len(arrays)}"] = values
        return key

    net = plan.net
    nodes = {name: k for k, name in enumerate([*net.inputs, *net.populations])}
    for name, population in net.populations.items():
        _refuse(population_fault(population), f"population '{name}'")
    for p in net.projections:
        _refuse(projection_fault(net, p), f"projection '{p.source}' -> '{p.target}'")
    populations = [_population(plan, name, keep) for name in net.populations]
    inputs = plan.padded_inputs()
    return {
        "steps": plan.steps,
        "period": plan.steps + (pause(net) if plan.batch > 1 else 0),
        "samples": plan.batch,
        "inputs": [keep(inputs[name].transpose(0, 2, 1)) for name in net.inputs],  # Lava's sources have time last
        "populations": populations,
        "projections": [
            {"source": nodes[net.sender_of(p.source)], "target": nodes[p.target]}
            | lava_ports(net, p)
            | _synapses(p, keep)
            for p in net.projections
        ],
    }


def _refuse(fault: Fault | None, where: str) -> None:
    if fault is not None:
        what, remedy = fault
        raise SimulationError(
            f"Lava 0.10.0 has no fixed_pt equal of {what}",
            where=f"{where}, engine lava",
            remedy=f"{remedy}; or --engine reference (verify: --against reference), which defines the rest",
        )


def lava_ports(net: ChipNetwork, projection: ChipProjection) -> dict[str, str]:
    """``out`` and ``in``: Lava's names of the ports that a projection connects."""
    sender, out = net.sender_of(projection.source), "s_out"
    if sender in net.populations:
        number = net.outputs_of(sender).index(projection.source)
        out = list(lava_process(net.populations[sender]).outputs.values())[number]
    return {"out": out, "in": lava_process(net.populations[projection.target]).ports[projection.port]}


def _population(plan: Plan, name: str, keep: Keep) -> dict[str, Any]:
    def values(given: Mapping[str, Any]) -> dict[str, Any]:
        return {key: {"array": keep(x)} if isinstance(x, np.ndarray) else x for key, x in given.items()}

    population = plan.net.populations[name]
    process = lava_process(population)
    return {
        "process": process.name,
        "size": population.size,
        "arguments": values(process.arguments),
        "initial": values(process.initial),
        "window": plan.window(name),
        "ports": list(process.ports.values()),
        "outputs": list(process.outputs.values()),
        "registers": [process.registers[register] for register in _traced(plan, name)],
    }


def pause(net: ChipNetwork) -> int:
    """Idle steps after a sample, in which the spikes still in the synapses arrive while nobody listens."""
    return 1 + max((projection.delay for projection in net.projections), default=0)


def _synapses(projection: ChipProjection, keep: Keep) -> dict[str, Any]:
    c = projection.connection
    if c.kind == "direct":
        return {"kind": c.kind}
    if isinstance(c, Sparse):
        c = c.by_target()
    described: dict[str, Any] = {
        "kind": c.kind,
        "weights": keep(c.weights),
        "weight_exp": projection.weight_exp,
        "num_weight_bits": projection.num_weight_bits,
        "sign_mode": projection.sign_mode,
        "delay": projection.delay,
        "message_bits": projection.message_bits,
        "delays": None if projection.delays is None else keep(projection.delays),
    }
    if isinstance(c, Sparse):
        described |= {"shape": [c.n_target, c.n_source], "indices": keep(c.indices), "indptr": keep(c.indptr)}
    elif isinstance(c, Conv2d):
        described |= {
            "source_shape": c.source_shape,
            "extents": conv_extents(c),
            **{name: value if name != "groups" else value[0] for name, value in c.geometry().items()},
        }
    return described
