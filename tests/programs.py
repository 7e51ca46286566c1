"""Programs for tests: hand-made integer networks, mapped, and what must be equal for two programs to be the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from neurodeploy import ChipNetwork, Program, load_target, simulate
from neurodeploy.chipmap import Mapping
from neurodeploy.mapping import map_network


def program_of(net: ChipNetwork, target: str = "loihi2", mapping: Mapping | None = None, **changes: Any) -> Program:
    """A network on a target; the last population is the output."""
    chip = load_target(target)
    parts = {
        "outputs": {"output": list(net.populations)[-1]},
        "readout": "count",
        "semantics": {"dt_s": 1e-3, "reset": "value"},
        "quantization": {"populations": [], "projections": []},
        "provenance": {"model": "hand-made"},
    }
    return Program(net, mapping or map_network(net, chip), chip, **(parts | changes))


def rich_network(rng: np.random.Generator) -> ChipNetwork:
    """Every connection kind and setting, delays, recurrence, per-neuron fields, scales and offsets, all resets."""
    net = ChipNetwork()
    net.add_input("image", shape=(2, 7, 6))
    net.add_population("conv", shape=(4, 4, 2), du=rng.integers(-1, 4096, 32), dv=300, vth=40, start=1)
    geometry = {"stride": (2, 3), "padding": (1, 2), "dilation": (1, 2), "groups": 2}
    net.connect("image", "conv", rng.integers(-100, 100, (4, 1, 3, 3)) * 2, kind="conv2d", delays=1, **geometry)
    net.add_population(
        "dense",
        shape=(5,),
        dv=rng.integers(0, 4097, 5),
        vth=rng.integers(1, 60, 5),
        bias_mant=rng.integers(-50, 50, 5),
        bias_exp=3,
        u0=7,
        v0=rng.integers(-900, 900, 5),
        refractory=rng.integers(0, 3, 5),
        reset="subtract",
        start=2,
        reset_interval=7,
        reset_offset=3,
        scale=rng.random(5) + 0.5,
        offset=rng.random(5),
    )
    mixed = rng.integers(-128, 128, (5, 32))
    net.connect("conv", "dense", mixed, weight_exp=-3, num_weight_bits=6, delays=rng.integers(0, 4, (5, 32)))
    net.connect("dense", "dense", rng.integers(0, 200, (5, 5)), sign_mode="excitatory", num_weight_bits=4)
    net.add_population("out", shape=(2, 2), vth=30, reset="none", start=3, scale=12.5, offset=-0.25)
    few = rng.integers(-255, 1, (4, 5)) * (rng.random((4, 5)) < 0.5)
    late = rng.integers(0, 3, (4, 5))
    net.connect("dense", "out", few, kind="sparse", sign_mode="inhibitory", weight_exp=2, delays=late)
    net.connect("conv", "out", rng.integers(0, 120, (4, 32)), sign_mode="excitatory")
    return net


def assert_same_program(a: Program, b: Program) -> None:
    """Every name, number, dtype and array of two programs."""
    assert list(a.net.inputs.values()) == list(b.net.inputs.values())
    assert list(a.net.populations) == list(b.net.populations)
    for p, q in zip(a.net.populations.values(), b.net.populations.values(), strict=True):
        for name in ("name", "shape", "model", "reset", "start", "reset_interval", "reset_offset"):
            assert getattr(p, name) == getattr(q, name)
        assert p.fields.keys() == q.fields.keys()
        for name in p.fields:
            assert_same_array(p.fields[name], q.fields[name])
        assert (p.scale is None) == (q.scale is None)
        if p.scale is not None and q.scale is not None:
            assert_same_array(p.scale, q.scale)
        assert_same_array(p.offset, q.offset)
    for x, y in zip(a.net.projections, b.net.projections, strict=True):
        rest = ("source", "target", "weight_exp", "num_weight_bits", "sign_mode", "delay", "altered_weights")
        assert [getattr(x, n) for n in rest] == [getattr(y, n) for n in rest]
        assert (x.delays is None) == (y.delays is None)
        if x.delays is not None and y.delays is not None:
            assert_same_array(x.delays, y.delays)
        assert type(x.connection) is type(y.connection)
        shapes = (x.connection.source_shape, x.connection.target_shape, x.connection.geometry())
        assert shapes == (y.connection.source_shape, y.connection.target_shape, y.connection.geometry())
        assert x.connection.arrays().keys() == y.connection.arrays().keys()
        for name, values in x.connection.arrays().items():
            assert_same_array(values, y.connection.arrays()[name])
    assert a.mapping.core_of.keys() == b.mapping.core_of.keys()
    for name in a.mapping.core_of:
        assert_same_array(a.mapping.core_of[name], b.mapping.core_of[name])
    assert_same_array(a.mapping.chip_of, b.mapping.chip_of)
    assert_same_array(a.mapping.core_on_chip, b.mapping.core_on_chip)
    assert a.target == b.target
    assert (a.outputs, a.readout, a.semantics, a.provenance) == (b.outputs, b.readout, b.semantics, b.provenance)
    assert json.dumps(a.quantization) == json.dumps(b.quantization)


def assert_same_array(a: Any, b: Any) -> None:
    """Equal in type, shape and every element."""
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_array_equal(a, b)


def assert_same_run(a: Program, b: Program, spikes: Any, engine: str = "reference") -> None:
    """All spikes, u and v at every step, and all counters, of two programs on the same input."""
    record = {name: ("u", "v") for name in a.net.populations}
    one, two = (simulate(p, spikes, record=record, engine=engine) for p in (a, b))
    assert sum(int(s.sum()) for s in one.spikes.values()) > 0
    for name in a.net.populations:
        assert_same_array(one.spikes[name], two.spikes[name])
        for register in ("u", "v"):
            assert_same_array(one.states[name][register], two.states[name][register])
    assert_same_counters(one.counters, two.counters)


def assert_same_counters(a: Any, b: Any) -> None:
    """All counters, those of the mapping included."""
    assert (a.samples, a.steps, a.live_steps, a.populations) == (b.samples, b.steps, b.live_steps, b.populations)
    assert a.traffic is not None and b.traffic is not None
    assert (a.traffic.sources, a.traffic.syn_ops_into) == (b.traffic.sources, b.traffic.syn_ops_into)
    assert a.traffic.times_of == b.traffic.times_of
    assert len(a.traffic.fired_into) == len(b.traffic.fired_into)
    for fired, other in zip(a.traffic.fired_into, b.traffic.fired_into, strict=True):
        np.testing.assert_array_equal(fired, other)
    for table in ("cores", "times"):
        for name, value in vars(getattr(a.traffic, table)).items():
            other = vars(getattr(b.traffic, table))[name]
            values, others = (value, other) if isinstance(value, dict) else ({"": value}, {"": other})
            assert values.keys() == others.keys()
            for key, array in values.items():
                np.testing.assert_array_equal(array, others[key], err_msg=f"{table}.{name} {key}")
