"""Networks whose core counts others have printed, as shapes: the weights are views of one number and cost no memory.

Shared by the tests of mapping and ``tools/mapping_bench``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Connection, Conv2d, Dense


class Layer(NamedTuple):
    """A convolution of ``outputs`` channels, or a dense layer where ``kernel`` is 0; ``bits`` of its weights."""

    outputs: int
    kernel: int = 0
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    bits: int = 8


PILOTNET = (
    Layer(24, 3, (2, 2), bits=6),
    Layer(36, 3, (2, 2), bits=5),
    Layer(48, 3, (2, 2), bits=4),
    Layer(64, 3, (2, 1), (1, 0), bits=5),
    Layer(64, 3, bits=4),
    Layer(100, bits=4),
    Layer(50, bits=6),
    Layer(10, bits=5),
    Layer(1, bits=4),
)
"""lava-dl's PilotNet SDNN on (3, 66, 200) images; bits as counted in its ``.net`` file, strides and paddings (y, x)."""

MNIST_MLP = (Layer(128), Layer(64), Layer(10))
"""lava-dl's MNIST network of 784 inputs."""

YOLO_KP = (
    Layer(16, 3, (2, 2), (1, 1), bits=5),
    Layer(32, 3, (2, 2), (1, 1), bits=6),
    Layer(64, 3, (2, 2), (1, 1), bits=5),
    Layer(128, 3, (2, 2), (1, 1), bits=5),
    Layer(256, 3, (1, 1), (1, 1), bits=5),
    Layer(256, 3, (2, 2), (1, 1), bits=4),
    Layer(512, 3, (1, 1), (1, 1), bits=5),
    Layer(256, 1, bits=5),
    Layer(512, 3, (1, 1), (1, 1), bits=5),
    Layer(48, 1, bits=7),
)
"""lava-dl's YOLO-KP on (3, 448, 448) images. Its weights are not public: shapes from the patches and core counts of
its compile report, bits from the words of its rows."""


def mobilenet(classes: int = 1000, size: int = 128) -> tuple[Layer, ...]:
    """The 28 layers of MobileNet (Howard et al. 2017) on (3, size, size) images, and its average pooling.

    A convolution, 13 pairs of a depthwise and a pointwise one, and a dense layer; 4.2 million weights.
    """
    layers = [Layer(32, 3, (2, 2), (1, 1))]
    pairs = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for outputs, stride in pairs:
        width = layers[-1].outputs
        layers += [Layer(width, 3, (stride, stride), (1, 1), groups=width), Layer(outputs, 1)]
    whole = size // 32
    return (*layers, Layer(1024, whole, (whole, whole), groups=1024), Layer(classes))


def network(shape: tuple[int, ...], layers: Sequence[Layer]) -> ChipNetwork:
    """Layers l1, l2, ... on an input of ``shape``, (C, H, W) or (N,); a dense layer sees a map as a vector."""
    net = ChipNetwork()
    net.add_input("in", shape=shape)
    source = "in"
    for k, layer in enumerate(layers, start=1):
        connection = _wire(layer, net.shape_of(source))
        net.add_population(f"l{k}", shape=connection.target_shape)
        net.projections.append(ChipProjection(source, f"l{k}", connection, 0, layer.bits, "mixed", 0))
        source = f"l{k}"
    return net


def _wire(layer: Layer, shape: tuple[int, ...]) -> Connection:
    two = np.int8(2)
    if not layer.kernel:
        size = int(np.prod(shape))
        return Dense(np.broadcast_to(two, (layer.outputs, size)), shape, (layer.outputs,))
    kernel = np.broadcast_to(two, (layer.outputs, shape[0] // layer.groups, layer.kernel, layer.kernel))
    c, y, x = shape
    return Conv2d.build(
        kernel, (c, y, x), stride=layer.stride, padding=layer.padding, groups=layer.groups, where=f"layer {layer}"
    )
