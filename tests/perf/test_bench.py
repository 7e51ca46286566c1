"""tools/bench: its networks give the same spikes on our engines and in numpy, and it notices when they do not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "tools" / "bench"


@pytest.fixture(autouse=True)
def bench_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes the scripts' modules importable for a test, and forgets them."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(BENCH) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def small(tmp_path: Path, base: str) -> Path:
    """A workload's folder with few steps and, where the network takes them, two samples."""
    from workloads import Spec, stored

    return stored(Spec(f"small-{base}", base, 40, 1 if base == "W3" else 2), tmp_path)


@pytest.mark.parametrize("base", ["W1", "W2", "W3"])
def test_our_engines_and_the_numpy_loop_spike_alike(tmp_path: Path, base: str) -> None:
    from peers import numpy_events, ours
    from workloads import read

    workload = read(small(tmp_path, base))
    digests, counts = [], []
    for peer in (numpy_events, ours):
        prepared = peer.prepare(workload, 1)
        result = prepared.run()
        digests.append(prepared.digest(result))
        counts.append(prepared.counts(result))
    assert digests[0] == digests[1]
    assert (counts[0] == counts[1]).all()
    assert (counts[0].sum(1) > 0).all()
    found = ours.check(workload, 1, workload.spec.samples, workload.spec.steps)
    assert found["engine"] == "fast"
    assert found["equal"]
    assert found["overflows"] == 0


def test_a_worker_runs_a_peer_in_a_process_of_its_own(tmp_path: Path) -> None:
    from workers import Entrant, Worker

    folder = small(tmp_path, "W1")
    with Worker.start(Entrant("numpy_events"), Path(sys.executable), folder, {}, 60, tmp_path / "log") as worker:
        worker.run(0.01)
        worker.run(0.01)
    assert len(worker.seconds) >= 2
    assert min(worker.seconds) > 0
    assert worker.facts["peak_bytes"] > 2**20
    assert len(worker.facts["counts"]) == 3
    assert worker.process.returncode is not None


def test_a_peer_that_cannot_run_says_why(tmp_path: Path) -> None:
    from peers import Unavailable
    from workers import Entrant, Worker

    with pytest.raises(Unavailable, match="has no threads"):
        Worker.start(Entrant("numpy_events", 2), Path(sys.executable), small(tmp_path, "W1"), {}, 60, tmp_path / "log")


def row(name: str, **more: Any) -> dict[str, Any]:
    """As the benchmark writes them."""
    times = {"min_s": 0.001, "median_s": 0.002, "p90_s": 0.003, "max_s": 0.004, "repeats": 5, "setup_s": 0.5}
    facts = {"exact": True, "digest": "a", "counts": [[1]], "spikes": [1], "peak_bytes": 2**20, "notes": ""}
    names = {"workload": "W3", "name": name, "peer": name, "threads": 1, "level": ""}
    return names | times | facts | {"versions": {"numpy": "2"}} | more


def check(**more: Any) -> dict[str, Any]:
    """An accepted comparison with the reference, with changes."""
    return {"equal": True, "overflows": 0, "samples": 1, "steps": 9, "synaptic_events": 5} | more


@pytest.mark.parametrize(
    ("ours", "peer", "said"),
    [
        ({"check": check()}, {}, []),
        ({"check": check(equal=False)}, {}, ["W3: ours differs from the reference"]),
        ({"check": check(overflows=1)}, {}, ["W3: registers overflow, where other simulators differ"]),
        ({}, {}, ["W3: ours differs from the reference"]),
        ({"check": check()}, {"digest": "b"}, ["W3: the spikes of prototype are not those of ours"]),
        ({"check": check()}, {"digest": None, "counts": [[2]]}, ["W3: the spikes of prototype are not those of ours"]),
        ({"check": check()}, {"digest": "b", "exact": False}, []),
    ],
)
def test_unequal_results_are_faults(ours: dict[str, Any], peer: dict[str, Any], said: list[str]) -> None:
    from report import faults

    assert faults({"results": [row("ours", **ours), row("prototype", **peer)]}) == said


def test_targets_and_tables_tell_what_was_met() -> None:
    from report import markdown, targets

    machine = {"processor": "P", "family_model": "1 / 2", "instruction_sets": ["avx2"], "cores": 2, "memory_gib": 4.0}
    machine |= {"system": "S", "compiler": "C", "load_before": [0.1], "load_after": [0.2]}
    rows = [row("ours", check=check()), row("prototype", min_s=0.0005), row("brian2", min_s=0.01, exact=False)]
    rows.append({"workload": "W3", "name": "nest", "peer": "nest", "threads": 1, "level": "", "unavailable": "no nest"})
    document = {
        "date": "D",
        "machine": machine,
        "results": rows,
        "settings": {"minutes": 1, "rounds": 2, "budget_s": 3},
    }
    assert targets(document) == [
        "W3, our time over the prototype's: 2 (at most 1.3): MISSED",
        "W3, times faster than Brian2 C++ standalone (brian2): 10 (at least 2.4): met",
    ]
    page = markdown(document)
    assert "| brian2 | 10.0 ms |" in page
    assert "3 x the floor" in page
    assert "* nest: no nest" in page
