"""Fits: planted laws, criteria by hand, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from planted_laws import planted

from neurodeploy.scaling import FORMS, Cells, ScalingError, TooFewCells, cells_of, fit
from neurodeploy.scaling.criteria import aicc, bic
from neurodeploy.scaling.forms import LINEAR, LOGISTIC_POWER, QUADRATIC, form_named
from neurodeploy.scaling.select import choose, judge
from neurodeploy.scaling.shares import contributions
from neurodeploy.scaling.validate import bootstrap, default_split, extrapolation, intervals, left_out

POWERS = ("a K^-b", "a K^-b + c", "a K^-b N^c S^d")


def test_criteria_by_hand() -> None:
    """n = 10, RSS = 0.4, k = 3: ln 0.04 = -3.2188758248682006."""
    assert aicc(0.4, 10, 3) == pytest.approx(-32.188758248682006 + 8 + 2 * 4 * 5 / 5, abs=1e-12)
    assert bic(0.4, 10, 3) == pytest.approx(-32.188758248682006 + 4 * 2.302585092994046, abs=1e-12)


def test_aicc_is_refused_where_it_is_not_defined() -> None:
    assert math.isfinite(aicc(0.1, 6, 3))
    with pytest.raises(TooFewCells, match="more than 5 cells"):
        aicc(0.1, 5, 3)


@pytest.mark.parametrize("seed", range(3))
def test_planted_power_law(seed: int) -> None:
    cells = planted(lambda n, s, k: 0.9 * k**-0.3, seed=seed)
    judged, failed = judge(cells)
    chosen = choose(judged)
    assert not failed
    assert chosen.fit.form.name in POWERS
    law = fit(form_named("a K^-b"), cells)
    assert abs(law.parameters["p1"] - 0.3) < 0.02
    low, high = intervals(law, bootstrap(law, cells))["p1"]
    assert low < 0.3 < high and high - low < 0.02


def test_planted_line() -> None:
    cells = planted(lambda n, s, k: 0.5 + 0.002 * n + 0.01 * s - 0.008 * k)
    judged, _ = judge(cells)
    chosen = choose(judged).fit
    assert chosen.form.name == LINEAR
    np.testing.assert_allclose(chosen.numbers, [0.5, 0.002, 0.01, -0.008], rtol=0.05)


def test_planted_logistic_power_law_extrapolates_better_than_the_full_quadratic() -> None:
    cells = planted(lambda n, s, k: 1 / (1 + 1.48 * k**0.81 * n**-0.7 * s**-0.85))
    judged = {j.fit.form.name: j for j in judge(cells)[0]}
    law, quadratic = judged[LOGISTIC_POWER], judged[QUADRATIC]
    assert law.extrapolation < quadratic.extrapolation / 1.5
    assert law.fit.bic < quadratic.fit.bic
    np.testing.assert_allclose(law.fit.numbers, [1.48, 0.81, -0.7, -0.85], rtol=0.1)
    assert choose(list(judged.values())).fit.form.name == LOGISTIC_POWER


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_form_finds_itself(form) -> None:
    """Without noise, its own parameters' values come back, whichever parameters say them."""
    rng = np.random.default_rng(5)
    wanted = form.draw(rng) * (0.001 if form.family in ("linear", "polynomial") else 1)
    cells = planted(lambda n, s, k: form.expression(wanted, {"N": n, "S": s, "K": k}), sigma=0)
    found = fit(form, cells)
    np.testing.assert_allclose(found.predict(dict(cells.points)), cells.values, atol=1e-6 * np.abs(cells.values).max())


def test_a_line_equals_ordinary_and_weighted_least_squares() -> None:
    cells = planted(lambda n, s, k: 0.5 + 0.002 * n - 0.008 * k, sigma=0.05)
    weights = np.random.default_rng(1).uniform(0.2, 3, len(cells))
    design = np.stack([np.ones(len(cells)), *(cells.points[f] for f in "NSK")], axis=1)
    for chosen in (np.ones(len(cells)), weights / weights.mean()):
        root = np.sqrt(chosen)
        wanted = np.linalg.lstsq(design * root[:, None], cells.values * root, rcond=None)[0]
        found = fit(form_named(LINEAR), Cells(cells.points, cells.values, chosen))
        np.testing.assert_allclose(found.numbers, wanted, rtol=1e-6)
        assert found.rss == pytest.approx(float(np.sum(chosen * (cells.values - design @ wanted) ** 2)), rel=1e-9)
        assert found.r2 == pytest.approx(1 - found.rss / found.tss)


def test_extrapolation_does_not_see_what_it_is_tested_on() -> None:
    """A law that breaks beyond the split: the fit below stays exact, the error is the break's size."""
    whole = planted(lambda n, s, k: 0.9 - 0.01 * k, sigma=0)
    broken = Cells(whole.points, whole.values - 0.25 * (whole.points["K"] > 16), whole.weights)
    law = fit(form_named("linear K"), broken)
    assert extrapolation(law, broken, 16) == pytest.approx(0.25, abs=1e-6)
    assert default_split(broken) == 16
    with pytest.raises(TooFewCells, match="above K = 32"):
        extrapolation(law, broken, 32)


def test_left_out_levels_by_hand() -> None:
    cells = planted(lambda n, s, k: 0.9 - 0.01 * k, sigma=0.02)
    law = fit(form_named("linear K"), cells)
    total = 0.0
    for level in np.unique(cells.points["K"]):
        here = cells.points["K"] == level
        slope, constant = np.polyfit(cells.points["K"][~here], cells.values[~here], 1)
        total += np.sum((constant + slope * level - cells.values[here]) ** 2)
    assert left_out(law, cells)["K"] == pytest.approx(math.sqrt(total / len(cells)), rel=1e-6)


def test_shares_name_the_factor_that_matters() -> None:
    only_k = planted(lambda n, s, k: 0.9 * k**-0.3)
    law = fit(form_named("a K^-b N^c S^d"), only_k)
    shares = contributions(law, only_k)
    assert shares["K"]["shapley"] > 0.95 and shares["K"]["partial_r2"] > 0.9
    assert all(abs(shares[f]["shapley"]) < 0.01 and shares[f]["partial_r2"] < 0.1 for f in "NS")
    assert sum(s["shapley"] for s in shares.values()) == pytest.approx(law.r2, abs=1e-9)


def test_the_rule_prefers_bic_among_those_that_extrapolate() -> None:
    cells = planted(lambda n, s, k: 0.9 * k**-0.3)
    judged, _ = judge(cells, [form_named(name) for name in (LINEAR, QUADRATIC, "linear K", "a K^-b", "a - b ln K")])
    chosen = choose(judged)
    best = min(j.extrapolation for j in judged)
    assert chosen.extrapolation <= 1.1 * best
    assert all(j.fit.bic >= chosen.fit.bic for j in judged if j.extrapolation <= 1.1 * best)
    with pytest.raises(ScalingError):
        choose([])


def test_few_cells() -> None:
    """Forms of more parameters than cells are listed as not fitted; those at the edge have no AICc."""
    whole = planted(lambda n, s, k: 0.9 * k**-0.3)
    few = whole.of((whole.points["N"] == 10) & (whole.points["S"] == 4) & (whole.points["K"] <= 12))
    judged, failed = judge(few)
    assert QUADRATIC in {f["form"] for f in failed}
    assert {j.fit.form.k: j.aicc is None for j in judged} == {0: False, 2: False, 3: False, 4: True}
    two = whole.of(whole.points["K"] <= 3)
    with pytest.raises(TooFewCells, match="2 levels"):
        judge(two)


def test_too_few_resamples() -> None:
    cells = planted(lambda n, s, k: 0.9 * k**-0.3)
    with pytest.raises(ScalingError, match="too few"):
        bootstrap(fit(form_named("a K^-b"), cells), cells, resamples=199)


def test_cells_are_means_over_seeds_and_weights_inverse_variances() -> None:
    rows = [
        {"N": 10, "S": 4, "K": k, "seed": s, "acc": a, "n_test": 16}
        for k, values in ((2, (1.0, 1.0)), (4, (0.5, 0.75)))
        for s, a in enumerate(values)
    ]
    cells = cells_of(rows, weighted=True)
    assert cells.values.tolist() == [1.0, 0.625]
    shrunk = [32.5 / 33, (0.625 * 32 + 0.5) / 33]
    raw = [32 / (p * (1 - p)) for p in shrunk]
    np.testing.assert_allclose(cells.weights, np.array(raw) / np.mean(raw), rtol=1e-12)
    np.testing.assert_allclose(cells.chance_corrected().values, [1.0, 0.5], rtol=1e-12)
    with pytest.raises(ScalingError, match="did|no column"):
        cells_of(rows, "accuracy")
    with pytest.raises(ScalingError, match="has no acc"):
        cells_of([{**rows[0], "acc": None}])
