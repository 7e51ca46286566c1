"""The fast engine equals the reference bit for bit."""

from __future__ import annotations

from hypothesis import given, settings
from lava_case import Case
from outcomes import assert_same
from strategies import cases

from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.reference import run_reference


@settings(max_examples=300, deadline=None)
@given(cases())
def test_fast_equals_reference(case: Case) -> None:
    assert_same(run_fast(case.plan), run_reference(case.plan))
