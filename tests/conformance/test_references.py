"""The suite's expectations: two references, in two precisions and libraries, agree on every bit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neurodeploy.conformance import suite
from neurodeploy.conformance.case import CONVENTIONS, USUAL, Case

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "conformance"
CASES = {case.name: case for case in suite.all_cases() if not case.refuse}


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    sys.modules.pop("torch_reference", None)


def both(case: Case, dt_s: float, **changes: object) -> tuple[suite.Trace, dict, dict]:
    from torch_reference import run

    conventions = USUAL | dict(case.conventions) | changes | {"dt_s": dt_s}
    first = suite.expected(case, dt_s, **changes)
    return first, *run(case.graph, case.inputs, conventions, case.delayed_under(conventions))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_both_references_give_the_same(name: str) -> None:
    case = CASES[name]
    first, sent, v = both(case, suite.DT_S)
    assert first.v.keys() == v.keys() and first.sent.keys() <= sent.keys()
    spikes = suite.spiking_nodes(case.graph)
    for found, expected, exact in ((sent, first.sent, spikes), (v, first.v, set())):
        for node, values in expected.items():
            assert found[node].dtype == np.float32
            if case.tolerance and node not in exact:
                np.testing.assert_allclose(found[node], values, rtol=0, atol=case.tolerance / 4)
            else:
                np.testing.assert_array_equal(found[node], values, err_msg=node)


@pytest.mark.parametrize("dt_s", [1e-4, 1.0])
def test_the_time_step_changes_nothing(dt_s: float) -> None:
    for case, other in zip(suite.all_cases(dt_s), suite.all_cases(), strict=True):
        if not case.refuse and not case.tolerance:
            assert suite.same(suite.expected(case, dt_s), suite.expected(other, suite.DT_S)), case.name


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_conventions_that_are_said_not_to_matter_do_not_matter_together() -> None:
    """Any mixture of the values that hold one by one gives the same bits; in both references."""
    rng = np.random.default_rng(0)
    for case in CASES.values():
        if case.tolerance:
            continue
        base = suite.expected(case, suite.DT_S)
        holds = {n: tuple(v) for n, v in (CONVENTIONS | suite.holding(case, base, suite.DT_S)).items()}
        for _ in range(2):
            mixture = {n: values[rng.integers(len(values))] for n, values in holds.items()}
            first, sent, v = both(case, suite.DT_S, **mixture)
            assert suite.same(first, base), (case.name, mixture)
            for node, values in base.sent.items():
                np.testing.assert_array_equal(sent[node], values, err_msg=f"{case.name} {mixture}")


def test_thresholds_are_far_from_what_is_rounded() -> None:
    for case in CASES.values():
        if case.tolerance:
            for factor in (1 - 1e-5, 1 + 1e-5):
                moved = suite.expected(scaled(case, factor), suite.DT_S)
                for node in suite.spiking_nodes(case.graph):
                    np.testing.assert_array_equal(moved.sent[node], suite.expected(case, suite.DT_S).sent[node])


def scaled(case: Case, factor: float) -> Case:
    """With all thresholds times a factor."""
    import copy
    from dataclasses import replace

    graph = copy.deepcopy(case.graph)
    for node in graph.nodes.values():
        if getattr(node, "v_threshold", None) is not None:
            node.v_threshold = node.v_threshold * factor
    return replace(case, graph=graph)
