"""Scales per channel: finer steps, no more thresholds than a chip has, kernels in one piece."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from floats import affine, chain_of, network, neurons
from graphs import chain, conv, lif, write

from neurodeploy import load_target
from neurodeploy.calibration import CalibrationData
from neurodeploy.calibration.gauge import reference, score
from neurodeploy.connections import Dense
from neurodeploy.frontends import read_nir
from neurodeploy.graph import Node
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network, Projection
from neurodeploy.quantize import quantize
from neurodeploy.quantize.choice import Choice

LOIHI1, LOIHI2 = load_target("loihi1"), load_target("loihi2")


def lowered(value: nir.NIRGraph, folder: Path) -> Network:
    file = read_nir(write(value, folder))
    return lower(file, resolve_semantics(file, {}))


def leaky(name: str, n: int, b: float = 0.9) -> Node:
    return neurons(name, n, b=np.full(n, b), theta=np.full(n, 1.0))


@pytest.mark.parametrize("target", [LOIHI1, LOIHI2])
def test_scales_per_channel(target: Any) -> None:
    """Smaller errors, no more thresholds than the chip has profiles, and the float network's membranes."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(40, 30)) * 2.0 ** rng.uniform(-3, 0, (40, 1)) * 0.3
    net = network(chain_of(affine("w", weights, rng.normal(size=40) * 0.05), leaky("a", 40), shape=(30,)))
    _, common = quantize(net, target, bits=4)
    chip, report = quantize(net, target, bits=4, choices={"a": Choice(per_channel=True)})
    thresholds = np.unique(chip.populations["a"].fields["vth"])
    profiles = target.core.vth_profiles
    assert 1 < len(thresholds) <= (40 if profiles is None else profiles.value)
    assert report.populations[0].scales == len(thresholds)
    small = np.abs(weights).max(axis=1) < 0.3 * np.abs(weights).max()
    errors = []
    for made_net in (quantize(net, target, bits=4)[0], chip):
        scale = np.broadcast_to(made_net.populations["a"].scale, (40,))
        held = made_net.projections[0]
        own = held.connection.weights * 64 * 2.0**held.weight_exp / scale[:, None]
        errors.append(np.abs(own - weights)[small].mean())
    assert errors[1] < 0.5 * errors[0]
    x = (rng.random((5, 80, 30)) < 0.4).astype(np.uint8)
    truth = reference(net, CalibrationData(x))
    assert score(chip, truth)[0] < 0.8 * score(quantize(net, target, bits=4)[0], truth)[0]


def test_kernels_share_the_scale_of_their_channel(tmp_path: Path) -> None:
    """Also where other weights onto a map's neurons differ from place to place."""
    rng = np.random.default_rng(0)
    channel = 2.0 ** np.array([0, -1, -2, -3])
    spread = np.repeat(channel, 16)[:, None] * 2.0 ** rng.uniform(-1, 0, (64, 1))
    nodes = {
        "c": conv(rng.normal(size=(4, 1, 3, 3)) * channel.reshape(4, 1, 1, 1), (6, 6)),
        "a": lif((4, 4, 4), 0.5),
    }
    net = lowered(chain(nodes, source=(1, 6, 6), sink=(4, 4, 4)), tmp_path)
    loop = Dense(rng.normal(size=(64, 64)) * spread, (4, 4, 4), (4, 4, 4))
    net = replace(net, projections=(*net.projections, Projection("a", "a", loop, 1, ("rec",), feedback=True)))
    chip, _ = quantize(net, LOIHI2, choices={"a": Choice(per_channel=True)})
    scale = np.broadcast_to(chip.populations["a"].scale, (64,))
    maps = scale.reshape(4, 16)
    assert np.all(maps == maps[:, :1]) and len(np.unique(maps)) > 1
    for held, trained in zip(chip.projections, net.projections, strict=True):
        unit = 64 * 2.0**held.weight_exp / scale
        unit = unit[::16, None, None, None] if held.connection.kind == "conv2d" else unit[:, None]
        off = np.abs(held.connection.weights * unit - trained.connection.weights)
        assert np.all(off <= 1.0001 * unit)
