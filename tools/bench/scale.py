#!/usr/bin/env python3
"""A network of 1,000,000 neurons and 100,000,000 synapses in bounded memory, and how the time grows with size and rate.

``python tools/bench/scale.py`` builds the network with the public builder, runs it and prints what the counters say, in
a process of its own whose address space is limited; then fits time = a * neurons * steps + b * synaptic events to runs
of recurrent networks of many sizes and rates. Exits 1 where memory did not suffice or another number of synapses or
spikes came out than was asked for. tools/bench calls it as a part of its run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tables import aligned
from worker import peak_bytes
from workloads import draw_weights, strips

FAN_OUT = 100
VTH = 5_000
REGISTER = VTH << 6
BIG = (1_000_000, 20, 0.005)
"""Neurons, steps and rate of the network that memory is bounded for."""
SWEEP = (
    *((1_000, 4_000, rate) for rate in (0.001, 0.01, 0.1)),
    *((10_000, 1_000, rate) for rate in (0.0, 0.001, 0.01, 0.1)),
    *((100_000, 100, rate) for rate in (0.0, 0.001, 0.01, 0.1)),
    *((300_000, 40, rate) for rate in (0.0, 0.001, 0.01, 0.03)),
    *((1_000_000, 20, rate) for rate in (0.0, 0.001, 0.005, 0.02)),
)
FITS = (("all sizes", 0, 10**9), ("up to 100,000 neurons", 0, 100_000), ("above", 100_001, 10**9))
RATE_ERROR = 0.25
"""What a neuron overshoots its threshold by is lost, and synapses push a little."""


@dataclass(frozen=True)
class Point:
    """One measured run."""

    neurons: int
    steps: int
    rate: float
    events: int
    seconds: float


def matrix(neurons: int) -> Any:
    """(n_target, n_source) int8 weights, ``FAN_OUT`` synapses per source."""
    from scipy.sparse import csc_array

    rng = np.random.default_rng(neurons)
    targets = strips(rng, neurons, FAN_OUT)
    ends = np.arange(neurons + 1, dtype=np.int32) * FAN_OUT
    return csc_array((draw_weights(rng, len(targets)), targets, ends), shape=(neurons, neurons))


def network(neurons: int, rate: float, projections: list[Any]) -> Any:
    """Neurons without leak that their bias lets spike at a rate: synapses cost what they cost, and change little.

    Args:
        neurons: How many.
        rate: Spikes per neuron and step.
        projections: Those of an earlier network of that size, or empty: they are made then, and put into it.
    """
    import neurodeploy as nd

    rng = np.random.default_rng(1)
    net = nd.ChipNetwork()
    net.add_input("none", shape=1)
    bias = {"bias_mant": round(rate * REGISTER), "v0": rng.integers(0, REGISTER, neurons)}
    net.add_population("neurons", shape=neurons, du=4095, dv=0, vth=VTH, **bias)
    if not projections:
        net.connect("neurons", "neurons", matrix(neurons), kind="sparse", num_weight_bits=9)
        projections += net.projections
    net.projections[:] = projections
    return net


def build_and_run(limit_gib: float | None) -> dict[str, Any]:
    """The big network, in this process; times in seconds."""
    import neurodeploy as nd

    if limit_gib is not None:
        limit = int(limit_gib * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    neurons, steps, rate = BIG
    began = time.perf_counter()
    net = network(neurons, rate, [])
    built, built_peak = time.perf_counter(), peak_bytes()
    run = nd.simulate(net, np.zeros((1, 1), np.uint8), steps=1)
    first, first_peak = time.perf_counter(), peak_bytes()
    run = nd.simulate(net, np.zeros((steps, 1), np.uint8), steps=steps)
    ended = time.perf_counter()
    limited = "no limit" if limit_gib is None else f"address space limited to {limit_gib:g} GiB"
    return {
        "neurons": net.neurons,
        "synapses": net.synapses,
        "engine": run.engine,
        "steps": steps,
        "spikes": run.counters.spikes,
        "synaptic_events": run.counters.syn_ops,
        "build_s": built - began,
        "first_step_s": first - built,
        "step_s": (ended - first) / steps,
        "built_peak_bytes": built_peak,
        "first_peak_bytes": first_peak,
        "peak_bytes": peak_bytes(),
        "memory_note": limited,
    }


def sweep(repeats: int) -> list[Point]:
    """All points; one thread."""
    import neurodeploy as nd

    points, size, projections = [], 0, []
    for neurons, steps, rate in SWEEP:
        if neurons != size:
            size, projections = neurons, []
        net, spikes = network(neurons, rate, projections), np.zeros((steps, 1), np.uint8)
        times = []
        for _ in range(repeats + 1):  # the first one packs the synapses
            began = time.perf_counter()
            run = nd.simulate(net, spikes, steps=steps, threads=1)
            times.append(time.perf_counter() - began)
        points.append(Point(neurons, steps, rate, run.counters.syn_ops, min(times[1:])))
    return points


def fit(points: list[Point]) -> tuple[float, float, float]:
    """Seconds per neuron and step, seconds per event, and the worst relative error; least squares of those errors."""
    seconds = np.array([p.seconds for p in points])
    work = np.array([(p.neurons * p.steps, p.events) for p in points], dtype=np.float64)
    found, *_ = np.linalg.lstsq(work / seconds[:, None], np.ones(len(points)), rcond=None)
    return float(found[0]), float(found[1]), float(np.abs(work @ found / seconds - 1).max())


def grown(points: list[Point]) -> dict[str, Any]:
    """Points and fits as they are kept."""
    fits = {}
    for name, low, high in FITS:
        a, b, worst = fit([p for p in points if low <= p.neurons <= high])
        fits[name] = {"neuron_step_s": a, "event_s": b, "worst_relative_error": worst}
    return {"points": [vars(p) for p in points], "fits": fits}


def faults(found: dict[str, Any]) -> list[str]:
    """What is wrong with the big network or the rates."""
    neurons, steps, rate = BIG
    wrong = []
    if (found["neurons"], found["synapses"]) != (neurons, neurons * FAN_OUT):
        wrong.append(f"scale: {found['neurons']:,} neurons and {found['synapses']:,} synapses were built")
    runs = [(*BIG, found["synaptic_events"])]
    runs += [(p["neurons"], p["steps"], p["rate"], p["events"]) for p in found["points"]]
    for neurons, steps, rate, events in runs:
        expected = neurons * (steps - 1) * rate * FAN_OUT
        if abs(events - expected) > RATE_ERROR * expected:
            wrong.append(f"scale: {events:,} events, expected about {expected:,.0f} ({neurons:,} neurons, rate {rate})")
    if found["engine"] != "fast":
        wrong.append(f"scale: the engine '{found['engine']}' ran")
    return wrong


def sizes(found: dict[str, Any]) -> list[list[str]]:
    """Heading and row of the big network."""
    gib = (f"{found[name] / 2**30:.2f} GiB" for name in ("built_peak_bytes", "first_peak_bytes", "peak_bytes"))
    head = ["neurons", "synapses", "build", "first step", "further steps", "peak, built", "peak, packed", "peak, run"]
    times = [f"{found['build_s']:.1f} s", f"{found['first_step_s']:.1f} s", f"{1e3 * found['step_s']:.3g} ms"]
    return [head, [f"{found['neurons']:,}", f"{found['synapses']:,}", *times, *gib]]


def growth(found: dict[str, Any]) -> list[list[str]]:
    """Heading and one row per point: measured and fitted times per step."""
    rows = [["neurons", "rate", "events per step", "measured", "fitted", "error"]]
    for p in found["points"]:
        name = next(name for name, low, high in FITS[1:] if low <= p["neurons"] <= high)
        f = found["fits"][name]
        fitted = f["neuron_step_s"] * p["neurons"] * p["steps"] + f["event_s"] * p["events"]
        microseconds = (f"{1e6 * value / p['steps']:,.3g} us" for value in (p["seconds"], fitted))
        error = f"{100 * (fitted / p['seconds'] - 1):+.0f} %"
        rows.append([f"{p['neurons']:,}", f"{p['rate']:.1%}", f"{p['events'] / p['steps']:,.0f}", *microseconds, error])
    return rows


def formulas(found: dict[str, Any]) -> list[str]:
    """One line per fit."""
    return [
        f"{name}: time = {1e9 * f['neuron_step_s']:.3g} ns x neurons x steps + {1e9 * f['event_s']:.3g} ns x synaptic "
        f"events; worst relative error {f['worst_relative_error']:.0%}"
        for name, f in found["fits"].items()
    ]


def text(found: dict[str, Any]) -> str:
    """For the terminal."""
    parts = ["== scale", *aligned(sizes(found)), "== growth, one thread, recurrent, 100 synapses per neuron"]
    return "\n".join([*parts, *aligned(growth(found)), *formulas(found)])


def measure(limit_gib: float | None, repeats: int) -> dict[str, Any]:
    """The big network in a process of its own, then the sweep."""
    command = [sys.executable, __file__, "--child", "--limit-gib", str(limit_gib or 0)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"the network of {BIG[0]:,} neurons failed with exit code {done.returncode}, see above")
    big: dict[str, Any] = json.loads(done.stdout)
    return big | grown(sweep(repeats))


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit-gib", type=float, default=8.0, help="most address space (RLIMIT_AS); 0 for no limit")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each point")
    parser.add_argument("--json", type=Path, help="write the figures")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(build_and_run(given.limit_gib or None)))
        return 0
    found = measure(given.limit_gib or None, given.repeats)
    print(text(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    wrong = faults(found)
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
