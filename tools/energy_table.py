"""Write docs/energy-measured.md: public measurements beside what is estimated of the same networks.

    python tools/energy_table.py [docs/energy-measured.md]

Neither weights nor spikes of these runs are public. Networks are built with the published sizes, and spikes are drawn;
one set of assumptions holds for all rows, and no constant is tuned for any.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import neurodeploy as nd
from neurodeploy.cli_print import si
from neurodeploy.energy_profile import load_profile, with_profile
from neurodeploy.estimate import Band, Costs
from neurodeploy.estimate.baselines import dense_macs
from neurodeploy.estimate.model import costs_of
from neurodeploy.mapping import map_network
from neurodeploy.simulate.counters import PopulationCounters
from neurodeploy.stored_run import StoredRun

ACTIVITY = (0.10, 0.0, 1.0)
"""Share of neurons that fire in a step: value, and the least and most that there can be."""
KEYWORD = (390, 256, 256, 29)
KEYWORD_STEPS = 10
QUARTZ_CORES = 11
QUARTZ = (  # steps per layer: steps, latency s, core static W, core dynamic J, x86 W, total J
    (8, 51, 4.90e-3, 4.22e-3, 33.8e-6, 23.0e-3, 167e-6),
    (16, 91, 4.91e-3, 5.09e-3, 45.6e-6, 22.8e-3, 183e-6),
    (32, 171, 4.93e-3, 4.40e-3, 85.8e-6, 22.2e-3, 217e-6),
    (64, 331, 5.77e-3, 4.85e-3, 139e-6, 21.4e-3, 291e-6),
    (128, 651, 8.66e-3, 4.52e-3, 290e-6, 20.8e-3, 509e-6),
)
DEVICES = (  # device, profile, dynamic J per inference
    ("GPU Quadro K4000", "gpu", 29.8e-3),
    ("CPU Xeon E5-2630", "cpu", 6.3e-3),
    ("Jetson TX1", "gpu", 5.6e-3),
    ("Movidius NCS", None, 1.5e-3),
)
PROFILES = ("davies2018", "sanafe")


@dataclass(frozen=True)
class Row:
    """One figure, estimated and measured."""

    what: str
    profile: str
    level: str
    estimate: Band | None
    measured: float
    unit: str
    why: str

    def cells(self) -> list[str]:
        if self.estimate is None:
            return [self.what, self.profile, self.level, "-", si(self.measured, self.unit), "-", self.why]
        e = self.estimate
        ratio = f"{e.value / self.measured:.2g} ({e.low / self.measured:.2g} .. {e.high / self.measured:.2g})"
        band = f"{si(e.value, self.unit)} ({si(e.low, self.unit)} .. {si(e.high, self.unit)})"
        return [self.what, self.profile, self.level, band, si(self.measured, self.unit), ratio, self.why]


def drawn(program: nd.Program, steps: int, activity: float, seed: int = 0) -> Costs:
    """Costs of one inference whose neurons fire at random; every compartment counts as active."""
    net, rng = program.net, np.random.default_rng(seed)
    shape = {name: (1, steps, net.size_of(name)) for name in (*net.inputs, *net.populations)}
    sent = {name: (rng.random(size) < activity).astype(np.uint8) for name, size in shape.items()}
    run = StoredRun(program, sent, steps, steps - net.latency_steps, {})
    counters = replace(run.counters(), populations={n: PopulationCounters(int(s.sum())) for n, s in sent.items()})
    assert counters.traffic is not None
    populations = dict(counters.populations)
    for name, population in net.populations.items():
        first, last = run.plan.window(name)
        updates = population.size * (last - first + 1)
        syn_ops = sum(counters.traffic.syn_ops_into[name].values())
        populations[name] = PopulationCounters(int(sent[name].sum()), syn_ops, updates, updates)
    return costs_of(replace(counters, populations=populations), program)


def over_activity(program: nd.Program, steps: int) -> tuple[Costs, Costs, Costs]:
    """Costs at the assumed activity, at the least and at the most."""
    value, low, high = (drawn(program, steps, activity) for activity in ACTIVITY)
    return value, low, high


def spread(costs: tuple[Costs, Costs, Costs], name: str) -> Band | None:
    """A figure with the band of the constants and of the activity."""
    bands = [getattr(c, name) for c in costs]
    if None in bands:
        return None
    return Band(bands[0].value, min(b.low for b in bands), max(b.high for b in bands))


def chain(sizes: Sequence[int], cores: int | None = None) -> nd.Program:
    """Fully connected layers on Loihi 1; with ``cores``: full ones, and hardly a synapse."""
    net, source = nd.ChipNetwork(), "in"
    net.add_input("in", shape=sizes[0])
    for k, (before, size) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        net.add_population(f"l{k}", shape=size)
        if cores is None:
            net.connect(source, f"l{k}", np.full((size, before), 2))
        else:
            net.connect(source, f"l{k}", np.eye(size, before, dtype=int) * 2, kind="sparse")
        source = f"l{k}"
    chip = nd.load_target("loihi1")
    program = nd.Program(net, map_network(net, chip), chip, {"out": source}, "count", {}, {}, {})
    assert cores is None or program.mapping.cores == cores
    return program


def keyword_rows() -> list[Row]:
    """The keyword spotter, 390-256-256-29, 10 steps, on Loihi 1 and on other devices (abr/power_benchmarks)."""
    rows = []
    bare = chain(KEYWORD)
    for name in PROFILES:
        program = replace(bare, target=with_profile(bare.target, name))
        costs = over_activity(program, KEYWORD_STEPS)
        none = "no static power or x86 in this profile: same as E1"
        why = {
            "E1 mesh": "even if every neuron fired in every step: the board's figure is x86, synchronisation and host",
            "E2 + leakage": none if name == "sanafe" else "leakage over the time of the mesh alone",
            "E3 + x86": none if name == "sanafe" else "x86 over the time of the mesh alone",
            "E3 over L2": "x86 and leakage over host-driven steps; x86 power is Quartz's, its high end from this board",
        }
        levels = ("mesh_energy", "energy", "total_energy", "host_total_energy")
        for level, attribute in zip(why, levels, strict=True):
            found = spread(costs, attribute)
            if found is not None:
                rows.append(Row("keyword spotter, Loihi 1", name, level, found, 0.27e-3, "J", why[level]))
        rows.append(
            Row(
                "keyword spotter, Loihi 1",
                name,
                "L1 mesh",
                spread(costs, "latency"),
                1 / 296,
                "s",
                "the host drives every step: bound by I/O, not by the mesh",
            )
        )
        hosted = spread(costs, "host_latency")
        if hosted is not None:
            why_l2 = "no test: `io_step_s` is this row's 337 us per step; low end from Quartz"
            rows.append(Row("keyword spotter, Loihi 1", name, "L2 host", hosted, 1 / 296, "s", why_l2))
    macs = dense_macs(bare.net, KEYWORD_STEPS) * KEYWORD_STEPS
    reasons = {
        "GPU Quadro K4000": "batch 1: most of the GPU waits, and is paid",
        "CPU Xeon E5-2630": "vector units take less than the figure per operation",
        "Jetson TX1": "batch 1, as the GPU; its own figure per operation is not public",
        "Movidius NCS": "no public figure per operation",
    }
    for device, profile, measured in DEVICES:
        ann = load_profile(profile).ann if profile else None
        estimate = Band.of(ann.mac_j) * macs if ann else None
        level = f"{macs:,} MACs"
        rows.append(Row(f"keyword spotter, {device}", profile or "-", level, estimate, measured, "J", reasons[device]))
    return rows


def quartz_rows() -> list[Row]:
    """MNIST by time to first spike on 11 cores: the cores full, at most one spike a neuron (not counted)."""
    rows = []
    bare = chain((16, QUARTZ_CORES * 1024), QUARTZ_CORES)
    for name in PROFILES:
        program = replace(bare, target=with_profile(bare.target, name))
        for per_layer, steps, latency, static, dynamic, _, total in QUARTZ:
            costs = drawn(program, steps, 0.0)
            idle = idle_band(costs, program, steps)
            what = f"Quartz MNIST, {per_layer} steps/layer"
            full = "all 11 cores taken as full: the number of compartments is not public"
            dominant = full if idle.value > dynamic else "spikes are not public, and not counted"
            rows.append(Row(what, name, "E1 mesh", idle, dynamic, "J", dominant))
            host = "the host's 4.9 ms dominate" if steps < 300 else "13-17 us a step: synchronisation of x86 and cores"
            rows.append(Row(what, name, "L1 mesh", costs.latency, latency, "s", host))
            if name == "davies2018":
                e2 = idle + costs.static_energy
                e3 = e2 + costs.overhead_energy
                rows.append(Row(what, name, "E2 + leakage", e2, dynamic + static * latency, "J", "as E1 and L1"))
                rows.append(Row(what, name, "E3 + x86", e3, total, "J", "x86 power fits, its time is L1's"))
                over = idle + (per_second(program) * latency)
                rows.append(
                    Row(what, name, "E3, measured time", over, total, "J", "E1, leakage and x86 over the measured time")
                )
        rows.append(marginal_row(program, name))
    return rows


def idle_band(costs: Costs, program: nd.Program, steps: int) -> Band:
    """E1 with all compartments idle (value, low) or active (high), as no spike is known."""
    e = program.target.energy
    updates = costs.neuron_updates
    idle = Band.of(e.neuron_inactive_j)
    return Band(idle.value, idle.low, max(idle.high, e.neuron_active_j.value)) * updates


def per_second(program: nd.Program) -> Band:
    """Leakage of the cores in use (high: of the chip) and x86, watts."""
    e, cores = program.target.energy, program.mapping.cores
    core, chip = Band.of(e.static_core_w) * cores, Band.of(e.static_chip_w)
    return Band(core.value, min(core.low, chip.low), max(core.high, chip.high)) + Band.of(e.overhead_chip_w)


def marginal_row(program: nd.Program, name: str) -> Row:
    """What one more step costs: the difference of the two longest runs."""
    (_, a, *_, da, _, _), (_, b, *_, db, _, _) = QUARTZ[-2:]
    e = program.target.energy
    idle = Band.of(e.neuron_inactive_j) * float(QUARTZ_CORES * 1024)
    return Row(
        "Quartz MNIST, one more step",
        name,
        "E1 mesh",
        Band(idle.value, 0.0, idle.high),
        (db - da) / (b - a),
        "J",
        "high and value: all 11 cores full; the number of compartments is not public (80 % would fit)",
    )


def pilotnet_rows() -> list[Row]:
    """PilotNet SDNN on one Loihi 2 at 16.87 frames/s."""
    chip = nd.load_target("loihi2")
    static = Band.of(chip.energy.static_chip_w) * (1 / 16.87)
    cores = Band.of(chip.energy.static_core_w) * (61 / 16.87)
    return [
        Row(
            "PilotNet SDNN, Loihi 2",
            "halapoint",
            "leakage of the chip over the frame's time",
            static,
            16.3e-3,
            "J",
            "no test: `static_chip_w` is this row's",
        ),
        Row(
            "PilotNet SDNN, Loihi 2",
            "halapoint",
            "leakage of its 61 cores",
            cores,
            16.3e-3,
            "J",
            "the chip leaks also where no core is in use; high end: shared by the 61",
        ),
        Row(
            "PilotNet SDNN, Loihi 2",
            "halapoint",
            "E1 mesh",
            None,
            0.36e-3,
            "J",
            "measured -0.36 mJ, which is noise: the run waits for input, so nothing is claimed of its dynamic energy",
        ),
    ]


def document() -> str:
    """The page."""
    header = ["what", "profile", "level", "estimate (range)", "measured", "estimate / measured", "where off, why"]
    lines = [
        "# Estimates beside public measurements",
        "",
        "Written by `tools/energy_table.py`; what the levels are is in [energy.md](energy.md). Measurements: "
        "abr/power_benchmarks (arXiv 1812.01739), Quartz-on-Loihi (notebooks), PilotNet SDNN (lava-dl notebook).",
        "",
        "Neither the weights nor the spikes of these runs are public, so spikes are drawn. One assumption for all: "
        f"{ACTIVITY[0]:.0%} of the neurons fire in a step (range: none .. all); where none fires twice (Quartz), none. "
        "Ranges are those of the constants and of the activity together. No constant is tuned for a row; two rows are "
        "the source of a constant, and say so.",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
    ]
    rows = keyword_rows() + quartz_rows() + pilotnet_rows()
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/energy-measured.md").write_text(document(), encoding="utf-8")
