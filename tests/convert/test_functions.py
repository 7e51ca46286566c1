"""Functions of spike trains on the chip's integers: every tick of every train, against models that know no neurons."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurodeploy as nd
from neurodeploy.convert.functions import Table
from neurodeploy.convert.functions.certificate import least_neurons
from neurodeploy.convert.functions.parse import tighter
from neurodeploy.convert.functions.separate import separated
from neurodeploy.convert.functions.strategies import STRATEGIES, bound
from neurodeploy.convert.functions.table import all_patterns
from neurodeploy.convert.functions.trains import compare, random_trains
from neurodeploy.errors import ModelError, NeurodeployError, SimulationError, UnsupportedFeature


def window_model(values: Any, inputs: int, memory: int, train: np.ndarray) -> list[int]:
    """The definition, tick by tick."""
    out = []
    for t in range(len(train)):
        number = 0
        for k in range(memory):
            for j in range(inputs):
                number |= (int(train[t - k, j]) if t >= k else 0) << (k * inputs + j)
        out.append(int(values[number]))
    return out


def sent(made: nd.convert.SpikeFunction, trains: np.ndarray, engine: str = "fast") -> np.ndarray:
    """(B, T): what the program sends at its latency."""
    run = nd.simulate(made.program.net, trains, engine=engine)
    latency = made.certificate.latency
    return run.spikes["out"][:, latency : latency + trains.shape[1], 0]


@pytest.mark.parametrize(("inputs", "memory"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("strategy", ["flat", "split", None])
def test_every_function_of_two_bits_on_all_trains(inputs: int, memory: int, strategy: str | None) -> None:
    trains = np.array(list(product([0, 1], repeat=8)), np.uint8).reshape(-1, 8 // inputs, inputs)
    for values in product([0, 1], repeat=3):
        table = (0, *values)
        made = nd.convert.function(table, inputs=inputs, memory=memory, strategy=strategy, samples=3)
        expected = [window_model(table, inputs, memory, train) for train in trains]
        np.testing.assert_array_equal(sent(made, trains), expected)


@pytest.mark.parametrize(
    ("inputs", "memory", "density"), [(1, 3, 0.6), (3, 1, 0.4), (2, 3, 0.9), (3, 2, 0.1), (1, 8, 0.5)]
)
@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_random_functions(inputs: int, memory: int, density: float, target: str) -> None:
    rng = np.random.default_rng(inputs * 10 + memory)
    values = (rng.random(2 ** (inputs * memory)) < density).astype(int)
    values[0] = 0
    table = Table.of(values, inputs, memory)
    trains = random_trains(rng, 40, 2 * memory + 3, inputs, memory + 4)
    expected = [window_model(values, inputs, memory, train) for train in trains]
    for strategy in ("flat", "split", None):
        made = nd.convert.function(values, inputs=inputs, memory=memory, strategy=strategy, samples=20, target=target)
        c = made.certificate
        np.testing.assert_array_equal(sent(made, trains), expected)
        assert strategy in (None, c.strategy) and (c.neurons, c.synapses) <= bound(c.strategy, table)
        assert c.synapses <= bound(c.strategy, table).weights
        assert c.neurons >= c.least_neurons  # type: ignore[operator]
    np.testing.assert_array_equal(sent(made, trains[:4], "reference"), expected[:4])


def test_counts_of_the_specification() -> None:
    """Windows of 8 bits, nine tenths of them 1: 32 neurons by halves, against 233 one by one; parity by its tree."""
    rng = np.random.default_rng(5)
    values = (rng.random(256) < 0.9).astype(int)
    values[0] = 0
    flat, split = (
        nd.convert.function(values, inputs=1, memory=8, strategy=s, samples=5).certificate for s in ("flat", "split")
    )
    ones = int(values.sum())
    assert (flat.neurons, flat.synapses, flat.latency) == (ones + 1, ones * 9, 2)
    assert split.neurons <= 32 and split.synapses <= 380 and split.latency == 3
    four = nd.convert.function(" ^ ".join(f"x[{k}]" for k in range(4)), inputs=4, samples=50).certificate
    eight = nd.convert.function(" ^ ".join(f"x[{k}]" for k in range(8)), inputs=8, samples=50).certificate
    assert (four.neurons, four.synapses, four.latency) == (9, 18, 4)
    assert (eight.neurons, eight.synapses, eight.latency) == (21, 42, 6)


def test_numbers_of_functions_of_a_single_gate() -> None:
    """Half of the threshold functions of 2 and 3 variables, 14 and 104, without the constant."""
    for bits, many in ((2, 6), (3, 51)):
        found = 0
        for values in product([0, 1], repeat=2**bits - 1):
            table = Table.of((0, *values), bits, 1)
            gate = separated(table, 63)
            if gate is not None:
                weights, threshold = gate
                np.testing.assert_array_equal(all_patterns(bits).astype(int) @ weights >= threshold, table.values == 1)
                assert threshold >= 1
                found += 1
        assert found == many


EXPRESSIONS = {
    "x[0] & ~x[1]": lambda x, t: at(x, t, 0) & ~at(x, t, 1),
    "x[0] | prev(x[1], 3)": lambda x, t: at(x, t, 0) | at(x, t - 3, 1),
    "x[0] ^ x[1] ^ prev(x[0], 1)": lambda x, t: at(x, t, 0) ^ at(x, t, 1) ^ at(x, t - 1, 0),
    "count(x[0], 4) >= 3 & ~x[1]": lambda x, t: (count(x, t, 0, 4) >= 3) & ~at(x, t, 1),
    "x[1] & count(~x[0], 3) < 2": lambda x, t: at(x, t, 1) & (3 - count(x, t, 0, 3) < 2),
    "count(x[0], 5) == 2": lambda x, t: count(x, t, 0, 5) == 2,
    "count(x[0], 5) > 2 | x[1]": lambda x, t: (count(x, t, 0, 5) > 2) | at(x, t, 1),
    "within(x[0], x[1], 4)": lambda x, t: at(x, t, 0) & (count(x, t, 1, 4) > 0),
    "within(x[0], ~x[1], 2)": lambda x, t: at(x, t, 0) & (count(x, t, 1, 2) < 2),
    "seq(x[0], x[1], ~x[0])": lambda x, t: at(x, t - 2, 0) & at(x, t - 1, 1) & ~at(x, t, 0),
    "every(x[0], 3)": lambda x, t: at(x, t, 0) & (count(x, t, 0, t + 1) % 3 == 0),
    "prev(every(x[0] | x[1], 2), 2)": lambda x, t: bool(t >= 2) and at2(x, t - 2),
    'table("0110", 1, x[0], prev(x[1], 2))': lambda x, t: at(x, t, 0) ^ at(x, t - 2, 1),
    'table("1001", 1, ~x[0], x[1])': lambda x, t: ~(~at(x, t, 0) ^ at(x, t, 1)),
    "x[0] & x[0]": lambda x, t: at(x, t, 0),
    "x[0] & ~x[0]": lambda x, t: np.bool_(False),
    "prev(x[0], 100)": lambda x, t: at(x, t - 100, 0),
}


def at(x: np.ndarray, t: int, j: int) -> np.bool_:
    return np.bool_(x[t, j]) if t >= 0 else np.bool_(False)


def count(x: np.ndarray, t: int, j: int, ticks: int) -> int:
    return sum(int(at(x, t - k, j)) for k in range(ticks))


def at2(x: np.ndarray, t: int) -> bool:
    either = (x[: t + 1] > 0).any(1)
    return bool(either[t]) and int(either.sum()) % 2 == 0


@pytest.mark.parametrize("text", EXPRESSIONS)
@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_expressions(text: str, target: str) -> None:
    rng = np.random.default_rng(7)
    trains = random_trains(rng, 8, 30, 2, 70)
    made = nd.convert.function(text, inputs=2, target=target, samples=20)
    expected = [[bool(EXPRESSIONS[text](x, t)) for t in range(len(x))] for x in trains]
    assert np.any(expected) or text in ("x[0] & ~x[0]",)
    np.testing.assert_array_equal(sent(made, trains), np.array(expected, np.uint8))


def test_a_clock_allows_what_says_one_of_silence() -> None:
    made = nd.convert.function("~x[0]", inputs=2, clock=1, samples=50)
    trains = random_trains(np.random.default_rng(0), 9, 12, 2, 9)
    trains[..., 1] = 1
    np.testing.assert_array_equal(sent(made, trains), 1 - trains[..., 0])
    counted = nd.convert.function("every(~x[0], 2)", inputs=2, clock=1, samples=50)
    silent = 1 - trains[..., 0]
    np.testing.assert_array_equal(sent(counted, trains), silent & (np.cumsum(silent, 1) % 2 == 0))


LEAF = st.sampled_from(["x[0]", "x[1]", "x[2]", "~x[0]", "prev(x[1], 2)", "count(x[2], 3) >= 2", "every(x[0], 2)"])
TREE = st.recursive(
    LEAF,
    lambda e: st.one_of(
        st.tuples(e, st.sampled_from("&|^"), e).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        e.map(lambda p: f"~({p})"),
        st.tuples(e, st.integers(0, 4)).map(lambda p: f"prev({p[0]}, {p[1]})"),
        st.tuples(e, st.integers(1, 4)).map(lambda p: f"count({p[0]}, 4) >= {p[1]}"),
        st.tuples(e, e, st.integers(1, 3)).map(lambda p: f"within({p[0]}, {p[1]}, {p[2]})"),
        st.tuples(e, e).map(lambda p: f'table("0111", 1, {p[0]}, {p[1]})'),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(text=TREE)
def test_random_compositions(text: str) -> None:
    """The compiler's own check compares every tick of its trains."""
    made = nd.convert.function(text, inputs=4, clock=3, samples=60)
    assert made.certificate.latency == made.program.net.populations["out"].start >= 1


def test_a_wrong_network_is_found_out() -> None:
    made = nd.convert.function("count(x[0], 4) >= 3", inputs=1, samples=10)
    wrong = nd.convert.function("count(x[0], 4) >= 2", inputs=1, samples=10)
    trains = random_trains(np.random.default_rng(0), 30, 10, 1, 6)
    with pytest.raises(SimulationError, match="in tick"):
        compare(wrong.program.net, made.golden, trains)


def test_relays_equal_delays() -> None:
    """The same function with synapses that wait 62, 6 or no ticks; the counts grow by relays only."""
    rng = np.random.default_rng(2)
    values = (rng.random(64) < 0.5).astype(int)
    values[0] = 0
    trains = random_trains(rng, 20, 20, 1, 12)
    expected = [window_model(values, 1, 6, train) for train in trains]
    neurons = []
    for longest in (62, 2, 0):
        made = nd.convert.function(
            values, inputs=1, memory=6, target=limited("compartment", "delay_max", longest), samples=20
        )
        np.testing.assert_array_equal(sent(made, trains), expected)
        assert made.certificate.longest_delay <= longest
        neurons.append(made.certificate.neurons)
    assert neurons[0] < neurons[1] < neurons[2] <= neurons[0] + 6


def limited(section: str, field: str, value: int) -> nd.Target:
    """Loihi 2 with less of something."""
    chip = nd.load_target("loihi2")
    facts = getattr(chip, section)
    fact = msgspec.structs.replace(getattr(facts, field), value=value)
    return msgspec.structs.replace(chip, **{section: msgspec.structs.replace(facts, **{field: fact})})


def test_gates_that_hear_too_much_become_trees_or_are_refused() -> None:
    rng = np.random.default_rng(3)
    values = (rng.random(32) < 0.8).astype(int)
    values[0] = 0
    trains = random_trains(rng, 20, 12, 1, 9)
    expected = [window_model(values, 1, 5, train) for train in trains]
    plain = nd.convert.function(values, inputs=1, memory=5, strategy="flat", samples=20)
    made = nd.convert.function(
        values, inputs=1, memory=5, strategy="flat", target=limited("core", "in_axons", 7), samples=20
    )
    np.testing.assert_array_equal(sent(made, trains), expected)
    assert made.certificate.widest_fan_in <= 7 < plain.certificate.widest_fan_in
    assert made.certificate.latency > plain.certificate.latency
    with pytest.raises(UnsupportedFeature, match="in-axons"):
        nd.convert.function("count(x[0], 9) >= 4", inputs=1, target=limited("core", "in_axons", 7))


def test_nothing_is_left_where_a_membrane_forgets_badly() -> None:
    """Loihi 1 cannot forget sums of 64 and more by its decay: a reset in every step does it."""
    text = "count(x[0], 50) >= 40"
    made = nd.convert.function(text, inputs=1, target="loihi1", samples=40)
    assert made.program.net.populations["out"].reset_interval == 1
    assert nd.convert.function("x[0]", target="loihi1").program.net.populations["out"].reset_interval == 0


def test_templates_are_told_apart() -> None:
    """A coincidence gate per class: all right without noise, in one tick after the last."""
    rng = np.random.default_rng(1)
    templates = np.unique((rng.random((9, 5, 4)) < 0.4).astype(np.uint8), axis=0)
    trains = np.concatenate([np.zeros((len(templates), 6, 4), np.uint8), templates], axis=1)
    for k, template in enumerate(templates):
        terms = [
            f"prev({'' if bit else '~'}x[{j}], {4 - t})" for t, row in enumerate(template) for j, bit in enumerate(row)
        ]
        made = nd.convert.function(" & ".join(terms), inputs=4, samples=20)
        assert made.certificate.neurons == 1
        np.testing.assert_array_equal(sent(made, trains)[:, -1], np.arange(len(templates)) == k)


@pytest.mark.parametrize(
    ("f", "options", "said"),
    [
        ([1, 0], {"memory": 1}, "says 1 of silence"),
        ("~x[0]", {}, "says 1 of silence"),
        ([0, 2], {"memory": 1}, "holds 2"),
        ([0, 1, 1], {"memory": 1}, "give 2^1 = 2 values"),
        ([0, 1], {}, "without its memory"),
        (np.zeros(2), {"memory": 21}, "at most 20 bits"),
        ([0, 1, 1, 0], {"inputs": 2, "memory": 1, "strategy": "gate"}, "no single gate"),
        ([0, 1], {"memory": 1, "strategy": "split"}, "no halves"),
        ([0, 1], {"memory": 1, "strategy": "flt"}, "did you mean 'flat'"),
        ("x[1]", {}, "not an input"),
        ("x[0] +", {}, "no expression"),
        ("x[0] + x[0]", {}, "not in the language"),
        ("__import__('os')", {}, "no function '__import__'"),
        ("count(x[0], 4)", {}, "a count is a number"),
        ("count(x[0], 4) >= 5", {}, "whole number in 0..4"),
        ("count(x[0], 4) >= 0", {}, "always, or never"),
        ("count(x[0], 0) >= 0", {}, "whole number in 1.."),
        ("prev(x[0])", {}, "takes 2 arguments"),
        ("every(~x[0], 2)", {}, "clock"),
        ("x[0]", {"clock": 3}, "name one of the inputs"),
        ("x[0]", {"strategy": "flat"}, "no strategy"),
        ("seq()", {}, "seq of nothing"),
        ('table("01", 1)', {}, "bits, ticks and expressions"),
        ('table("0a", 1, x[0])', {}, "bits '0a'"),
        ("x[0] and x[0]", {}, "not in the language"),
        ("(" * 3000 + "x[0]" + ")" * 3000, {}, "no expression"),
    ],
)
def test_what_is_refused(f: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(NeurodeployError) as error:
        nd.convert.function(f, **options)
    assert said in str(error.value)
    assert error.value.remedy


def test_counts_bind_tighter_than_their_comparison() -> None:
    assert tighter("count(x[0], 3) >= 2 & x[1]") == "(count(x[0], 3) >= 2) & x[1]"
    assert tighter("count(count(x[0],2)>1,3)>=2") == "(count((count(x[0],2)>1),3)>=2)"


def test_the_bound_of_neurons_grows() -> None:
    assert [least_neurons(n) for n in (1, 2, 8)] == sorted(least_neurons(n) for n in (1, 2, 8))
    assert set(STRATEGIES) == {"gate", "flat", "split"}


def test_a_predicate_and_a_stored_program(tmp_path: Any) -> None:
    made = nd.convert.function(lambda w: w[0, 0] and w[1:, 1].any(), inputs=2, memory=3, samples=30)
    nd.save(made.program, tmp_path / "f.ndp")
    program = nd.load(tmp_path / "f.ndp")
    assert program.provenance["function"] == made.certificate.to_dict()
    trains = random_trains(np.random.default_rng(4), 10, 12, 2, 8)
    np.testing.assert_array_equal(
        nd.simulate(program, trains).spikes["out"], nd.simulate(made.program.net, trains).spikes["out"]
    )
    with pytest.raises(ModelError, match="a table of 2 inputs"):
        nd.convert.function(Table.of([0, 1, 1, 0], 2, 1), inputs=1)
