"""Train and write models/digits-conv: a convolutional snnTorch network on the 8x8 digits."""

import numpy as np
from torch import nn

from . import data, encode, graph, loop
from .deliver import Description
from .main import Task, run
from .snntorch_stack import Stack, leaky

STEPS = 20
CHANNELS = (12, 24)
CLASSES = 10
SHAPE = (1, 8, 8)


def spikes(images: np.ndarray) -> np.ndarray:
    """Images (N, 8, 8) in 0..1 to spikes (N, STEPS, 1, 8, 8): the pixel value is the rate."""
    return encode.rate_code(images[:, None], STEPS)


def network() -> Stack:
    """Two 3x3 convolutions, each pooled 2x2 after its spikes, and a fully connected read-out; no biases."""
    first, second = CHANNELS
    return Stack(
        {
            "conv1": nn.Conv2d(1, first, 3, padding=1, bias=False),
            "lif1": leaky((first, 8, 8), decay=768),
            "pool1": nn.AvgPool2d(2),
            "conv2": nn.Conv2d(first, second, 3, padding=1, bias=False),
            "lif2": leaky((second, 4, 4), decay=768),
            "pool2": nn.AvgPool2d(2),
            "flatten": nn.Flatten(),
            "fc3": nn.Linear(4 * second, CLASSES, bias=False),
            "lif3": leaky((CLASSES,), decay=384),
        }
    )


ABOUT = Description(
    name="digits-conv",
    title="Handwritten digits, convolutional",
    architecture=f"1x8x8 - conv 3x3 - {CHANNELS[0]}x8x8 LIF - mean 2x2 - conv 3x3 - {CHANNELS[1]}x4x4 LIF - "
    f"mean 2x2 - fully connected - {CLASSES} LIF; no biases",
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
        learning_rate=0.05,
        weight_decay=1e-3,
        logit_per_spike=0.5,
        spike_cost=0.02,
    ),
    split=lambda options: data.digits(),
    encoder=lambda images: spikes,
    augmenter=lambda images: data.shift_and_turn,
    network=network,
    to_nir=lambda model: graph.chain(graph.stack_nodes(model, SHAPE), SHAPE, CLASSES, ABOUT.framework),
)

if __name__ == "__main__":
    run(TASK)
