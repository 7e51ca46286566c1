#!/usr/bin/env python3
"""A broken network that adapts while it runs, on the chip's integers: ``python tools/adaptation_table.py [--page]``.

Trains a 64-96-64-10 network of leaky neurons on handwritten digits with plain PyTorch, compiles it for loihi2, breaks
its integers (rules x faults x seeds) and runs the test part as a stream, adapting after each image. ``--page`` writes
the tables into docs/adaptation.md; ``--seeds N`` for fewer. ``--kept FOLDER`` holds the trained program and finished
rules, so that a run may be stopped and taken up again, or done rule by rule (``--rule``). Needs torch and scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from scipy.stats import t as student
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import neurodeploy as nd
from neurodeploy.adapt import Adaptation, Adaptive, Fleet, with_nominal
from neurodeploy.estimate.model import costs_of
from neurodeploy.report.study import (
    Axis,
    Column,
    HeatMap,
    Study,
    StudySection,
    StudyTable,
    versions_of,
    write_study,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "adaptation.md"
START, END = "<!-- figures: python tools/adaptation_table.py --page -->", "<!-- end of figures -->"
SIZES, STEPS, BETA = (64, 96, 64, 10), 16, 0.8
HIDDEN = ("lif1", "lif2")
EPOCHS, BATCH, RATE = 40, 64, 2e-3
CLEAN = 400
"""Training images on which nominal rates are measured."""
CORE = 40
"""Samples of the last fault that the chip's simulator runs as well, to the same counts."""
RULES: Mapping[str, Mapping[str, Any]] = {
    "off": {"rule": "off"},
    "bcm_add .003": {"rule": "bcm_add", "eta": 0.003},
    "bcm_add .01": {"rule": "bcm_add", "eta": 0.01},
    "bcm_add .03": {"rule": "bcm_add", "eta": 0.03},
    "bcm_gain .01": {"rule": "bcm_gain", "eta": 0.01},
    "homeo_gain .02": {"rule": "homeo_gain", "eta": 0.02},
    "homeo_gain, k = 1": {"rule": "homeo_gain", "eta": 0.02, "cv": "one"},
}
FAULTS: Mapping[str, str] = {
    "none": "",
    "30 % weight loss": "weight_loss=0.3@{hidden}",
    "50 % weight loss": "weight_loss=0.5@{hidden}",
    "weights x 0.6": "weight_gain=0.6@{hidden}",
    "weight noise .15": "weight_noise={lif1:.4f}@lif1,weight_noise={lif2:.4f}@lif2",
    "threshold x 1.5": "threshold_scale=1.5@{hidden}",
    "threshold drift .4": "threshold_drift=0.4@{hidden}",
    "30 % dead": "dead=0.3@{hidden}",
}
NOISE = 0.15
Row = dict[str, Any]


class Spike(torch.autograd.Function):
    """A step whose derivative is taken for 1 / (1 + (pi x)^2)."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(x)
        return (x > 0).float()

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = context.saved_tensors
        return gradient / (1 + (torch.pi * x) ** 2)


def forward(layers: Sequence[torch.nn.Linear], spikes: torch.Tensor) -> torch.Tensor:
    """Spike counts of the outputs, (N, 10), of spikes (N, T, 64); v loses the threshold 1 where it fires."""
    membranes = [torch.zeros(len(spikes), layer.out_features) for layer in layers]
    counts = torch.zeros_like(membranes[-1])
    for step in range(spikes.shape[1]):
        sent = spikes[:, step]
        for k, layer in enumerate(layers):
            v = BETA * membranes[k] + layer(sent)
            sent = Spike.apply(v - 1)
            membranes[k] = v - sent
        counts = counts + sent
    return counts


def train(spikes: np.ndarray, labels: np.ndarray) -> list[torch.nn.Linear]:
    """The layers, trained."""
    torch.manual_seed(0)
    layers = [torch.nn.Linear(a, b) for a, b in zip(SIZES[:-1], SIZES[1:], strict=True)]
    optimiser = torch.optim.Adam([p for layer in layers for p in layer.parameters()], lr=RATE)
    x, y = torch.from_numpy(spikes.astype(np.float32)), torch.from_numpy(labels)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x)).split(BATCH):
            loss = torch.nn.functional.cross_entropy(forward(layers, x[chosen]), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return layers


def deployed(layers: Sequence[torch.nn.Linear]) -> nd.Program:
    """The network, compiled: v' = beta v + x is forward Euler with tau = dt / (1 - beta) and r = 1 / (1 - beta)."""
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input({"input": np.array([SIZES[0]])})}
    for k, layer in enumerate(layers, 1):
        one = np.ones(layer.out_features)
        nodes[f"fc{k}"] = nir.Affine(layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())
        nodes[f"lif{k}"] = nir.LIF(
            tau=1e-3 / (1 - BETA) * one, r=1 / (1 - BETA) * one, v_leak=0 * one, v_threshold=one, v_reset=0 * one
        )
    nodes["output"] = nir.Output({"output": np.array([SIZES[-1]])})
    names = list(nodes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.nir"
        nir.write(path, nir.NIRGraph(nodes, list(zip(names[:-1], names[1:], strict=True))))
        return nd.compile(str(path), "loihi2", nd.Options({"dt_s": 1e-3, "reset": "subtract"}))


def units(program: nd.Program) -> dict[str, float]:
    """Units of weight that a float weight of 1 is in each layer.

    A unit adds 64 * 2^weight_exp to the membrane register, and a float membrane of 1 is ``scale`` of its steps.
    """
    into = {p.target: p for p in program.net.projections}
    return {
        name: float(np.median(p.scale)) / (64 * 2.0 ** into[name].weight_exp)
        for name, p in program.net.populations.items()
    }


def broken(program: nd.Program, fault: str, seed: int) -> nd.Program:
    """The program with the fault in the weights or neurons of its hidden layers."""
    if not FAULTS[fault]:
        return program
    noise = {name: NOISE * unit for name, unit in units(program).items()}
    return nd.faults.inject(program, FAULTS[fault].format(hidden="/".join(HIDDEN), **noise), seed=seed).image


def measured(program: nd.Program, spikes: np.ndarray, labels: np.ndarray, seeds: int, rule: str) -> list[Row]:
    """One row for each fault and seed, all side by side."""
    cases = [(fault, seed) for fault in FAULTS for seed in range(seeds)]
    images = [broken(program, fault, seed) for fault, seed in cases]
    orders = [np.random.default_rng(seed).permutation(len(labels)) for _, seed in cases]
    half, nominal = slice(len(labels) // 2, None), nd.adapt.nominal_of(program)
    settings = Adaptation(**RULES[rule], layers=HIDDEN)
    streams = Fleet(images, settings, nominal=nominal).run(spikes, orders)
    last = len(cases) - 1
    core = Adaptive(images[last], settings, nominal=nominal, seed=last).run(spikes[orders[last][:CORE]])
    for name, counts in core.counts.items():
        assert np.array_equal(streams[last].counts[name][:CORE], counts), (rule, name)
    return [
        {
            "fault": fault,
            "seed": seed,
            "rule": rule,
            "accuracy": stream.accuracy(labels[order], half),
            "rate error": float(np.mean([stream.rate_error(name, half) for name in HIDDEN])),
            "runaway": bool(stream.runaway),
        }
        for (fault, seed), order, stream in zip(cases, orders, streams, strict=True)
    ]


def trained(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> nd.Program:
    """The compiled program with its nominal rates, and its float accuracy in the provenance."""
    layers = train(x, y)
    with torch.no_grad():
        guessed = forward(layers, torch.from_numpy(x_test.astype(np.float32))).argmax(1).numpy()
    program = with_nominal(deployed(layers), x[:CLEAN])
    return replace(program, provenance={**program.provenance, "float_accuracy": float(np.mean(guessed == y_test))})


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval by Student's t."""
    spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(student.ppf(0.975, len(values) - 1) * spread)


def differences(rows: Sequence[Row], rules: Sequence[str]) -> Iterator[Row]:
    """Accuracy less that of ``off`` with the same fault, seed and order: points, mean and half interval."""
    found = {(r["fault"], r["rule"], r["seed"]): r["accuracy"] for r in rows}
    for fault in FAULTS:
        for rule in rules:
            seeds = sorted(s for f, r, s in found if (f, r) == (fault, rule))
            paired = np.array([found[fault, rule, s] - found[fault, "off", s] for s in seeds])
            mean, half = interval(100 * paired)
            yield {"fault": fault, "rule": rule, "mean": mean, "half": half, "seeds": len(seeds)}


def verdicts(rows: Sequence[Row]) -> Iterator[str]:
    """What the acceptance asks, and what was found."""
    by = {(d["fault"], d["rule"]): d for d in differences(rows, ["homeo_gain .02"])}
    for fault in ("50 % weight loss", "weight noise .15"):
        d = by[fault, "homeo_gain .02"]
        word = "beats" if d["mean"] - d["half"] > 0 else "does not clearly beat"
        yield f"`homeo_gain` {word} off at {fault}: {d['mean']:+.1f} +- {d['half']:.1f} points."
    d = by["none", "homeo_gain .02"]
    word = "within" if d["mean"] >= -1.5 else "more than"
    end = "" if d["mean"] - d["half"] >= -1.5 else "; the interval reaches beyond"
    yield f"Without a fault it costs {-d['mean']:.2f} +- {d['half']:.2f} points, {word} the 1.5 that were allowed{end}."


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def study(rows: Sequence[Row], lead: str, seeds: int, rules: Sequence[str]) -> Study:
    """The same as a page."""
    others = [rule for rule in rules if rule != "off"]
    shown = [{**d, "low": d["mean"] - d["half"], "high": d["mean"] + d["half"]} for d in differences(rows, others)]
    columns = [Column("fault"), Column("rule"), Column("mean", "less off", "points", "low", "high"), Column("seeds")]
    maps = [
        HeatMap(
            title,
            "Means over seeds, on the second half of the stream.",
            list(FAULTS),
            list(rules),
            [[_mean(rows, fault, rule, key) for rule in rules] for fault in FAULTS],
            Axis(title, unit),
        )
        for title, key, unit in (("Accuracy", "accuracy", "%"), ("Rate error", "rate error", "spikes per step"))
    ]
    note = "Paired over fault seeds and orders of the stream; 95 % intervals by Student's t."
    table = StudyTable("Accuracy less that of off", columns, shown, note)
    return Study(
        "Adaptation of a broken network",
        "Do rules that hold the rates of neurons keep a network with faults at work?",
        [lead, *verdicts(rows), "One task and one network, not the paper's; bcm_add is our completion of its rule."],
        [StudySection("Rules and faults", ["Faults in the integers of both hidden layers."], [table], maps)],
        command="python tools/adaptation_table.py --study adaptation.html",
        seeds=list(range(seeds)),
        versions=versions_of("torch", "scikit-learn"),
    )


def figures(seeds: int, kept: Path, chosen: Sequence[str], page: Path | None) -> str:
    """Tables of the chosen rules, nothing where those of the acceptance are not among them; also as a page."""
    images, labels = load_digits(return_X_y=True)
    spikes = nd.encode.rate((images / 16).astype(np.float32), STEPS)
    x, x_test, y, y_test = train_test_split(
        spikes, labels.astype(np.int64), test_size=0.4, stratify=labels, random_state=0
    )
    if not (kept / "digits.ndp").exists():
        nd.save(trained(x, y, x_test, y_test), kept / "digits.ndp")
    program = nd.load(kept / "digits.ndp")
    rows: list[Row] = []
    for rule in chosen:
        path = kept / f"{rule.replace(' ', '_')}.{seeds}.json"
        if not path.exists():
            began = time.process_time()
            path.write_text(json.dumps(measured(program, x_test, y_test, seeds, rule)), encoding="utf-8")
            print(f"{rule}: {time.process_time() - began:.0f} s of one processor", file=sys.stderr)
        rows += json.loads(path.read_text(encoding="utf-8"))
    if not {"off", "homeo_gain .02"} <= set(chosen):
        return ""
    nominal = nd.adapt.nominal_of(program)
    still = Adaptive(program, rule="off").run(x_test, counted=False)
    cost = costs_of(Adaptive(program, layers=HIDDEN).run(x_test).counters, program)
    rules, others = list(chosen), [rule for rule in chosen if rule != "off"]
    paired = {(d["fault"], d["rule"]): d for d in differences(rows, others)}
    rates = ", ".join(f"{nominal.rates[n].mean() / 256 / STEPS:.2f}" for n in HIDDEN)
    noise = ", ".join(f"{NOISE * unit:.1f}" for name, unit in units(program).items() if name in HIDDEN)
    lead = (
        f"Test accuracy {program.provenance['float_accuracy']:.4f} in float, {still.accuracy(y_test):.4f} on integers; "
        f"mean nominal rates {rates} spikes per step; {seeds} fault seeds, each with an order of its own of the "
        f"{len(y_test)} test images. Noise of .15 float is {noise} units of the layers' integer weights."
    )
    if page is not None:
        write_study(study(rows, lead, seeds, rules), page)
    parts = [
        f"{lead}\n",
        "Accuracy on the second half / mean \\|rate - nominal rate\\|, spikes per step, means over seeds:\n",
        table(["fault", *rules], [[f, *(_cell(rows, f, r) for r in rules)] for f in FAULTS]),
        "\nAccuracy less that of `off` with the same fault, seed and order, points, with 95 % intervals:\n",
        table(
            ["fault", *others],
            [[f, *(f"{paired[f, r]['mean']:+.1f} +- {paired[f, r]['half']:.1f}" for r in others)] for f in FAULTS],
        ),
        "\nOf all runs of a rule, those with more than a tenth of a layer's gains or weights at a limit in the end: "
        + ", ".join(f"{r} {np.mean([row['runaway'] for row in rows if row['rule'] == r]):.0%}" for r in others)
        + ".\n",
        *(f"* {line}" for line in verdicts(rows)),
        f"* Without a fault `homeo_gain` takes {cost.adaptation.writes:.1f} writes, {cost.adaptation.reads:.0f} reads "
        f"and {cost.adaptation.operations:.0f} operations per inference: of E1, {cost.mesh_energy.value * 1e9:.0f} nJ, "
        f"{cost.adaptation.energy.value * 1e9:.0f} nJ ({cost.adaptation.energy.low * 1e9:.0f} to "
        f"{cost.adaptation.energy.high * 1e9:.0f}); of the latency, {cost.latency.value * 1e6:.0f} us, "
        f"{cost.adaptation.latency.value * 1e6:.0f} us (constants inferred from an x86's power).",
    ]
    return "\n".join(parts)


def _cell(rows: Sequence[Row], fault: str, rule: str) -> str:
    return " / ".join(f"{_mean(rows, fault, rule, key):.3f}" for key in ("accuracy", "rate error"))


def _mean(rows: Sequence[Row], fault: str, rule: str, key: str) -> float:
    return float(np.mean([row[key] for row in rows if (row["fault"], row["rule"]) == (fault, rule)]))


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--kept", type=Path, help="folder for what is finished")
    parser.add_argument("--rule", action="append", choices=RULES, default=[], help="only these")
    parser.add_argument("--study", type=Path, help="also a page with figures (.html)")
    parser.add_argument("--page", action="store_true", help="write docs/adaptation.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        found = figures(options.seeds, options.kept or Path(scratch), options.rule or list(RULES), options.study)
    print(found)
    if options.page and found:
        text = PAGE.read_text(encoding="utf-8")
        new = re.sub(
            f"{re.escape(START)}.*{re.escape(END)}", lambda _: f"{START}\n\n{found}\n\n{END}", text, flags=re.S
        )
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
