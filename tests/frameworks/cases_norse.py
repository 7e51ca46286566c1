"""Norse 1.1: every cell and parameter; layers between them; shapes of ``forward``."""

from __future__ import annotations

import norse.torch as norse
import torch
from framework_cases import Case, louder
from frameworks import networks_norse as nets
from torch import nn

FLAT, IMAGE, LINE = (nets.N_IN,), (1, 8, 8), (2, 12)


def cells() -> list[Case]:
    """Two layers of a cell each."""

    def iaf(v_reset: float) -> norse.IAFParameters:
        return norse.IAFParameters(v_th=torch.tensor(0.8), v_reset=torch.tensor(v_reset))

    reset = torch.tensor(-0.5)
    subtract = norse.reset_subtract
    return [
        Case("LIFCell", "default parameters", lambda: nets.two(lambda n: norse.LIFCell(), 12), FLAT),
        Case("LIFCell", "all parameters per neuron", lambda: nets.two(lambda n: norse.LIFCell(nets.lif(7, n))), FLAT),
        Case("LIFCell", "dt=5e-4", lambda: nets.two(lambda n: norse.LIFCell(nets.lif(3, n), dt=5e-4), 12), FLAT),
        Case(
            "LIFCell",
            "method=heaviside",
            lambda: nets.two(lambda n: norse.LIFCell(nets.lif(3, n, method="heaviside"))),
            FLAT,
        ),
        Case("LIFCell", "float64", lambda: nets.two(lambda n: norse.LIFCell()).double(), FLAT),
        Case("LIFBoxCell", "default parameters", lambda: nets.two(lambda n: norse.LIFBoxCell(), 30), FLAT),
        Case(
            "LIFBoxCell",
            "all parameters per neuron",
            lambda: nets.two(lambda n: norse.LIFBoxCell(nets.box(7, n)), 16),
            FLAT,
        ),
        Case(
            "LIFBoxCell",
            "reset_subtract",
            lambda: nets.two(lambda n: norse.LIFBoxCell(nets.box(reset_method=subtract)), 30),
            FLAT,
        ),
        Case(
            "LIFBoxCell",
            "v_reset=-0.5",
            lambda: nets.two(lambda n: norse.LIFBoxCell(nets.box(v_reset=reset)), 30),
            FLAT,
        ),
        Case("IAFCell", "default parameters", lambda: nets.two(lambda n: norse.IAFCell(), 2), FLAT),
        Case("IAFCell", "v_reset=0.2, v_th=0.8", lambda: nets.two(lambda n: norse.IAFCell(iaf(0.2)), 2), FLAT),
        Case("LIFRecurrentCell", "no autapses", lambda: nets.recurrent(norse.LIFRecurrentCell), FLAT),
        Case("LIFRecurrentCell", "autapses", lambda: nets.recurrent(norse.LIFRecurrentCell, autapses=True), FLAT),
        Case(
            "LICell",
            "read-out",
            lambda: nets.chain(nn.Linear(12, 10), norse.LIFCell(), nn.Linear(10, 6), norse.LICell()),
            FLAT,
        ),
        Case(
            "LICell",
            "v_leak=0.3",
            lambda: nets.integrated(norse.LICell(norse.LIParameters(v_leak=torch.tensor(0.3)))),
            FLAT,
        ),
        Case("LIBoxCell", "read-out", lambda: nets.integrated(norse.LIBoxCell()), FLAT),
        Case(
            "LILinearCell",
            "read-out",
            lambda: nets.chain(nn.Linear(12, 10), norse.LIFCell(), norse.LILinearCell(10, 6)),
            FLAT,
        ),
        Case(
            "LI cells between layers",
            "send real values",
            lambda: nets.chain(nn.Linear(12, 10), norse.LICell(), nn.Linear(10, 6), norse.LIFCell(), gain=12),
            FLAT,
        ),
    ]


def over_time() -> list[Case]:
    """Layers that take (T, B, ...)."""
    lift = norse.Lift
    return [
        Case("LIF", "behind Lift(Linear)", lambda: nets.over_time(lambda n: norse.LIF(), 12), FLAT),
        Case("LIF", "dt=5e-4", lambda: nets.over_time(lambda n: norse.LIF(dt=5e-4), 20), FLAT),
        Case("IAF", "behind Lift(Linear)", lambda: nets.over_time(lambda n: norse.IAF(), 2), FLAT),
        Case("LIFRecurrent", "no autapses", lambda: nets.recurrent(norse.LIFRecurrent), FLAT),
        Case("LIFRecurrent", "autapses", lambda: nets.recurrent(norse.LIFRecurrent, autapses=True), FLAT),
        Case(
            "LI",
            "read-out",
            lambda: nets.chain(lift(nn.Linear(12, 10)), norse.LIF(), nn.Linear(10, 6), norse.LI()),
            FLAT,
        ),
        Case(
            "Lift",
            "a cell with a state",
            lambda: nets.chain(lift(nn.Linear(12, 10)), norse.LIF(), nets.Lifted(), gain=12),
            FLAT,
        ),
        Case("Lift", "a SequentialState", lambda: norse.Lift(nets.two(lambda n: norse.LIFCell(), 12)), FLAT),
        Case("LConv2d", "stride=2", lambda: nets.lconv(12), IMAGE),
        Case("SequentialState", "Conv2d, Flatten(2) over time", lambda: nets.image_over_time(12), IMAGE),
    ]


def layers() -> list[Case]:
    """What lies between cells."""
    return [
        Case("Conv2d, BatchNorm2d, AvgPool2d, Dropout", "in a SequentialState", lambda: nets.image(12), IMAGE),
        Case("Linear", "as the last layer", nets.ending_linear, FLAT),
        Case("Linear", "as the last layer, over time", lambda: nets.ending_linear(True), FLAT),
        Case("MaxPool2d", "of spikes", lambda: nets.pooled(12), IMAGE),
        Case("Conv1d", "padding, stride", lambda: nets.line(16), LINE),
        Case("AvgPool1d", "kernel 2", nets.short_line, LINE),
        Case("AdaptiveAvgPool2d", "to 2 x 2", nets.adaptive, IMAGE),
        Case("RecurrentSequential", "feeds its output back", lambda: nets.fed_back(), (nets.N,)),
        Case("a cell alone", "LIFBoxCell", lambda: norse.LIFBoxCell(nets.box(v_th=torch.tensor(0.3))), FLAT),
        Case("a layer alone", "LIFRecurrent", lambda: louder(norse.LIFRecurrent(12, 10), 6), FLAT),
        Case("the user's own forward", "a loop over time, read-out by LICell", nets.Loop, FLAT),
        Case("the user's own forward", "feedback through a Linear with bias", nets.Feedback, FLAT),
        Case("the user's own forward", "feedback from the second step on", nets.LateFeedback, FLAT),
        Case("the user's own forward", "one cell and one Linear for several layers", nets.Shared, FLAT),
        Case("the user's own forward", "zeros as the first state, as Norse starts", nets.ZeroStart, FLAT),
        Case("the user's own forward", "a SequentialState and a read-out, one step per call", nets.Stateful, FLAT),
        Case("the user's own forward", "state detached", nets.Detached, FLAT),
        Case("the user's own forward", "the input of the step before", nets.Previous, FLAT),
        Case("the user's own forward", "residual around a layer", nets.Residual, FLAT),
        Case("the user's own forward", "two branches, concatenated; two outputs", nets.Branches, FLAT),
    ]


def refusals() -> list[Case]:
    """What has no exact equal."""
    lsnn = "adapts to its spikes"
    cases = [
        ("LSNNCell", "default parameters", lambda: nets.chain(nn.Linear(12, 10), norse.LSNNCell()), lsnn),
        ("LSNNRecurrentCell", "default parameters", lambda: nets.chain(norse.LSNNRecurrentCell(12, 10)), lsnn),
        ("LIFExCell", "default parameters", lambda: nets.chain(nn.Linear(12, 10), norse.LIFExCell()), "exponentially"),
        (
            "LIFAdExCell",
            "default parameters",
            lambda: nets.chain(nn.Linear(12, 10), norse.LIFAdExCell()),
            "exponentially",
        ),
        (
            "LIFRefracCell",
            "default parameters",
            lambda: nets.chain(nn.Linear(12, 10), norse.LIFRefracCell()),
            "refractory",
        ),
        ("LIFMCRecurrentCell", "default parameters", nets.compartments, "compartments"),
        ("CobaLIFCell", "default parameters", lambda: nets.chain(norse.CobaLIFCell(12, 10)), "conductances"),
        ("IzhikevichCell", "tonic_spiking", nets.izhikevich, "square"),
        ("PoissonEncoder", "in the module", lambda: nets.chain(norse.PoissonEncoder(5), norse.LIF()), "random"),
        (
            "LIFCell",
            "method=adjoint",
            lambda: nets.two(lambda n: norse.LIFCell(nets.lif(3, n, method="adjoint"))),
            "'adjoint'",
        ),
        ("LIFBoxCell", "reset_method of the user's own", nets.own_reset, "reset_method"),
        ("LIFCell", "another step function", nets.own_step, "activation"),
        ("LIFCell", "parameters per sample", nets.per_sample, "shape"),
        ("LIFCell", "a dt of its own in each layer", nets.two_steps, "different time steps"),
        ("LIFCell", "state forgotten", nets.Forgetful, "call every neuron once a step"),
        ("LIFCell", "state made by the user", nets.OwnStart, "state"),
        ("LIFCell", "zeros as its first state, v_leak=0.1", lambda: nets.ZeroStart(0.1), "state"),
        ("ReLU", "between layers", lambda: nets.chain(nn.Linear(12, 10), nn.ReLU(), norse.LIFCell()), "relu"),
        ("the user's own forward", "spikes multiplied", nets.Gated, "mul"),
        ("the user's own forward", "branches on spikes", nets.Conditional, "numbers out of the network"),
        ("the user's own forward", "state decayed by the user", nets.Decaying, "its state is neither"),
        ("the user's own forward", "two updates of one state per step", nets.Twice, "run 2 times in each step"),
        ("the user's own forward", "last step first", nets.Backwards, "wired differently"),
        ("the user's own forward", "samples mixed", nets.Mixing, "mixes the samples"),
        ("the user's own forward", "a part of a layer returned", nets.Part, "only a part"),
        ("the user's own forward", "a constant added", nets.Constant, "adds a constant"),
        ("the user's own forward", "membranes fed forward", nets.Membranes, "not its spikes"),
    ]
    return [Case(layer, option, build, FLAT, refused) for layer, option, build, refused in cases]


CASES: tuple[Case, ...] = (*cells(), *over_time(), *layers(), *refusals())
