"""Networks of SpikingJelly's layers, as users write them."""

from __future__ import annotations

from typing import Any

import torch
from framework_cases import louder
from spikingjelly.activation_based import functional, layer, neuron

nn = torch.nn
N_IN, N, N_OUT = 12, 10, 6


def two(make: Any, mode: str = "s", gain: float = 3.0) -> Any:
    """Two layers of neurons, made by ``make()``."""
    net = nn.Sequential(layer.Linear(N_IN, N), make(), layer.Linear(N, N_OUT, bias=False), make())
    functional.set_step_mode(net, mode)
    return louder(net, gain)


def dyadic(make: Any) -> Any:
    """Weights of eighths, so that membranes hit thresholds exactly."""
    net = two(make, gain=1.0)
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() > 0:
                p.copy_(torch.round(p * 16) / 8)
    return net


def image(mode: str, gain: float = 14.0) -> Any:
    """Convolutions, normalisation, pooling and dropout."""
    norm = layer.BatchNorm2d(4)
    with torch.no_grad():
        norm.running_mean.uniform_(-0.3, 0.3)
        norm.running_var.uniform_(0.5, 2)
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.uniform_(-0.1, 0.3)
    net = nn.Sequential(
        layer.Conv2d(1, 4, 3, padding=1, bias=False),
        norm,
        neuron.LIFNode(),
        layer.AvgPool2d(2),
        layer.Dropout(0.2),
        layer.Conv2d(4, 5, 3, stride=2),
        neuron.IFNode(),
        layer.Flatten(),
        layer.Linear(5, N_OUT),
        neuron.ParametricLIFNode(init_tau=3.0),
    )
    functional.set_step_mode(net, mode)
    return louder(net, gain)


def containers(gain: float = 4.0) -> Any:
    """SpikingJelly's own wrappers around layers of PyTorch's."""
    net = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4)),
        neuron.LIFNode(step_mode="m"),
        layer.SeqToANNContainer(nn.Flatten(), nn.Linear(36, N)),
        layer.MultiStepContainer(neuron.IFNode(v_reset=None)),
        layer.Linear(N, N_OUT, step_mode="m"),
        neuron.LIFNode(step_mode="m"),
    )
    return louder(net, gain)


def recurrent(mode: str) -> Any:
    """SpikingJelly's recurrent containers: by weights, and element by element."""
    net = nn.Sequential(
        layer.Linear(N_IN, N),
        layer.LinearRecurrentContainer(neuron.LIFNode(), N, N),
        layer.Linear(N, N_OUT),
        layer.ElementWiseRecurrentContainer(neuron.IFNode(v_reset=None), element_wise_function=torch.add),
    )
    for part in (net[0], net[1], net[2], net[3]):
        part.step_mode = mode
    return louder(net, 2.0)


def pooled(mode: str) -> Any:
    """Max-pooling of spikes, twice."""
    net = nn.Sequential(
        layer.Conv2d(1, 3, 3, padding=1),
        neuron.LIFNode(),
        layer.MaxPool2d(2),
        layer.Conv2d(3, 4, 3, padding=1),
        neuron.IFNode(),
        layer.MaxPool2d(2),
        layer.Flatten(),
        layer.Linear(16, N_OUT),
        neuron.IFNode(),
    )
    functional.set_step_mode(net, mode)
    return louder(net, 4.0)


def behind(part: Any, mode: str = "s", then: Any = None) -> Any:
    """Something behind a layer of neurons, and neurons behind a further layer."""
    more = [] if then is None else [then, neuron.IFNode()]
    net = nn.Sequential(layer.Linear(N_IN, N_OUT), neuron.IFNode(), part, *more)
    functional.set_step_mode(net[:2], mode)
    return louder(net, 3.0)


def used() -> Any:
    """A network in training mode that has run, with gradients, and was not reset."""
    net = two(neuron.IFNode).train()
    for _ in range(3):
        net(torch.ones(2, N_IN))
    return net


def started() -> Any:
    """A layer whose samples start at a membrane of the user's."""
    net = two(neuron.IFNode)
    net[1].set_reset_value("v", 0.4)
    functional.reset_net(net)
    return net


def with_current() -> Any:
    """A layer whose samples start with a current."""
    net = two(neuron.CUBALIFNode)
    net[1].set_reset_value("c", 0.4)
    functional.reset_net(net)
    return net


def normalised(norm: Any, mode: str = "m") -> Any:
    """A normalisation between a convolution and its neurons."""
    first = (layer.Conv2d(1, 4, 3), norm, neuron.LIFNode(), layer.Flatten())
    net = nn.Sequential(*first, layer.Linear(144, N_OUT), neuron.IFNode())
    functional.set_step_mode(net, mode)
    return louder(net, 8.0)


def convolved(conv: Any) -> Any:
    """A convolution to (4, n, n) before neurons."""
    n = conv(torch.zeros(1, 1, 8, 8)).numel()
    return louder(nn.Sequential(conv, neuron.LIFNode(), layer.Flatten(), layer.Linear(n, N_OUT), neuron.IFNode()), 8.0)


def one_for_two() -> Any:
    """One neuron module behind two layers."""
    node = neuron.IFNode()
    return louder(nn.Sequential(nn.Linear(N_IN, N), node, nn.Linear(N, N), node), 3.0)


class Rate(nn.Module):
    """The mean over time, as in SpikingJelly's tutorials."""

    def __init__(self) -> None:
        super().__init__()
        self.net = two(neuron.IFNode, "m")

    def forward(self, x: Any) -> Any:
        return self.net(x).mean(0)


def mixed() -> Any:
    """A neuron of sequences between layers of steps."""
    net = two(neuron.IFNode)
    net[1].step_mode = "m"
    return net


def thresholds() -> Any:
    """A threshold for each neuron, which SpikingJelly's constructor refuses but its arithmetic takes."""
    net = nn.Sequential(layer.Linear(N_IN, N), neuron.CUBALIFNode())
    net[1].v_threshold = torch.linspace(0.5, 1.0, N)
    return net


class Leakier(neuron.LIFNode):
    """A neuron with an equation of its own."""

    def single_step_functional_forward(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
        return super().single_step_functional_forward((0.5 * inputs[0],), states, **kwargs)


class Static(nn.Module):
    """An image shown for several steps, as in SpikingJelly's tutorials."""

    def __init__(self) -> None:
        super().__init__()
        self.net = two(neuron.IFNode)

    def forward(self, x: Any) -> Any:
        return sum(self.net(x) for _ in range(4)) / 4


class Block(nn.Module):
    """A residual block as in SEW-ResNet: the spikes of the branch and of the skip are added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = layer.Conv2d(channels, channels, 3, padding=1), layer.BatchNorm2d(channels)
        self.neuron = neuron.IFNode(v_reset=None)

    def forward(self, x: Any) -> Any:
        return self.neuron(self.norm(self.conv(x))) + x


class Residual(nn.Module):
    """A small spiking ResNet with average pooling."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.stem, self.first = layer.Conv2d(1, 3, 3, padding=1), neuron.LIFNode()
        self.blocks = nn.Sequential(Block(3), Block(3))
        self.pool, self.flat = layer.AdaptiveAvgPool2d((2, 2)), layer.Flatten()
        self.fc, self.last = layer.Linear(12, N_OUT), neuron.LIFNode()
        functional.set_step_mode(self, mode)
        louder(self, 6.0)

    def forward(self, x: Any) -> Any:
        x = self.blocks(self.first(self.stem(x)))
        return self.last(self.fc(self.flat(self.pool(x))))


class Branches(nn.Module):
    """Two branches, joined by a sum of currents, and the rate as the score."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.a = nn.Linear(N_IN, N), neuron.LIFNode()
        self.right, self.b = nn.Linear(N_IN, 4), neuron.CUBALIFNode()
        self.one, self.two = nn.Linear(N, N_OUT), nn.Linear(4, N_OUT)
        self.out = neuron.IFNode()
        louder(self, 3.0)

    def forward(self, x: Any) -> Any:
        rate = 0
        for step in x:
            rate = rate + self.out(self.one(self.a(self.left(step))) + self.two(self.b(self.right(step))))
        return rate
