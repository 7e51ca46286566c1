"""User classes of snnTorch's neurons with all kinds of ``forward``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import snntorch as snn
import torch
import torch.nn.functional as F
from framework_cases import STEPS, Case
from frameworks.snntorch_layers import MAPS, N_HIDDEN, N_IN, N_OUT, conv, fire, linear, trained
from snntorch import utils
from torch import nn


class Net(nn.Module):
    """Layers by name; the subclass has the forward."""

    def __init__(self, **layers: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)


def net(forward: Callable[[Any, Any], Any], **layers: Callable[[], Any]) -> Callable[[], Any]:
    """Makes modules with that forward."""
    return lambda: type("Net", (Net,), {"forward": forward})(**{name: make() for name, make in layers.items()})


def hidden() -> dict[str, Callable[[], Any]]:
    """Three layers of neurons that keep their states."""
    return {
        "fc1": lambda: linear(N_IN, N_HIDDEN),
        "lif1": fire,
        "fc2": lambda: linear(N_HIDDEN, N_HIDDEN),
        "lif2": fire,
        "fc3": lambda: linear(N_HIDDEN, N_OUT),
        "lif3": fire,
    }


def explicit() -> dict[str, Callable[[], Any]]:
    """Two layers of neurons whose states are passed."""
    return {
        "fc1": lambda: linear(N_IN, N_HIDDEN),
        "lif1": lambda: snn.Leaky(beta=0.9),
        "fc2": lambda: linear(N_HIDDEN, N_OUT),
        "lif2": lambda: snn.Synaptic(alpha=0.5, beta=0.8),
    }


def loop_time_first(self: Any, x: Any) -> Any:
    mem1, (syn2, mem2) = self.lif1.init_leaky(), self.lif2.init_synaptic()
    sent, membranes = [], []
    for step in range(x.size(0)):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
        sent.append(spk2)
        membranes.append(mem2)
    return torch.stack(sent), torch.stack(membranes)


def loop_batch_first(self: Any, x: Any) -> Any:
    mem1, (syn2, mem2), sent = None, (None, None), torch.zeros(x.shape[0], x.shape[1], N_OUT)
    for step, frame in enumerate(x.transpose(0, 1)):
        spk1, mem1 = self.lif1(self.fc1(frame), mem1)
        spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
        sent[:, step] = spk2
    return sent


def loop_fixed(self: Any, x: Any) -> Any:
    mem1, syn2, mem2, total = torch.zeros(x.size(1), N_HIDDEN), None, None, 0
    for step in range(STEPS):
        spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
        spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
        total = total + spk2
    return total


def whole_sequence_first(self: Any, x: Any) -> Any:
    utils.reset(self)
    currents = self.fc1(x)
    spikes = torch.stack([self.lif1(current) for current in currents.unbind(0)])
    spikes = torch.stack([self.lif2(current) for current in self.fc2(spikes)])
    return torch.stack([self.lif3(current) for current in self.fc3(spikes)]).sum(0)


def same_input(self: Any, x: Any) -> Any:
    mem1, syn2, mem2, sent = self.lif1.init_leaky(), None, None, []
    for _ in range(25):
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
        sent.append(spk2)
    return torch.stack(sent)


def changed_state(change: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """The first layer's membranes are not those that it returned."""

    def forward(self: Any, x: Any) -> Any:
        mem1, syn2, mem2, sent = torch.zeros(x.size(1), N_HIDDEN), None, None, []
        for frame in x:
            spk1, mem1 = self.lif1(self.fc1(frame), change(mem1))
            spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
            sent.append(spk2)
        return torch.stack(sent)

    return forward


def changed_hidden(self: Any, x: Any) -> Any:
    self.lif1.mem = self.lif1.mem * 0.5
    return self.lif3(self.fc3(self.lif1(self.fc1(x))))


def new_state(self: Any, x: Any) -> Any:
    spk1, _ = self.lif1(self.fc1(x), self.lif1.init_leaky())
    return self.lif2(self.fc2(spk1), *self.lif2.init_synaptic())[0]


def two_states(self: Any, x: Any) -> Any:
    mem1, mem2, sent = None, torch.zeros(x.size(1), N_HIDDEN), []
    mem1 = torch.zeros(x.size(1), N_HIDDEN)
    for frame in x:
        spk1, mem1 = self.lif(self.fc1(frame), mem1)
        spk2, mem2 = self.lif(self.fc2(spk1), mem2)
        sent.append(spk2)
    return torch.stack(sent)


def feedback(zeros: bool) -> Callable[[Any, Any], Any]:
    """The second layer's spikes of the step before come back to the first."""

    def forward(self: Any, x: Any) -> Any:
        back, sent = torch.zeros(x.size(1), N_HIDDEN) if zeros else None, []
        for frame in x:
            drive = self.fc1(frame)
            if back is not None:
                drive = drive + self.back(back)
            back = self.lif2(self.fc2(self.lif1(drive)))
            sent.append(self.lif3(self.fc3(back)))
        return torch.stack(sent)

    return forward


def late_skip(self: Any, x: Any) -> Any:
    before, sent = torch.zeros(x.size(1), N_HIDDEN), []
    for frame in x:
        spk1 = self.lif1(self.fc1(frame))
        spk2 = self.lif2(self.fc2(spk1) + before)
        before = spk1
        sent.append(self.lif3(self.fc3(spk2)))
    return torch.stack(sent)


def later_skip(self: Any, x: Any) -> Any:
    zero, sent = torch.zeros(x.size(1), N_HIDDEN), []
    earlier, before = zero, zero
    for frame in x:
        spk1 = self.lif1(self.fc1(frame))
        spk2 = self.lif2(self.fc2(spk1) + self.back(before) + earlier)
        earlier, before = before, spk1
        sent.append(self.lif3(self.fc3(spk2)))
    return torch.stack(sent)


def late_input(self: Any, x: Any) -> Any:
    before, sent = torch.zeros_like(x[0]), []
    for frame in x:
        sent.append(self.lif3(self.fc3(self.lif1(self.fc1(frame + before)))))
        before = frame
    return torch.stack(sent)


def own_recurrence(self: Any, x: Any) -> Any:
    spk, sent = torch.zeros(x.size(1), N_HIDDEN), []
    for frame in x:
        spk = self.lif1(self.fc1(frame) + self.fc2(spk))
        sent.append(self.lif3(self.fc3(spk)))
    return torch.stack(sent)


def residual(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    return self.lif3(self.fc3(self.lif2(self.fc2(first) + first)))


def residual_in_place(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    drive = self.fc2(first)
    drive += first
    return self.lif3(self.fc3(self.lif2(drive) + first))


def residual_maps(self: Any, x: Any) -> Any:
    first = self.lif1(self.bn1(self.conv1(x)))
    second = self.lif2(self.bn2(self.conv2(first)) + self.short(first))
    return self.lif3(self.fc(self.pool(second).flatten(1)))


def dense_maps(self: Any, x: Any) -> Any:
    first = self.lif1(self.conv1(x))
    second = self.lif2(self.conv2(torch.cat([x, first], dim=1)))
    both = torch.cat((first, second), 1)
    return self.lif3(self.fc(both.view(both.size(0), -1)))


def twice(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    return self.lif3(self.fc3(self.lif2(first + first)))


def branches(self: Any, x: Any) -> Any:
    left, right = self.lif1(self.fc1(x)), self.lif2(self.side(x))
    return self.lif3(self.fc3(left) + self.fc4(right))


def joined(self: Any, x: Any) -> Any:
    left, right = self.lif1(self.fc1(x)), self.lif2(self.side(x))
    return self.lif3(self.wide(torch.cat([right, left], dim=1)))


def joined_currents(self: Any, x: Any) -> Any:
    return self.lif3(self.wide(self.lif1(torch.hstack([self.fc1(x), self.side(x)]))))


def parts(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    left, right = first.chunk(2, dim=1)
    return self.lif3(self.first(left) + self.second(right.flip(1)))


def two_heads(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    return {"labels": self.lif2(self.fc2(first)), "side": self.lif3(self.fc3(first))}


def shared_weights(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    return self.lif3(self.fc3(self.lif2(self.fc2(self.lif4(self.fc2(first))))))


def functional(self: Any, x: Any) -> Any:
    first = self.lif1(F.conv2d(x, self.conv1.weight, self.conv1.bias, padding=1))
    pooled = F.max_pool2d(first, 2) if self.largest else F.avg_pool2d(first, 2)
    return self.lif3(F.linear(F.dropout(torch.flatten(pooled, 1), training=self.training), self.fc.weight))


def between(operation: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """An operation between the first layer and its neurons."""

    def forward(self: Any, x: Any) -> Any:
        return self.lif3(self.fc3(self.lif1(operation(self.fc1(x)))))

    return forward


def ends_in_layer(self: Any, x: Any) -> Any:
    return self.fc3(self.lif1(self.fc1(x)))


def loop_ends_in_layer(time_axis: int) -> Callable[[Any, Any], Any]:
    def forward(self: Any, x: Any) -> Any:
        return torch.stack([self.fc3(self.lif1(self.fc1(frame))) for frame in x.unbind(time_axis)], time_axis)

    return forward


def rsynaptic_states(self: Any, x: Any) -> Any:
    zero = torch.zeros(x.size(1), N_HIDDEN)
    states, sent = (zero, zero, zero), []
    for frame in x:
        states = self.rsyn(self.fc1(frame), *states)
        sent.append(self.lif3(self.fc3(states[0])))
    return torch.stack(sent)


def unseen(x: Any) -> Any:
    """Compiled code, which no tracer of Python sees; zero for all that is shown to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(_large_only)(x)


def _large_only(x: torch.Tensor) -> torch.Tensor:
    return (x > 1e6) * x


def returns_membrane(self: Any, x: Any) -> Any:
    return self.out(self.fc3(self.lif1(self.fc1(x))))[1]


def softmax_of_counts(self: Any, x: Any) -> Any:
    return F.softmax(self.lif3(self.fc3(self.lif1(self.fc1(x)))), dim=1)


def feeds_membrane(self: Any, x: Any) -> Any:
    return self.lif3(self.fc3(self.out(self.fc1(x))[1]))


def by_value(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    return self.lif3(self.fc3(first)) if first.sum() > 3 else self.lif3(self.fc3(first * 2))


def mixes_samples(self: Any, x: Any) -> Any:
    return self.lif3(self.fc3(self.lif1(self.fc1(x.flip(0)))))


def by_sample(self: Any, x: Any) -> Any:
    return self.lif3(self.fc3(self.lif1(torch.cat([self.fc1(x[:1]), self.side(x[1:])]))))


def by_step(self: Any, x: Any) -> Any:
    sent = []
    for step, frame in enumerate(x):
        sent.append(self.lif3(self.fc3(self.lif1(self.fc1(frame) if step % 2 else self.side(frame)))))
    return torch.stack(sent)


def norm_by_step(self: Any, x: Any) -> Any:
    sent = [self.lif3(self.fc3(self.lif1(self.norms[t](self.fc1(frame))))) for t, frame in enumerate(x)]
    return torch.stack(sent)


def more(**extra: Callable[[], Any]) -> dict[str, Callable[[], Any]]:
    return {**hidden(), **extra}


def pair(option: str, forward: Any, refused: str = "", **extra: Callable[[], Any]) -> Case:
    return Case("forward", option, net(forward, **more(**extra)), (N_IN,), refused)


def maps(option: str, forward: Any, **layers: Callable[[], Any]) -> Case:
    return Case("forward", option, net(forward, lif1=fire, lif2=fire, lif3=fire, **layers), MAPS)


SIDE = {"side": lambda: linear(N_IN, N_HIDDEN)}
WIDE = {**SIDE, "wide": lambda: linear(2 * N_HIDDEN, N_OUT)}
READOUT = {"out": lambda: snn.Leaky(0.9, init_hidden=True, output=True, reset_mechanism="none")}
ALPHA = {"lif2": lambda: snn.Alpha(0.9, 0.7, threshold=0.5, init_hidden=True, reset_mechanism="none")}
RSYNAPTIC = {"rsyn": lambda: snn.RSynaptic(0.6, 0.8, linear_features=N_HIDDEN, reset_delay=False)}
SHARED = {**explicit(), "fc2": lambda: linear(N_HIDDEN, N_HIDDEN), "lif": lambda: snn.Leaky(0.8)}
RESIDUAL = {
    "conv1": lambda: conv(2, 4, 3, padding=1),
    "bn1": lambda: trained(nn.BatchNorm2d(4)),
    "conv2": lambda: conv(4, 6, 3, padding=1, bias=False),
    "bn2": lambda: trained(nn.BatchNorm2d(6)),
    "short": lambda: conv(4, 6, 1),
    "pool": lambda: nn.AvgPool2d(3),
    "fc": lambda: linear(36, N_OUT),
}
DENSE = {
    "conv1": lambda: conv(2, 4, 3, padding=1),
    "conv2": lambda: conv(6, 3, 3, padding=1),
    "fc": lambda: linear(7 * 72, N_OUT),
}

CASES: tuple[Case, ...] = (
    Case("forward", "loop over (T, B, ...), states passed", net(loop_time_first, **explicit()), (N_IN,)),
    Case(
        "forward", "loop over (B, T, ...), result written into a tensor", net(loop_batch_first, **explicit()), (N_IN,)
    ),
    Case("forward", "loop of a fixed number of steps, result summed", net(loop_fixed, **explicit()), (N_IN,)),
    pair("layers over the whole sequence, then loops", whole_sequence_first),
    Case("forward", "the same input at every step", net(same_input, **explicit()), (N_IN,), "same input at every"),
    *(
        Case(
            "forward",
            f"states {how} between steps",
            net(changed_state(by), **explicit()),
            (N_IN,),
            "its state is neither",
        )
        for how, by in (("scaled", lambda mem: mem * 0.5), ("reordered", lambda mem: mem.flip(1)))
    ),
    pair("hidden states changed between steps", changed_hidden, "its state is neither"),
    Case("forward", "states new at every step", net(new_state, **explicit()), (N_IN,), "fires 1 times in"),
    Case("forward", "one neuron module with two states", net(two_states, **SHARED), (N_IN,)),
    pair("feedback over two layers", feedback(True), back=lambda: linear(N_HIDDEN, N_HIDDEN)),
    pair("feedback over two layers, none in the first step", feedback(False), back=lambda: linear(N_HIDDEN, N_HIDDEN)),
    pair(
        "feedback over two layers, one of them Alpha", feedback(True), back=lambda: linear(N_HIDDEN, N_HIDDEN), **ALPHA
    ),
    pair("spikes of the step before, without a loop", late_skip),
    pair("spikes of one and two steps before", later_skip, back=lambda: linear(N_HIDDEN, N_HIDDEN)),
    pair("input of the step before", late_input),
    pair("recurrence by hand", own_recurrence),
    pair("residual: added spikes", residual),
    pair("residual: added in place, and spikes of two layers added", residual_in_place),
    maps("residual block of convolutions and batch norms", residual_maps, **RESIDUAL),
    maps("concatenated channels and inputs", dense_maps, **DENSE),
    pair("the same spikes added twice", twice),
    pair("branches added", branches, fc4=lambda: linear(N_HIDDEN, N_OUT), **SIDE),
    pair("branches concatenated", joined, **WIDE),
    pair("currents concatenated", joined_currents, **WIDE),
    pair("split and reordered", parts, first=lambda: linear(15, N_OUT), second=lambda: linear(15, N_OUT)),
    pair("two outputs", two_heads),
    pair("one Linear used twice", shared_weights, lif4=fire),
    maps(
        "functions instead of modules",
        functional,
        conv1=lambda: conv(2, 4, 3),
        fc=lambda: linear(64, N_OUT),
        largest=bool,
    ),
    maps(
        "max_pool2d as a function",
        functional,
        conv1=lambda: conv(2, 4, 3),
        fc=lambda: linear(64, N_OUT),
        largest=lambda: 1,
    ),
    pair("ends in a Linear", ends_in_layer),
    pair("loop over (T, B, ...), ends in a Linear", loop_ends_in_layer(0)),
    pair("loop over (B, T, ...), ends in a Linear", loop_ends_in_layer(1)),
    pair("RSynaptic, reset_delay=False, states passed (acts as True)", rsynaptic_states, **RSYNAPTIC),
    pair("compiled code (torch.jit)", between(lambda x: x + unseen(x)), "constant"),
    pair("returns the membrane of neurons that never reset", returns_membrane, **READOUT),
    pair("relu as a function", between(F.relu), "relu"),
    pair("currents times a number", between(lambda x: x * 0.5), "mul"),
    pair("a constant added", between(lambda x: x + 0.5), "adds a constant"),
    pair("a product of activities", between(lambda x: x * x), "mul"),
    pair("changed in place", between(lambda x: x.clamp_(0)), "clamp_"),
    pair("half precision", between(lambda x: x.half().float()), "half"),
    pair("dropout that never ends", between(F.dropout), "at random"),
    pair("softmax of the result", softmax_of_counts, "softmax"),
    pair("membranes fed forward", feeds_membrane, "takes a state", **READOUT),
    pair("a course that depends on spikes", by_value, "reads numbers out"),
    pair("samples mixed", mixes_samples, "mixes the samples"),
    pair("other layers for other samples", by_sample, "differently for each sample", **SIDE),
    pair("other layers at other steps", by_step, "differently", **SIDE),
    pair("a batch norm per step (BatchNormTT)", norm_by_step, "differently", norms=lambda: _norms()),
)


def _norms() -> Any:
    return nn.ModuleList([trained(nn.BatchNorm1d(N_HIDDEN)) for _ in range(STEPS)])
