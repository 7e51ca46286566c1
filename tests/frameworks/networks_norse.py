"""Networks of Norse's layers, as users write them."""

from __future__ import annotations

from typing import Any

import norse.torch as norse
import torch
from framework_cases import louder

nn = torch.nn
N_IN, N, N_OUT = 12, 10, 6


def varied(seed: int, low: float, high: float, n: int = N) -> Any:
    """One value for each neuron."""
    return low + (high - low) * torch.rand(n, generator=torch.Generator().manual_seed(seed))


def lif(seed: int, n: int = N, **more: Any) -> Any:
    """Parameters of LIF neurons, of each neuron's own."""
    return norse.LIFParameters(
        tau_syn_inv=varied(seed, 100, 400, n),
        tau_mem_inv=varied(seed + 1, 50, 300, n),
        v_leak=varied(seed + 2, -0.1, 0.1, n),
        v_th=varied(seed + 3, 0.5, 1.2, n),
        v_reset=varied(seed + 4, -0.3, 0.2, n),
        **more,
    )


def box(seed: int | None = None, n: int = N, **more: Any) -> Any:
    """Parameters of LIFBox neurons, likewise."""
    if seed is None:
        return norse.LIFBoxParameters(**more)
    p = lif(seed, n)
    return norse.LIFBoxParameters(p.tau_mem_inv, p.v_leak, p.v_th, p.v_reset, **more)


def chain(*layers: Any, gain: float = 8.0) -> Any:
    """Layers in a SequentialState."""
    return louder(norse.SequentialState(*layers), gain)


def two(cell: Any, gain: float = 8.0) -> Any:
    """Two layers of a cell, made by ``cell(n)``."""
    return chain(nn.Linear(N_IN, N), cell(N), nn.Linear(N, N_OUT), cell(N_OUT), gain=gain)


def over_time(layer: Any, gain: float = 8.0) -> Any:
    """Two layers over (T, B, ...), made by ``layer(n)``."""
    return chain(norse.Lift(nn.Linear(N_IN, N)), layer(N), nn.Linear(N, N_OUT), layer(N_OUT), gain=gain)


def image(gain: float = 8.0) -> Any:
    """Convolutions, pooling, normalisation and dropout."""
    norm = nn.BatchNorm2d(4)
    with torch.no_grad():
        norm.running_mean.uniform_(-0.3, 0.3)
        norm.running_var.uniform_(0.5, 2)
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.uniform_(-0.1, 0.3)
    net = norse.SequentialState(
        nn.Conv2d(1, 4, 3, padding=1),
        norm,
        norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.tensor(300.0), v_th=torch.tensor(0.5))),
        nn.AvgPool2d(2),
        nn.Dropout(0.3),
        nn.Conv2d(4, 5, 3, stride=2, bias=False),
        norse.LIFCell(),
        nn.Flatten(),
        nn.Linear(5, N_OUT),
        norse.LIFBoxCell(),
    )
    return louder(net, gain)


def image_over_time(gain: float = 8.0) -> Any:
    """Convolutions over (T, B, C, H, W)."""
    return chain(
        norse.Lift(nn.Conv2d(1, 4, 3, stride=2)),
        norse.LIF(),
        nn.Flatten(2),
        nn.Linear(36, N_OUT),
        norse.LIF(),
        gain=gain,
    )


def lconv(gain: float = 8.0) -> Any:
    """Norse's own convolution over time."""
    return chain(
        norse.LConv2d(1, 4, 3, stride=2), norse.LIF(), nn.Flatten(2), nn.Linear(36, N_OUT), norse.LIF(), gain=gain
    )


def line(gain: float = 8.0) -> Any:
    """Convolutions of one dimension."""
    return chain(
        nn.Conv1d(2, 4, 3, padding=1),
        norse.LIFCell(),
        nn.Conv1d(4, 5, 4, stride=2),
        norse.LIFBoxCell(),
        nn.Flatten(),
        nn.Linear(25, N_OUT),
        norse.IAFCell(),
        gain=gain,
    )


def pooled(gain: float) -> Any:
    """Max-pooling of spikes."""
    return chain(
        nn.Conv2d(1, 3, 3, padding=1),
        norse.LIFCell(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(48, N_OUT),
        norse.LIFCell(),
        gain=gain,
    )


def short_line() -> Any:
    """Average pooling of one dimension."""
    layers = (nn.Conv1d(2, 4, 3), norse.LIFCell(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(20, N_OUT), norse.LIFCell())
    return chain(*layers, gain=16)


def adaptive() -> Any:
    """Average pooling to a given size."""
    pool = nn.AdaptiveAvgPool2d(2)
    layers = (nn.Conv2d(1, 4, 3, padding=1), norse.LIFCell(), pool, nn.Flatten(), nn.Linear(16, N_OUT), norse.LIFCell())
    return chain(*layers, gain=16)


def recurrent(layer: Any, **options: Any) -> Any:
    """Two recurrent layers."""
    return chain(layer(N_IN, N, **options), layer(N, N_OUT, **options), gain=6.0)


def integrated(readout: Any) -> Any:
    """A layer of spiking neurons, and one that integrates them."""
    return chain(nn.Linear(N_IN, N), norse.LIFCell(), nn.Linear(N, N_OUT), readout)


def ending_linear(over_time: bool = False) -> Any:
    """Spikes, weighted once more: the currents are read out."""
    cell = norse.LIF() if over_time else norse.LIFCell()
    return chain(nn.Linear(N_IN, N), cell, nn.Linear(N, N_OUT), gain=12)


def fed_back() -> Any:
    """Norse's own recurrence of whole networks."""
    net = norse.RecurrentSequential(nn.Linear(N, N), norse.LIFCell(), nn.Linear(N, N), norse.LIFBoxCell())
    return louder(net, 12.0)


def izhikevich() -> Any:
    """A cell of another model."""
    return chain(nn.Linear(N_IN, N), norse.IzhikevichCell(norse.tonic_spiking))


def compartments() -> Any:
    """A cell of another model."""
    return chain(norse.LIFMCRecurrentCell(N_IN, N))


def own_reset() -> Any:
    """A reset that Norse does not have."""
    p = norse.LIFBoxParameters(reset_method=lambda z, v, reset, th: v)
    return chain(nn.Linear(N_IN, N), norse.LIFBoxCell(p))


def own_step() -> Any:
    """A cell whose equations were exchanged."""
    net = chain(nn.Linear(N_IN, N), norse.LIFCell())
    net[1].activation = norse.lif_box_feed_forward_step
    return net


def per_sample() -> Any:
    """A threshold for each sample of the batch."""
    return chain(nn.Linear(N_IN, N), norse.LIFCell(norse.LIFParameters(v_th=torch.ones(2, 1))))


def two_steps() -> Any:
    """Layers that mean different seconds."""
    return chain(nn.Linear(N_IN, N), norse.LIFCell(), nn.Linear(N, N_OUT), norse.LIFCell(dt=5e-4))


class Lifted(nn.Module):
    """A Linear and a cell in a Lift that is handed no state, then without the state."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lift = nn.Linear(N, N_OUT), norse.Lift(norse.LIFCell())

    def forward(self, x: Any) -> Any:
        spikes, _ = self.lift(self.fc(x))
        return spikes


class Loop(nn.Module):
    """The usual loop over time, with a membrane as read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = norse.LIFRecurrentCell(N_IN, N)
        self.fc = nn.Linear(N, N_OUT, bias=False)
        self.readout = norse.LICell()
        louder(self, 6.0)

    def forward(self, x: Any) -> Any:
        hidden = readout = None
        voltages = []
        for step in x:
            z, hidden = self.hidden(step, hidden)
            v, readout = self.readout(self.fc(z), readout)
            voltages.append(v)
        return torch.stack(voltages)


class SevenSteps(Loop):
    """The number of steps is the module's own."""

    def forward(self, x: Any) -> Any:
        return super().forward([x[step] for step in range(7)])


class Residual(nn.Module):
    """A skip connection around a layer, with the state handed through."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.a = nn.Linear(N_IN, N), norse.LIFCell()
        self.second, self.b = nn.Linear(N, N), norse.LIFBoxCell()
        self.last, self.c = nn.Linear(N, N_OUT), norse.LIFCell()
        louder(self, 7.0)

    def forward(self, x: Any, state: Any = None) -> Any:
        a, b, c = state or (None, None, None)
        z1, a = self.a(self.first(x), a)
        z2, b = self.b(self.second(z1) + z1, b)
        z3, c = self.c(self.last(z1 + z2), c)
        return z3, (a, b, c)


class Stateful(nn.Module):
    """A state by another name, and a read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.net = two(lambda n: norse.LIFCell(), 12.0)
        self.readout = norse.LILinearCell(N_OUT, 3)

    def forward(self, x: Any, hidden: Any = None) -> Any:
        inner, v = hidden or (None, None)
        z, inner = self.net(x, inner)
        out, v = self.readout(z, v)
        return out, (inner, v)


class Shared(nn.Module):
    """One cell for two layers, each with a state of its own, and one Linear used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.cell = nn.Linear(N_IN, N), nn.Linear(N, N), norse.LIFCell()
        louder(self, 12.0)

    def forward(self, x: Any) -> Any:
        a = b = c = None
        record = []
        for step in x:
            z, a = self.cell(self.first(step), a)
            z, b = self.cell(self.second(z), b)
            z, c = self.cell(self.second(z), c)
            record.append(z)
        return torch.stack(record)


class Branches(nn.Module):
    """Two branches of their own, joined by a concatenation, and two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.a = nn.Linear(N_IN, N), norse.LIFCell()
        self.right, self.b = nn.Linear(N_IN, 4), norse.IAFCell()
        self.one, self.c = nn.Linear(N + 4, N_OUT), norse.LIFBoxCell()
        self.two, self.d = nn.Linear(4, 3), norse.LIFCell()
        louder(self, 7.0)

    def forward(self, x: Any, state: Any = None) -> Any:
        a, b, c, d = state or (None,) * 4
        left, a = self.a(self.left(x), a)
        right, b = self.b(self.right(x), b)
        one, c = self.c(self.one(torch.cat([left, right], -1)), c)
        two, d = self.d(self.two(right), d)
        return (one, two), (a, b, c, d)


class Feedback(nn.Module):
    """Recurrence written by hand: the spikes of the step before go through a layer with a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.back = nn.Linear(N_IN, N), nn.Linear(N, N)
        self.cell = norse.LIFBoxCell()
        louder(self, 6.0)

    def forward(self, x: Any) -> Any:
        state, z, record = None, torch.zeros(x.shape[1], N), []
        for t in range(x.shape[0]):
            z, state = self.cell(self.fc(x[t]) + self.back(z), state)
            record.append(z)
        return torch.stack(record)


class LateFeedback(Feedback):
    """The same, but the layer is used from the second step on only."""

    def forward(self, x: Any) -> Any:
        state, z, record = None, None, torch.zeros(x.shape[0], x.shape[1], N)
        for t in range(x.shape[0]):
            current = self.fc(x[t])
            if z is not None:
                current = current + self.back(z)
            z, state = self.cell(current, state)
            record[t] = z
        return record


class Forgetful(nn.Module):
    """A cell that starts anew in every step."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.cell = nn.Linear(N_IN, N), norse.LIFCell()

    def forward(self, x: Any) -> Any:
        return torch.stack([self.cell(self.fc(step))[0] for step in x])


class OwnStart(Forgetful):
    """A cell that starts from another membrane than Norse's."""

    def forward(self, x: Any) -> Any:
        state, record = norse.LIFFeedForwardState(torch.full((x.shape[1], N), 0.5), torch.zeros(x.shape[1], N)), []
        for step in x:
            z, state = self.cell(self.fc(step), state)
            record.append(z)
        return torch.stack(record)


class ZeroStart(nn.Module):
    """A cell that is handed zeros as its first state."""

    def __init__(self, v_leak: float = 0.0) -> None:
        super().__init__()
        self.fc, self.cell = nn.Linear(N_IN, N), norse.LIFCell(norse.LIFParameters(v_leak=torch.tensor(v_leak)))
        louder(self, 12.0)

    def forward(self, x: Any) -> Any:
        zeros = torch.zeros(x.shape[1], N)
        state, record = norse.LIFFeedForwardState(zeros, zeros), []
        for step in x:
            z, state = self.cell(self.fc(step), state)
            record.append(z)
        return torch.stack(record)


class Pair(nn.Module):
    """Two layers, for forward functions that cannot be represented."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.a = nn.Linear(N_IN, N), norse.LIFCell()
        self.second, self.b = nn.Linear(N, N), norse.LIFCell()


class Gated(Pair):
    """Spikes that gate others."""

    def forward(self, x: Any, state: Any = None) -> Any:
        a, b = state or (None, None)
        z, a = self.a(self.first(x), a)
        z, b = self.b(self.second(z * x[:, :N]), b)
        return z, (a, b)


class Conditional(Pair):
    """A course that depends on spikes."""

    def forward(self, x: Any, state: Any = None) -> Any:
        a, b = state or (None, None)
        z, a = self.a(self.first(x), a)
        if z.sum() > 3:
            z = z + z
        z, b = self.b(self.second(z), b)
        return z, (a, b)


class Membranes(Pair):
    """A layer that is given another one's membrane."""

    def forward(self, x: Any, state: Any = None) -> Any:
        a, b = state or (None, None)
        _, a = self.a(self.first(x), a)
        z, b = self.b(self.second(a.v), b)
        return z, (a, b)


class One(nn.Module):
    """One layer, for further forward functions."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.cell = nn.Linear(N_IN, N), norse.LIFCell()
        louder(self, 12.0)

    def forward(self, x: Any, state: Any = None) -> Any:
        return self.cell(self.fc(x), state)


class Detached(One):
    """The state is cut off the graph of gradients, as for truncated backpropagation."""

    def forward(self, x: Any, state: Any = None) -> Any:
        z, state = self.cell(self.fc(x), state)
        return z, norse.LIFFeedForwardState(state.v.detach(), state.i.clone())


class Decaying(One):
    """A leak of the user's own."""

    def forward(self, x: Any, state: Any = None) -> Any:
        z, state = self.cell(self.fc(x), state)
        return z, norse.LIFFeedForwardState(state.v * 0.5, state.i)


class Twice(One):
    """Two updates of one state in each step."""

    def forward(self, x: Any, state: Any = None) -> Any:
        _, state = self.cell(self.fc(x), state)
        return self.cell(self.fc(x), state)


class Previous(One):
    """The input of the step before counts as well."""

    def forward(self, x: Any) -> Any:
        state, before, record = None, torch.zeros(x.shape[1], N_IN), []
        for step in x:
            z, state = self.cell(self.fc(step + before), state)
            before = step
            record.append(z)
        return torch.stack(record)


class Backwards(One):
    """The last step first."""

    def forward(self, x: Any) -> Any:
        state, record = None, []
        for step in reversed(range(len(x))):
            z, state = self.cell(self.fc(x[step]), state)
            record.append(z)
        return torch.stack(record)


class Mixing(One):
    """Samples that see each other's input."""

    def forward(self, x: Any, state: Any = None) -> Any:
        return super().forward(x.flip(0), state)


class Part(One):
    """Only some of the neurons are returned."""

    def forward(self, x: Any, state: Any = None) -> Any:
        z, state = super().forward(x, state)
        return z[:, :5], state


class Constant(One):
    """A bias that is no layer's."""

    def forward(self, x: Any, state: Any = None) -> Any:
        return self.cell(self.fc(x) + 0.3, state)


class Changing(One):
    """From step 50 on a layer is given the step before: more than the tracer is shown, so the door has to see it."""

    def forward(self, x: Any) -> Any:
        state, record = None, []
        for step in range(len(x)):
            z, state = self.cell(self.fc(x[step] if step < 50 else x[step - 1]), state)
            record.append(z)
        return torch.stack(record)
