"""Turns a plan into what the worker reads, and refuses what Lava would compute differently."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import Conv2d, Sparse
from neurodeploy.errors import SimulationError
from neurodeploy.neurons.cuba import VTH_NEVER
from neurodeploy.simulate.plan import Plan

LAVA_FIELDS = ("du", "dv", "vth", "bias_mant", "bias_exp", "u0", "v0")
CONV_LIMIT = 127
"""Lava holds the geometry of a convolution in eight bits."""


@dataclass(frozen=True, eq=False)
class LavaOutcome:
    """What Lava computed; Lava counts neither wraps nor saturations.

    Attributes:
        spikes: uint8 (B, steps, size) per population.
        states: int32 (B, steps, size) per recorded register.
    """

    spikes: Mapping[str, NDArray[np.uint8]]
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
    spikes: dict[str, NDArray[np.uint8]] = {}
    states: dict[str, dict[str, NDArray[np.int32]]] = {}
    with np.load(path) as results:
        for k, name in enumerate(plan.net.populations):
            trace = results[f"p{k}"]
            if kept := plan.registers.get(name, ()):
                trace, *registers = np.moveaxis(trace, 2, 0)
                both = dict(zip("uv", registers, strict=True))
                states[name] = {register: both[register] for register in kept}
            spikes[name] = trace.astype(np.uint8)
    return LavaOutcome(spikes, states)


def _job(plan: Plan, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    def keep(values: NDArray[Any]) -> str:
        arrays[key := f"a{len(arrays)}"] = values
        return key

    net = plan.net
    nodes = {name: k for k, name in enumerate([*net.inputs, *net.populations])}
    for population in net.populations.values():
        _refuse_population(population)
    inputs = []
    for name in net.inputs:
        missing = max(0, plan.steps - plan.inputs[name].shape[1])
        spikes = np.pad(plan.inputs[name][:, : plan.steps], ((0, 0), (0, missing), (0, 0)))
        inputs.append(keep(spikes.transpose(0, 2, 1)))  # Lava's sources have time last
    return {
        "steps": plan.steps,
        "period": plan.steps + (pause(net) if plan.batch > 1 else 0),
        "samples": plan.batch,
        "inputs": inputs,
        "populations": [
            {
                "size": population.size,
                "fields": {field: keep(population.fields[field]) for field in LAVA_FIELDS},
                "window": plan.window(name),
                "reset": [population.reset_interval, population.reset_offset],
                "registers": bool(plan.registers.get(name)),
            }
            for name, population in net.populations.items()
        ],
        "projections": [
            {"source": nodes[p.source], "target": nodes[p.target]} | _synapses(p, keep) for p in net.projections
        ],
    }


def pause(net: ChipNetwork) -> int:
    """Idle steps after a sample, in which the spikes still in the synapses arrive while nobody listens."""
    return 1 + max((projection.delay for projection in net.projections), default=0)


def _refuse_population(population: ChipPopulation) -> None:
    """Reset ``none`` is ``zero`` where v, at most 2^23 - 1, never exceeds the threshold: a passive read-out."""
    never_fires = bool(np.all(population.fields["vth"] >= VTH_NEVER)) if "vth" in population.fields else False
    resets = ("zero", "none") if never_fires else ("zero",)
    missing = []
    if population.model != "cuba" or population.reset not in resets:
        missing.append(f"model '{population.model}' with reset '{population.reset}'")
    missing += [name for name in population.fields if name not in LAVA_FIELDS and np.any(population.fields[name])]
    if missing:
        raise SimulationError(
            f"Lava's fixed_pt LIF has no equal of {', '.join(missing)}",
            where=f"population '{population.name}', engine lava",
            remedy="use model 'cuba' with reset 'zero', or --engine reference (verify: --against reference), "
            "which defines the rest",
        )


def _synapses(projection: ChipProjection, keep: Any) -> dict[str, Any]:
    c = projection.connection
    described: dict[str, Any] = {
        "kind": c.kind,
        "weights": keep(c.weights),
        "weight_exp": projection.weight_exp,
        "num_weight_bits": projection.num_weight_bits,
        "sign_mode": projection.sign_mode,
        "delay": projection.delay,
        "delays": None if projection.delays is None else keep(projection.delays),
    }
    if isinstance(c, Sparse):
        described |= {"shape": [c.n_target, c.n_source], "indices": keep(c.indices), "indptr": keep(c.indptr)}
    elif isinstance(c, Conv2d):
        _refuse_conv(projection, c)
        (channels, height, width), (kh, kw) = c.source_shape, c.weights.shape[2:]
        spans = (
            height + 2 * c.padding[0] - c.dilation[0] * (kh - 1),
            width + 2 * c.padding[1] - c.dilation[1] * (kw - 1),
        )
        described |= {
            "source_shape": c.source_shape,
            "extents": [channels, c.weights.shape[0], height, width, *(span - 1 for span in spans)],
            **{name: value if name != "groups" else value[0] for name, value in c.geometry().items()},
        }
    elif c.kind != "dense":
        raise SimulationError(
            f"no Lava process for connection kind '{c.kind}'",
            where=f"projection '{projection.source}' -> '{projection.target}', engine lava",
            remedy="connect with kind 'sparse', which holds any wiring, or use --engine reference",
        )
    return described


def _refuse_conv(projection: ChipProjection, c: Conv2d) -> None:
    where = f"projection '{projection.source}' -> '{projection.target}', engine lava"
    if projection.delay:
        raise SimulationError(
            f"Lava's Conv has no delay ({projection.delay} here)",
            where=where,
            remedy="use kind 'sparse' with connection.to_csr(), delay 0, or --engine reference",
        )
    geometry = (*c.weights.shape[2:], *c.stride, *c.padding, *c.dilation, c.groups)
    if max(geometry) > CONV_LIMIT:
        raise SimulationError(
            f"Lava's Conv holds kernel size, stride, padding, dilation and groups up to {CONV_LIMIT}, here {geometry}",
            where=where,
            remedy="use kind 'sparse' with connection.to_csr(), or --engine reference",
        )
