"""Compare our counts, energies and step times with SANA-FE 2.2.9's, on the bundled models and a random network.

    python tools/sanafe_check.py [--folder DIR] [--samples N] [--python PYTHON] [--out docs/energy-sanafe.md]

SANA-FE is GPL-3: it is installed into an environment of its own, in DIR, and runs in a process of its own; only its
printed figures come back. Exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import neurodeploy as nd
from neurodeploy.bundled import list_models, load_model
from neurodeploy.energy_profile import with_profile
from neurodeploy.estimate import Costs
from neurodeploy.estimate.model import costs_of
from neurodeploy.evaluate import load_samples
from neurodeploy.export.sanafe import export_sanafe
from neurodeploy.mapping import map_network
from neurodeploy.mapping.place import permute
from neurodeploy.pipeline import compile_model
from neurodeploy.simulate.counters import Counters
from neurodeploy.simulate.traffic import measure
from neurodeploy.stored_run import StoredRun, load_run, run_arrays

REQUIREMENT = "sanafe==2.2.9"
RELATIVE = 1e-9
"""Energies and times may differ by so much: SANA-FE adds up in another order."""
ABOUT = """# SANA-FE beside our estimates

Written by `tools/sanafe_check.py`, which replays runs in SANA-FE 2.2.9 (`neurodeploy export --to sanafe`) under the
profile `sanafe`: {samples} samples of each bundled model, as it is mapped on Loihi 1 and forced onto more cores; and a
random network with all kinds of connections, recurrence and delays, scattered over the chip. One number in a column of
counts: both counted it. "equal" where besides every part of the energy, the time and each step differ by less than
1e-9. Compartments are updated in every step in both, as SANA-FE does it. Its detailed and cycle-accurate timing models
are not reproduced.

"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the environment is made and kept; default: a temporary one")
    parser.add_argument("--samples", type=int, default=4, help="of each model's test set")
    parser.add_argument("--out", type=Path, help="also write the page to this file")
    parser.add_argument("--python", type=Path, help="an interpreter that has SANA-FE already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        python = given.python or environment(folder / "sanafe")
        rows = [
            compared(name, program, spikes, python, Path(temporary)) for name, program, spikes in cases(given.samples)
        ]
    lines = [f"| {' | '.join(rows[0])} |", "|" + "---|" * len(rows[0])]
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    text = ABOUT.format(samples=given.samples) + "\n".join(lines) + "\n"
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8")
    print(text)
    return 0 if all(row["equal"] == "yes" for row in rows) else 1


def environment(folder: Path) -> Path:
    """The interpreter of an environment with SANA-FE alone in it, made where it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    found = subprocess.run([python, "-c", "import sanafe"], capture_output=True, check=False)
    if found.returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", REQUIREMENT], check=True, stdout=sys.stderr)
    return python


def cases(samples: int) -> Iterator[tuple[str, nd.Program, np.ndarray]]:
    """The bundled models as they are mapped, and forced onto many cores; and a random network at random places."""
    for name in list_models():
        model = load_model(name)
        spikes = load_samples(model.test).spikes[:samples]
        program = compile_model(str(model.nir), "loihi1")
        yield name, program, spikes
        finer = map_network(program.net, program.target, max_neurons_per_core=40)
        yield f"{name}, at most 40 a core", replace(program, mapping=finer), spikes
    yield random_case(np.random.default_rng(8))


def random_case(rng: np.random.Generator) -> tuple[str, nd.Program, np.ndarray]:
    """Every kind of connection, recurrence, delays and two targets of one layer, scattered over the chip."""
    net = nd.ChipNetwork()
    net.add_input("image", shape=(2, 9, 9))
    net.add_population("conv", shape=(6, 7, 7), dv=900, vth=90, start=1)
    net.connect("image", "conv", rng.integers(-60, 90, (6, 2, 3, 3)) * 2, kind="conv2d")
    net.add_population("wide", shape=300, dv=700, vth=120, start=2)
    net.connect("conv", "wide", rng.integers(-100, 110, (300, 294)) * (rng.random((300, 294)) < 0.2), kind="sparse")
    net.connect("wide", "wide", rng.integers(-50, 50, (300, 300)) * 2, delays=1)
    net.add_population("out", shape=40, dv=500, vth=100, start=3)
    net.connect("wide", "out", rng.integers(-90, 100, (40, 300)) * 2)
    net.connect("conv", "out", rng.integers(0, 60, (40, 294)) * (rng.random((40, 294)) < 0.1), kind="sparse")
    chip = nd.load_target("loihi1")
    mapping = permute(map_network(net, chip, max_neurons_per_core=25), replace_chips(chip), rng)
    spikes = (rng.random((3, 20, 2, 9, 9)) < 0.3).astype(np.uint8)
    program = nd.Program(net, mapping, chip, {"output": "out"}, "count", {}, {}, {"model": "random"})
    return "random, scattered", program, spikes


def replace_chips(chip: nd.Target) -> nd.Target:
    """The target with one chip alone, since SANA-FE has one mesh."""
    import msgspec

    one = msgspec.structs.replace(chip.mesh.chips, value=1)
    return msgspec.structs.replace(chip, mesh=msgspec.structs.replace(chip.mesh, chips=one))


def compared(name: str, program: nd.Program, spikes: np.ndarray, python: Path, folder: Path) -> dict[str, str]:
    """A row of the table."""
    run = nd.simulate(program, spikes)
    stored = folder / "run.npz"
    np.savez_compressed(stored, **run_arrays(program, spikes, run))
    place = folder / name.replace(" ", "-").replace(",", "")
    export_sanafe(program, place, stored)
    printed = subprocess.run([python, place / "replay.py", "simple"], stdout=subprocess.PIPE, check=True, text=True)
    theirs = json.loads(printed.stdout)
    program = replace(program, target=with_profile(program.target, "sanafe"))
    ours, counters = costs_always_live(load_run(stored, program))
    assert counters.traffic is not None
    n, trace = counters.samples, theirs["perf_trace"]
    total = counters.traffic.total
    exact = {
        "SynOps": (counters.syn_ops, theirs["spikes"]),
        "packets": (total.packets, theirs["packets_sent"]),
        "hops": (total.hops_x + total.hops_y, sum(trace["hops"])),
    }
    part = {key: band.value * n for key, band in ours.parts.items()}
    near = {
        "synapses": (part["synapses"], theirs["energy"]["synapse"]),
        "compartments": (part["neurons"], theirs["energy"]["soma"]),
        "network": (part["packets"] + part["hops"], theirs["energy"]["network"]),
        "energy": (ours.mesh_energy.value * n, theirs["energy"]["total"]),
        "time": (ours.latency.value * n, theirs["sim_time"]),
    }
    apart = {key: abs(mine / other - 1) for key, (mine, other) in near.items()}
    times = np.array(trace["sim_time"]).reshape(n, -1).mean(axis=0)
    steps = float(np.max(np.abs(ours.per_step.time_s / times - 1)))
    equal = all(mine == other for mine, other in exact.values()) and max(*apart.values(), steps) <= RELATIVE
    return {
        "network": name,
        "cores": f"{program.mapping.cores}",
        **{key: f"{mine:,}" if mine == other else f"{mine:,} / {other:,}" for key, (mine, other) in exact.items()},
        "energy, J": f"{near['energy'][0]:.9e}",
        "SANA-FE, J": f"{near['energy'][1]:.9e}",
        "worst part": f"{max(apart[key] for key in ('synapses', 'compartments', 'network')):.0e}",
        "time, s": f"{near['time'][0]:.9e}",
        "SANA-FE, s": f"{near['time'][1]:.9e}",
        "worst step": f"{steps:.0e}",
        "equal": "yes" if equal else "NO",
    }


def costs_always_live(run: StoredRun) -> tuple[Costs, Counters]:
    """Costs and counts with every compartment updated in every step, as SANA-FE is told to do it."""
    populations = {
        name: replace(c, neuron_updates=every, active_updates=every)
        for name, c in run.populations.items()
        for every in (run.program.net.size_of(name) * run.steps * run.samples * (name in run.program.net.populations),)
    }
    traffic = measure(run.plan, run.sent, run.program.mapping, run.program.target, always_live=True)
    counters = Counters(run.samples, run.steps, run.live_steps, populations, traffic)
    return costs_of(counters, run.program), counters


if __name__ == "__main__":
    sys.exit(main())
