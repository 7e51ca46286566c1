"""Train and write models/digits-mlp: a fully connected snnTorch network on the 8x8 digits."""

import numpy as np
from torch import nn

from . import data, encode, graph, loop
from .deliver import Description
from .main import Task, run
from .snntorch_stack import Stack, leaky

STEPS = 20
HIDDEN = 128
CLASSES = 10


def spikes(images: np.ndarray) -> np.ndarray:
    """Images (N, 8, 8) in 0..1 to spikes (N, STEPS, 64): the pixel value is the rate."""
    return encode.rate_code(images.reshape(len(images), -1), STEPS)


def network() -> Stack:
    """64-128-10, membrane decays 1/8 and 1/16 a step."""
    return Stack(
        {
            "fc1": nn.Linear(64, HIDDEN),
            "lif1": leaky((HIDDEN,), decay=512),
            "fc2": nn.Linear(HIDDEN, CLASSES),
            "lif2": leaky((CLASSES,), decay=256),
        }
    )


ABOUT = Description(
    name="digits-mlp",
    title="Handwritten digits, fully connected",
    architecture=f"64 inputs - {HIDDEN} LIF - {CLASSES} LIF; fully connected, biases",
    framework="snntorch",
    data=data.DIGITS_CARD,
    encoding=f"A pixel value of 0..16 sixteenths is its rate in spikes per step; the spikes are spread "
    f"evenly over {STEPS} steps by accumulate-and-fire. No randomness.",
    classes=[str(digit) for digit in range(CLASSES)],
)

TASK = Task(
    about=ABOUT,
    recipe=loop.Recipe(
        epochs=60,
        seed=1,
        batch=64,
        learning_rate=0.01,
        weight_decay=1e-3,
        logit_per_spike=0.5,
        spike_cost=0.01,
    ),
    split=lambda options: data.digits(),
    encoder=lambda images: spikes,
    augmenter=lambda images: data.shift_and_turn,
    network=network,
    to_nir=lambda model: graph.chain(graph.stack_nodes(model, (64,)), (64,), CLASSES, ABOUT.framework),
)

if __name__ == "__main__":
    run(TASK)
