"""The runner: our backends pass, faults are found, and no backend can take it down."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import conformance_backends as backends
import numpy as np
import pytest

from neurodeploy.conformance import own, report, suite
from neurodeploy.conformance.backend import BackendFault, Declaration, load_backend
from neurodeploy.conformance.judge import FAULTS, judge, try_case
from neurodeploy.conformance.runner import run_backend


def statuses(backend: Any, entries: dict[str, suite.Entry], *names: str) -> dict[str, str]:
    chosen = names or tuple(entries)
    return {name: try_case(backend, entries[name]).status for name in chosen}


def test_our_float_reference_is_exact_in_every_case(entries: dict[str, suite.Entry]) -> None:
    backend = own.float_reference()
    for name, entry in entries.items():
        result = try_case(backend, entry)
        assert result.status == ("rejected" if entry.refuse else "exact"), (name, result)
        if "nested" not in name:  # whose inner nodes have other names here
            assert result.compared == sum(v.size for v in (*entry.sent.values(), *entry.v.values())), name


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_our_integers_are_within_their_tolerance(entries: dict[str, suite.Entry]) -> None:
    results = [try_case(own.integer_engine(), entry) for entry in entries.values()]
    found = [r.status for r in results]
    assert not [r for r in results if r.status in FAULTS]
    assert found.count("exact") > 130 and found.count("within") > 10 and found.count("rejected") == 14


@pytest.mark.parametrize("fault", backends.FAULTS)
def test_faults_are_found(fault: str, entries: dict[str, suite.Entry]) -> None:
    chosen = [name for name in entries if name.startswith(("node/", "topology/recurrent")) and "~" not in name]
    found = list(statuses(backends.FAULTS[fault], entries, *chosen).values())
    assert found.count("WRONG") >= {"ge": 1, "late-bias": 1, "from-leak": 3}.get(fault, 20)


def test_a_forgotten_reset_is_found(entries: dict[str, suite.Entry]) -> None:
    found = statuses(backends.NoReset(), entries, "time/reset", "time/reset-v", "node/lif", "node/delay")
    assert set(found.values()) == {"WRONG"}


def test_first_divergence_and_counts(entries: dict[str, suite.Entry]) -> None:
    entry = entries["node/lif"]
    good = [{"sent": {n: v[k] for n, v in entry.sent.items()}, "v": {}} for k in range(2)]
    bad = [{"sent": {n: np.array(v) for n, v in s["sent"].items()}, "v": {}} for s in good]
    assert judge(entry, good, Declaration("x")).status == "exact"
    bad[1]["sent"]["output"][3, 2] += 1
    bad[1]["sent"]["n"][7, 0] += 1
    result = judge(entry, bad, Declaration("x"))
    assert (result.status, result.mismatching, result.max_dv) == ("WRONG", 2, None)
    assert result.compared == 2 * 2 * 12 * 5
    expected = float(entry.sent["output"][1, 3, 2])
    assert result.first == {
        **{"sample": 1, "step": 3, "node": "output", "index": [2], "what": "sent"},
        **{"found": expected + 1, "expected": expected},
    }
    assert judge(entry, bad, Declaration("x", spike_tolerance=2 / 240, value_tolerance=0.1)).status == "within"
    assert judge(entry, bad, Declaration("x", spike_tolerance=1.9 / 240, value_tolerance=0.1)).status == "WRONG"


def test_values_count_until_a_spike_differs(entries: dict[str, suite.Entry]) -> None:
    entry, tolerant = entries["node/lif"], Declaration("x", spike_tolerance=0.1, value_tolerance=0.125)

    def answer(spike_step: int | None, value_step: int) -> Any:
        found = [
            {
                kind: {n: np.array(v[k], float) for n, v in part.items()}
                for kind, part in (("sent", entry.sent), ("v", entry.v))
            }
            for k in range(2)
        ]
        if spike_step is not None:
            found[0]["sent"]["n"][spike_step, 0] += 1
        found[0]["v"]["n"][value_step, 1] += 1
        return judge(entry, found, tolerant)

    assert answer(None, 6).status == answer(7, 6).status == "WRONG"
    assert answer(6, 6).status == answer(5, 6).status == "within" and answer(5, 6).max_dv == 1


def test_ties_are_not_asked_of_fixed_point(entries: dict[str, suite.Entry]) -> None:
    assert statuses(own.integer_engine(), entries, "node/tie-gt") == {"node/tie-gt": "n/a"}


def test_conventions_that_a_backend_cannot_follow_do_not_apply() -> None:
    found = {
        r.case: r.status for r in run_backend("conformance_backends:Picky", only=["node/tie-*", "refuse/nan*"]).results
    }
    assert found == {
        **{"node/tie-gt": "n/a", "node/tie-ge": "refused"},
        **{"refuse/nan-weight": "rejected", "refuse/nan-threshold": "rejected"},
    }


def test_a_hanging_case_costs_its_time_only(folder: Path) -> None:
    began = time.monotonic()
    made = run_backend("conformance_backends:Hangs", folder=folder, only=["node/lif*"], timeout_s=2.0)
    assert time.monotonic() - began < 25
    found = {r.case: r.status for r in made.results}
    assert [name for name, status in found.items() if status == "TIMEOUT"] == ["node/lif-unit"]
    assert set(found.values()) == {"TIMEOUT", "WRONG"} and made.faults == len(found) > 8


def test_a_process_that_dies_is_replaced(folder: Path) -> None:
    made = run_backend("conformance_backends:Dies", folder=folder, only=["node/lif", "node/li", "refuse/empty"])
    assert [r.status for r in made.results] == ["CRASHED"] * 3


def test_noise_on_standard_output_disturbs_nobody(folder: Path) -> None:
    made = run_backend("conformance_backends:Base", folder=folder, only=["node/lif", "refuse/tau-zero"])
    assert [r.status for r in made.results] == ["WRONG", "ACCEPTED"]
    assert json.loads(json.dumps(report.to_dict(made), allow_nan=False))["faults"] == 2


def test_what_is_not_a_number_is_reported_in_json(entries: dict[str, suite.Entry]) -> None:
    result = try_case(backends.FAULTS["nan"], entries["node/lif"])
    assert result.status == "WRONG" and result.max_dv == np.inf and result.first["found"] == "nan"  # type: ignore[index]
    made = report.Report("x", Declaration("x"), (result,), {})
    json.dumps(report.to_dict(made), allow_nan=False)


@pytest.mark.parametrize(
    ("factory", "named"),
    [
        ("conformance_backends", "names no factory"),
        ("no_such_module:make", "ModuleNotFoundError"),
        ("conformance_backends:nothing", "AttributeError"),
        ("conformance_backends:broken", "no such framework"),
        ("conformance_backends:no_adapter", "declaration, load, reset, step or run"),
    ],
)
def test_factories_that_make_no_backend(factory: str, named: str) -> None:
    with pytest.raises(BackendFault, match=named) as caught:
        load_backend(factory)
    with pytest.raises(BackendFault, match=named):
        run_backend(factory)
    assert "package.module:factory" in caught.value.remedy


def test_a_factory_that_ends_the_process() -> None:
    with pytest.raises(BackendFault, match="died while starting"):
        run_backend("conformance_backends:silent")


def test_no_such_case(folder: Path) -> None:
    with pytest.raises(BackendFault, match="nodes"):
        run_backend("conformance_backends:Base", folder=folder, only=["nodes/*"])


def test_markdown_has_a_cell_for_every_case(folder: Path) -> None:
    makers = ("neurodeploy.conformance.own:float_reference", "conformance_backends:Base")
    reports = [run_backend(f, folder=folder, only=["node/lif", "node/li", "refuse/loop"]) for f in makers]
    text = report.markdown(reports)
    assert "| node/lif | exact | WRONG " in text and "| refuse/loop | rejected | ACCEPTED |" in text
    assert "* ACCEPTED: refuse/loop" in text and "sample 0, step" in text
