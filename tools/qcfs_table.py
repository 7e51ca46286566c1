#!/usr/bin/env python3
"""Figures of the QCFS compiler: ``python tools/qcfs_table.py [--quick] [--page]``; needs torch and scikit-learn.

scikit-learn's digits, 8 x 8 pixels of 0..16 as so many spikes, 70/30 stratified (random_state 0), three seeds: an MLP
64-96-48-10 trained at several levels, a convolutional residual network with average poolings, the search for levels,
and a ReLU network calibrated. Every hidden train and every logit of all 540 test samples is compared with the integer
network. ``--page`` writes the tables into docs/qcfs.md; some minutes on one core (``--quick``: few epochs, one seed).
"""

from __future__ import annotations

import argparse
import copy
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import neurodeploy as nd
from neurodeploy.convert.qcfs import QCFS, QcfsNetwork, adapt_levels, calibrate
from neurodeploy.convert.qcfs.adaptive import LOSS_DEFAULT, exhaustive
from neurodeploy.convert.qcfs.search import cost_of, set_levels
from neurodeploy.convert.qcfs.tracing import from_torch
from neurodeploy.errors import FieldOverflow

PAGE = Path(__file__).resolve().parent.parent / "docs" / "qcfs.md"
START, END = "<!-- figures: python tools/qcfs_table.py --page -->", "<!-- end of figures -->"
PIXEL = 16
PIXELS: Any = {"input_levels": PIXEL, "input_step": 1 / PIXEL}
SETTINGS = ((8, 8), (4, 4), (2, 2), (4, 2), (1, 1))
Row = list[object]


class Digits:
    """Pixels as whole numbers, and labels."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        pixels, labels = load_digits(return_X_y=True)
        parts = train_test_split(pixels, labels, test_size=0.3, stratify=labels, random_state=0)
        train, self.test, self.train_labels, self.labels = parts
        self.train = torch.tensor(train.reshape(-1, *shape) / PIXEL, dtype=torch.float32)
        self.test = self.test.reshape(-1, *shape) / PIXEL
        self.classes = torch.tensor(self.train_labels)


def mlp(levels: tuple[int, int]) -> nn.Module:
    """The network of the reference figures."""
    return nn.Sequential(nn.Linear(64, 96), QCFS(levels[0]), nn.Linear(96, 48), QCFS(levels[1]), nn.Linear(48, 10))


class Residual(nn.Module):
    """Convolutions with batch norms, an identity shortcut, an average pooling before and behind, mixed levels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), QCFS(4))
        self.body = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), QCFS(4),
            nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8),
        )  # fmt: skip
        self.act = QCFS(8)
        self.head = nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), QCFS(2),
            nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 10),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        return self.head(self.act(self.body(x) + x))


def train(net: nn.Module, data: Digits, epochs: int, seed: int, rate: float = 3e-3) -> nn.Module:
    """Adam, weight decay 1e-5, batches of 64."""
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters(), rate, weight_decay=1e-5)
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(data.train), generator=order).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(data.train[batch]), data.classes[batch]).backward()
            optimiser.step()
    return net.eval()


def accuracy(net: nn.Module, data: Digits) -> float:
    """On the test samples."""
    with torch.no_grad():
        found = net(torch.tensor(data.test, dtype=torch.float32)).argmax(1).numpy()
    return float((found == data.labels).mean())


def converted(net: nn.Module, data: Digits, **options: Any) -> QcfsNetwork:
    """On loihi2; pixels are counts of spikes."""
    return nd.convert.qcfs(net, input_shape=data.test.shape[1:], **PIXELS, **options)


def measured(made: QcfsNetwork, data: Digits) -> tuple[int, float, Any]:
    """Samples that are equal in every train and logit (fewer raise), accuracy of the integers, costs."""
    found = made.compare(made.coding.counts(data.test))["out"]
    run = nd.simulate(made.program, made.encode(data.test), keep=())
    return len(found), float((found.argmax(1) == data.labels).mean()), nd.estimate(run, made.program)


def widest(net: nn.Module, data: Digits, **options: Any) -> tuple[int, QcfsNetwork]:
    """With the most weight bits whose membranes cannot overflow; what holds a layer down by gate neurons needs room."""
    for bits in range(8, 3, -1):
        try:
            return bits, converted(net, data, bits=bits, **options)
        except FieldOverflow:
            continue
    raise SystemExit("no width fits")


def spread(values: list[float], form: str = ".4f") -> str:
    """Mean, and the range over the seeds."""
    return f"{np.mean(values):{form}} ({min(values):{form}}..{max(values):{form}})"


def settings(seeds: range, epochs: int) -> Iterator[Row]:
    """The MLP at uniform and mixed levels, both schedules."""
    data = Digits((64,))
    for levels in SETTINGS:
        floats, whole, rows = [], [], []
        for seed in seeds:
            torch.manual_seed(seed)
            net = train(mlp(levels), data, epochs, seed)
            floats.append(accuracy(net, data))
            made = {mode: converted(net, data, mode=mode) for mode in ("defer", "pascal")}
            equal, share, costs = measured(made["defer"], data)
            again, _, pascal = measured(made["pascal"], data)
            whole.append(share)
            rows.append((equal + again, costs, pascal, made["defer"].certificate, made["pascal"].certificate))
        c, p = rows[0][3], rows[0][4]
        yield [
            ",".join(map(str, levels)),
            spread(floats),
            spread(whole),
            f"{sum(r[0] for r in rows):,}/{len(rows) * 2 * len(data.labels):,}",
            spread([r[1].syn_ops / 1e3 for r in rows], ".1f"),
            p.ticks,
            c.ticks,
            f"{c.effective_steps:.2f}",
            f"{p.steps} / {c.steps}",
            f"{np.mean([r[2].mesh_energy.value for r in rows]) * 1e9:.0f} / "
            f"{np.mean([r[1].mesh_energy.value for r in rows]) * 1e9:.0f}",
            f"{max(r[3].membrane_most for r in rows):,}",
        ]


def forms(seeds: range, epochs: int) -> Iterator[Row]:
    """The residual network in every form; those with more neurons for the first seed."""
    data = Digits((1, 8, 8))
    for seed in seeds:
        torch.manual_seed(seed)
        net = train(Residual(), data, epochs, seed)
        share = accuracy(net, data)
        for form, options in (
            ("defer, windows", {}),
            ("defer, gate neurons", {"gate": "neurons"}),
            ("pascal", {"mode": "pascal"}),
            ("thermometer on loihi1", {"thermometer": True, "target": "loihi1"}),
        ):
            if seed != seeds[0] and form not in ("defer, windows", "pascal"):
                continue
            bits, made = widest(net, data, **options)
            equal, whole, costs = measured(made, data)
            c = made.certificate
            row: Row = [seed, form, bits, f"{share:.4f}", f"{whole:.4f}", f"{equal}/{len(data.labels)}"]
            row += [c.neurons, c.steps]
            yield [*row, f"{costs.syn_ops / 1e3:.1f}", made.program.mapping.cores]


class Tuning:
    """What the search needs of one trained network: the last 357 training samples are held out."""

    def __init__(self, seed: int, epochs: int) -> None:
        self.seed, self.epochs = seed, max(1, epochs // 10)
        self.held, self.fitted = Digits((64,)), Digits((64,))
        self.held.test, self.held.labels = self.held.train[900:].numpy(), self.held.train_labels[900:]
        self.fitted.train, self.fitted.classes = self.fitted.train[:900], self.fitted.classes[:900]
        self.some = self.fitted.test[:100]
        torch.manual_seed(seed)
        self.net = train(mlp((8, 8)), self.fitted, epochs, seed)

    def tune(self, module: nn.Module) -> None:
        """A tenth of the epochs, at a third of the rate."""
        train(module, self.fitted, self.epochs, self.seed, 1e-3)

    def accuracy(self, module: nn.Module) -> float:
        """On what is held out."""
        return accuracy(module, self.held)

    def tried(self, levels: Any) -> tuple[float, float]:
        """Accuracy and joules of the trained network at other levels, tuned once."""
        module = copy.deepcopy(self.net)
        set_levels(module, levels)
        self.tune(module)
        return self.accuracy(module), cost_of(from_torch(module, (64,), **PIXELS), self.some)


def searched(seeds: range, epochs: int) -> Iterator[Row]:
    """The search from 8,8, and the best of all combinations with one short fine-tune each."""
    for seed in seeds:
        t = Tuning(seed, epochs)
        found = adapt_levels(t.net, t.some, tune=t.tune, accuracy=t.accuracy, **PIXELS)
        kept = [trial for trial in found.trials if trial.kept]
        first, last = kept[0], kept[-1]
        best = exhaustive({"1": (1, 2, 4, 8), "3": (1, 2, 4, 8)}, t.tried, first.accuracy - LOSS_DEFAULT)
        yield [
            seed,
            ", ".join(f"{found.metric[name]:.1f}" for name in ("1", "3")),
            f"{last.levels['1']},{last.levels['3']}",
            f"{len(found.trials)} ({len(kept)} kept)",
            f"{first.accuracy:.4f} / {last.accuracy:.4f}",
            f"{accuracy(found.module, Digits((64,))):.4f}",
            f"{first.cost * 1e9:.0f} / {last.cost * 1e9:.0f}",
            "-" if best is None else f"{best.levels['1']},{best.levels['3']}: {best.cost * 1e9:.0f}",
        ]


def calibrated(seeds: range, epochs: int) -> Iterator[Row]:
    """A ReLU network, not trained again."""
    data = Digits((64,))
    nets = []
    for seed in seeds:
        torch.manual_seed(seed)
        relu = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 10))
        nets.append(train(relu, data, epochs, seed))
    yield ["ReLU", spread([accuracy(net, data) for net in nets]), "", ""]
    for levels in (16, 8, 4, 2):
        row: Row = [levels]
        equal = 0
        for method in ("mse", "percentile"):
            shares = []
            for net in nets:
                found, share, _ = measured(converted(calibrate(net, data.train, levels, method=method), data), data)
                equal += found
                shares.append(share)
            row.append(spread(shares))
        yield [*row, f"{equal:,}/{2 * len(nets) * len(data.labels):,}"]


def table(header: Row, rows: Iterator[Row]) -> str:
    """In Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def figures(quick: bool) -> str:
    """All tables."""
    began = time.process_time()
    seeds, epochs = (range(1), 8) if quick else (range(3), 80)
    parts = [
        f"MLP 64-96-48-10, T0 = 16, {epochs} epochs, {len(seeds)} seeds: mean (least..most). `equal`: samples whose "
        "hidden trains and logits all equal the integer network's, both schedules. Energy: synapses, neurons and "
        "packets by the profile of loihi2.\n",
        table(
            ["L", "float", "integers", "equal", "synops/inference, k", "ticks pascal", "ticks defer", "T_eff",
             "chip steps pascal / defer", "nJ pascal / defer", "largest possible membrane (of 131,071)"],
            settings(seeds, epochs),
        ),
        f"\nConvolutions, a residual block, average poolings, L = 4,4,8,2, {epochs // 4} epochs:\n",
        table(
            ["seed", "form", "bits", "float", "integers", "equal", "neurons", "chip steps", "synops, k", "cores"],
            forms(seeds, epochs // 4),
        ),
        "\nSearch for levels of the MLP from 8,8 (accuracy on 357 held-out training samples may fall by 0.3 points; "
        "nJ: synapses and neuron updates), and the cheapest of all 16 combinations that is accurate enough:\n",
        table(
            ["seed", "AL", "found", "trials", "held-out, before / after", "test", "nJ, before / after", "cheapest"],
            searched(seeds, epochs),
        ),
        f"\nA ReLU network of the same sizes ({epochs} epochs), calibrated and not trained again; accuracy of the "
        "integers:\n",
        table(["L", "mse", "percentile 99.9", "equal"], calibrated(seeds, epochs)),
    ]  # fmt: skip
    print(f"{time.process_time() - began:.0f} s of one core")
    return "\n".join(parts)


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few epochs, one seed")
    parser.add_argument("--page", action="store_true", help="write docs/qcfs.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = figures(options.quick)
    print(found)
    if options.page:
        text = PAGE.read_text(encoding="utf-8")
        new = re.sub(
            f"{re.escape(START)}.*{re.escape(END)}", lambda _: f"{START}\n\n{found}\n\n{END}", text, flags=re.S
        )
        PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
