"""Accuracy of the bundled models by chip, weight bits and calibration method, on their whole test sets.

Prints the table, and with ``--write`` writes it into docs/calibration.md. Calibration sees spikes and labels of the
training part alone, which is made again from the data that the models were trained on; that its encoding is the one of
the stored test part is checked. Needs the environment of models/training. About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from models.training import digits_conv, digits_mlp, vowels_rsnn  # noqa: E402
from neurodeploy.calibration import METHODS, CalibrationData, calibrate  # noqa: E402
from neurodeploy.calibration.gauge import Reference, reference, score  # noqa: E402
from neurodeploy.evaluate import load_samples  # noqa: E402
from neurodeploy.network import Network  # noqa: E402
from neurodeploy.pipeline import run_passes  # noqa: E402
from neurodeploy.simulate.readout import classify, scores  # noqa: E402
from neurodeploy.target import load_target  # noqa: E402

DOCS = ROOT / "docs" / "calibration.md"
START, END = "<!-- table: tools/quantisation_methods.py -->\n", "<!-- end -->\n"
TASKS = {"digits-mlp": digits_mlp.TASK, "digits-conv": digits_conv.TASK, "vowels-rsnn": vowels_rsnn.TASK}
CHIPS, BITS, SAMPLES, SEED = ("loihi1", "loihi2"), (8, 6, 4, 3), 128, 0


def data(model: str, wheel: Path | None) -> tuple[CalibrationData, CalibrationData]:
    """Drawn samples of the training part, and the whole test part."""
    task = TASKS[model]
    split = task.split(argparse.Namespace(wheel=wheel))
    encode = task.encoder(split.x_train)
    stored = load_samples(ROOT / "models" / model / "test.npz")
    made = encode(split.x_test).reshape(stored.spikes.shape)
    if not np.array_equal(made, stored.spikes) or not np.array_equal(split.y_test, stored.labels):
        raise SystemExit(f"{model}: the data made here are not those of the stored test part")
    drawn = np.sort(np.random.default_rng(SEED).permutation(len(split.x_train))[:SAMPLES])
    train = encode(split.x_train[drawn]).reshape(len(drawn), *stored.spikes.shape[1:])
    return CalibrationData(train, split.y_train[drawn]), CalibrationData(stored.spikes, stored.labels)


def row(network: Network, train: CalibrationData, truth: Reference, chip: str, bits: int) -> dict[str, Any]:
    """Accuracy and mismatch by method."""
    made = {}
    for method in METHODS:
        net, _ = calibrate(network, load_target(chip), train, bits=bits, method=method, seed=SEED)
        wrong, mismatch = score(net, truth)
        made[method] = [1 - wrong, mismatch]
    return made


def rows(model: str, wheel: Path | None, known: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows by ``model chip bits``, those that are not known yet."""
    missing = [(chip, bits) for chip in CHIPS for bits in BITS if f"{model} {chip} {bits}" not in known]
    if not missing:
        return
    network = run_passes(model, "loihi2", stop_after="lower").network
    assert network is not None
    train, test = data(model, wheel)
    truth = reference(network, test)
    exact = float_accuracy(network, truth)
    for chip, bits in missing:
        yield f"{model} {chip} {bits}", {"float": exact, **row(network, train, truth, chip, bits)}


def float_accuracy(network: Network, truth: Reference) -> float:
    """Of the float network."""
    assert truth.output is not None
    values = scores(network.semantics.readout, truth.spikes[truth.output], None)
    return float(np.mean(classify(values) == truth.data.labels))


def table(known: dict[str, Any]) -> Iterator[str]:
    """Markdown, line by line."""
    names = ["by rule" if m == "bounds" else m for m in METHODS]
    yield f"| model | chip | bits | float | {' | '.join(names)} |\n"
    yield "|---|---|---|---|" + "---|" * len(names) + "\n"
    for key in (f"{model} {chip} {bits}" for model in TASKS for chip in CHIPS for bits in BITS):
        if key in known:
            cells = [f"{100 * known[key][m][0]:.2f} % ({100 * known[key][m][1]:.1f})" for m in METHODS]
            exact = f"{100 * known[key]['float']:.2f} %"
            yield f"| {' | '.join([*key.split(), exact, *cells])} |\n"


def main() -> None:
    """Print the table; with ``--write``, into the documentation too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="the aeon 1.6.0 wheel; by default pip downloads it")
    parser.add_argument(
        "--rows", type=Path, help="a JSON file that rows are kept in: those that it has are not made again"
    )
    parser.add_argument("--most", type=int, default=10**6, help="stop after so many new rows")
    parser.add_argument("--write", action="store_true", help=f"into {DOCS.relative_to(ROOT)}")
    options = parser.parse_args()
    known = json.loads(options.rows.read_text()) if options.rows and options.rows.exists() else {}
    new = (made for model in TASKS for made in rows(model, options.wheel, known))
    for key, values in itertools.islice(new, options.most):
        known[key] = values
        if options.rows:
            options.rows.write_text(json.dumps(known, indent=1))
    lines = list(table(known))
    print("".join(lines))
    if options.write:
        before, rest = DOCS.read_text().split(START)
        DOCS.write_text(before + START + "\n" + "".join(lines) + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
