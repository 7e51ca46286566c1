"""Every instruction set that this processor has computes the bits of the reference, and of Lava's golden files."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from golden.files import compare, load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lava_case import Case
from properties.test_engines_agree import assert_same
from strategies import cases

from neurodeploy import kernels
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.prepared import prepare
from neurodeploy.simulate.reference import run_reference

GOLDEN = load()


@pytest.mark.parametrize("level", kernels.usable())
def test_golden_files(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(kernels.ISA_VARIABLE, level)
    for case in GOLDEN.values():
        _, first = compare(case, run_fast(afresh(case.plan)))
        assert first is None, first


def afresh(plan: Plan) -> Plan:
    """With a copy of the network, for the level that is set; a network stays with its first."""
    net = copy(plan.net)
    assert Path(prepare(net).library._name) == kernels.library_path()
    return replace(plan, net=net)


# the environment is the same for all examples but while a level runs
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), copies=st.integers(1, 5), threads=st.integers(1, 4))
def test_levels_equal_the_reference(case: Case, copies: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of some samples and a silent one, shared by threads."""
    plan = case.plan
    inputs = {name: np.concatenate([0 * values[:1], *[values] * copies]) for name, values in plan.inputs.items()}
    plan = replace(plan, inputs=inputs)
    expected = run_reference(plan)
    for level in kernels.usable():
        with monkeypatch.context() as patch:
            patch.setenv(kernels.ISA_VARIABLE, level)
            assert_same(run_fast(afresh(plan), threads=threads), expected)
