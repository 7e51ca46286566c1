"""Our engines against Lava 0.10.0 itself: registers and messages of every population, neuron and step.

That wrong rules are caught is shown by tools/mutations.py, on the golden files.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from golden.files import compare
from lava_case import Case
from vectors import VECTORS

from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.reference import run_reference

Cases = dict[str, Case]


@pytest.mark.slow
@pytest.mark.parametrize("engine", [run_reference, run_fast])
def test_engine_equals_lava(cases: Cases, engine: Callable[[Plan], Outcome]) -> None:
    wrong = [text for case in cases.values() if (text := compare(case, engine(case.plan))[1])]
    assert not wrong, f"{len(wrong)} of {len(cases)} networks differ:\n" + "\n".join(wrong)


@pytest.mark.slow
def test_vectors_of_the_specification(cases: Cases) -> None:
    for label, (_, expected) in VECTORS.items():
        outcome = cases[label].answer()
        found = {"s": outcome.spikes["out"], **outcome.states["out"]}
        for register, values in expected.items():
            np.testing.assert_array_equal(found[register][0].T, values, err_msg=f"{label}, {register}")


@pytest.mark.slow
def test_the_networks_reach_every_corner(cases: Cases) -> None:
    plans = [case.plan for case in cases.values()]
    projections = [p for plan in plans for p in plan.net.projections]
    expected = {(kind, late, graded) for kind in ("dense", "sparse") for late in (0, 1) for graded in (0, 1)}
    expected |= {(kind, 0, graded) for kind in ("conv2d", "direct") for graded in (0, 1)}
    assert {(p.connection.kind, p.delay > 0, p.message_bits > 0) for p in projections} == expected
    populations = [p for plan in plans for p in plan.net.populations.values()]
    assert len({p.model for p in populations}) == 13
    assert any(p.start for p in populations) and any(p.reset_interval for p in populations)
    assert any(p.delays is not None for p in projections)
    assert any(p.source == p.target for p in projections) and any(len(plan.net.inputs) > 1 for plan in plans)
    assert any(len(list(plan.net.incoming(n))) > 2 for plan in plans for n in plan.net.populations)
    outcomes = [run_reference(plan) for plan in plans]
    for overflows in ("wraps", "saturations"):
        assert sum(sum(getattr(o, overflows).values()) for o in outcomes) > 1000
    messages = sum(int(np.count_nonzero(s)) for o in outcomes for s in o.spikes.values())
    values = sum(case.values for case in cases.values())
    assert values > 400_000 and 0.02 < messages / values < 0.5
    print(f"{len(plans)} networks, {values} values, {messages} messages")


@pytest.mark.slow
def test_a_difference_is_found(cases: Cases) -> None:
    """One value of one register, or one message, of any network."""
    for case in list(cases.values())[::20]:
        found = run_reference(case.plan)
        name = next(iter(case.plan.net.populations))
        for values in (found.spikes[name], *found.states[name].values()):
            values[-1, -1, -1] += 1
        wrong, first = compare(case, found)
        assert set(wrong.values()) == {1} or len(case.plan.net.populations) > 1
        assert sum(wrong.values()) == 1 + len(found.states[name]) and first is not None
