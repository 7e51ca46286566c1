"""Both engines against what Lava 0.10.0 computed, without Lava: u, v and spikes of every neuron at every step."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from golden.files import FOLDER, compare, load, manifest, pack, sha256, unpack

from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Outcome, Plan
from neurodeploy.simulate.reference import run_reference

CASES = load()


@pytest.mark.parametrize("name", manifest()["files"])
def test_the_file_is_the_one_that_lava_made(name: str) -> None:
    data, said = (FOLDER / name).read_bytes(), manifest()["files"][name]
    cases = unpack(data)
    assert sha256(data) == said["sha256"]
    assert (len(cases), sum(c.values for c in cases)) == (said["networks"], said["values"])
    assert manifest()["lava"] == "0.10.0"
    with (
        np.load(FOLDER / name) as stored,
        np.load(io.BytesIO(pack(cases))) as again,
    ):  # zlib's bytes vary, these must not
        for key in ("document", "integers", "bits"):
            np.testing.assert_array_equal(again[key], stored[key])


def test_nothing_else_lies_here() -> None:
    assert {p.name for p in FOLDER.glob("*.npz")} == set(manifest()["files"])


@pytest.mark.parametrize("engine", [run_reference, run_fast])
@pytest.mark.parametrize("label", CASES)
def test_engine_equals_lava(label: str, engine: Callable[[Plan], Outcome]) -> None:
    case = CASES[label]
    wrong, first = compare(case, engine(case.plan))
    assert first is None, f"{first}\nwrong values: {wrong}"


def test_a_divergence_is_named() -> None:
    case = CASES["LIF trace"]
    found = run_reference(case.plan)
    found.states["out"]["v"][0, 3, 1] += 5
    found.spikes["out"][0, 7, 0] ^= 1
    wrong, first = compare(case, found)
    assert wrong == {"u": 0, "v": 1, "s": 1}
    assert first == "LIF trace: step 4, population 'out', register v, sample 0, neuron 1: Lava -9739, here -9734"


def test_files_hold_what_was_packed() -> None:
    cases = [CASES["fan-in and loops"], CASES["kernels"], CASES["floors of negative sums"]]
    data = pack(cases)
    assert data == pack(unpack(data))
    for case, again in zip(cases, unpack(data), strict=True):
        for a, b in zip(case.unprepared.net.projections, again.unprepared.net.projections, strict=True):
            np.testing.assert_array_equal(a.connection.weights, b.connection.weights)
            assert a.connection.geometry() == b.connection.geometry()
        assert compare(case, again.lava) == ({"u": 0, "v": 0, "s": 0}, None)


def test_the_preparation_of_weights_is_at_stake() -> None:
    pairs = [zip(c.plan.net.projections, c.unprepared.net.projections, strict=True) for c in CASES.values()]
    changed = [np.any(p.connection.weights != q.connection.weights) for pair in pairs for p, q in pair]
    assert sum(changed) > 100
