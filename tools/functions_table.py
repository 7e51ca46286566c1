#!/usr/bin/env python3
"""Figures of the function compiler, on the chip's integers: ``python tools/functions_table.py [--quick] [--page]``.

Every silent-preserving function of the small windows on all trains of a length, random functions up to ten bits,
random compositions, parity, and the numbers of functions of a single gate. ``--page`` writes the tables into
docs/functions.md; a few minutes (``--quick``: half a minute, fewer functions).
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

import neurodeploy as nd
from neurodeploy.convert.functions import Table
from neurodeploy.convert.functions.separate import separated
from neurodeploy.convert.functions.strategies import bound
from neurodeploy.convert.functions.trains import compare

PAGE = Path(__file__).resolve().parent.parent / "docs" / "functions.md"
START, END = "<!-- figures: python tools/functions_table.py --page -->", "<!-- end of figures -->"
SMALL = ((1, 2, 8), (1, 3, 9), (2, 1, 5), (3, 1, 4))
RANDOM = ((1, 5), (2, 3), (3, 2), (2, 4), (1, 8), (4, 2), (1, 10))
Row = list[object]


def all_small(quick: bool) -> Iterator[Row]:
    """Every function with f(0) = 0 of a small window, all trains of some ticks, each strategy."""
    for inputs, memory, ticks in SMALL:
        bits = inputs * memory
        trains = np.array(list(product([0, 1], repeat=ticks * inputs)), np.uint8).reshape(-1, ticks, inputs)
        single = functions = 0
        for values in product([0, 1], repeat=2**bits - 1):
            if not any(values) or (quick and functions >= 9):
                continue
            functions += 1
            single += separated(Table.of((0, *values), inputs, memory), 63) is not None
            for strategy in ("flat", "split", None):
                made = nd.convert.function((0, *values), inputs=inputs, memory=memory, strategy=strategy, samples=0)
                compare(made.program.net, made.golden, trains)
        yield [f"{inputs}, {memory}", functions, f"all {len(trains):,} of {ticks} ticks", single, "equal"]


def random_functions(quick: bool) -> Iterator[Row]:
    """Neurons and synapses of random tables, compared on 2,000 random trains and all short ones."""
    rng = np.random.default_rng(0)
    for inputs, memory in RANDOM[: 3 if quick else None]:
        for density in (0.1, 0.5, 0.9):
            values = (rng.random(2 ** (inputs * memory)) < density).astype(int)
            values[0] = 0
            row: Row = [f"{inputs}, {memory}", density, int(values.sum())]
            for strategy in ("flat", "split", None):
                made = nd.convert.function(
                    values, inputs=inputs, memory=memory, strategy=strategy, samples=200 if quick else 2000
                )
                c, most = made.certificate, bound(made.certificate.strategy, Table.of(values, inputs, memory))
                assert c.neurons <= most.neurons and c.synapses <= most.weights
                row.append(f"{c.neurons} / {c.synapses}" + (f" ({c.strategy})" if strategy is None else ""))
            yield [*row, made.certificate.least_neurons]


def parity() -> Iterator[Row]:
    """Trees of exclusive ors against tables."""
    for inputs in (4, 8):
        values = [bin(k).count("1") % 2 for k in range(2**inputs)]
        tree = nd.convert.function(" ^ ".join(f"x[{k}]" for k in range(inputs)), inputs=inputs).certificate
        row: Row = [inputs, f"{tree.neurons} / {tree.synapses}, {tree.latency}"]
        for strategy in ("split", "flat"):
            c = nd.convert.function(values, inputs=inputs, memory=1, strategy=strategy).certificate
            row.append(f"{c.neurons} / {c.synapses}, {c.latency}")
        yield row


def compositions(quick: bool) -> tuple[int, int]:
    """Random compositions of three tables, each on 2,000 random trains; how many, and most neurons."""
    rng = np.random.default_rng(1)
    most = 0
    number = 5 if quick else 20
    for _ in range(number):
        tables = ["".join(map(str, [0, *rng.integers(0, 2, 2 ** (2 * m) - 1)])) for m in (1, 2, 2)]
        inner = [f'table("{t}", {m}, x[0], x[1])' for t, m in zip(tables[1:], (2, 2), strict=True)]
        text = f'table("{tables[0]}", 1, {inner[0]}, prev({inner[1]}, {rng.integers(0, 4)}))'
        most = max(most, nd.convert.function(text, inputs=2, samples=2000).certificate.neurons)
    return number, most


def single_gates(quick: bool) -> Iterator[Row]:
    """Functions of a single gate: half of the threshold functions, 14, 104 and 1882, without the constant."""
    for bits in (2, 3) if quick else (2, 3, 4):
        found = sum(
            separated(Table.of((0, *values), bits, 1), 63) is not None for values in product([0, 1], repeat=2**bits - 1)
        )
        yield [bits, found, {2: 14, 3: 104, 4: 1882}[bits] // 2 - 1]


def table(header: Row, rows: Iterator[Row]) -> str:
    """In Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def figures(quick: bool) -> str:
    """All tables."""
    began = time.perf_counter()
    number, most = compositions(quick)
    parts = [
        "Every function with f(0) = 0 of a small window, by `flat`, `split` and the automatic choice:\n",
        table(["d, m", "functions", "trains", "of a single gate", "all ticks"], all_small(quick)),
        "\nRandom functions, neurons / synapses:\n",
        table(["d, m", "density", "ones", "flat", "split", "chosen", "at least"], random_functions(quick)),
        "\nParity, neurons / synapses, latency:\n",
        table(["inputs", "x[0] ^ x[1] ^ ...", "split", "flat"], parity()),
        f"\n{number} random compositions of three tables, each equal on 2,000 random trains: at most {most} neurons.\n",
        "Functions of a single gate, against half of the known number of threshold functions, minus one:\n",
        table(["variables", "found", "known"], single_gates(quick)),
    ]
    print(f"{time.perf_counter() - began:.0f} s")
    return "\n".join(parts)


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer functions")
    parser.add_argument("--page", action="store_true", help="write docs/functions.md")
    options = parser.parse_args()
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
