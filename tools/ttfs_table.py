#!/usr/bin/env python3
"""Figures of the first-spike compiler: ``python tools/ttfs_table.py [--quick] [--page]``.

Random networks in float, the same on the chip's integers with and without a loss of the current, and the digits:
accuracy, windows, registers, early end. ``--page`` writes the tables into docs/ttfs.md; a minute. Needs
scikit-learn.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import neurodeploy as nd
from neurodeploy.convert.ttfs import ReluNet, Ttfs, spiking_net
from neurodeploy.convert.ttfs.chip import OUTPUT
from neurodeploy.convert.ttfs.code import NEVER
from neurodeploy.convert.ttfs.relu_net import golden_net
from neurodeploy.convert.ttfs.stages import MODES, stages_of
from neurodeploy.errors import SimulationError
from neurodeploy.estimate.model import costs_of

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from relu_nets import by_hand, inputs_of, random_net  # noqa: E402

PAGE = ROOT / "docs" / "ttfs.md"
START, END = "<!-- figures: python tools/ttfs_table.py --page -->", "<!-- end of figures -->"
TICKS, FRACTION_BITS, INPUT_TICKS = (2, 4, 8, 16), 5, 16
Row = list[object]


def floats(networks: int) -> Iterator[Row]:
    """Random networks of both lowerings; counts against the formulas."""
    for mode in MODES:
        rng = np.random.default_rng(0)
        error, counted = 0.0, 0
        for _ in range(networks):
            net = random_net(rng)
            x = inputs_of(net, rng, 30)
            spiking = spiking_net(net, mode=mode)
            error = max(error, abs(spiking.run(x) - by_hand(net, x)).max())
            per_layer, n = {"compact": 2, "paper": 3}[mode], net.widths
            formula = n[0] + 1 + per_layer * sum(w + 1 for w in n[1:-1]) + n[-1]
            counted += (spiking.neurons, len(spiking.stages)) == (formula, per_layer * (len(n) - 2) + 1)
        yield [f"`{mode}`", networks, f"{error:.1e}", f"{counted} of {networks}"]


def integers(networks: int) -> tuple[int, int, int]:
    """Networks whose outputs all come in the golden network's tick: without loss, and with du = 0; inputs tried."""
    exact, tried = {-1: 0, 0: 0}, 0
    for seed in range(networks):
        rng = np.random.default_rng(seed)
        net = random_net(rng, (8, 12, 6))
        made = nd.convert.ttfs(net, ticks=24, readout="values", horizon="long", samples=0)
        x = inputs_of(net, rng, 30)
        due = made.code.t_out + made.golden.ceil(made.code.ticks_of(x))
        tried += len(x)
        for du in exact:
            chip = made.program.net
            for name in chip.populations:
                chip = chip.with_fields(name, du=du)
            sent = nd.simulate(chip, made.encode(x)).spikes
            once = all(np.all(values.sum(axis=1) == 1) for values in sent.values()) or du == 0
            exact[du] += bool(once and np.array_equal(np.where(sent[OUTPUT].any(1), sent[OUTPUT].argmax(1), -1), due))
    return exact[-1], exact[0], tried


def trained(seed: int) -> tuple[ReluNet, np.ndarray, np.ndarray, np.ndarray, float]:
    """Network 64-32-10 on pixels / 16, training inputs, test inputs and labels, accuracy in float."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    data = load_digits()
    x, test, y, labels = train_test_split(
        data.data / 16, data.target, test_size=0.3, stratify=data.target, random_state=seed
    )
    model = MLPClassifier((32,), alpha=1e-2, max_iter=1000, random_state=seed).fit(x, y)
    layers = [(w.T, b) for w, b in zip(model.coefs_, model.intercepts_, strict=True)]
    return ReluNet.of(layers, 0, 1), x, test, labels, float(model.score(test, labels))


def each(made: Ttfs, x: np.ndarray) -> tuple[int, int]:
    """Samples whose class and outputs are the golden network's, and those that the guard refused."""
    equal = refused = 0
    golden = made.golden.floor(made.code.ticks_of(x))
    parts = [slice(0, len(x))]
    while parts:
        part = parts.pop()
        try:
            found = made.run(x[part])
        except SimulationError:
            middle = (part.start + part.stop) // 2
            if middle == part.start:
                refused += 1
            else:
                parts += [slice(part.start, middle), slice(middle, part.stop)]
            continue
        came = found.outputs != -NEVER
        same = np.where(came, found.outputs == golden[part], True).all(axis=1)
        equal += int(np.sum(same & (found.classes == golden[part].argmax(axis=1))))
    return equal, refused


def digits(seeds: int) -> Iterator[Row]:
    """The table of the digits: means over the seeds, with smallest and largest."""
    networks = [trained(seed) for seed in range(seeds)]
    accuracies = [accuracy for *_, accuracy in networks]
    yield ["float", band(accuracies, ".4f"), *["-"] * 8]
    for ticks in TICKS:
        columns: dict[str, list[float]] = {}
        equal = refused = tried = 0
        for net, x, test, labels, _ in networks:
            options = {"ticks": ticks, "input_ticks": INPUT_TICKS, "fraction_bits": FRACTION_BITS}
            made = nd.convert.ttfs(net, calibration=x, samples=0, **options)
            near = golden_net(net, nearest=True, **options)
            pixels = made.code.ticks_of(test)
            worst = stages_of(made.golden, 2**FRACTION_BITS, "compact", None, negated=True)
            some, out = each(made, test)
            equal, refused, tried = equal + some, refused + out, tried + len(test)
            row = {
                "floor": np.mean(made.golden.classes(pixels) == labels),
                "nearest": np.mean(near.classes(pixels) == labels),
                "t_worst": sum(stage.after for stage in worst),
                "t_out": made.code.t_out,
                "theta_worst": max(stage.theta.max() for stage in worst),
                "theta": made.certificate.largest_threshold,
                "reference": made.certificate.largest_reference_weight,
            }
            for name, value in row.items():
                columns.setdefault(name, []).append(float(value))
        show = {
            name: band(values, ".4f" if name in ("floor", "nearest") else ",.0f") for name, values in columns.items()
        }
        match = f"{equal} of {tried}" + (f", {refused} refused" if refused else "")
        theta = f"{show['theta_worst']} / {show['theta']}"
        yield [ticks, show["floor"], show["nearest"], show["t_worst"], show["t_out"], match, theta, show["reference"]]


def early(samples: int) -> Iterator[Row]:
    """What ends with the first output spike, and what it costs, of the network of seed 0."""
    net, x, test, labels, _ = trained(0)
    for ticks in TICKS:
        made = nd.convert.ttfs(net, ticks=ticks, input_ticks=INPUT_TICKS, calibration=x)
        full, first = made.run(test[:samples]), made.classify(test[:samples])
        assert np.array_equal(full.classes, first.classes)
        bills = [costs_of(result.counters, made.program) for result in (full, first)]
        yield [
            ticks,
            f"{np.mean(first.classes == labels[:samples]):.4f}",
            made.code.horizon,
            f"{first.steps.mean():.1f} ({first.steps.min()} .. {first.steps.max()})",
            " / ".join(f"{bill.spikes:.0f}" for bill in bills),
            " / ".join(f"{bill.neuron_updates:,.0f}" for bill in bills),
            " / ".join(f"{bill.energy.value * 1e9:,.0f}" for bill in bills),
            " / ".join(f"{bill.latency.value * 1e6:,.0f}" for bill in bills),
        ]


def band(values: list[float], form: str) -> str:
    """Mean, smallest and largest; one number where all are the same."""
    mean, low, high = (format(v, form) for v in (np.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low} .. {high})"


def table(header: Row, rows: Iterator[Row]) -> str:
    """In Markdown."""
    lines = [header, ["---"] * len(header), *([*row, *["-"] * len(header)][: len(header)] for row in rows)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def figures(quick: bool) -> str:
    """All tables."""
    began = time.process_time()
    seeds, few = (1, 50) if quick else (3, 180)
    exact, lossy, tried = integers(10 if quick else 45)
    number = 10 if quick else 45
    parts = [
        "Random networks of 1 to 5 affine maps and up to 24 neurons, 30 inputs each, in float:\n",
        table(
            ["lowering", "networks", "largest difference to the ReLU network", "neurons and layers as the formula"],
            floats(20 if quick else 120),
        ),
        f"\nOn the chip's integers: {exact} of {number} random networks 8-12-6 have every output in the golden "
        f"network's tick, each neuron spiking exactly once, for {tried:,} inputs in all; with du = 0, where "
        f"the current loses 1/4096 a tick, {lossy} of {number}.\n",
        f"Digits, 64-32-10, ReLU, raw pixels 0..16 as ticks, q = {FRACTION_BITS}, calibrated on the training part, "
        f"{seeds} seed(s) of split (30 % test, stratified) and training; means (smallest .. largest):\n",
        table(
            [
                "ticks per unit",
                "accuracy, floor",
                "accuracy, nearest",
                "T_out, worst case",
                "T_out, calibrated",
                "chip = golden",
                "largest threshold, worst case / calibrated",
                "largest reference weight",
            ],
            digits(seeds),
        ),
        f"\nThe whole horizon / until the first output spike, seed 0, {few} test samples, estimates for loihi2:\n",
        table(
            [
                "ticks per unit",
                "accuracy",
                "horizon",
                "ticks until the first spike",
                "spikes",
                "neuron updates",
                "energy, nJ",
                "latency, us",
            ],
            early(few),
        ),
        "",
    ]
    print(f"{time.process_time() - began:.0f} s of processor time")
    return "\n".join(parts)


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer networks and seeds")
    parser.add_argument("--page", action="store_true", help="write docs/ttfs.md")
    options = parser.parse_args()
    found = figures(options.quick)
    print(found)
    if options.page:
        text = PAGE.read_text(encoding="utf-8")
        new = re.sub(f"{re.escape(START)}.*{re.escape(END)}", lambda _: f"{START}\n\n{found}\n{END}", text, flags=re.S)
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
