"""The command line and the order of work shared by all training scripts."""

import argparse
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nir
import numpy as np
import torch
from torch import nn

from . import deliver, loop
from .data import Split

MODELS = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Task:
    """One network to train.

    Attributes:
      about: the texts of the card.
      recipe: hyperparameters; `--epochs` and `--seed` override theirs.
      split: reads the data, given the command-line options.
      encoder: makes, from the training samples, the function samples -> spikes (N, T, *shape).
      augmenter: makes, from the training samples, the function (samples, rng) -> samples.
      network: makes the untrained module.
      to_nir: the trained module as a NIR graph.
      options: adds options of this task's own.
    """

    about: deliver.Description
    recipe: loop.Recipe
    split: Callable[[argparse.Namespace], Split]
    encoder: Callable[[np.ndarray], loop.Encode]
    augmenter: Callable[[np.ndarray], loop.Augment]
    network: Callable[[], nn.Module]
    to_nir: Callable[[nn.Module], nir.NIRGraph]
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None


def run(task: Task) -> None:
    """Train on the training part, then measure on the test part and write the three files."""
    options = _parse(task)
    recipe = replace(task.recipe, epochs=options.epochs, seed=options.seed)
    split = task.split(options)
    if options.validate:
        split = split.validation()
    encode, augment = task.encoder(split.x_train), task.augmenter(split.x_train)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    model = task.network()
    wall_s = loop.fit(model, split.x_train, split.y_train, recipe, augment, encode)
    spikes = encode(split.x_test)
    if options.validate:
        *_, output = loop.record(model, spikes).values()
        accuracy = np.mean(loop.classify(output) == split.y_test)
        print(f"validation accuracy {accuracy:.4f} of {len(split.y_test)}")
        return
    command = ["python", "-m", task.about.module, "--epochs", str(recipe.epochs), "--seed", str(recipe.seed)]
    training = {
        "command": shlex.join(command),
        "epochs": recipe.epochs,
        "seed": recipe.seed,
        "wall_s": round(wall_s, 1),
    }
    sizes = {"train_samples": len(split.y_train), "test_samples": len(split.y_test)}
    deliver.deliver(options.out, task.about, model, task.to_nir(model), spikes, split.y_test, training, sizes)


def _parse(task: Task) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {task.about.module}", description=task.about.title)
    parser.add_argument("--out", type=Path, default=MODELS / task.about.name, help="folder to write to")
    parser.add_argument("--epochs", type=int, default=task.recipe.epochs, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=task.recipe.seed, help="default: %(default)s")
    parser.add_argument(
        "--validate",
        action="store_true",
        help="train on four fifths of the training part, score the last fifth, write nothing",
    )
    task.options(parser)
    return parser.parse_args()
