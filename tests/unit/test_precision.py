"""Bits under a budget: what is measured against plain runs, the choice against all others, the frontier, the budget."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from floats import chain_of, linear, network, neurons
from graphs import chain, lif, write
from nir import Linear

import neurodeploy as nd
from neurodeploy.calibration import CalibrationData
from neurodeploy.errors import ModelError, QuantizeError, SimulationError
from neurodeploy.evaluate import float_scores, run_program
from neurodeploy.mapping import utilisation
from neurodeploy.pipeline import run_passes
from neurodeploy.precision import Budget, MixedPrecision, Point, parse_budget
from neurodeploy.precision.plot import draw
from neurodeploy.precision.search import Search, best_of, choices, layer_words, pareto
from neurodeploy.quantize import quantize
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.target import load_target

DATA = (np.random.default_rng(5).random((30, 12, 16)) < 0.4).astype(np.uint8)
LABELS = np.random.default_rng(6).integers(0, 4, 30)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    nodes = {
        "w1": Linear(weight=rng.normal(0.05, 0.3, (40, 16))),
        "a": lif((40,), 0.875),
        "w2": Linear(weight=rng.normal(0.05, 0.3, (4, 40))),
        "b": lif((4,), 0.875),
    }
    return write(chain(nodes, source=(16,), sink=(4,)), tmp_path_factory.mktemp("precision"))


def chosen(model: Path, budget: str = "memory=0.6", target: str = "loihi1", **options: Any) -> MixedPrecision:
    return nd.mixed_precision(model, target, budget=budget, data=DATA, **{"labels": LABELS, **options})


@pytest.fixture(scope="module")
def found(model: Path) -> MixedPrecision:
    """On loihi1, under memory=0.6."""
    return chosen(model)


def words_of(program: nd.Program) -> int:
    return sum(chip.synapse_words for chip in utilisation(program.net, program.mapping, program.target).chips)


def test_the_choice_keeps_the_budget_and_no_other_setting_that_does_is_better(
    model: Path, found: MixedPrecision
) -> None:
    """Two layers are few enough to try every legal pair of bits from outside."""
    every = {}
    for bits in itertools.product(load_target("loihi1").weight.legal_bits.value, repeat=2):
        try:
            program = nd.compile(model, "loihi1", nd.Options(bits=dict(zip("ab", bits, strict=True))))
        except QuantizeError:
            assert 1 in bits
            continue
        run, scores = run_program(program, DATA)
        every[bits] = (words_of(program), scores, nd.estimate(run, program).energy.value)
    state = run_passes(model, "loihi1", stop_after="lower")
    floats = float_scores(state.network, DATA, "b")
    loss = {k: ((s - floats) ** 2).sum() / (floats**2).sum() for k, (_, s, _) in every.items()}
    assert found.limit == 0.6 * every[8, 8][0]
    for point in found.points:
        bits = (point.bits["a"], point.bits["b"])
        words, scores, energy = every[bits]
        assert (point.memory_words, point.energy_j, point.cores) == (words, energy, 1)
        assert point.loss == point.output_loss == pytest.approx(loss[bits], abs=1e-15)
        assert point.flips == (scores.argmax(1) != floats.argmax(1)).sum()
        assert point.accuracy == (scores.argmax(1) == LABELS).mean()
    assert found.float_accuracy == (floats.argmax(1) == LABELS).mean()
    assert found.chosen.loss == min(loss[k] for k, (words, _, _) in every.items() if words <= found.limit)
    assert words_of(found.program) == found.chosen.memory_words <= found.limit
    assert found.program.provenance["bits"] == found.bits == dict(found.chosen.bits)
    uniform = [p for p in found.uniform if p.memory_words <= found.limit]
    assert uniform and all(found.chosen.loss <= p.loss for p in uniform)
    assert {p.uniform for p in found.uniform} == {2, 3, 4, 5, 6, 8}


def test_the_frontier_falls_and_nothing_measured_beats_it(found: MixedPrecision) -> None:
    cost, loss = ([getattr(p, name) for p in found.frontier] for name in ("memory_words", "loss"))
    assert cost == sorted(set(cost)) and loss == sorted(set(loss), reverse=True) and len(cost) > 3
    for point in found.points:
        assert min(p.loss for p in found.frontier if p.memory_words <= point.memory_words) <= point.loss
    assert all(p in found.points for p in found.frontier)


def test_it_is_reproducible_and_draws_by_seed(model: Path) -> None:
    first, again, other = (chosen(model, samples=10, seed=seed).to_dict() for seed in (3, 3, 4))
    assert json.dumps(first) == json.dumps(again) and first["samples"] == 10
    assert first["chosen"]["loss"] != other["chosen"]["loss"]
    used = np.sort(np.random.default_rng(3).permutation(30)[:10])
    small = chosen(model, samples=10, seed=3).chosen
    by_hand = nd.mixed_precision(model, "loihi1", budget="memory=0.6", data=DATA[used], labels=LABELS[used])
    assert small == by_hand.chosen


def test_the_metric_of_spikes(model: Path) -> None:
    found = chosen(model, metric="spikes", labels=None)
    net = run_passes(model, "loihi1", stop_after="lower").network
    assert net is not None
    floats = simulate_float(net, {"input": DATA}).spikes
    integers, _ = quantize(net, load_target("loihi1"), bits=found.bits)
    run = nd.simulate(integers, DATA)
    live = {n: run.spikes[n][:, p.start : p.start + 12] for n, p in integers.populations.items()}
    wrong = sum(int((live[n] != floats[n]).sum()) for n in floats)
    assert found.chosen.loss == wrong / sum(s.size for s in floats.values()) > 0
    assert found.chosen.accuracy is None and found.float_accuracy is None


def test_the_metric_of_the_task(model: Path) -> None:
    floats = float_scores(run_passes(model, "loihi1", stop_after="lower").network, DATA, "b")
    labels = floats.argmax(axis=1)
    found = chosen(model, metric="task", labels=labels)
    assert found.float_accuracy == 1
    assert all(p.loss == pytest.approx(1 - (p.accuracy or 0)) for p in found.points)
    best = min((p for p in found.points if p.memory_words <= found.limit), key=lambda p: (p.loss, p.output_loss))
    assert found.chosen == best


def test_calibrated_points(model: Path, found: MixedPrecision) -> None:
    """Points have the fields that were asked for; a search of fields comes last, and stays only if it is better."""
    data = CalibrationData(DATA[:15], LABELS[:15])
    options = nd.Options(calibrate=data, calibration="mse")
    floats = float_scores(run_passes(model, "loihi1", stop_after="lower").network, DATA, "b")
    calibrated = chosen(model, options=options)
    assert {p.fields for p in calibrated.points} == {"mse"} and {p.fields for p in found.points} == {"rule"}
    assert calibrated.chosen.loss == min(p.loss for p in calibrated.points if p.memory_words <= calibrated.limit)
    program = nd.compile(model, "loihi1", replace(options, bits=calibrated.bits))
    same(program, calibrated.program)
    kept = set()
    for budget in ("memory=0.6", "memory=0.75"):
        by_mse = chosen(model, budget, options=options)
        searched = chosen(model, budget, options=replace(options, calibration="search"))
        assert searched.bits == by_mse.bits and {p.fields for p in searched.uniform} == {"mse"}
        last = nd.compile(model, "loihi1", replace(options, bits=searched.bits, calibration="search"))
        loss = ((run_program(last, DATA)[1] - floats) ** 2).sum() / (floats**2).sum()
        assert searched.chosen.loss == pytest.approx(min(loss, by_mse.chosen.loss))
        same(last if loss < by_mse.chosen.loss else by_mse.program, searched.program)
        kept.add(searched.chosen.fields)
    assert kept == {"mse", "search"}


def same(one: nd.Program, other: nd.Program) -> None:
    a, b = (run_program(p, DATA)[0].spikes["b"] for p in (one, other))
    np.testing.assert_array_equal(a, b)
    for p, q in zip(one.net.projections, other.net.projections, strict=True):
        np.testing.assert_array_equal(p.connection.weights, q.connection.weights)


@pytest.mark.parametrize(
    ("budget", "resource"), [("energy=0.999", "energy"), ("cores=1", "cores"), ("memory=1KiB", "memory")]
)
def test_other_budgets(model: Path, budget: str, resource: str) -> None:
    found = chosen(model, budget)
    assert found.chosen.cost(resource) <= found.limit
    kept = [p for p in found.points if p.cost(resource) <= found.limit]
    assert found.chosen.loss == min(p.loss for p in kept)
    if resource == "memory":
        assert found.limit == 128 and len(kept) < len(found.points)


def test_a_budget_that_nothing_keeps_says_what_would_do(model: Path, found: MixedPrecision) -> None:
    with pytest.raises(QuantizeError, match="no setting of the bits keeps 3 words") as caught:
        chosen(model, "memory=3words")
    least = caught.value.remedy.split("--budget ")[1].split(" ")[0]
    assert chosen(model, least).chosen.memory_words == min(p.memory_words for p in found.points)


def test_what_cannot_be_searched(model: Path) -> None:
    with pytest.raises(SimulationError, match="needs labels"):
        chosen(model, metric="task", labels=None)
    with pytest.raises(SimulationError, match="no metric 'tusk'"):
        chosen(model, metric="tusk")
    with pytest.raises(ModelError, match="there are 3 labels and 30 samples"):
        chosen(model, labels=LABELS[:3])


def test_a_chip_that_the_widest_weights_do_not_fit(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    nodes = {"w": Linear(weight=rng.normal(0.1, 0.4, (64, 90))), "n": lif((64,), 0.875)}
    path = write(chain(nodes, source=(90,), sink=(64,)), tmp_path)
    spikes = (rng.random((4, 10, 90)) < 0.3).astype(np.uint8)
    one = load_target("tiny")
    core = replace_fact(one, "synapse_words", 300)
    with pytest.raises(QuantizeError, match="8-bit weights do not fit the target"):
        nd.mixed_precision(path, core, budget="memory=0.5", data=spikes)
    found = nd.mixed_precision(path, core, budget="memory=100000words", data=spikes)
    assert found.bits == {"n": 4} and {p.uniform for p in found.points} == {2, 4}


def replace_fact(target: Any, name: str, value: int) -> Any:
    """One chip of two cores with another limit."""
    import msgspec

    change = msgspec.structs.replace
    core = change(target.core, **{name: change(getattr(target.core, name), value=value)})
    mesh = change(
        target.mesh,
        chips=change(target.mesh.chips, value=1),
        cores_per_chip=change(target.mesh.cores_per_chip, value=2),
    )
    return change(target, core=core, mesh=mesh)


def four_layers() -> Any:
    rng, sizes = np.random.default_rng(3), (64, 96, 128, 80, 112)
    nodes = []
    for k, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False)):
        nodes += [linear(f"w{k}", rng.normal(0.1, 0.3, (after, before))), neurons(f"n{k}", after)]
    return network(chain_of(*nodes, shape=(64,)))


class Fake:
    """Points by a formula in which layers matter differently, and together; counts what is asked."""

    def __init__(self, net: Any, target: Any, seed: int) -> None:
        self.words, self.names, self.asked = layer_words(net, target), tuple(net.populations), list[Any]()
        self.weight = np.random.default_rng(seed).uniform(0.1, 10, len(self.names))

    def __call__(self, setting: tuple[int, ...]) -> Point | None:
        self.asked.append(setting)
        return self.point(setting)

    def point(self, setting: tuple[int, ...]) -> Point | None:
        if 1 in setting:
            return None
        noise = self.weight * 4.0 ** -np.array(setting)
        loss = float(noise.sum() + noise[0] * noise[-1] * 50)
        words = sum(self.words[n][b] for n, b in zip(self.names, setting, strict=True))
        return Point(dict(zip(self.names, setting, strict=True)), "rule", words, 1, 1.0, loss, loss, None, None)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.45, 0.6, 0.8])
def test_a_search_that_cannot_try_everything(seed: int, share: float) -> None:
    """As good as the best of all settings within 10 %, better than uniform ones, with a small part of the work."""
    net, target = four_layers(), load_target("loihi1")
    fake = Fake(net, target, seed)
    limit = share * sum(words[8] for words in fake.words.values())
    search = Search(net, target, fake, lambda p: p.memory_words <= limit, most=100, words_limit=lambda: limit)
    points = search.run()
    assert len(set(fake.asked)) == len(fake.asked) < 200 < np.prod([len(o) for o in search.options])
    best = best_of(points, search.feasible)
    assert best is not None and best.memory_words <= limit
    every = [p for s in itertools.product(*search.options) if (p := fake.point(s)) is not None]
    optimum = min(p.loss for p in every if p.memory_words <= limit)
    assert best.loss <= 1.1 * optimum
    path = Search(net, target, fake.point, search.feasible, most=0).run()  # without its surroundings
    on_path = best_of(path, search.feasible)
    assert on_path is not None and on_path.loss <= 1.4 * optimum
    assert all(best.loss <= p.loss for p in points if p.uniform and p.memory_words <= limit)
    assert {p.uniform for p in points} >= {2, 3, 4, 5, 6, 8}


def test_words_of_a_layer_are_those_of_the_mapping(model: Path) -> None:
    net = run_passes(model, "loihi1", stop_after="lower").network
    assert net is not None
    words = layer_words(net, load_target("loihi1"))
    for a, b in ((8, 8), (3, 6), (5, 2)):
        program = nd.compile(model, "loihi1", nd.Options(bits={"a": a, "b": b}))
        assert words["a"][a] + words["b"][b] == words_of(program)


def test_bits_that_save_nothing_are_not_considered() -> None:
    assert choices({1: 5, 2: 5, 3: 7, 4: 7, 5: 9, 8: 9}) == [2, 4, 8]
    assert choices({2: 6, 3: 9, 8: 8}) == [2, 8]
    assert choices({2: 4, 8: 4}) == [8]


def test_pareto() -> None:
    def point(words: int, loss: float) -> Point:
        return Point({"n": 8}, "rule", words, 1, 0.0, loss, loss, None, None)

    points = [point(5, 0.3), point(4, 0.5), point(5, 0.2), point(6, 0.2), point(7, 0.1), point(8, 0.4)]
    assert [(p.memory_words, p.loss) for p in pareto(points, "memory")] == [(4, 0.5), (5, 0.2), (7, 0.1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory=0.5", 500.0),
        ("memory=60%", 600.0),
        ("memory=120words", 120.0),
        ("memory=6400bits", 100.0),
        ("memory=2KiB", 256.0),
        ("memory=1e-1", 100.0),
    ],
)
def test_budgets_of_memory(text: str, words: float) -> None:
    assert parse_budget(text).limit(1000.0, load_target("loihi1")) == pytest.approx(words)


def test_budgets_of_other_things() -> None:
    target = load_target("loihi1")
    assert parse_budget("energy=250nJ").limit(1.0, target) == pytest.approx(250e-9)
    assert parse_budget("cores=2") == Budget("cores", 2.0, "cores") and str(parse_budget("memory=60%")) == "memory=0.6"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("0.5", "'0.5' is no budget"),
        ("memory=half", "is no budget"),
        ("memroy=0.5", "no resource 'memroy'"),
        ("memory=5furlongs", "no unit 'furlongs' of memory"),
        ("memory=nJ", "is no budget"),
        ("memory=0", "0 is no amount"),
        ("memory=1.2", "1.2 is more than the widest weights take"),
        ("memory=1.2.3", "'1.2.3' is no number"),
        ("energy=5words", "no unit 'words' of energy"),
    ],
)
def test_what_is_no_budget(text: str, what: str) -> None:
    with pytest.raises(QuantizeError, match=what.replace("'", ".")) as caught:
        parse_budget(text)
    assert caught.value.where == "--budget" and caught.value.remedy


def test_the_picture_shows_every_point(found: MixedPrecision) -> None:
    none = {key: tuple(replace(p, loss=0.0) for p in getattr(found, key)) for key in ("points", "frontier", "uniform")}
    for shown in (found, replace(found, chosen=replace(found.chosen, loss=0.0), **none)):
        root = ET.fromstring(draw(shown))
        kinds = [c.get("class") for c in root.iter("{http://www.w3.org/2000/svg}circle")]
        assert kinds.count("any") == len(found.points) and kinds.count("chosen") == 1
        assert kinds.count("frontier") == len(found.frontier) and kinds.count("uniform") == len(found.uniform)
        for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
            assert 72 <= float(circle.get("cx", "nan")) <= 624 and 40 <= float(circle.get("cy", "nan")) <= 344
    assert "lif" not in draw(found) and f"a={found.bits['a']}, b={found.bits['b']}" in draw(found)
