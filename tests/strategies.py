"""Hypothesis strategies for integer networks over the whole legal parameter space, small and large regimes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurodeploy import ChipNetwork
from neurodeploy.connections.conv import conv_output_size


@st.composite
def chip_networks(draw: st.DrawFn, *, most_populations: int = 3) -> tuple[ChipNetwork, NDArray[np.uint8]]:
    """A random network with recurrence, delays and all connection kinds, and a batch of spikes for it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    net = ChipNetwork()
    source_shape = (int(rng.integers(1, 4)), int(rng.integers(2, 7)), int(rng.integers(2, 7)))
    net.add_input("in", shape=source_shape)
    names = ["in"]
    large = draw(st.booleans())
    for k in range(draw(st.integers(1, most_populations))):
        name, source = f"p{k}", names[-1]
        kind = draw(
            st.sampled_from(["dense", "sparse", "conv2d"] if len(net.shape_of(source)) == 3 else ["dense", "sparse"])
        )
        if kind == "conv2d":
            shape, kernel, geometry = _conv(rng, net.shape_of(source))
            _population(rng, net, name, shape, large)
            net.connect(source, name, kernel, kind="conv2d", delays=int(rng.integers(0, 4)), **geometry)
        else:
            _population(rng, net, name, (int(rng.integers(1, 12)),), large)
            _connect(rng, net, source, name, kind, large)
        names.append(name)
    for _ in range(draw(st.integers(0, 2))):
        extra = [str(rng.choice(names)), str(rng.choice(names[1:]))]
        _connect(rng, net, extra[0], extra[1], draw(st.sampled_from(["dense", "sparse"])), large)
    batch, steps = draw(st.integers(1, 3)), draw(st.integers(1, 12))
    spikes = rng.random((batch, steps, *source_shape)) < rng.choice([0.1, 0.5, 0.9])
    return net, spikes.astype(np.uint8)


def _population(rng: np.random.Generator, net: ChipNetwork, name: str, shape: tuple[int, ...], large: bool) -> None:
    def integers(low: int, high: int) -> NDArray[np.int64] | int:
        return rng.integers(low, high, shape) if rng.random() < 0.5 else int(rng.integers(low, high))

    decay = 60 if large else 4096
    net.add_population(
        name,
        shape=shape,
        du=integers(-1, decay),
        dv=integers(0, decay + 1),
        vth=integers(131000, 131073) if large else integers(-2, 60),
        bias_mant=integers(-4096, 4096) if large else integers(-40, 40),
        bias_exp=integers(-3, 8),
        u0=integers(-(2**23) + 1, 2**23) if large else integers(-2000, 2000),
        v0=integers(-(2**23) + 1, 2**23 - 1) if large else integers(-2000, 2000),
        reset=str(rng.choice(["zero", "subtract", "none"])),
        start=int(rng.integers(0, 3)),
        refractory=integers(0, 4) if rng.random() < 0.3 else 0,
        reset_interval=int(rng.integers(1, 9)) if rng.random() < 0.3 else 0,
        reset_offset=int(rng.integers(0, 9)),
    )


def _connect(rng: np.random.Generator, net: ChipNetwork, source: str, target: str, kind: str, large: bool) -> None:
    shape = (net.size_of(target), net.size_of(source))
    mode = str(rng.choice(["mixed", "excitatory", "inhibitory"]))
    low, high = {"mixed": (-256, 256), "excitatory": (0, 256), "inhibitory": (-255, 1)}[mode]
    weights = rng.integers(low, high, shape)
    if kind == "sparse":
        weights = weights * (rng.random(shape) < 0.4)
    net.connect(
        source,
        target,
        weights,
        kind=kind,
        weight_exp=int(rng.integers(4, 12) if large else rng.integers(-5, 2)),
        num_weight_bits=int(rng.integers(1, 9)),
        sign_mode=mode,
        delays=int(rng.integers(0, 4)) if rng.random() < 0.6 else rng.integers(0, 6, shape),
    )


def _conv(
    rng: np.random.Generator, source: tuple[int, ...]
) -> tuple[tuple[int, ...], NDArray[np.int64], dict[str, object]]:
    groups = int(rng.choice([g for g in (1, 2, 3) if source[0] % g == 0]))
    while True:
        kernel, stride, padding, dilation = (
            tuple(int(x) for x in rng.integers(*r, 2)) for r in ((1, 4), (1, 4), (0, 3), (1, 3))
        )
        size = tuple(
            conv_output_size(n, k, s, p, d)
            for n, k, s, p, d in zip(source[1:], kernel, stride, padding, dilation, strict=True)
        )
        if min(size) >= 1:
            break
    c_out = groups * int(rng.integers(1, 4))
    weights = rng.integers(-256, 256, (c_out, source[0] // groups, *kernel))
    return (c_out, *size), weights, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
