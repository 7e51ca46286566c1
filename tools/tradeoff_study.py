#!/usr/bin/env python3
"""Three codes of one trained network: ``python tools/tradeoff_study.py [--seeds N] [--page] [--out study.html]``.

A ReLU network 64-48-10 is trained on scikit-learn's digits once per seed; the same network is then deployed as a
rate-coded, a QCFS and a TTFS network on loihi2's integers and run on the whole test part. ``--page`` writes the table
and the figure of docs/tradeoff.md; some minutes (``--quick``: one seed and fewer settings).
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray
from scipy import stats

import neurodeploy as nd
from neurodeploy.convert.qcfs import calibrate
from neurodeploy.estimate.model import costs_of
from neurodeploy.evaluate import accuracy, run_program
from neurodeploy.program import Program
from neurodeploy.report.study import (
    Axis,
    Column,
    Curves,
    Study,
    StudySection,
    StudyTable,
    chart_svg,
    curves_of,
    markdown_table,
    versions_of,
    write_study,
)
from neurodeploy.simulate.counters import Counters

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tradeoff.md"
FIGURE = PAGE.with_name("tradeoff.svg")
COMMAND = "python tools/tradeoff_study.py --page"
START, END = f"<!-- figures: {COMMAND} -->", "<!-- end of figures -->"
HIDDEN, CLASSES, FULL = 48, 10, 16
"""FULL: the largest pixel value."""
TARGET = "loihi2"
DT_S = 1e-3
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Digits:
    """Pixels (N, 64), integers 0..16, and labels; stratified 70/30 split, random_state 0."""

    train: NDArray[np.int64]
    train_labels: NDArray[np.int64]
    test: NDArray[np.int64]
    test_labels: NDArray[np.int64]


@cache
def digits() -> Digits:
    """scikit-learn's copy of UCI's digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    pixels, labels = bunch.data.astype(np.int64), bunch.target.astype(np.int64)
    train, test, train_labels, test_labels = train_test_split(
        pixels, labels, test_size=0.3, stratify=labels, random_state=0
    )
    return Digits(train, train_labels, test, test_labels)


def trained(seed: int, epochs: int = 60) -> Any:
    """A torch network 64-48-10 with ReLU, on pixels in 0..1: Adam 3e-3, weight decay 1e-4, batches of 64."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    data = digits()
    x, y = torch.tensor(data.train / FULL, dtype=torch.float32), torch.tensor(data.train_labels)
    model = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    return model.eval()


def layers(model: Any) -> list[tuple[Floats, Floats]]:
    """Weights and biases in float64."""
    linear = [part for part in model if hasattr(part, "weight")]
    return [tuple(p.detach().numpy().astype(np.float64) for p in (part.weight, part.bias)) for part in linear]


def float_accuracy(layers_: list[tuple[Floats, Floats]]) -> float:
    """Of the network itself."""
    (w1, b1), (w2, b2) = layers_
    data = digits()
    logits = np.maximum(data.test / FULL @ w1.T + b1, 0) @ w2.T + b2
    return float(accuracy(logits, data.test_labels))


@dataclass(frozen=True)
class Deployed:
    """A network of one code on the whole test part.

    Attributes:
        accuracy: Share of right classes.
        exact: Samples whose outputs equal the golden integer network, or None where the code has none.
        counters: Of the run.
        program: Which.
        steps: Mean chip steps of an inference.
    """

    accuracy: float
    exact: int | None
    counters: Counters
    program: Program
    steps: float


def rate(model: Any, steps: int) -> Deployed:
    """Spikes per step stand for numbers: integrate-and-fire, reset by subtraction, thresholds balanced on the data.

    The hidden layer's threshold is the 99.9th percentile of its activations; membranes start at half of it; the
    read-out adds up. A pixel k sends round(k steps / 16) spikes, evenly spread.
    """
    (w1, b1), (w2, b2) = layers(model)
    data = digits()
    active = np.maximum(data.train / FULL @ w1.T + b1, 0)
    most = float(np.percentile(active[active > 0], 99.9))
    unit = np.full(HIDDEN, 1 / DT_S)
    half = {"neurodeploy": {"exact": {"v0": np.full(HIDDEN, 0.5)}}}
    nodes = {
        "input": nir.Input({"input": np.array([64])}),
        "w1": nir.Affine(w1 / most, b1 / most),
        "hidden": nir.IF(unit, np.ones(HIDDEN), np.zeros(HIDDEN), metadata=half),
        "w2": nir.Affine(w2 * most, b2),
        "out": nir.I(np.full(CLASSES, 1 / DT_S)),
        "output": nir.Output({"output": np.array([CLASSES])}),
    }
    names = list(nodes)
    meaning = {"dt_s": DT_S, "reset": "subtract", "spike": "ge", "readout": "v_last"}
    graph = nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False)), metadata={"neurodeploy": meaning})
    with tempfile.TemporaryDirectory() as folder:
        nir.write(Path(folder) / "rate.nir", graph)
        program = nd.compile(Path(folder) / "rate.nir", TARGET)
    return _ran(program, spread(data.test, steps), None)


def spread(pixels: NDArray[np.int64], steps: int) -> NDArray[np.uint8]:
    """Spikes (N, steps, 64) of pixels (N, 64): a spike whenever k / 16 per step has added up to another one."""
    passed = np.floor(np.arange(steps + 1)[:, None] * pixels[:, None] / FULL + 0.5)
    return np.diff(passed, axis=1).astype(np.uint8)


def qcfs(model: Any, inputs: int, levels: int) -> Deployed:
    """Spike counts stand for numbers, exactly: deferred firing, activations calibrated on the training part.

    A pixel k sends round(k inputs / 16) spikes, a neuron of the hidden layer up to ``levels``.
    """
    data = digits()
    made = nd.convert.qcfs(
        calibrate(model, data.train / FULL, levels=levels),
        input_shape=(64,),
        input_levels=inputs,
        input_step=1 / inputs,
        target=TARGET,
        samples=16,
    )
    counts = np.floor(data.test * inputs / FULL + 0.5).astype(np.int64)
    return _ran(made.program, made.encode(counts / inputs), made.golden.logits(counts) / made.golden.layers[-1].scale)


def ttfs(model: Any, inputs: int, ticks: int) -> Deployed:
    """Spike times stand for numbers: a sample ends with the first output spike.

    A pixel k spikes at tick k inputs / 16, rounded; a unit of activation is so many ``ticks``.
    """
    data = digits()
    made = nd.convert.ttfs(
        model, ticks=ticks, input_ticks=inputs, calibration=data.train / FULL, target=TARGET, samples=16
    )
    found, expected = made.classify(data.test / FULL), made.golden.classes(made.code.ticks_of(data.test / FULL))
    assert found.classes is not None
    same, right = (int(np.count_nonzero(found.classes == labels)) for labels in (expected, data.test_labels))
    return Deployed(right / len(expected), same, found.counters, made.program, float(found.steps.mean()))


def _ran(program: Program, spikes: NDArray[np.uint8], golden: Floats | None) -> Deployed:
    run, values = run_program(program, spikes)
    assert values is not None
    same = None if golden is None else int(np.count_nonzero(np.isclose(values, golden, rtol=1e-12).all(axis=1)))
    return Deployed(float(accuracy(values, digits().test_labels)), same, run.counters, program, float(run.steps))


Code = Callable[..., Deployed]
CODES: dict[str, tuple[Code, str, tuple[tuple[int, ...], ...]]] = {
    "rate": (rate, "{} steps", ((8,), (16,), (32,), (64,))),
    "QCFS": (qcfs, "input 0..{}, L = {}", ((4, 4), (8, 4), (16, 2), (16, 4), (16, 8))),
    "TTFS": (ttfs, "input 0..{}, {} ticks", ((4, 2), (8, 2), (16, 2), (16, 4), (16, 8))),
}


def measured(seed: int, quick: bool) -> Iterator[dict[str, Any]]:
    """A row for each code and setting."""
    model = trained(seed)
    yield {"code": "float", "setting": "ReLU", "seed": seed, "accuracy": float_accuracy(layers(model))}
    for code, (deploy, words, settings) in CODES.items():
        for setting in settings[1:2] if quick else settings:
            made = deploy(model, *setting)
            costs = costs_of(made.counters, made.program)
            yield {
                "code": code,
                "setting": words.format(*setting),
                "seed": seed,
                "accuracy": made.accuracy,
                "exact": made.exact,
                "steps": made.steps,
                "spikes": costs.spikes,
                "syn_ops": costs.syn_ops,
                "updates": costs.neuron_updates,
                "neurons": made.program.net.neurons,
                "energy_j": costs.energy.value,
                "energy_low_j": costs.energy.low,
                "energy_high_j": costs.energy.high,
                "latency_s": costs.latency.value,
                "cores": costs.cores,
                "profile": costs.profile,
            }


def summarised(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over seeds; of accuracy with its 95 % interval (Student's t)."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["code"], row["setting"]), []).append(row)
    made = []
    for (code, setting), group in groups.items():
        right = np.array([row["accuracy"] for row in group])
        half = 0.0
        if len(right) > 1:
            half = float(stats.t.ppf(0.975, len(right) - 1) * right.std(ddof=1) / len(right) ** 0.5)
        mean = {key: None for key in ("exact", "steps", "neurons", "cores") + COSTS}
        mean |= {key: float(np.mean([row[key] for row in group])) for key in mean if group[0].get(key) is not None}
        made.append(
            {
                "code": code,
                "setting": setting,
                "accuracy": float(right.mean()),
                "low": max(0.0, float(right.mean()) - half) if len(right) > 1 else None,
                "high": min(1.0, float(right.mean()) + half) if len(right) > 1 else None,
                **mean,
            }
        )
    return made


COSTS = ("spikes", "syn_ops", "updates", "energy_j", "energy_low_j", "energy_high_j", "latency_s")


def tables(summary: list[dict[str, Any]], samples: int) -> StudyTable:
    """All codes and settings."""
    columns = [
        Column("code"),
        Column("setting"),
        Column("accuracy", unit="%", low="low", high="high"),
        Column("exact", f"equal to the integer network (of {samples})"),
        Column("steps"),
        Column("spikes"),
        Column("syn_ops", "SynOps"),
        Column("updates", "neuron updates"),
        Column("energy_j", "energy (estimate)", "J", "energy_low_j", "energy_high_j"),
        Column("latency_s", "latency (estimate)", "s"),
        Column("neurons"),
        Column("cores"),
    ]
    note = "Per inference; means over seeds. Accuracy: Student's 95 % interval; energy: the range of its sources."
    return StudyTable("Codes of one network", columns, summary, note)


def charts(summary: list[dict[str, Any]]) -> list[Curves]:
    """Accuracy against what it costs."""
    deployed = [row for row in summary if row["energy_j"] is not None]
    up, made = Axis("accuracy", "%"), []
    for key, axis, what in (
        ("energy_j", Axis("energy of an inference (estimate)", "J", log=True), "Accuracy and energy"),
        ("latency_s", Axis("latency of an inference (estimate)", "s", log=True), "Accuracy and latency"),
        ("spikes", Axis("spikes of an inference", log=True), "Accuracy and spikes"),
    ):
        curves = curves_of(deployed, x=key, y="accuracy", by="code", low="low", high="high")
        caption = "Settings of one code are joined; bars are 95 % intervals over seeds."
        made.append(Curves(what, caption, axis, up, curves))
    return made


def study(rows: list[dict[str, Any]], seeds: range) -> Study:
    """The page."""
    summary, data = summarised(rows), digits()
    profile = next(row["profile"] for row in rows if "profile" in row)
    lead = [
        f"One ReLU network, 64-{HIDDEN}-{CLASSES}, trained on {len(data.train)} of scikit-learn's digits, deployed "
        f"three ways on {TARGET}'s integers without training it again, and run on all {len(data.test)} test images.",
        "Accuracy, spikes, SynOps and steps are exact: simulated bit for bit. Energy and latency are estimates with "
        f"the constants of '{profile}', whose sources the report of any program lists; nothing was measured on a chip.",
    ]
    text = [
        "Rate: integrate-and-fire with balanced thresholds, the plain conversion. QCFS: spike counts equal to a "
        "quantised network's, calibrated on the same weights. TTFS: one spike per neuron, whose time is its value; a "
        "sample ends with the first output spike, and every tick until then is charged.",
        "Energy is that of events and of the leakage of the cores in use over the latency; the codes' input spikes are "
        "counted among the spikes.",
    ]
    section = StudySection("Accuracy and cost", text, [tables(summary, len(data.test))], charts(summary))
    versions = versions_of("torch", "scikit-learn")
    return Study(
        "Rate, counts or times", "What each code of one network costs", lead, [section], COMMAND, seeds, versions
    )


def kept(path: Path | None, seeds: range, quick: bool) -> list[dict[str, Any]]:
    """Rows of all seeds, those read that stand in the file, the others measured and added to it."""
    old = path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []
    rows = [row for row in map(json.loads, old) if row["seed"] in seeds]
    for seed in (seed for seed in seeds if seed not in {row["seed"] for row in rows}):
        new = list(measured(seed, quick))
        rows += new
        if path is not None:
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in new)
    return rows


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="networks to train (default 5)")
    parser.add_argument("--quick", action="store_true", help="one seed and one setting of each code")
    parser.add_argument("--page", action="store_true", help="write docs/tradeoff.md and its figure")
    parser.add_argument("--rows", type=Path, help="keep rows here, as JSON lines; seeds that it has are not run again")
    parser.add_argument("--out", type=Path, help="also write the study as an HTML page, with JSON and CSV")
    options = parser.parse_args()
    seeds, began = range(1 if options.quick else options.seeds), time.process_time()
    rows = kept(options.rows, seeds, options.quick)
    made = study(rows, seeds)
    (section,) = made.sections
    found = markdown_table(section.tables[0]) + f"\n{section.tables[0].note} Seeds {', '.join(map(str, seeds))}.\n"
    print(found)
    print(f"{time.process_time() - began:.0f} s of processor time")
    if options.out:
        write_study(made, options.out)
    if options.page:
        text = PAGE.read_text(encoding="utf-8")
        new = re.sub(f"{re.escape(START)}.*{re.escape(END)}", lambda _: f"{START}\n\n{found}\n{END}", text, flags=re.S)
        PAGE.write_text(new, encoding="utf-8")
        FIGURE.write_text(chart_svg(section.charts[0]), encoding="utf-8")


if __name__ == "__main__":
    main()
