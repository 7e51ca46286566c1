"""The chip as SANA-FE's architecture file has it: our constants, and the units that a replay needs on each core."""

from __future__ import annotations

from collections.abc import Mapping

from neurodeploy.chipmap import Mapping as ChipMapping
from neurodeploy.mapping.rows import Ints
from neurodeploy.simulate.timing import synop_energy, synop_time
from neurodeploy.target_schema import FloatQuantity, Target

KINDS = ("dense", "sparse", "conv2d")


def core_numbers(mapping: ChipMapping, target: Target) -> Ints:
    """Number of each logical core in SANA-FE's list of cores: its tiles go down the columns.

    The first tile has one core more, its last: the host's.
    """
    mesh = target.mesh
    column, row = mapping.tiles(target)
    tile = column * mesh.tiles_y.value + row
    within = mapping.core_on_chip % mesh.cores_per_tile.value
    numbers: Ints = tile * mesh.cores_per_tile.value + within + (tile > 0)
    return numbers


def host_core(target: Target) -> int:
    """Number of the host's core."""
    return target.mesh.cores_per_tile.value


def arch_text(target: Target, units: Mapping[int, Mapping[str, int]]) -> str:
    """The architecture file (YAML).

    Args:
        target: Its constants; those that SANA-FE has no place for are left out.
        units: By number of a core, how many units of ``fire`` and ``axon`` it needs: a spike train each.
    """
    e, t, mesh = target.energy, target.latency, target.mesh
    hops = {"east": "x", "west": "x", "north": "y", "south": "y"}
    ways = {f"energy_{way}_hop": getattr(e, f"hop_{axis}_j").value for way, axis in hops.items()}
    ways |= {f"latency_{way}_hop": getattr(t, f"hop_{axis}_s").value for way, axis in hops.items()}
    table = t.barrier_tiles_s.value if t.barrier_tiles_s is not None else ((1, t.barrier_s.value),)
    sync = ", ".join(f"{tiles}: {_number(seconds)}" for tiles, seconds in table)
    lines = [
        "architecture:",
        f"  name: {target.name}",
        f"  attributes: {{topology: mesh, width: {mesh.tiles_x.value}, height: {mesh.tiles_y.value},"
        f" link_buffer_size: 16, sync_model: table, latency_sync: {{{sync}}}}}",
        "  tile:",
    ]
    soma = _soma(
        e.neuron_inactive_j.value,
        e.neuron_active_j.value - e.neuron_inactive_j.value,
        t.neuron_inactive_s.value,
        t.neuron_active_s.value - t.neuron_inactive_s.value,
    )
    fire = _soma(spike_j=_value(e.spike_out_j), spike_s=_value(t.spike_out_s))
    synapses = [_synapse(target, kind) for kind in KINDS]
    for tile in range(mesh.tiles_x.value * mesh.tiles_y.value):
        lines += [f"    - name: tile{tile}", f"      attributes: {_inline(ways)}", "      core:"]
        for core in range(mesh.cores_per_tile.value + (tile == 0)):
            number = tile * mesh.cores_per_tile.value + core + (tile > 0)
            is_host = number == host_core(target)
            needed = units.get(number, {})
            somas = [f"{{name: compartment, attributes: {{model: leaky_integrate_fire, {soma}}}}}"]
            somas.append(f"{{name: shadow, attributes: {{model: leaky_integrate_fire, {_soma()}}}}}")
            for name, cost in (("fire", fire), ("axon", _soma())):
                if needed.get(name):
                    unit = f"{name}[0..{needed[name] - 1}]"
                    somas.append(f'{{name: "{unit}", attributes: {{model: input, {cost}}}}}')
            out = 0.0 if is_host else _value(t.packet_out_s)
            lines += [
                f"        - name: {'host' if is_host else f'core{core}'}",
                "          attributes: {buffer_position: soma, buffer_inside_unit: false,"
                " max_neurons_supported: 1048576}",
                "          axon_in: [{name: axon_in, attributes: {energy_message_in: 0.0,"
                f" latency_message_in: {_number(_value(t.packet_in_s))}}}}}]",
                f"          soma: [{', '.join(somas)}]",
                "          dendrite: [{name: dendrite, attributes: {model: accumulator, energy_update: 0.0,"
                " latency_update: 0.0}}]",
                f"          synapse: [{', '.join(synapses)}]",
                "          axon_out: [{name: axon_out, attributes: {"
                f"energy_message_out: {_number(e.within_tile_spike_j.value)}, latency_message_out: {_number(out)}}}}}]",
            ]
    return "\n".join(lines) + "\n"


def _soma(
    access_j: float = 0.0,
    update_j: float = 0.0,
    access_s: float = 0.0,
    update_s: float = 0.0,
    spike_j: float = 0.0,
    spike_s: float = 0.0,
) -> str:
    costs = {
        "energy_access_neuron": access_j,
        "energy_update_neuron": update_j,
        "energy_spike_out": spike_j,
        "latency_access_neuron": access_s,
        "latency_update_neuron": update_s,
        "latency_spike_out": spike_s,
    }
    return _inline(costs)[1:-1]


def _synapse(target: Target, kind: str) -> str:
    costs = {
        "energy_process_spike": synop_energy(target.energy, kind).value,
        "latency_process_spike": synop_time(target.latency, kind).value,
    }
    return f"{{name: {kind}, attributes: {{model: current_based, {_inline(costs)[1:-1]}}}}}"


def _inline(values: Mapping[str, float]) -> str:
    return "{" + ", ".join(f"{name}: {_number(value)}" for name, value in values.items()) + "}"


def _number(value: float) -> str:
    text = repr(float(f"{value:.15g}"))  # a difference of two constants without its last bits
    return text if "." in text else text.replace("e", ".0e")


def _value(quantity: FloatQuantity | None) -> float:
    return 0.0 if quantity is None else quantity.value
