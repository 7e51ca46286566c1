"""Adaptation while a network runs: against a golden model of its own, and what the specification asks of the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapt_golden import Golden
from programs import program_of

import neurodeploy as nd
from neurodeploy import ChipNetwork, Session
from neurodeploy.adapt import (
    Adaptation,
    Adaptive,
    Fleet,
    Nominal,
    measure,
    nominal_of,
    rule_of,
    with_nominal,
    with_rule,
)
from neurodeploy.adapt import adaptive as adaptive_module
from neurodeploy.adapt.registers import GainRegisters, divided
from neurodeploy.adapt.rules import rounded
from neurodeploy.adapt.traces import Dice, Traces, spread
from neurodeploy.adapt.weights import Plastic
from neurodeploy.errors import NeurodeployError, UnsupportedFeature
from neurodeploy.evaluate import run_program
from neurodeploy.export.errors import CannotExport
from neurodeploy.export.lava.script import export_lava
from neurodeploy.export.netx import export_netx
from neurodeploy.export.nir.program import export_program

STEPS = 12
CHAIN = ("a", "b")


def chain(seed: int, reset: str = "subtract", *, strength: float = 1.0, weight_exp: int = 0) -> ChipNetwork:
    """7-9-6-3, leaks, currents and biases of each neuron's own; even weights."""
    rng, net = np.random.default_rng(seed), ChipNetwork()
    net.add_input("in", shape=(7,))
    source, size = "in", 7
    for start, (name, n) in enumerate((("a", 9), ("b", 6), ("out", 3)), 1):
        net.add_population(
            name,
            shape=(n,),
            du=rng.integers(2500, 4096, n),
            dv=rng.integers(0, 900, n),
            vth=rng.integers(150, 400, n) << max(0, weight_exp),
            bias_mant=rng.integers(-900, 900, n),
            bias_exp=1,
            v0=rng.integers(-500, 500, n),
            reset=reset,
            start=start,
        )
        weights = (rng.normal(30, 60, (n, size)) * strength / 2).astype(np.int64) * 2
        net.connect(source, name, np.clip(weights, -256, 254), weight_exp=weight_exp)
        source, size = name, n
    return net


def samples(seed: int, number: int, inputs: int = 7, rate: float = 0.5) -> Any:
    return (np.random.default_rng(seed).random((number, STEPS, inputs)) < rate).astype(np.uint8)


def broken(seed: int, reset: str, weight_exp: int = 0) -> tuple[ChipNetwork, Nominal]:
    """A network, and rates that it had before its weights shrank."""
    return chain(seed, reset, strength=0.7, weight_exp=weight_exp), measure(
        chain(seed, reset, weight_exp=weight_exp), samples(seed, 40)
    )


class Watched(Session):
    """A session that keeps every run and all its registers."""

    runs: list[Any] = []

    def __init__(self, network: Any, **options: Any) -> None:
        super().__init__(network, **options | {"record": {name: ("v",) for name in (*CHAIN, "out")}})

    def run(self, spikes: Any) -> Any:
        self.runs.append(super().run(spikes))
        return self.runs[-1]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize(
    "rule, eta, limit",
    [("homeo_gain", 0.1, None), ("bcm_gain", 0.2, None), ("bcm_add", 0.3, None), ("bcm_add", 1, 0.1)],
)
def test_the_core_equals_the_golden_model(
    rule: str, eta: float, limit: float | None, reset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exponent = 2 if rule == "bcm_add" and reset == "zero" else 0
    (net, nominal), data = broken(3, reset, exponent), samples(8, 30)
    monkeypatch.setattr(adaptive_module, "Session", Watched)
    monkeypatch.setattr(Watched, "runs", [])
    adaptive = Adaptive(net, rule=rule, eta=eta, nominal=nominal, layers=CHAIN, seed=5, weight_limit=limit)
    golden = Golden(net, rule, eta, nominal.rates, STEPS, CHAIN, seed=5, limit=limit)
    first = {name: dict(values) for name, values in adaptive.registers.items()}
    weights = {key: w.copy() for key, w in adaptive.weights.items()}
    for sample in data:
        stream = adaptive.run(sample[None])
        expected = golden.run(sample)
        for name in (*CHAIN, "out"):
            start = net.populations[name].start
            run, live = Watched.runs[-1], slice(start, start + STEPS)
            np.testing.assert_array_equal(run.spikes[name][live], expected[name][0])
            np.testing.assert_array_equal(run.states[name]["v"][live], expected[name][1])
            np.testing.assert_array_equal(stream.counts[name][0], expected[name][0].sum(axis=0))
        for name in CHAIN:
            np.testing.assert_array_equal(adaptive.traces[name], golden.kept[name].rate)
            for register, values in zip(("vth", "bias_mant"), golden.registers[name], strict=True):
                if rule != "bcm_add":
                    np.testing.assert_array_equal(adaptive.registers[name][register], values)
        for (_, name), values in adaptive.weights.items():
            np.testing.assert_array_equal(values, golden.weights[name])
    if rule == "bcm_add":  # something has moved, or nothing was compared
        assert all(np.any(adaptive.weights[key] != w) for key, w in weights.items())
    else:
        assert all(np.any(adaptive.registers[n][r] != first[n][r]) for n in CHAIN for r in ("vth", "bias_mant"))


@pytest.mark.parametrize("settings", [{"rule": "off"}, {"eta": 0.0}, {"rule": "bcm_add", "eta": 0.0}])
def test_off_and_eta_0_are_the_static_program(settings: dict[str, Any]) -> None:
    program, data = with_nominal(program_of(chain(1)), samples(1, 20)), samples(2, 70)
    stream = Adaptive(program, **settings).run(data)
    run, scores = run_program(program, data, keep=(*CHAIN, "out"))
    assert scores is not None and stream.scores is not None and stream.counters is not None
    np.testing.assert_array_equal(stream.scores, scores)
    for name in (*CHAIN, "out"):
        np.testing.assert_array_equal(stream.counts[name], run.spikes[name].sum(axis=1))
        assert stream.counters.populations[name] == run.counters.populations[name]
    assert not stream.writes.any()
    assert nd.estimate(run, program).to_dict() == nd.estimate(_run_of(stream, run), program).to_dict()


def _run_of(stream: Any, run: Any) -> Any:
    from dataclasses import replace

    return replace(run, counters=stream.counters)


def test_membranes_are_read_out_as_of_a_run() -> None:
    program = program_of(chain(1), readout="v_max")
    data = samples(2, 9)
    _, scores = run_program(program, data)
    np.testing.assert_array_equal(Adaptive(program, rule="off").run(data).scores, scores)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5, 2.0])
def test_a_neuron_finds_back_to_its_rate(factor: float) -> None:
    def neuron(weight: int) -> ChipNetwork:
        net = ChipNetwork()
        net.add_input("in", shape=(8,))
        net.add_population("one", shape=(1,), du=4095, dv=400, vth=160, start=1, reset="subtract")
        net.connect("in", "one", np.full((1, 8), weight))
        return net

    nominal = measure(neuron(24), samples(0, 200, 8))
    stream = Adaptive(neuron(round(24 * factor)), nominal=nominal, cv="one", layers=("one",)).run(samples(1, 400, 8))
    c0 = nominal.rates["one"][0] / 256
    assert abs(stream.counts["one"][:20].mean() - c0) > 0.2 * c0
    assert abs(stream.counts["one"][200:].mean() - c0) < 0.1 * c0


def test_equal_rates_in_a_layer_mean_no_update() -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(4,))
    net.add_population("same", shape=(5,), du=4095, dv=100, vth=100, start=1)
    net.connect("in", "same", np.full((5, 4), 20))
    nominal = Nominal({"in": np.full(4, 6 * 256), "same": np.full(5, 9 * 256)}, STEPS, 1, "")
    for rule in ("homeo_gain", "bcm_gain", "bcm_add"):
        adaptive = Adaptive(net, rule=rule, eta=0.5, nominal=nominal, layers=("same",))
        stream = adaptive.run(samples(0, 30, 4))
        assert stream.rate_error("same") > 0.1  # there was something to do
        assert not stream.writes.any() and all(np.all(g == 1) for g in adaptive.gains.values())
    assert Adaptive(net, cv="one", eta=0.5, nominal=nominal, layers=("same",)).run(samples(0, 30, 4)).writes.any()


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("gain", [0.5, 2, 4])
def test_a_gain_is_a_threshold_where_nothing_leaks(reset: str, gain: float) -> None:
    rng = np.random.default_rng(4)
    weights, vth, bias = rng.integers(-16, 24, (6, 9)) * 4, rng.integers(40, 90, 6) * 4, rng.integers(-300, 300, 6) * 4

    def spikes(weights: Any, vth: Any, bias_mant: Any) -> Any:
        net = ChipNetwork()
        net.add_input("in", shape=(9,))
        net.add_population("l", shape=(6,), du=4095, dv=0, vth=vth, bias_mant=bias_mant, start=1, reset=reset)
        net.connect("in", "l", weights, num_weight_bits=9)
        return net.populations["l"], nd.simulate(net, samples(1, 200, 9)).spikes["l"]

    _, stronger = spikes((weights * gain).astype(int) // 2, vth, bias)
    trained, weaker = spikes(weights // 2, vth, bias)
    registers = GainRegisters.of(trained, None).at(np.full(6, round(256 * gain)))
    _, written = spikes(weights // 2, **registers)
    np.testing.assert_array_equal(written, stronger)
    _, forgotten = spikes(weights // 2, registers["vth"], bias)
    assert np.any(forgotten != stronger) and np.any(weaker != stronger) and 0.02 < written.mean() < 0.98


def test_a_runaway_is_held_by_the_limits_and_reported() -> None:
    net, nominal = broken(3, "subtract")
    calm = Adaptive(net, rule="bcm_add", eta=0.003, nominal=nominal, layers=CHAIN).run(samples(8, 60))
    assert not calm.runaway
    for limit, reported, number in ((None, {"a"}, 240), (0.25, {"a", "b"}, 60)):
        wild = Adaptive(net, rule="bcm_add", eta=1, nominal=nominal, layers=CHAIN, weight_limit=limit)
        stream = wild.run(samples(8, number))
        assert set(stream.runaway) == reported
        for (_, name), weights in wild.weights.items():
            trained = next(p for p in net.projections if p.target == name).connection.weights
            assert -256 <= weights.min() and weights.max() <= 254 and not np.any(weights & 1)
            if limit is not None:
                assert np.all(np.abs(weights - trained) <= limit * net.populations[name].full("vth")[:, None])


@pytest.mark.parametrize("rule, limit", [("homeo_gain", None), ("bcm_gain", None), ("bcm_add", 0.5), ("off", None)])
def test_networks_side_by_side_are_those_alone(rule: str, limit: float | None) -> None:
    data = samples(8, 30)
    nominal = measure(chain(3, "zero"), data)
    programs = [program_of(chain(3, "zero", strength=s)) for s in (0.6, 1.0, 1.3)]
    orders = [np.random.default_rng(i).permutation(30)[:25] for i in range(3)]
    rules = Adaptation(rule, eta=0.3, seed=7, weight_limit=limit, rounding="stochastic")
    fleet = Fleet(programs, rules, nominal=nominal)
    streams, writes = fleet.run(data, orders), np.zeros(25)
    for i, (program, order, found) in enumerate(zip(programs, orders, streams, strict=True)):
        alone = Adaptive(program, rules, nominal=nominal, seed=7 + i)
        expected = alone.run(data[order], counted=False)
        writes += expected.writes / 3
        assert found.counts.keys() == expected.counts.keys() | {"in"}
        for name in found.counts:
            np.testing.assert_array_equal(found.counts[name], expected.counts[name])
        np.testing.assert_array_equal(found.scores, expected.scores)
        assert found.at_limit == expected.at_limit
        for name, gains in alone.gains.items():
            np.testing.assert_array_equal(fleet.gains[name][i], gains)
    np.testing.assert_allclose(streams[0].writes, writes)
    assert (rule == "off") != bool(writes.any())
    mixed = program_of(chain(3, "zero"), readout="v_last")
    with pytest.raises(NeurodeployError, match="read-out"):
        Fleet([mixed], rules, nominal=nominal)


def test_reset_and_seed() -> None:
    net, nominal = broken(2, "zero")
    for settings in ({"rule": "bcm_add", "eta": 0.1}, {"rule": "homeo_gain", "eta": 0.1, "rounding": "stochastic"}):
        adaptive = Adaptive(net, nominal=nominal, layers=CHAIN, seed=1, **settings)
        first = adaptive.run(samples(0, 40))
        state = _state(adaptive)
        again = adaptive.run(samples(0, 40))
        assert any(np.any(first.counts[n] != again.counts[n]) for n in CHAIN)  # it goes on where it was
        adaptive.reset()
        assert _equal(_state(adaptive), _state(Adaptive(net, nominal=nominal, layers=CHAIN, seed=1, **settings)))
        same = adaptive.run(samples(0, 40))
        assert all(np.array_equal(first.counts[n], same.counts[n]) for n in first.counts)
        assert _equal(state, _state(adaptive))
        other = Adaptive(net, nominal=nominal, layers=CHAIN, seed=2, **settings)
        other.run(samples(0, 40))
        assert not _equal(state, _state(other))


def _state(adaptive: Adaptive) -> list[Any]:
    registers = [v for values in adaptive.registers.values() for v in values.values()]
    return [*registers, *adaptive.traces.values(), *adaptive.weights.values(), *adaptive.gains.values()]


def _equal(a: list[Any], b: list[Any]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_spreads() -> None:
    counts = np.array([100, 300, 200, 800])
    traces = Traces.nominal(counts)
    layer = spread(traces, Adaptation(zeta=0.5)).item()
    assert layer == pytest.approx(0.5 * counts.std() / counts.mean() * 65536, rel=1e-3)
    assert spread(traces, Adaptation(zeta=100)).item() == 65536 == spread(traces, Adaptation(cv="one")).item()
    assert spread(Traces.nominal(np.zeros(3, np.int64)), Adaptation()).item() == 0
    np.testing.assert_array_equal(spread(traces, Adaptation(cv="time")), 0)  # nothing has changed over time yet
    moved = Traces(counts, counts * counts + 60**2, counts)
    np.testing.assert_array_equal(spread(moved, Adaptation(cv="time")), 60 * 65536 // counts)


def test_weights_are_rounded_without_bias() -> None:
    change = np.full(200_000, round(0.3 * 65536))
    for bits in (0, 1, 3):
        steps = rounded(change, bits, Dice(3))
        assert set(np.unique(steps)) == {0, 1 << bits}
        assert steps.mean() == pytest.approx(0.3, abs=4 * (1 << bits) * 0.5 / np.sqrt(change.size))


def test_gains_stay_where_registers_fit() -> None:
    net = ChipNetwork()
    vth, bias = np.array([100, 60000, 131071, 100, 131072, -5]), np.array([0, 10, 0, -3000, 700, 9])
    net.add_population("l", shape=(6,), vth=vth, bias_mant=bias)
    registers = GainRegisters.of(net.populations["l"], None)
    assert registers.adapts.tolist() == [True] * 4 + [False] * 2
    assert registers.high.tolist() == [1024] * 4 + [256] * 2
    for i in range(4):
        fits = [g for g in range(64, 1025) if divided(vth[i], g) <= 131071 and abs(divided(bias[i], g)) <= 4095]
        assert registers.low[i] == fits[0]
    lowest, trained = registers.at(registers.low), registers.at(np.full(6, 256))
    assert lowest["vth"].max() == 131072 and lowest["vth"][5] == -5
    np.testing.assert_array_equal(trained["vth"], vth)
    np.testing.assert_array_equal(trained["bias_mant"], bias)


@pytest.mark.parametrize("exponent", [0, 2])
def test_weights_keep_within_reach(exponent: int) -> None:
    net = chain(3, weight_exp=exponent)
    (p,) = Plastic.into(net, "b", Adaptation("bcm_add", weight_limit=0.1), None)
    reach = (0.1 * net.populations["b"].full("vth") / 2**exponent).astype(int)[:, None] // 2 * 2
    np.testing.assert_array_equal(p.high, np.minimum(254, p.trained + reach))
    np.testing.assert_array_equal(p.low, np.maximum(-256, p.trained - reach))
    assert 0 < reach.min() < reach.max()


def test_rates_and_rule_are_kept_in_the_file(tmp_path: Path) -> None:
    program = with_nominal(program_of(chain(1, "zero")), samples(1, 20))
    run = nd.simulate(program, samples(1, 20))
    for name in CHAIN:
        exact = run.spikes[name].sum(axis=(0, 1)) * 256 / 20
        assert np.abs(nominal_of(program).rates[name] - exact).max() <= 0.5
    assert nominal_of(program).steps == STEPS
    rules = Adaptation("bcm_add", eta=0.2, zeta=0.5, layers=("b",), weight_limit=0.5, seed=4)
    nd.save(with_rule(program, rules), tmp_path / "adapts.ndp")
    loaded = nd.load(tmp_path / "adapts.ndp")
    assert rule_of(loaded) == rules and rule_of(program) is None
    streams = [Adaptive(p, r).run(samples(5, 30, rate=0.8)) for p, r in ((loaded, None), (program, rules))]
    assert streams[0].writes.any()
    np.testing.assert_array_equal(streams[0].writes, streams[1].writes)
    still = with_rule(loaded, Adaptation("off"))
    assert rule_of(still) is None and nominal_of(still).digest == nominal_of(program).digest


@pytest.mark.parametrize("export", [export_lava, export_netx, export_program])
def test_a_program_that_adapts_is_not_exported(export: Any, tmp_path: Path) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=(3,))
    net.add_population("l", shape=(4,), du=4095, vth=50, start=1)
    net.connect("in", "l", np.full((4, 3), 20))
    program = with_nominal(program_of(net), samples(1, 20, 3))
    with pytest.raises(CannotExport, match="homeo_gain.*runtime_threshold") as refused:
        export(with_rule(program, Adaptation()), tmp_path / "adapting")
    assert "--rule off" in refused.value.remedy
    export(with_rule(program, Adaptation("off")), tmp_path / "static")


def test_what_the_host_does_is_charged() -> None:
    program, data = with_nominal(program_of(chain(1)), samples(1, 20)), samples(2, 100)
    stream = Adaptive(program, eta=0.3).run(data)
    counters = stream.counters
    assert counters is not None and counters.host is not None
    assert counters.host.writes == stream.writes.sum() > 0
    assert counters.host.reads == 100 * (9 + 6)
    costs = nd.estimate(_run_of(stream, nd.simulate(program, data)), program)
    host, e, s = costs.adaptation, program.target.energy, program.target.latency
    assert host is not None and costs.parts["adaptation"] == host.energy
    assert e.host_access_j and e.host_op_j and s.host_access_s and s.host_op_s
    touched, operations = host.reads + host.writes, counters.host.operations / 100
    assert host.energy.value == pytest.approx(touched * e.host_access_j.value + operations * e.host_op_j.value)
    assert host.latency.high == pytest.approx(touched * s.host_access_s.band[1] + operations * s.host_op_s.band[1])
    parts = [part.value for name, part in costs.parts.items() if name != "adaptation"]
    assert costs.mesh_energy.value == pytest.approx(sum(parts) + host.energy.value)
    assert costs.latency.value == pytest.approx(costs.per_step.time_s.sum() + host.latency.value)
    assert {"host_op_j", "host_access_s"} <= costs.sources.keys()
    static = nd.estimate(nd.simulate(program, data), program)
    assert static.adaptation is None and "adaptation" not in static.parts and "host_op_j" not in static.sources


def test_what_cannot_adapt_is_refused() -> None:
    net, nominal = broken(1, "zero")
    program = program_of(net)
    sigma = ChipNetwork()
    sigma.add_input("in", shape=(3,), message_bits=8)
    sigma.add_population("l", shape=(2,), vth=9, start=1)
    sigma.add_population("s", shape=(2,), model="sigma_delta", start=2)
    sigma.add_population("never", shape=(2,), vth=131072, start=2)
    sigma.connect("in", "l", [[2, 4, 6], [2, 2, 2]])
    sigma.connect("l", "s", [[2, 4], [6, 8]])
    some = Nominal({name: np.ones(2, np.int64) for name in ("l", "never")}, STEPS, 1, "")
    cases: list[tuple[str, Any]] = [
        ("no nominal rates", lambda: Adaptive(program)),
        ("no nominal rates", lambda: Adaptive(net)),
        ("no rule 'homeo'", lambda: Adaptation("homeo")),
        ("eta = 2", lambda: Adaptation(eta=2)),
        ("zeta = nan", lambda: Adaptation(zeta=float("nan"))),
        ("seed = -1", lambda: Adaptation(seed=-1)),
        ("another network", lambda: Adaptive(net, nominal=some)),
        ("no layer 'c'", lambda: Adaptive(net, nominal=nominal, layers=("c",))),
        ("sigma_delta", lambda: Adaptive(sigma, nominal=some, layers=("s",))),
        ("no neuron has a threshold", lambda: Adaptive(sigma, nominal=some, layers=("never",))),
        ("graded", lambda: Adaptive(sigma, nominal=some, layers=("l",), rule="bcm_add")),
        ("12 .*nominal rates of 5", lambda: Adaptive(net, nominal=Nominal(nominal.rates, 5, 1, "")).run(samples(0, 2))),
        ("no samples", lambda: Adaptive(net, nominal=nominal).run(samples(0, 0))),
        ("shape", lambda: Adaptive(net, nominal=nominal).run(samples(0, 2, 6))),
        ("one sample", lambda: Adaptive(net, nominal=nominal).run(samples(0, 2)[0])),
        ("labels|label", lambda: Adaptive(program, rule="off").run(samples(0, 2)).accuracy(np.array([0, 7]))),
        ("no single output", lambda: Adaptive(net, rule="off").run(samples(0, 2)).accuracy(np.array([0, 1]))),
    ]
    for message, act in cases:
        with pytest.raises(NeurodeployError, match=message) as refused:
            act()
        assert refused.value.remedy
    for rule in ("homeo_gain", "bcm_add"):
        with pytest.raises(UnsupportedFeature, match="cannot write"):
            Adaptive(with_nominal(program_of(net, "tiny"), samples(1, 4)), rule=rule)
