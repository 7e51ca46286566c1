"""Weight bits of each layer beside one width for all: bundled models, memory, and accuracy on their whole test sets.

For every uniform width, the setting of the frontier that takes no more memory. Chosen and calibrated on samples of the
training part (see quantisation_methods.py, whose environment this needs). Prints the table, and with ``--write`` writes
it into docs/mixed-precision.md. Some minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from quantisation_methods import CHIPS, ROOT, SEED, TASKS, data

import neurodeploy as nd
from neurodeploy.evaluate import accuracy, run_program
from neurodeploy.precision import MixedPrecision, Point

DOCS = ROOT / "docs" / "mixed-precision.md"
START, END = "<!-- table: tools/precision_table.py -->\n", "<!-- end -->\n"
METHODS = ("bounds", "mse")


def rows(model: str, chip: str, method: str, wheel: Path | None) -> Iterator[str]:
    """Markdown lines of a model on a chip."""
    train, test = data(model, wheel)
    options = nd.Options(calibrate=train, calibration=method, seed=SEED)
    path = nd.load_model(model).nir
    found = nd.mixed_precision(
        path, chip, budget="memory=100%", data=train.spikes, labels=train.labels, options=options, seed=SEED
    )

    def tested(point: Point) -> str:
        program = nd.compile(path, chip, nd.Options(bits=point.bits, calibrate=train, calibration=method, seed=SEED))
        _, scores = run_program(program, test.spikes)
        if scores is None or test.labels is None:
            raise RuntimeError(f"{model} has no single output, or no labels")
        return f"{point.loss:.4g} | {100 * accuracy(scores, test.labels):.2f} %"

    name = "rule" if method == "bounds" else method
    for uniform in sorted(found.uniform, key=lambda p: -p.memory_words):
        mixed = within(found, uniform.memory_words)
        bits = ", ".join(f"{n} {b}" for n, b in mixed.bits.items())
        yield (
            f"| {model} | {chip} | {name} | {uniform.uniform} | {uniform.memory_words:,} | {tested(uniform)} | "
            f"{bits} | {mixed.memory_words:,} | {tested(mixed)} |\n"
        )


def within(found: MixedPrecision, words: int) -> Point:
    """The point of the frontier of least loss that takes no more memory."""
    return max((p for p in found.frontier if p.memory_words <= words), key=lambda p: p.memory_words)


def table(models: Sequence[str], chips: Sequence[str], wheel: Path | None) -> Iterator[str]:
    """Markdown, line by line."""
    heads = (
        "model",
        "chip",
        "fields",
        "bits",
        "words",
        "loss",
        "accuracy",
        "bits by layer",
        "words",
        "loss",
        "accuracy",
    )
    yield f"| {' | '.join(heads)} |\n"
    yield "|" + "---|" * len(heads) + "\n"
    for model in models:
        for chip in chips:
            for method in METHODS:
                yield from rows(model, chip, method, wheel)


def main() -> None:
    """Print the table; with ``--write``, into the documentation too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="the aeon 1.6.0 wheel; by default pip downloads it")
    parser.add_argument("--write", action="store_true", help=f"into {DOCS.relative_to(ROOT)}")
    parser.add_argument("--model", action="append", choices=list(TASKS), help="only this; repeat for more")
    parser.add_argument("--chip", action="append", choices=CHIPS, help="only this")
    options = parser.parse_args()
    lines = []
    for line in table(options.model or list(TASKS), options.chip or CHIPS, options.wheel):
        print(line, end="", flush=True)
        lines.append(line)
    if options.write:
        text = DOCS.read_text(encoding="utf-8")
        head, rest = text.split(START)
        DOCS.write_text(head + START + "".join(lines) + END + rest.split(END, 1)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
