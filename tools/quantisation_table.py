"""Measures what quantisation costs, before and after training for it.

Run as ``python tools/quantisation_table.py --cache DIR`` with what models/training/requirements.txt lists installed.
Bundled models on their whole test sets, and two snnTorch networks on 10,000 digits of MNIST (mnist_task.py). For each:
the float accuracy, the accuracy of the float network quantised as it is (PTQ) and after training for it (QAT), and how
many spikes and membranes of the trained module's forward pass differ from the fast engine's. Fetches its data by npm
and pip into ``--cache``, where the float networks of MNIST are kept, too; prints the table, and writes it between the
marks of ``--page``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.bundled import model_path
from neurodeploy.evaluate import accuracy, run_program
from neurodeploy.train import qat

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import mnist_task  # noqa: E402

from models.training import data, digits_conv, digits_mlp, vowels_rsnn  # noqa: E402

PAGE = ROOT / "docs" / "quantisation.md"
START, END = "<!-- table: tools/quantisation_table.py -->\n", "<!-- end -->\n"
TARGETS = ("loihi2", "loihi1")
LEAST_CHECKED = 500
COLUMNS = (
    "model", "chip", "weight bits", "float", "PTQ", "QAT", "QAT - float", "mismatches", "values compared", "samples",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One model at one width on one chip; accuracies are shares of the test set."""

    model: str
    target: str
    bits: int
    float_accuracy: float
    ptq_accuracy: float
    qat_accuracy: float | None
    mismatches: int | None
    compared: int | None
    samples_compared: int | None
    test_samples: int
    training_s: float


@dataclass(frozen=True)
class Subject:
    """A trained float network with its data.

    Attributes:
        name: Of the row.
        module: Fresh copies of the trained module.
        train: Inputs of the training part, before ``encode``.
        labels: Their classes.
        encode: Of a batch of them and a generator: spikes.
        test: Spikes of the test part.
        test_labels: Their classes.
        plan: ``(bits, epochs, learning rate)``, in turn, each starting from what the one before made.
        further: Other weight bits of which only the PTQ is measured.
    """

    name: str
    module: Callable[[], Any]
    train: NDArray[Any]
    labels: NDArray[np.int64]
    encode: Callable[[NDArray[Any], np.random.Generator], NDArray[np.uint8]]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    plan: tuple[tuple[int, int, float], ...]
    further: tuple[int, ...] = (8,)
    batch: int = 64


def digits(task: Any, plan: tuple[tuple[int, int, float], ...]) -> Subject:
    """A bundled network of digits, its weights from the file."""
    split, graph = data.digits(), nir.read(model_path(task.about.name))

    def module() -> Any:
        net = task.network()
        for name, layer in net.layers.items():
            for kind in ("weight", "bias"):
                if getattr(layer, kind, None) is not None:
                    copy_into(getattr(layer, kind), getattr(graph.nodes[name], kind))
        return net

    return bundled(task, split, module, plan)


def vowels(cache: Path, plan: tuple[tuple[int, int, float], ...]) -> Subject:
    """The bundled recurrent network of speakers."""
    split, graph = data.vowels(fetch_vowels(cache)), nir.read(model_path("vowels-rsnn"))

    def module() -> Any:
        net = vowels_rsnn.SpeakerNet()
        copy_into(net.hidden.input_weights, graph.nodes["fc1"].weight)
        copy_into(net.hidden.recurrent_weights, graph.nodes["rec1"].weight)
        copy_into(net.readout.weight, graph.nodes["fc2"].weight)
        return net

    return bundled(vowels_rsnn.TASK, split, module, plan, batch=54)


def bundled(task: Any, split: Any, module: Callable[[], Any], plan: Any, batch: int = 64) -> Subject:
    """With the data, code and augmentation that the model was trained on, and its own test file."""
    code, augment = task.encoder(split.x_train), task.augmenter(split.x_train)
    file = np.load(model_path(task.about.name).parent / "test.npz")
    if not np.array_equal(code(split.x_test), file["spikes"]):
        raise SystemExit(f"{task.about.name}: the test part is not the one in test.npz; check the data's version")
    encode = lambda some, rng: code(augment(some, rng))  # noqa: E731
    name = task.about.name
    return Subject(
        name, module, split.x_train, split.y_train, encode, file["spikes"], file["labels"], plan, batch=batch
    )


def mnist(task: mnist_task.Task, cache: Path, plan: tuple[tuple[int, int, float], ...]) -> Subject:
    """A network of MNIST, trained here."""
    split = mnist_task.digits(cache)
    train, test = (
        nd.encode.rate(images.reshape(-1, *task.shape), mnist_task.STEPS) for images in (split.x_train, split.x_test)
    )
    kept = cache / f"{task.name}-{task.epochs}-{task.learning_rate:g}-{task.seed}.pt"
    if not kept.exists():
        torch.save(mnist_task.train(task, train, split.y_train, say).state_dict(), kept)

    def module() -> Any:
        net = task.network()
        net.load_state_dict(torch.load(kept, weights_only=True))
        return net

    as_it_is = lambda some, rng: some  # noqa: E731
    return Subject(task.name, module, train, split.y_train, as_it_is, test, split.y_test, plan)


def copy_into(parameter: Any, values: Any) -> None:
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(values))


def fetch_vowels(cache: Path) -> Path:
    """The wheel that holds the vowels, fetched by pip into ``cache`` unless it is there."""
    if not list(cache.glob("aeon-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache), data.AEON]
        if subprocess.run(command).returncode:
            raise SystemExit(
                f"could not fetch the vowels; put the wheel (pip download --no-deps {data.AEON}) into {cache}"
            )
    return next(cache.glob("aeon-*.whl"))


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "digits-mlp": lambda cache: digits(digits_mlp.TASK, ((4, 5, 2e-3),)),
    "digits-conv": lambda cache: digits(digits_conv.TASK, ((4, 3, 5e-3),)),
    "vowels-rsnn": lambda cache: vowels(cache, ((4, 8, 1e-3),)),
    "mnist-mlp": lambda cache: mnist(mnist_task.TASKS[0], cache, ((4, 2, 5e-4), (3, 2, 5e-4), (2, 3, 1e-3))),
    "mnist-conv": lambda cache: mnist(mnist_task.TASKS[1], cache, ((4, 1, 2e-3), (3, 1, 2e-3), (2, 2, 4e-3))),
}


def rows(subject: Subject) -> Iterator[Row]:
    """Of every width on every chip."""
    floats = float_accuracy(subject)
    for bits in subject.further:
        for target in TARGETS:
            ptq = chip_accuracy(subject, subject.module(), target, bits)
            yield Row(subject.name, target, bits, floats, ptq, None, None, None, None, len(subject.test), 0.0)
    module = subject.module()
    for bits, epochs, rate in subject.plan:
        yield from trained(subject, module, floats, bits, epochs, rate)


def trained(subject: Subject, module: Any, floats: float, bits: int, epochs: int, rate: float) -> Iterator[Row]:
    """Train ``module`` for a width, and measure it on every chip."""
    say(f"{subject.name}: training for {bits} bits")
    started = time.process_time()
    quantized = qat.prepare(module, TARGETS[0], bits=bits, sample=subject.test[:16])
    qat.finetune(
        quantized, subject.train, subject.labels, epochs=epochs, learning_rate=rate, batch=subject.batch,
        encode=subject.encode, seed=0, progress=lambda e: say(f"{subject.name}: {e}"),
    )  # fmt: skip
    seconds = round(time.process_time() - started, 1)
    missing = max(0, LEAST_CHECKED - len(subject.test))
    more = subject.encode(subject.train[:missing], np.random.default_rng(0)) if missing else subject.test[:0]
    checked = np.concatenate([subject.test, more])
    for target in TARGETS:
        ptq = chip_accuracy(subject, subject.module(), target, bits)
        after = chip_accuracy(subject, module, target, bits)
        found = qat.prepare(module, target, bits=bits, sample=subject.test[:16]).check(checked)
        different = sum(r.mismatching + r.membranes_mismatching for r in found)
        compared = sum(r.bits + r.membranes for r in found)
        counts = (different, compared, len(checked), len(subject.test))
        yield Row(subject.name, target, bits, floats, ptq, after, *counts, seconds)


def float_accuracy(subject: Subject) -> float:
    """Of the framework's own spikes."""
    module, right = subject.module(), 0
    with torch.no_grad():
        for first in range(0, len(subject.test), 100):
            *_, output = module(torch.from_numpy(subject.test[first : first + 100]).float()).values()
            right += int((output.sum(1).argmax(1).numpy() == subject.test_labels[first : first + 100]).sum())
    return right / len(subject.test)


def chip_accuracy(subject: Subject, module: Any, target: str, bits: int) -> float:
    """Of the compiled module on the fast engine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a network at too few bits may be silent in some layer
        program = nd.compile(module, target, nd.Options(bits=bits), sample=subject.test[:16])
    _, scores = run_program(program, subject.test)
    assert scores is not None
    return accuracy(scores, subject.test_labels)


def table(found: list[Row]) -> str:
    """Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |\n", "|---" * len(COLUMNS) + "|\n"]
    for r in found:
        cells = [r.model, r.target, str(r.bits), f"{100 * r.float_accuracy:.2f} %", f"{100 * r.ptq_accuracy:.2f} %"]
        if r.qat_accuracy is None:
            cells += ["-"] * 5
        else:
            change = 100 * (r.qat_accuracy - r.float_accuracy)
            cells += [f"{100 * r.qat_accuracy:.2f} %", f"{change:+.2f}", f"{r.mismatches:,}", f"{r.compared:,}"]
            cells += [f"{r.samples_compared:,}"]
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Exit code 1 where a forward pass differs from the engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the data that is fetched")
    known_models = ", ".join(SUBJECTS)
    parser.add_argument(
        "--only", nargs="*", metavar="MODEL", default=list(SUBJECTS), help=f"measure some of {known_models}; or none"
    )
    parser.add_argument(
        "--json", type=Path, help="file of rows: those of other models in it stay, and are printed, too"
    )
    parser.add_argument("--page", type=Path, nargs="?", const=PAGE, help="page whose table is replaced")
    options = parser.parse_args()
    if unknown := [name for name in options.only if name not in SUBJECTS]:
        parser.error(f"no model {unknown[0]}; there are {known_models}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    options.cache.mkdir(parents=True, exist_ok=True)
    known = (
        [Row(**row) for row in json.loads(options.json.read_text())] if options.json and options.json.exists() else []
    )
    for name in options.only:
        known = [row for row in known if row.model != name] + list(rows(SUBJECTS[name](options.cache)))
        if options.json:
            options.json.write_text(json.dumps([asdict(row) for row in known], indent=1) + "\n")
    order = {name: k for k, name in enumerate(SUBJECTS)}
    known.sort(key=lambda row: (order[row.model], -row.bits, TARGETS.index(row.target)))
    print(table(known), end="")
    if options.page:
        head, _, rest = options.page.read_text(encoding="utf-8").partition(START)
        options.page.write_text(head + START + table(known) + END + rest.partition(END)[2], encoding="utf-8")
    return int(any(row.mismatches for row in known))


if __name__ == "__main__":
    sys.exit(main())
