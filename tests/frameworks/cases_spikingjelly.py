"""SpikingJelly 2.0: every neuron, reset and step mode; layers between them; shapes of ``forward``."""

from __future__ import annotations

from typing import Any

import torch
from framework_cases import Case
from frameworks import networks_spikingjelly as nets
from spikingjelly.activation_based import layer, neuron, surrogate
from torch import nn

FLAT, IMAGE, SMALL = (nets.N_IN,), (1, 8, 8), (1, 6, 6)
NEURONS: tuple[tuple[str, str, Any, float], ...] = (
    ("IFNode", "v_reset=0", neuron.IFNode, 3),
    ("IFNode", "v_reset=-0.3, v_threshold=0.8", lambda: neuron.IFNode(v_threshold=0.8, v_reset=-0.3), 3),
    ("IFNode", "v_reset=None (soft)", lambda: neuron.IFNode(v_reset=None), 3),
    ("LIFNode", "decay_input", neuron.LIFNode, 8),
    ("LIFNode", "decay_input, v_reset=0.2", lambda: neuron.LIFNode(tau=3.0, v_reset=0.2), 8),
    ("LIFNode", "decay_input, v_reset=None", lambda: neuron.LIFNode(v_reset=None), 8),
    ("LIFNode", "decay_input=False", lambda: neuron.LIFNode(decay_input=False), 4),
    ("LIFNode", "decay_input=False, v_reset=-0.2", lambda: neuron.LIFNode(decay_input=False, v_reset=-0.2), 4),
    ("LIFNode", "decay_input=False, v_reset=None", lambda: neuron.LIFNode(decay_input=False, v_reset=None), 4),
    ("LIFNode", "store_v_seq", lambda: neuron.LIFNode(store_v_seq=True), 8),
    ("LIFNode", "surrogate LeakyKReLU", lambda: neuron.LIFNode(surrogate_function=surrogate.LeakyKReLU()), 8),
    ("ParametricLIFNode", "decay_input", lambda: neuron.ParametricLIFNode(init_tau=3.0), 8),
    ("ParametricLIFNode", "decay_input=False", lambda: neuron.ParametricLIFNode(decay_input=False, v_reset=None), 4),
    ("CUBALIFNode", "v_reset=0", neuron.CUBALIFNode, 2),
    ("CUBALIFNode", "v_reset=None, other decays", lambda: neuron.CUBALIFNode(0.8, 0.6, v_reset=None), 2),
    ("HalfThresholdIFNode", "default", neuron.HalfThresholdIFNode, 3),
    ("SLTTLIFNode", "default", neuron.SLTTLIFNode, 10),
)


def neurons() -> list[Case]:
    """Two layers of a neuron each, in both step modes."""
    cases = []
    for name, option, make, gain in NEURONS:
        for mode in ("s", "m"):

            def build(make: Any = make, gain: float = gain, mode: str = mode) -> Any:
                return nets.two(make, mode, gain)

            cases.append(Case(name, f"{option}, step_mode={mode}", build, FLAT))
    simple = {"tau": 2.0, "decay_input": True, "v_reset": 0.2}
    return [
        *cases,
        Case("SimpleIFNode", "v_reset=0.2", lambda: nets.two(lambda: neuron.SimpleIFNode(v_reset=0.2)), FLAT),
        Case("SimpleLIFNode", "v_reset=0.2", lambda: nets.two(lambda: neuron.SimpleLIFNode(**simple), gain=8), FLAT),
        Case("IFNode", "membranes that hit the threshold exactly", lambda: nets.dyadic(neuron.IFNode), FLAT),
        Case("LIFNode", "float64", lambda: nets.two(neuron.LIFNode, gain=8).double(), FLAT),
        Case("IFNode", "set_reset_value of v", nets.started, FLAT),
        Case("IFNode", "after a run with gradients", nets.used, FLAT),
    ]


def layers() -> list[Case]:
    """What lies between neurons."""
    image = "Conv2d, BatchNorm2d, AvgPool2d, Dropout"
    return [
        *(Case(image, f"step_mode={mode}", lambda mode=mode: nets.image(mode), IMAGE) for mode in "sm"),
        *(
            Case("MaxPool2d", f"of spikes, step_mode={mode}", lambda mode=mode: nets.pooled(mode), IMAGE)
            for mode in "sm"
        ),
        Case("SeqToANNContainer, MultiStepContainer", "PyTorch's layers", nets.containers, IMAGE),
        *(
            Case(
                "LinearRecurrentContainer, ElementWiseRecurrentContainer",
                f"step_mode={mode}",
                lambda mode=mode: nets.recurrent(mode),
                FLAT,
            )
            for mode in "sm"
        ),
        *(
            Case("residual blocks", f"spikes added, step_mode={mode}", lambda mode=mode: nets.Residual(mode), SMALL)
            for mode in "sm"
        ),
        Case(
            "Linear",
            "as the last layer, step_mode=m",
            lambda: nets.behind(layer.Linear(6, 4, step_mode="m"), "m"),
            FLAT,
        ),
        Case("two branches", "currents added; loop over time, rate returned", nets.Branches, FLAT),
        Case("ThresholdDependentBatchNorm2d", "step_mode=m", tdbn, IMAGE),
        Case("WSConv2d", "3 x 3", lambda: nets.convolved(layer.WSConv2d(1, 4, 3)), IMAGE),
        Case("Conv2d", "padding=same, kernel 4", lambda: nets.convolved(layer.Conv2d(1, 4, 4, padding="same")), IMAGE),
        Case("a neuron alone", "LIFNode, step_mode=s", lambda: neuron.LIFNode(v_threshold=0.4), FLAT),
        Case("a neuron alone", "IFNode, step_mode=m", lambda: neuron.IFNode(v_threshold=1.5, step_mode="m"), FLAT),
    ]


def tdbn() -> Any:
    """Batch normalisation scaled by the threshold."""
    return nets.normalised(layer.ThresholdDependentBatchNorm2d(1.0, 1.0, 4))


def refused_images() -> list[Case]:
    """What has no exact equal among the layers of images."""
    circular = {"padding": 1, "padding_mode": "circular"}
    cases: list[tuple[str, str, Any, str]] = [
        (
            "TemporalEffectiveBatchNorm2d",
            "T=5",
            lambda: nets.normalised(layer.TemporalEffectiveBatchNorm2d(5, 4)),
            "mul",
        ),
        (
            "BatchNormThroughTime2d",
            "T=5",
            lambda: nets.normalised(layer.BatchNormThroughTime2d(5, 4)),
            "from step to step",
        ),
        ("Conv2d", "padding_mode=circular", lambda: nets.convolved(layer.Conv2d(1, 4, 3, **circular)), "pad"),
    ]
    return [Case(name, option, build, IMAGE, refused) for name, option, build, refused in cases]


def refusals() -> list[Case]:
    """What has no exact equal."""
    smooth = surrogate.Sigmoid(spiking=False)
    cases: list[tuple[str, str, Any, str]] = [
        ("PSN", "T=5", lambda: nets.two(lambda: neuron.PSN(5), "m"), "several steps"),
        ("KLIFNode", "default", lambda: nets.two(neuron.KLIFNode), "scales and clips"),
        ("QIFNode", "default", lambda: nets.two(neuron.QIFNode), "square"),
        ("EIFNode", "default", lambda: nets.two(neuron.EIFNode), "exponentially"),
        ("IzhikevichNode", "default", lambda: nets.two(neuron.IzhikevichNode), "square"),
        ("ILIFNode", "default", lambda: nets.two(neuron.ILIFNode), "several spikes"),
        ("LIAFNode", "relu", lambda: nets.two(lambda: neuron.LIAFNode(torch.relu, False)), "real values"),
        ("TernaryIFNode", "default", lambda: nets.two(neuron.TernaryIFNode), "signed"),
        ("GatedLIFNode", "T=5", lambda: nets.two(lambda: neuron.GatedLIFNode(5)), "gates"),
        ("ComplementaryLIFNode", "default", lambda: nets.two(neuron.ComplementaryLIFNode), "complementary"),
        ("OTTTLIFNode", "default", lambda: nets.two(neuron.OTTTLIFNode), "online"),
        ("DSRIFNode", "default", lambda: nets.two(neuron.DSRIFNode, "m"), "size of its threshold"),
        ("NonSpikingLIFNode", "default", lambda: nets.behind(neuron.NonSpikingLIFNode(), "m"), "membranes"),
        ("SynapseFilter", "tau=2", lambda: nets.behind(layer.SynapseFilter(tau=2.0)), "filters"),
        ("Delay", "2 steps", lambda: nets.behind(layer.Delay(2)), "delays"),
        (
            "LIFNode",
            "surrogate with spiking=False",
            lambda: nets.two(lambda: neuron.LIFNode(surrogate_function=smooth)),
            "surrogate",
        ),
        ("LIFNode", "a class of the user's own on top of it", lambda: nets.two(nets.Leakier), "user's own"),
        ("CUBALIFNode", "v_threshold per neuron", nets.thresholds, "not a number"),
        ("CUBALIFNode", "c_decay=1", lambda: nets.two(lambda: neuron.CUBALIFNode(1.0)), "time constant"),
        ("layer.GroupNorm", "2 groups", lambda: nets.behind(layer.GroupNorm(2, nets.N_OUT)), "norm"),
        ("ReLU", "between layers", lambda: nets.behind(nn.ReLU(), then=nn.Linear(nets.N_OUT, 4)), "relu"),
        ("a loop of its own", "one input shown in every step", nets.Static, "same input at every step"),
        ("CUBALIFNode", "set_reset_value of c", nets.with_current, "its current starts"),
        ("IFNode", "one for two layers", nets.one_for_two, "serves several layers"),
        ("VotingLayer", "2 votes", lambda: nets.behind(layer.VotingLayer(2)), "in shape (1, 6)"),
        ("a mean", "over time, returned", nets.Rate, "come through mean"),
        ("step modes", "a layer of steps among sequences", nets.mixed, "could not be run"),
    ]
    return [Case(name, option, build, FLAT, refused) for name, option, build, refused in cases]


CASES: tuple[Case, ...] = (*neurons(), *layers(), *refusals(), *refused_images())
