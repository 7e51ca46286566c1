"""Writes a Program as a ``.net`` file, or says all that keeps it from being one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import replacing
from neurodeploy.chipnet import ChipInput, ChipNetwork
from neurodeploy.export.errors import CannotExport, Obstacle, refuse_adapting
from neurodeploy.export.netx.chain import Stage, chain_of
from neurodeploy.export.netx.neurons import Datasets, is_quiet, neuron_data
from neurodeploy.export.netx.synapses import synapse_data
from neurodeploy.program import Program

Shape = tuple[int, ...]


def export_netx(program: Program, path: str | Path) -> dict[str, Any]:
    """Write ``program`` so that lava-dl 0.6.0's ``netx.hdf5.Network`` runs it to the same messages.

    Returns:
        ``layers`` written, ``load``: the call that loads the file, and ``notes``: what to know.

    Raises:
        CannotExport: The format, or netx's loader, cannot hold the program; with all reasons.
        UnwritableFile: The file cannot be written there.
    """
    import h5py

    refuse_adapting(program, ".net")
    source, stages = chain_of(program.net)
    layers = file_layers(program.net, source, stages)
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for k, layer in enumerate(layers):
            for name, value in layer.items():
                file[f"layer/{k}/{name}"] = value
    bits = stages[0].forward[0].message_bits if not stages[0].is_direct else 0
    arguments = f"{str(path)!r}" + (f", input_message_bits={bits}" if bits else "")
    return {
        "layers": len(layers),
        "load": f"lava.lib.dl.netx.hdf5.Network({arguments})",
        "notes": _notes(program, source, stages),
    }


def file_layers(net: ChipNetwork, source: ChipInput, stages: list[Stage]) -> list[Datasets]:
    """Datasets of every layer of the file.

    Raises:
        CannotExport: With everything that it cannot hold.
    """
    found = _late_starts(stages)
    layers: list[Datasets] = [] if stages[0].is_direct else [{"type": _word("input"), "shape": np.array(source.shape)}]
    before, is_plain_input = source.shape, True
    for stage in stages:
        name = stage.population.name
        shape, kind = _shape(stage), _kind(stage)
        synapses: Datasets = {}
        if kind == "conv" and before != stage.forward[0].connection.source_shape:
            what = f"a convolution over {stage.forward[0].connection.source_shape} behind a layer {before}"
            found.append(Obstacle(name, what, "netx cannot reshape: put convolutions before dense layers"))
        if kind.startswith("dense") and len(before) > 1 and not is_plain_input:
            layers.append({"type": _word("flatten"), "shape": np.array([int(np.prod(before))])})
        if kind == "input":
            found += _input_faults(stage, is_first=is_plain_input)
        if kind != "input":
            synapses, faults = synapse_data(stage)
            found += faults
        found += _message_faults(net, stage)
        neurons, faults = neuron_data(stage.population, is_input=kind == "input", shape=shape)
        found += faults
        layers.append({"type": _word(kind), "shape": np.array(shape), **synapses, **neurons})
        before, is_plain_input = shape, False
    if found:
        order = [stage.population.name for stage in stages]
        raise CannotExport(".net", sorted(found, key=lambda obstacle: order.index(obstacle.layer)))
    return layers


def _input_faults(stage: Stage, *, is_first: bool) -> list[Obstacle]:
    p, found = stage.population, []
    if not is_first:
        found.append(Obstacle(p.name, "a direct connection behind other neurons; netx has a synapse there", "use one"))
    if stage.recurrent is not None:
        found.append(Obstacle(p.name, "recurrence of input neurons", "put it into a layer of its own"))
    if len(p.shape) not in (1, 3):
        found.append(Obstacle(p.name, f"input neurons of shape {p.shape}", "use (n,) or (C, H, W)"))
    return found


def _word(text: str) -> Any:
    """As slayer writes it: ten ASCII bytes, shape (1,)."""
    return np.array([text], dtype="S10")


def _kind(stage: Stage) -> str:
    if stage.is_direct:
        return "input"
    if stage.is_conv:
        return "conv"
    return "dense" if stage.recurrent is None else "dense_rec"


def _shape(stage: Stage) -> Shape:
    """As netx will have it: maps stay maps only behind a convolution."""
    if stage.is_direct:
        return stage.population.shape
    return stage.forward[0].connection.target_shape if stage.is_conv else (stage.population.size,)


def _message_faults(net: ChipNetwork, stage: Stage) -> list[Obstacle]:
    """Where graded messages count for spikes, or the other way round.

    Netx reads a population's messages as what they are, the input's as it is told, and those of a recurrent synapse in
    the same way as those of the input's.
    """
    sender = stage.forward[0].source
    graded = bool(stage.forward[0].message_bits if sender in net.inputs else net.message_bits_of(sender))
    projections = [*stage.forward, *([stage.recurrent] if stage.recurrent else [])]
    wrong = [p for p in projections if net.message_bits_of(p.source) and bool(p.message_bits) != graded]
    remedy = f"connect with message_bits {16 if graded else 0}"
    return [
        Obstacle(
            p.target,
            f"messages of {p.source} taken for {('spikes', 'values')[p.message_bits > 0]}; not so by netx",
            remedy,
        )
        for p in wrong
    ]


def _late_starts(stages: list[Stage]) -> list[Obstacle]:
    """Layers that are held still for a time here, but would be at work in netx, which starts all at step 1."""
    found, arrival = [], 0
    awake: str | None = None
    for stage in stages:
        p = stage.population
        arrival += 0 if stage.is_direct else 1
        if not is_quiet(p):
            awake = awake or p.name
        if p.start and awake is not None:
            cause = "a bias, an initial state or a negative threshold"
            what = f"a start at step {p.start + 1} while {awake} has {cause}, which acts from step 1 on in netx"
            found.append(Obstacle(p.name, what, f"train {awake} without it"))
        elif p.start > arrival:
            what = f"a start at step {p.start + 1}, later than its first input; netx starts all layers at once"
            found.append(Obstacle(p.name, what, f"let it start at step {arrival + 1}"))
    return found


def _notes(program: Program, source: ChipInput, stages: list[Stage]) -> list[str]:
    first, last = stages[0], stages[-1].population.name
    notes = []
    if len(source.shape) == 3:
        notes.append(f"shapes in the file are (C, H, W); netx's own are (W, H, C): the input is {source.shape[::-1]}")
    if len(source.shape) > 1 and _kind(first).startswith("dense"):
        notes[-1:] = ["netx does not flatten the input: feed it flat, in order (C, H, W)"]
    if first.is_direct and first.population.model == "cuba":
        notes.append(
            "netx has no input port there: write the values (16 bits) into net.in_layer.neuron.bias_mant at every step"
        )
    if first.is_direct and first.population.model == "delta":
        notes.append("feed the values to net.in_layer.neuron.a_in")
    varied = [
        s.population.name
        for s in stages
        for name in ("du", "dv", "vth", "sin", "cos")
        if name in s.population.fields and len(np.unique(s.population.fields[name])) > 1
    ]
    if varied:
        names = ", ".join(dict.fromkeys(varied))
        notes.append(f"parameters per neuron ({names}) run on Lava's CPU models; a chip may want one per layer")
    for output, name in program.outputs.items():
        if name != last:
            notes.append(f"output '{output}' reads layer {name}, which is not the last")
    return notes
