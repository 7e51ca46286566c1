"""Cases of Sinabs beyond single layers: read-outs, recurrence, layouts, the layers between, any ``forward``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sinabs.layers as sl
import torch
from framework_cases import Case
from sinabs.activation import SingleSpike
from sinabs.from_torch import from_model
from torch import nn

N_IN, N_HIDDEN, N_OUT = 16, 24, 10
FLAT, MAPS, LINE = (N_IN,), (2, 9, 8), (3, 20)


def linear(n_in: int, n_out: int, gain: float = 3.0, bias: bool = True) -> Any:
    """Weights strong enough for spikes."""
    layer = nn.Linear(n_in, n_out, bias=bias)
    layer.weight.data *= gain
    return layer


def strong(layer: Any, gain: float = 2.0) -> Any:
    """A convolution likewise."""
    layer.weight.data *= gain
    return layer


def each(n: int, low: float, high: float) -> Any:
    """A number per neuron."""
    return low + (high - low) * torch.rand(n)


def stack(layer: Callable[[int], Any]) -> Any:
    """Two fully connected layers."""
    return nn.Sequential(linear(N_IN, N_HIDDEN), layer(N_HIDDEN), linear(N_HIDDEN, N_OUT), layer(N_OUT))


def squeezed(**options: Any) -> Any:
    return sl.IAFSqueeze(**{"batch_size": 1, "min_v_mem": -1.0, **options})


def maps(*between: Any, neuron: Callable[[], Any] = squeezed) -> Any:
    """Layers between two of neurons, on maps; (B * T, C, H, W)."""
    head = nn.LazyLinear(N_OUT)
    net = nn.Sequential(
        strong(nn.Conv2d(2, 4, 3, padding=1)), neuron(), *between, nn.Flatten(), head, squeezed()
    ).eval()
    with torch.no_grad():
        net(torch.zeros(10, *MAPS))
    head.weight.data *= 3
    sl_states(net)
    return net


def sl_states(net: Any) -> None:
    """As before any call."""
    for part in net.modules():
        if isinstance(part, sl.StatefulLayer):
            part.reset_states()


def batch_norm(norm: Any) -> Any:
    """With statistics and parameters that do something."""
    for values, low, high in (
        (norm.running_mean, -0.2, 0.2),
        (norm.running_var, 0.5, 2),
        (norm.weight.data, 0.5, 2),
        (norm.bias.data, 0, 0.3),
    ):
        values.uniform_(low, high)
    return norm


def wild_alpha() -> Any:
    net = stack(lambda n: sl.LIF(tau_mem=8.0, train_alphas=True))
    net[1].alpha_mem.data += 1
    return net


def quarters() -> Any:
    net = stack(lambda n: sl.IAF(spike_fn=SingleSpike))
    for layer in (net[0], net[2]):
        layer.weight.data = torch.randint(-2, 3, layer.weight.shape) / 4
        layer.bias.data = torch.full_like(layer.bias, 0.25)
    return net


def readouts() -> list[Case]:
    def ending(*layers: Any) -> Any:
        return nn.Sequential(linear(N_IN, N_HIDDEN), sl.IAF(), linear(N_HIDDEN, N_OUT), *layers)

    return [
        Case("ExpLeak", "read-out", lambda: ending(sl.ExpLeak(tau_mem=5.0)), FLAT),
        Case("ExpLeak", "norm_input, tau_mem per neuron", lambda: ending(_normed_leak()), FLAT),
        Case("ExpLeak", "min_v_mem", lambda: ending(sl.ExpLeak(5.0, min_v_mem=0.0)), FLAT, "before min_v_mem"),
        Case("ExpLeak", "between layers", lambda: ending(sl.ExpLeak(5.0), linear(N_OUT, 6), sl.IAF()), FLAT),
        Case("ExpLeakSqueeze", "read-out", lambda: _squeezed_leak(), FLAT),
        Case("Linear", "read-out without neurons", lambda: ending(), FLAT),
        Case("Linear", "read-out without neurons, squeezed", lambda: nn.Sequential(*_squeezed_leak()[:-1]), FLAT),
    ]


def _normed_leak() -> Any:
    return sl.ExpLeak(tau_mem=each(N_OUT, 2, 9), norm_input=True)


def _squeezed_leak() -> Any:
    return nn.Sequential(
        linear(N_IN, N_HIDDEN), squeezed(), linear(N_HIDDEN, N_OUT), sl.ExpLeakSqueeze(tau_mem=5.0, num_timesteps=7)
    )


def recurrences() -> list[Case]:
    def on_vectors(connect: Callable[[int], Any]) -> Callable[[], Any]:
        return lambda: stack(lambda n: sl.LIFRecurrent(8.0, connect(n), spike_threshold=torch.tensor(0.2)))

    def on_maps(connect: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: nn.Sequential(
            sl.Repeat(strong(nn.Conv2d(2, 4, 3, padding=1))),
            sl.IAFRecurrent(connect()),
            nn.Flatten(2),
            linear(4 * 9 * 8, N_OUT),
            sl.IAF(),
        )

    size = 4 * 9 * 8
    return [
        Case("LIFRecurrent", "Linear", on_vectors(lambda n: nn.Linear(n, n)), FLAT),
        Case("LIFRecurrent", "Linear without bias", on_vectors(lambda n: nn.Linear(n, n, bias=False)), FLAT),
        Case("IAFRecurrent", "Sequential(Flatten, Linear)", _integrators_with_feedback, FLAT),
        Case("IAFRecurrent", "Conv2d", on_maps(lambda: nn.Conv2d(4, 4, 3, padding=1)), MAPS),
        Case("IAFRecurrent", "Flatten, Linear on maps", on_maps(lambda: _flat_feedback(size)), MAPS, "in shape"),
    ]


def _integrators_with_feedback() -> Any:
    return stack(lambda n: sl.IAFRecurrent(nn.Sequential(nn.Flatten(), nn.Linear(n, n)), min_v_mem=-1.0))


def _flat_feedback(size: int) -> Any:
    return nn.Sequential(nn.Flatten(), nn.Linear(size, size, bias=False), nn.Unflatten(1, (4, 9, 8)))


def layers() -> list[Case]:
    def conv(**options: Any) -> Callable[[], Any]:
        return lambda: maps(strong(nn.Conv2d(4, 4, **{"kernel_size": 3, **options})), squeezed())

    def between(*parts: Callable[[], Any], neuron: Callable[[], Any] = squeezed) -> Callable[[], Any]:
        return lambda: maps(*(part() for part in parts), neuron=neuron)

    def single() -> Any:
        return squeezed(spike_fn=SingleSpike)

    return [
        Case("IAFSqueeze", "batch_size", lambda: maps(), MAPS),
        Case("IAFSqueeze", "num_timesteps", between(neuron=lambda: sl.IAFSqueeze(num_timesteps=10)), MAPS),
        Case("LIFSqueeze", "tau_syn", between(neuron=lambda: sl.LIFSqueeze(batch_size=2, tau_mem=6.0, **SLOW)), MAPS),
        Case("Conv2d", "stride, padding, dilation", conv(stride=2, padding=(2, 1), dilation=(2, 1)), MAPS),
        Case("Conv2d", "rectangular kernel, groups", conv(kernel_size=(3, 1), groups=2), MAPS),
        Case("Conv2d", "padding='same', no bias", conv(padding="same", bias=False), MAPS),
        Case("Conv2d", "padding_mode='circular'", conv(padding=1, padding_mode="circular"), MAPS, "pad"),
        Case("Conv1d", "stride, padding", _line, LINE),
        Case("SumPool2d", "2", between(lambda: sl.SumPool2d(2)), MAPS),
        Case("SumPool2d", "3, stride 2", between(lambda: sl.SumPool2d(3, 2)), MAPS),
        Case("SumPool2d", "ceil_mode", between(lambda: sl.SumPool2d(2, ceil_mode=True)), MAPS, "ceil_mode"),
        Case("AvgPool2d", "2", between(lambda: nn.AvgPool2d(2)), MAPS),
        Case("MaxPool2d", "of SingleSpike", between(lambda: nn.MaxPool2d(2), neuron=single), MAPS),
        Case("MaxPool2d", "of MultiSpike", between(lambda: nn.MaxPool2d(2)), MAPS, "more than one spike"),
        Case("BatchNorm2d", "", between(lambda: _conv(), lambda: batch_norm(nn.BatchNorm2d(4)), squeezed), MAPS),
        Case("BatchNorm1d", "", _normed_vectors, FLAT),
        Case("Dropout", "", lambda: nn.Sequential(*stack(lambda n: sl.IAF()), nn.Dropout(0.5)), FLAT),
        Case("Dropout2d", "", between(lambda: nn.Dropout2d(0.5)), MAPS),
        Case("Cropping2dLayer", "", between(lambda: sl.Cropping2dLayer(((1, 0), (2, 1)))), MAPS),
        Case("ChannelShift", "", between(lambda: sl.ChannelShift(2)), MAPS, "pad"),
        Case("SpikingMaxPooling2dLayer", "", between(lambda: sl.SpikingMaxPooling2dLayer((2, 2))), MAPS, "cumsum"),
        Case("QuantizeLayer", "", between(sl.QuantizeLayer), MAPS, "floor"),
        Case("NeuromorphicReLU", "", between(sl.NeuromorphicReLU), MAPS, "relu"),
        Case("ReLU", "", between(nn.ReLU), MAPS, "relu"),
    ]


SLOW = {"tau_syn": 3.0, "spike_threshold": torch.tensor(0.3)}


def _conv() -> Any:
    return strong(nn.Conv2d(4, 4, 3, bias=False))


def _line() -> Any:
    return nn.Sequential(
        strong(nn.Conv1d(3, 4, 5, stride=2, padding=1)), squeezed(), nn.Flatten(), linear(36, N_OUT), squeezed()
    )


def _normed_vectors() -> Any:
    return nn.Sequential(
        linear(N_IN, N_HIDDEN, bias=False),
        batch_norm(nn.BatchNorm1d(N_HIDDEN)),
        squeezed(),
        linear(N_HIDDEN, N_OUT),
        squeezed(),
    ).eval()


class Residual(nn.Module):
    """A skip around a layer, joined by Sinabs's Merge."""

    def __init__(self, join: Callable[[Any, Any], Any] | None = None) -> None:
        super().__init__()
        self.spikes, self.first = sl.IAF(min_v_mem=-1.0), linear(N_IN, N_HIDDEN)
        self.inner, self.again = linear(N_HIDDEN, N_HIDDEN), sl.LIF(6.0, spike_threshold=torch.tensor(0.5))
        self.merge = join or sl.Merge()
        self.last = linear(N_HIDDEN * (2 if join else 1), N_OUT)
        self.out = sl.IAF()

    def forward(self, x: Any) -> Any:
        h = self.spikes(self.first(x))
        return self.out(self.last(self.merge(h, self.again(self.inner(h)))))


def concatenate(a: Any, b: Any) -> Any:
    return torch.cat([a, b], -1)


class Reshaped(nn.Module):
    """(B, T, C, H, W) with the reshapes in ``forward``, as many write it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.spikes = strong(nn.Conv2d(2, 4, 3)), sl.IAF()
        self.last, self.out = linear(4 * 7 * 6, N_OUT), sl.IAF()

    def forward(self, x: Any) -> Any:
        batch, steps = x.shape[:2]
        h = self.conv(x.reshape(batch * steps, *x.shape[2:]))
        h = self.spikes(h.reshape(batch, steps, *h.shape[1:]))
        return self.out(self.last(h.flatten(2)))


class Twice(nn.Module):
    """One layer of neurons for two purposes: its state would be that of both."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.spikes = linear(N_IN, N_HIDDEN), linear(N_HIDDEN, N_HIDDEN), sl.IAF()

    def forward(self, x: Any) -> Any:
        return self.spikes(self.second(self.spikes(self.first(x))))


class Heads(nn.Module):
    """Two outputs, and a membrane."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.spikes = linear(N_IN, N_HIDDEN), sl.IAF()
        self.left, self.right = linear(N_HIDDEN, 4), linear(N_HIDDEN, 3)
        self.out, self.leak = sl.IAF(), sl.ExpLeak(4.0)

    def forward(self, x: Any) -> Any:
        h = self.spikes(self.first(x))
        return self.out(self.left(h)), self.leak(self.right(h))


class Peeking(nn.Module):
    """What the next layer sees depends on a membrane."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.spikes = linear(N_IN, N_HIDDEN), sl.IAF()
        self.last, self.out = linear(N_HIDDEN, N_OUT), sl.IAF()

    def forward(self, x: Any) -> Any:
        h = self.spikes(self.first(x))
        return self.out(self.last(h * (1 + self.spikes.v_mem.mean())))


def forwards() -> list[Case]:
    def converted() -> Any:
        ann = nn.Sequential(
            strong(nn.Conv2d(2, 4, 3, bias=False)),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            linear(36, N_OUT),
            nn.ReLU(),
        )
        return from_model(ann, input_shape=MAPS, batch_size=1)

    def unsqueezed() -> Any:
        return nn.Sequential(nn.Conv2d(2, 4, 3), sl.IAF(), nn.Flatten(), nn.Linear(168, N_OUT), sl.IAF())

    def regrouped() -> Any:
        parts = (sl.FlattenTime(), strong(nn.Conv2d(2, 4, 3)), sl.UnflattenTime(batch_size=3), sl.IAF())
        return nn.Sequential(*parts, sl.Repeat(nn.Flatten()), linear(168, N_OUT), sl.IAF())

    return [
        Case("forward", "residual, sl.Merge", Residual, FLAT),
        Case("forward", "concatenation", lambda: Residual(concatenate), FLAT),
        Case("forward", "reshapes (B, T, ...) to (B * T, ...)", Reshaped, MAPS),
        Case("forward", "FlattenTime, UnflattenTime, Repeat", regrouped, MAPS),
        Case("forward", "two outputs", Heads, FLAT),
        Case("forward", "a layer used twice", Twice, FLAT, "used twice"),
        Case("forward", "reads a membrane", Peeking, FLAT, "mul"),
        Case("forward", "IAF where IAFSqueeze is meant", unsqueezed, MAPS, "samples of 5 steps"),
        Case("Network", "from_torch.from_model", converted, MAPS),
    ]


CASES: tuple[Case, ...] = (*readouts(), *recurrences(), *layers(), *forwards())
