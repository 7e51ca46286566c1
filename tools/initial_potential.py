#!/usr/bin/env python3
"""What trained initial potentials do, on the chip's integers: ``python tools/initial_potential.py [--quick] [--page]``.

How many mappings and spike trains a start of its own adds to a neuron; and the digits with and without it, under four
losses, in float and deployed, seed by seed. ``--page`` writes the tables into docs/initial-potential.md; some minutes
on one core (``--quick``: half a minute, two seeds, few epochs).
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
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
STEPS, BATCH, EPOCHS, RATE, SEEDS = 4, 64, 25, 3e-3, 20
LEVELS = (2, 6, 10, 14)
"""Of 0..16: a pixel is a line for each, which is on in every step where the pixel is at least that."""
LOSSES = ("sdt", "tet", "tet_smooth", "lts")
Row = list[object]


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
    """The networks of all seeds side by side, which share nothing; (B, T, seeds, lines) to (B, T, seeds, classes)."""

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
            x = torch.einsum("btsi,soi->btso", x, weight) + bias
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
            outputs = net(x[chosen].unsqueeze(1).expand(-1, STEPS, -1, -1))
            optimiser.zero_grad()
            rows = outputs.permute(2, 0, 1, 3).flatten(0, 1)
            (seeds * getattr(losses, loss)(rows, y[chosen].T.flatten())).backward()
            optimiser.step()
    return net


@dataclass(frozen=True)
class Measured:
    """Of one trained network on the test part.

    Attributes:
        float_accuracy: Of the torch module.
        chip_accuracy: Of its program for loihi2, 8-bit weights.
        values: Spikes and membranes compared with the layers' own recursion.
        differing: Those that differ.
    """

    float_accuracy: float
    chip_accuracy: float
    values: int
    differing: int


def measure(net: nn.Sequential, loss: str, x: Any, y: NDArray[np.int64]) -> Measured:
    """Accuracy in float and on the chip, and what of the chip's run is not that of the layers alone."""
    lines = x.unsqueeze(1).expand(-1, STEPS, -1)
    with torch.no_grad():
        right = losses.predict(loss, net(lines)).numpy() == y
    spikes = lines.numpy().astype(np.uint8)
    program = nd.compile(net, "loihi2", nd.Options({"readout": losses.READOUTS[loss]}), sample=spikes[:32])
    run = nd.simulate(program, spikes, record=dict.fromkeys(program.net.populations, ("v",)))
    golden, found = layer_synchronous(program.net, spikes), on_the_chip(program.net, run, STEPS)
    pairs = [(a, b) for name in golden for a, b in zip(golden[name], found[name], strict=True)]
    chip = classify(chip_scores(program, run)) == y
    differing = sum(int(np.count_nonzero(a != b)) for a, b in pairs)
    return Measured(float(right.mean()), float(chip.mean()), sum(a.size for a, _ in pairs), differing)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the 95 % interval of Student's t."""
    array = np.asarray(values)
    half = stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / math.sqrt(len(array))
    return float(array.mean()), float(half)


def percent(values: Sequence[float], *, signed: bool = False) -> str:
    """Mean and half interval in percent, or points."""
    mean, half = interval(values)
    return f"{100 * mean:{'+' if signed else ''}.2f} ± {100 * half:.2f}"


def ablation(seeds: int, epochs: int) -> Iterator[tuple[Kind, str, Mapping[bool, list[Measured]]]]:
    """Every network and loss, without and with potentials, of every seed."""
    digits = load_digits()
    pixels = (digits.data[:, :, None] >= np.array(LEVELS)).reshape(len(digits.data), -1).astype(np.float32)
    split = train_test_split(pixels, digits.target, test_size=0.4, random_state=0, stratify=digits.target)
    x, x_test, y, y_test = split
    for kind, loss in product(KINDS, LOSSES):
        found = {}
        for with_v0 in (False, True):
            net = train(kind, loss, with_v0, seeds, epochs, torch.as_tensor(x), torch.as_tensor(y))
            tested = torch.as_tensor(x_test)
            found[with_v0] = [measure(net.network(seed), loss, tested, y_test) for seed in range(seeds)]
        yield kind, loss, found


def neurons_tables() -> Iterator[str]:
    """What a start adds to one neuron."""
    yield table(
        ["reset", "from v = 0", "from v = -1, -3/4 .. 1"],
        [[name, *pattern_mappings(reset)] for name, reset in (("subtract", "subtract"), ("to zero", "zero"))],
    )
    rows: list[Row] = []
    for steps in (4, 6, 8, 10):
        counted, formula = constant_trains(steps), closed_forms(steps)
        rows.append(
            [steps, *(f"{a} = {b}" if a == b else f"{a}, not {b}" for a, b in zip(counted, formula, strict=True))]
        )
    yield table(["steps", "from v = 0: counted, formula", "from any v in [0, 1): counted, formula"], rows)


def digits_tables(seeds: int, epochs: int) -> Iterator[str]:
    """Accuracy with intervals, and differences seed by seed."""
    rows: list[Row] = []
    compared = differing = 0
    clear = []
    for kind, loss, found in ablation(seeds, epochs):
        row: Row = [kind.label, loss]
        for field in ("float_accuracy", "chip_accuracy"):
            none, own = ([getattr(m, field) for m in found[with_v0]] for with_v0 in (False, True))
            gain = [b - a for a, b in zip(none, own, strict=True)]
            row += [percent(none), percent(own), percent(gain, signed=True)]
            mean, half = interval(gain)
            if abs(mean) > half:
                clear.append(f"{kind.label}, {loss}, {field.split('_')[0]}: {percent(gain, signed=True)}")
        rows.append(row)
        compared += sum(m.values for m in found[True])
        differing += sum(m.differing for m in found[True])
        print(*row, sep=" | ", file=sys.stderr, flush=True)
    head = ["network", "loss"]
    for where in ("float", "chip"):
        head += [f"{where}, from 0", f"{where}, own start", f"{where}, gain"]
    yield table(head, rows)
    told = "; ".join(clear) or "none"
    yield (
        f"{seeds} seeds, {epochs} epochs, {STEPS} steps; accuracy in % and gains in points, mean ± half the 95 % "
        "interval (Student's t over seeds; gains are paired by seed). Gains whose interval excludes 0, of "
        f"{2 * len(rows)} looked at (one in twenty would by chance): {told}."
    )
    yield (
        f"Deployed networks with trained starts: {differing:,} of {compared:,} spikes and membranes differ from the "
        "integer recursion of the layers alone."
    )


def table(head: Sequence[str], rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--page", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.process_time()
    seeds, epochs = (2, 3) if args.quick else (SEEDS, EPOCHS)
    text = "\n\n".join([*neurons_tables(), *digits_tables(seeds, epochs)])
    print(text)
    print(f"{time.process_time() - begun:.0f} s of processor time", file=sys.stderr)
    if args.page:
        page = PAGE.read_text()
        PAGE.write_text(re.sub(f"{START}.*{END}", lambda _: f"{START}\n\n{text}\n\n{END}", page, flags=re.S))


if __name__ == "__main__":
    main()
