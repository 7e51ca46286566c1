"""Forwards of snnTorch's users that have no exact equal, each refused for its own reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from framework_cases import STEPS, Case
from frameworks.snntorch_forwards import BACK, N_HIDDEN, N_IN, READOUT, RECURRENT, SIDE, explicit, net, pair
from frameworks.snntorch_layers import trained
from torch import nn


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


def unlike_starts(self: Any, x: Any) -> Any:
    """Recurrence with a bias from the first step on, and feedback with one from the second."""
    back, sent = None, []
    for frame in x:
        drive = self.fc1(frame) if back is None else self.fc1(frame) + self.back(back)
        back = self.lif2(self.fc2(self.lif1(drive)))
        sent.append(self.lif3(self.fc3(self.rec(back))))
    return torch.stack(sent)


def late_start_and_late_skip(self: Any, x: Any) -> Any:
    before, back, sent = torch.zeros(x.size(1), N_HIDDEN), None, []
    for frame in x:
        drive = self.fc1(frame) if back is None else self.fc1(frame) + self.back(back)
        spk1 = self.lif1(drive)
        back = self.lif2(self.fc2(spk1) + before)
        before = spk1
        sent.append(self.lif3(self.fc3(back)))
    return torch.stack(sent)


def returns_part(self: Any, x: Any) -> Any:
    return self.lif3(self.fc3(self.lif1(self.fc1(x))))[:, :5]


def returns_sum(self: Any, x: Any) -> Any:
    first = self.lif1(self.fc1(x))
    return first + self.lif2(self.fc2(first))


def between(operation: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """An operation between the first layer and its neurons."""

    def forward(self: Any, x: Any) -> Any:
        return self.lif3(self.fc3(self.lif1(operation(self.fc1(x)))))

    return forward


def unseen(x: Any) -> Any:
    """Compiled code, which no tracer of Python sees; zero for all that is shown to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(_large_only)(x)


def _large_only(x: torch.Tensor) -> torch.Tensor:
    return (x > 1e6) * x


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


def _norms() -> Any:
    return nn.ModuleList([trained(nn.BatchNorm1d(N_HIDDEN)) for _ in range(STEPS)])


CASES: tuple[Case, ...] = (
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
    pair("feedback with and without a bias in the first step", unlike_starts, "some feedback", **BACK, **RECURRENT),
    pair(
        "feedback without a bias in the first step, and a late skip", late_start_and_late_skip, "some feedback", **BACK
    ),
    pair("returns a part of a layer", returns_part, "only a part"),
    pair("returns a sum of two layers", returns_sum, "sum over several layers"),
    pair("compiled code (torch.jit)", between(lambda x: x + unseen(x)), "constant"),
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
