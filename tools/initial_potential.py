#!/usr/bin/env python3
"""What trained initial potentials do, on the chip's integers: ``python tools/initial_potential.py [--quick] [--page]``.

How many mappings and spike trains a start of its own adds to a neuron; and the digits with and without it, under four
losses, in float and deployed, seed by seed. ``--page`` writes the tables into docs/initial-potential.md; some minutes
on one core (``--quick``: half a minute, two seeds, few epochs).
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from layerwise import layer_synchronous, on_the_chip  # noqa: E402
from neuron_patterns import closed_forms, constant_trains, pattern_mappings  # noqa: E402

import neurodeploy as nd  # noqa: E402
from neurodeploy.evaluate import chip_scores  # noqa: E402
from neurodeploy.simulate.readout import classify  # noqa: E402
from neurodeploy.train import losses  # noqa: E402

PAGE = ROOT / "docs" / "initial-potential.md"
START, END = "<!-- figures: python tools/initial_potential.py --page -->", "<!-- end of figures -->"
STEPS, BATCH, EPOCHS, RATE, SEEDS = 4, 64, 25, 3e-3, 10
LEVELS = (2, 6, 10, 14)
"""Of 0..16: a pixel is a line for each, which is on in every step where the pixel is at least that."""
LOSSES = ("sdt", "tet", "tet_smooth", "lts")
STARTS = ("zero", "own")
Row = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A network of the ablation: layers of neurons that reset to zero, and a read-out without memory.

    Attributes:
        label: For the table.
        widths: Of the hidden layers.
        beta: What is left of a membrane after a step.
        spread: Range from which the initial potentials are drawn.
    """

    label: str
    widths: tuple[int, ...]
    beta: float
    spread: tuple[float, float]


KINDS = (
    Kind("LIF, 2 x 48", (48, 48), 0.5, (-0.2, 0.2)),
    Kind("IF, 5 x 40", (40,) * 5, 1.0, (0.4, 0.6)),
)


class Stacked(nn.Module):
    """All seeds' networks side by side, which share nothing; (B, seeds, lines) to (B, STEPS, seeds, classes)."""

    def __init__(self, kind: Kind, seeds: int, with_v0: bool) -> None:
        super().__init__()
        sizes = (64 * len(LEVELS), *kind.widths, 10)
        drawn, starts = [], []
        for seed in range(seeds):  # weights first: they are the same with and without potentials
            torch.manual_seed(seed)
            drawn.append([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False)])
            starts.append([torch.empty(n).uniform_(*kind.spread) for n in kind.widths])
        self.kind = kind
        self.weights = nn.ParameterList(
            [torch.stack([p.weight.detach() for p in row]) for row in zip(*drawn, strict=True)]
        )
        self.biases = nn.ParameterList(
            [torch.stack([p.bias.detach() for p in row]) for row in zip(*drawn, strict=True)]
        )
        self.fire = nn.ModuleList(
            nd.train.LIF((seeds, len(row[0])), beta=kind.beta, v0=torch.stack(row) if with_v0 else "zero")
            for row in zip(*starts, strict=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run."""
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.einsum("...si,soi->...so", x, weight) + bias
            x = x.unsqueeze(1).expand(-1, STEPS, -1, -1) if not k else x  # the same in every step
            x = self.fire[k](x) if k < len(self.fire) else x
        return x

    def network(self, seed: int) -> nn.Sequential:
        """That of one seed, as a user would have written it."""
        parts: list[nn.Module] = []
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            linear = nn.Linear(weight.shape[2], weight.shape[1])
            linear.weight.data, linear.bias.data = weight.data[seed].clone(), bias.data[seed].clone()
            parts.append(linear)
            if k < len(self.fire):
                v0 = self.fire[k].v0
                start = {} if v0 is None else {"v0": v0.data[seed]}
                parts.append(nd.train.LIF(weight.shape[1], beta=self.kind.beta, **start))
        return nn.Sequential(*parts)


def train(kind: Kind, loss: str, with_v0: bool, seeds: int, epochs: int, x: Any, y: Any) -> Stacked:
    """All seeds' networks; the order of samples is each seed's own."""
    net = Stacked(kind, seeds, with_v0)
    optimiser = torch.optim.Adam(nd.train.parameter_groups(net, 0.0), lr=RATE)
    orders = [np.random.default_rng(seed) for seed in range(seeds)]
    for _ in range(epochs):
        permutations = torch.as_tensor(np.stack([rng.permutation(len(y)) for rng in orders], axis=1))
        for chosen in permutations.split(BATCH):
            outputs = net(x[chosen])
            optimiser.zero_grad()
            rows = outputs.permute(2, 0, 1, 3).flatten(0, 1)
            (seeds * getattr(losses, loss)(rows, y[chosen].T.flatten())).backward()
            optimiser.step()
    return net


def measure(net: nn.Sequential, loss: str, x: Any, y: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy in float and on the chip, and how many spikes and membranes are not those of the layers alone."""
    lines = x.unsqueeze(1).expand(-1, STEPS, -1)
    with torch.no_grad():
        right = losses.predict(loss, net(lines)).numpy() == y
    spikes = lines.numpy().astype(np.uint8)
    program = nd.compile(net, "loihi2", nd.Options({"readout": losses.READOUTS[loss]}), sample=spikes[:16])
    run = nd.simulate(program, spikes, record=dict.fromkeys(program.net.populations, ("v",)))
    golden, found = layer_synchronous(program.net, spikes), on_the_chip(program.net, run, STEPS)
    pairs = [(a, b) for name in golden for a, b in zip(golden[name], found[name], strict=True)]
    return {
        "float": float(right.mean()),
        "chip": float((classify(chip_scores(program, run)) == y).mean()),
        "values": sum(a.size for a, _ in pairs),
        "differing": sum(int(np.count_nonzero(a != b)) for a, b in pairs),
    }


def ablation(seeds: int, epochs: int, known: list[Row]) -> Iterator[Row]:
    """A row for every network, loss, start and seed, of those that are not known yet."""
    digits = load_digits()
    pixels = (digits.data[:, :, None] >= np.array(LEVELS)).reshape(len(digits.data), -1).astype(np.float32)
    split = train_test_split(pixels, digits.target, test_size=0.4, random_state=0, stratify=digits.target)
    x, x_test, y = (torch.as_tensor(part) for part in split[:3])
    done = {(row["network"], row["loss"], row["start"]) for row in known}
    for kind, loss, start in product(KINDS, LOSSES, STARTS):
        if (kind.label, loss, start) in done:
            continue
        net = train(kind, loss, start == "own", seeds, epochs, x, y)
        for seed in range(seeds):
            what = {"network": kind.label, "loss": loss, "start": start, "seed": seed}
            yield what | measure(net.network(seed), loss, x_test, split[3])


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the 95 % interval of Student's t."""
    array = np.asarray(values)
    half = stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / math.sqrt(len(array))
    return float(array.mean()), float(half)


def compared(rows: Sequence[Row]) -> list[Row]:
    """A row for every network and loss measured: means, their intervals, and gains of own starts paired by seed."""
    found = []
    for kind, loss in product(KINDS, LOSSES):
        row: Row = {"network": kind.label, "loss": loss}
        measured = [r for r in rows if (r["network"], r["loss"]) == (kind.label, loss)]
        if {r["start"] for r in measured} != set(STARTS):
            continue
        for where in ("float", "chip"):
            of = {start: [r[where] for r in measured if r["start"] == start] for start in STARTS}
            of["gain"] = [own - zero for zero, own in zip(of["zero"], of["own"], strict=True)]
            for name, values in of.items():
                key = f"{where} {name}"
                mean, half = row[key], row[f"{key} half"] = interval(values)
                row[f"{key} low"], row[f"{key} high"] = mean - half, mean + half
        found.append(row)
    return found


def clear_gains(found: Sequence[Row]) -> list[str]:
    """Gains whose interval excludes 0."""
    return [
        f"{row['network']}, {row['loss']}, {where}: {percent(row, f'{where} gain')}"
        for row in found
        for where in ("float", "chip")
        if abs(row[f"{where} gain"]) > row[f"{where} gain half"]
    ]


def percent(row: Row, key: str) -> str:
    """Mean and half interval, in percent or points."""
    sign = "+" if key.endswith("gain") else ""
    return f"{100 * row[key]:{sign}.2f} ± {100 * row[f'{key} half']:.2f}"


def neuron_rows() -> tuple[list[list[Any]], list[list[Any]]]:
    """What a start adds to one neuron: mappings by reset; trains by steps, counted and by formula."""
    resets = (("subtract", "subtract"), ("to zero", "zero"))
    trains = [[steps, *constant_trains(steps), *closed_forms(steps)] for steps in (4, 6, 8, 10)]
    return [[name, *pattern_mappings(reset)] for name, reset in resets], trains


def words(rows: Sequence[Row], epochs: int) -> tuple[str, str]:
    """What the digits' tables mean, and whether the deployed networks are the layers alone."""
    found, seeds = compared(rows), len({row["seed"] for row in rows})
    own = [row for row in rows if row["start"] == "own"]
    values, differing = (int(sum(row[key] for row in own)) for key in ("values", "differing"))
    return (
        f"{seeds} seeds, {epochs} epochs, {STEPS} steps; accuracy in % and gains in points, mean ± half the 95 % "
        "interval (Student's t over seeds; gains are paired by seed). Gains whose interval excludes 0, of "
        f"{2 * len(found)} looked at (one in twenty would by chance): {'; '.join(clear_gains(found)) or 'none'}.",
        f"{len(own)} deployed networks with trained starts: {differing:,} of {values:,} spikes and membranes differ "
        "from the integer recursion of the layers alone.",
    )


def markdown(rows: Sequence[Row], epochs: int) -> str:
    """All tables for the page."""
    mappings, trains = neuron_rows()
    keys = [f"{where} {name}" for where in ("float", "chip") for name in (*STARTS, "gain")]
    heads = [key.replace("zero", "from 0").replace("own", "own start") for key in keys]
    digits = [[row["network"], row["loss"], *(percent(row, key) for key in keys)] for row in compared(rows)]
    return "\n\n".join(
        [
            table(["reset", "from v = 0", "from v = -1, -3/4 .. 1"], mappings),
            table(["steps", "from v = 0", "from any v in [0, 1)", "formula", "formula"], trains),
            table(["network", "loss", *heads], digits),
            *words(rows, epochs),
        ]
    )


def study(rows: Sequence[Row], epochs: int) -> Any:
    """The same as a page of its own."""
    from neurodeploy.report.study import Axis, Bar, Bars, Column, Study, StudySection, StudyTable, versions_of

    found, (note, exact), (mappings, trains) = compared(rows), words(rows, epochs), neuron_rows()

    def columns(where: str) -> list[Column]:
        keys = [f"{where} {name}" for name in (*STARTS, "gain")]
        titles = ("from 0", "own start", "gain")
        return [Column(k, t, "%", f"{k} low", f"{k} high") for k, t in zip(keys, titles, strict=True)]

    def section(where: str, title: str) -> StudySection:
        bars = [
            Bar(f"{r['network']}, {r['loss']}", *(r[f"{where} gain{end}"] for end in ("", " low", " high")))
            for r in found
        ]
        return StudySection(
            title,
            [note if where == "float" else exact],
            [StudyTable(title, [Column("network"), Column("loss"), *columns(where)], found)],
            [Bars(f"Gain, {where}", "Own starts minus starts at 0, paired by seed.", Axis("gain", "%"), bars)],
        )

    first = [dict(zip(("reset", "zero", "any"), row, strict=True)) for row in mappings]
    second = [dict(zip(("steps", "zero", "any", "zero formula", "any formula"), row, strict=True)) for row in trains]
    neurons = StudySection(
        "One neuron",
        ["An integrate-and-fire neuron on the core: what starts of its own add to the answers that it can give."],
        [
            StudyTable("Mappings", [Column(k) for k in first[0]], first, "Patterns of 4 ticks, weights 0, 1/8 .. 1."),
            StudyTable("Trains", [Column(k) for k in second[0]], second, "Constant input, reset by subtraction."),
        ],
    )
    lead = [note, exact, "Small networks on 8 x 8 digits: no claim about other tasks or sizes."]
    sections = [neurons, section("float", "Digits, float"), section("chip", "Digits, deployed")]
    asked = "Do trained initial potentials help, under which loss, and does it last on the chip?"
    command = "python tools/initial_potential.py --html initial-potential.html"
    seeds = sorted({row["seed"] for row in rows})
    return Study("Trained initial potentials", asked, lead, sections, command, seeds, versions_of("torch"))


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--html", type=Path, help="the study as a page of its own, with JSON and CSV beside it")
    parser.add_argument("--rows", type=Path, help="JSON lines of what was measured; goes on where it ends")
    args = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.process_time()
    seeds, epochs = (2, 3) if args.quick else (SEEDS, EPOCHS)
    known = args.rows.read_text().splitlines() if args.rows and args.rows.exists() else []
    rows: list[Row] = [json.loads(line) for line in known]
    for row in ablation(seeds, epochs, list(rows)):
        rows.append(row)
        if row["seed"] == seeds - 1:
            print(*row.values(), f"{time.process_time() - begun:.0f} s", sep=" | ", file=sys.stderr, flush=True)
            if args.rows:
                args.rows.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = markdown(rows, epochs)
    print(text)
    if args.html:
        from neurodeploy.report.study import write_study

        write_study(study(rows, epochs), args.html)
    if args.page:
        page = PAGE.read_text()
        PAGE.write_text(re.sub(f"{START}.*{END}", lambda _: f"{START}\n\n{text}\n\n{END}", page, flags=re.S))


if __name__ == "__main__":
    main()
