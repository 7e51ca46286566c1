"""Random integer networks over the whole legal parameter space, by seed.

Shared by the hypothesis strategies, the golden files, the tests against Lava and tools/verify_against_lava.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from fields import MODELS_OF_LAVA, Rng, model_fields
from lava_case import Case
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Connection, Conv2d, Dense, Direct, Sparse
from neurodeploy.errors import SimulationError
from neurodeploy.export.lava.limits import projection_fault
from neurodeploy.neurons import MODELS, model_named
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference

REGIMES = ("small", "large", "small", "large", "extreme")
MODES = {"mixed": (-256, 256), "excitatory": (0, 256), "inhibitory": (-255, 1)}
SUM_LIMIT = 2**31 - 1


@dataclass(eq=False)
class Draft:
    """A network being built, and the weights as given."""

    net: ChipNetwork = field(default_factory=ChipNetwork)
    given: list[Connection] = field(default_factory=list)

    def attach(self, source: str, target: str, connection: Connection, **options: Any) -> None:
        self.net.attach(source, target, connection, **options)
        self.given.append(connection)

    def case(self, label: str, messages: Mapping[str, NDArray[Any]], steps: int, live_steps: int = 0) -> Case:
        """Messages (B, T, size) by input; all registers of every population are recorded. Default: always live."""
        net = self.net
        pairs = zip(net.projections, self.given, strict=True)
        raw = ChipNetwork(net.inputs, net.populations, [replace(p, connection=c) for p, c in pairs])
        registers = {name: model_named(p.model).registers for name, p in net.populations.items()}
        live = live_steps or steps
        return Case(label, *(Plan(n, messages, steps, live, registers, False) for n in (net, raw)))


@dataclass(frozen=True)
class Space:
    """Which networks to draw.

    Attributes:
        regime: Of the fields and exponents.
        lava: Nothing that Lava has not.
        wide_kernels: Convolutions may wrap.
        model: Which most populations have; None for any.
    """

    regime: str
    lava: bool = True
    wide_kernels: bool = True
    model: str | None = None


def random_case(seed: int, regime: str | None = None, **options: Any) -> Case:
    """The network of a seed, which also says its regime; options as of :class:`Space`.

    Drawn again are networks in which a convolution leaves 32 bits, which every engine refuses, and with ``lava`` those
    in which a delta encoder does, which Lava runs with 64.
    """
    space = Space(regime or REGIMES[seed % len(REGIMES)], **options)
    rng = np.random.default_rng(seed)
    while True:
        what = space.regime if space.model is None else f"{space.regime} {space.model}"
        case = _draw(rng, f"{what} network, seed {seed}", space)
        try:
            wraps = run_reference(case.plan).wraps
        except SimulationError:
            continue
        if not space.lava or _lava_has(case.plan.net, wraps):
            return case


def _lava_has(net: ChipNetwork, wraps: Mapping[str, int]) -> bool:
    """Rare combinations that no choice of fields rules out."""
    faults = [projection_fault(net, p) for p in net.projections]
    encoders = [name for name, p in net.populations.items() if p.model == "delta_encoder"]
    return not any(faults) and not any(wraps[name] for name in encoders)


def _draw(rng: Rng, label: str, space: Space) -> Case:
    """Layers of all kinds, then up to three further projections: fan-in, skips, recurrence."""
    draft = Draft()
    net = draft.net
    shape = (int(rng.integers(1, 4)), int(rng.integers(2, 7)), int(rng.integers(2, 7)))
    net.add_input("in", shape=shape, message_bits=_message_bits(rng, space.regime))
    names = ["in"]
    for k in range(int(rng.integers(1, 4))):
        source = str(rng.choice(names[-2:])) if rng.random() < 0.3 else names[-1]
        _layer(rng, draft, source, f"p{k}", space)
        names.append(f"p{k}")
    if rng.random() < 0.25:
        net.add_input("in2", shape=5, message_bits=_message_bits(rng, space.regime))
        _matrix(rng, draft, "in2", names[-1], space.regime)
    sources = ["in", *(output for name in net.populations for output in net.outputs_of(name))]
    for name, population in net.populations.items():
        for port in model_named(population.model).ports[1:]:
            if rng.random() < 0.8:
                _matrix(rng, draft, str(rng.choice(sources)), name, space.regime, port)
    for _ in range(int(rng.integers(0, 4))):
        target = str(rng.choice(names[1:]))
        ports = model_named(net.populations[target].model).ports
        _matrix(rng, draft, str(rng.choice(sources)), target, space.regime, str(rng.choice(ports)))
    batch, steps = (2 if rng.random() < 0.1 else 1), int(rng.integers(15, 30))
    live = 0 if rng.random() < 0.8 else int(rng.integers(3, steps))
    return draft.case(label, {name: _messages(rng, net, name, batch, steps - 3) for name in net.inputs}, steps, live)


def _message_bits(rng: Rng, regime: str) -> int:
    if rng.random() < 0.6:
        return 0
    return int(rng.choice({"small": (2, 4, 8), "large": (8, 16, 24), "extreme": (16, 24, 32)}[regime]))


def _messages(rng: Rng, net: ChipNetwork, name: str, batch: int, steps: int) -> NDArray[Any]:
    port = net.inputs[name]
    present = rng.random((batch, steps, port.size)) < rng.choice([0.1, 0.3, 0.7])
    if not port.message_bits:
        return present.astype(np.uint8)
    limit = 1 << port.message_bits - 1
    values = rng.integers(-limit, limit, present.shape)
    edges = rng.random(present.shape) < 0.05
    return np.where(present, np.where(edges, np.where(values < 0, -limit, limit - 1), values), 0).astype(np.int32)


def _layer(rng: Rng, draft: Draft, source: str, name: str, space: Space) -> None:
    shape = draft.net.shape_of(source)
    chosen = rng.random()
    if chosen < 0.15:
        _population(rng, draft.net, name, shape, space)
        draft.attach(source, name, Direct.between(shape, shape))
    elif len(shape) == 3 and chosen < 0.6:
        binary = draft.net.message_bits_of(source) == 0
        conv = _conv(rng, shape, enlarged=space.wide_kernels and binary and rng.random() < 0.3)
        _population(rng, draft.net, name, conv.target_shape, space)
        delay = 0 if space.lava or rng.random() < 0.6 else int(rng.integers(1, 4))
        bits = _synapse_bits(rng, draft.net, source) if space.wide_kernels else 0
        draft.attach(source, name, conv, delay=delay, message_bits=bits)
    else:
        _population(rng, draft.net, name, (int(rng.integers(1, 14)),), space)
        _matrix(rng, draft, source, name, space.regime)


def _population(rng: Rng, net: ChipNetwork, name: str, shape: tuple[int, ...], space: Space) -> None:
    known = MODELS_OF_LAVA if space.lava else [m.name for m in MODELS]
    model = "cuba" if rng.random() < 0.4 else str(rng.choice(known))
    if space.model is not None and rng.random() < 0.7:
        model = space.model
    fields = model_fields(model, rng, space.regime, shape)
    rest: dict[str, Any] = {}
    if model == "cuba" and not space.lava:
        rest["reset"] = str(rng.choice(["zero", "subtract", "none"]))
        if rng.random() < 0.3:
            fields["refractory"] = rng.integers(0, 4, shape)
        elif rng.random() < 0.15:
            rest["fire_once"] = True
        if rng.random() < 0.2:
            first = int(rng.integers(0, 12))
            rest["window"] = (first, first + int(rng.integers(1, 12)))
    if (model == "cuba" or not space.lava) and rng.random() < 0.2:
        rest |= {"reset_interval": int(rng.integers(1, 9)), "reset_offset": int(rng.integers(0, 12))}
    if rng.random() < 0.15:
        rest["start"] = int(rng.integers(1, 4))
    net.add_population(name, shape=shape, model=model, **fields, **rest)


def _matrix(rng: Rng, draft: Draft, source: str, target: str, regime: str, port: str | None = None) -> None:
    ends = draft.net.shape_of(source), draft.net.shape_of(target)
    mode = str(rng.choice(list(MODES)))
    weights = rng.integers(*MODES[mode], (draft.net.size_of(target), draft.net.size_of(source)))
    if rng.random() < 0.5:
        connection: Connection = Sparse.from_matrix(weights * (rng.random(weights.shape) < 0.4), *ends)
    else:
        connection = Dense(weights, *ends)
    low, high = {"small": (-5, 2), "large": (4, 12), "extreme": (-16, 17)}[regime]
    delay: Any = int(rng.choice([0, 0, 0, 1, 2, 5, 9]))
    if rng.random() < 0.15:
        delay = rng.integers(0, 6, weights.shape)
    draft.attach(
        source,
        target,
        connection,
        weight_exp=int(rng.integers(low, high)),
        num_weight_bits=int(rng.integers(1, 10 if mode == "mixed" else 9)),
        sign_mode=mode,
        delay=delay,
        message_bits=_synapse_bits(rng, draft.net, source),
        port=port,
    )


def _synapse_bits(rng: Rng, net: ChipNetwork, source: str) -> int | None:
    """The default, or now and then the other kind of synapse."""
    if rng.random() < 0.8:
        return None
    return 0 if net.message_bits_of(source) else 8


def _conv(rng: Rng, source: tuple[int, ...], *, enlarged: bool) -> Conv2d:
    groups = int(rng.choice([g for g in (1, 2, 3) if source[0] % g == 0]))
    kernel, stride, padding, dilation = (rng.integers(*r, 2) for r in ((1, 4), (1, 4), (0, 3), (1, 3)))
    short = np.maximum(dilation * (kernel - 1) + 1 - np.array(source[1:]), 0)
    padding = np.maximum(padding, -(-short // 2))
    weights = rng.integers(-256, 256, (groups * int(rng.integers(1, 4)), source[0] // groups, *kernel))
    pairs = {"stride": stride, "padding": padding, "dilation": dilation}
    made = Conv2d.build(
        weights, source, groups=groups, where="test", **{k: (int(v[0]), int(v[1])) for k, v in pairs.items()}
    )
    if not enlarged:
        return made
    largest = max(int(np.abs(bound).max()) for bound in made.sum_bounds())
    factor = int(2.0 ** rng.uniform(10, 24))  # sums leave 24 bits
    return made.with_weights(weights * max(1, min(factor, SUM_LIMIT // max(1, largest))))
