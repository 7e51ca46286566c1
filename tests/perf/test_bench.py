"""tools/bench: its networks give the same spikes on our engines and in numpy, and it notices when they do not."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
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
    assert prepared.work(result)["synaptic_events"] > 1000
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


def test_a_peer_that_dies_on_the_way_is_told_and_the_others_stay(tmp_path: Path) -> None:
    import simulators
    from workers import Entrant, Worker
    from workloads import Spec

    def run(self: Worker, budget_s: float, real: Any = Worker.run) -> None:
        if self.entrant.module == "numpy_events":
            self.process.kill()
        real(self, budget_s)

    given = Namespace(cache=tmp_path, rounds=2, budget=0.01, timeout=60, prototype=tmp_path)
    spec, entrants = Spec("small-W1", "W1", 40, 2), [Entrant("ours"), Entrant("numpy_events"), Entrant("nest")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "run", run)
        rows = simulators.rows_of(
            spec, entrants, dict.fromkeys(("ours", "numpy_events", "nest"), sys.executable), given
        )
    found = {r["peer"]: r.get("unavailable", "") for r in rows}
    assert found.pop("numpy_events").startswith("on the way: it died")
    assert found == {"ours": "", "nest": "this workload is not written for this peer"}
    assert rows[0]["check"]["equal"] and rows[0]["repeats"] >= 2


def row(name: str, **more: Any) -> dict[str, Any]:
    """As the benchmark writes them."""
    times = {"min_s": 0.001, "median_s": 0.002, "p90_s": 0.003, "max_s": 0.004, "repeats": 5, "setup_s": 0.5}
    facts = {"exact": True, "digest": "a", "counts": [[1]], "spikes": [1], "peak_bytes": 2**20, "notes": ""}
    names = {"workload": "W3", "name": name, "peer": name, "threads": 1, "level": ""}
    return names | times | facts | {"versions": {"numpy": "2"}} | more


def check(**more: Any) -> dict[str, Any]:
    """An accepted comparison with the reference, with changes."""
    return {"equal": True, "overflows": 0, "samples": 1, "steps": 9} | more


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


def document(**ours: Any) -> dict[str, Any]:
    """A run of W3 with floors, start and load, ours changed as told."""
    machine = {"processor": "P", "family_model": "1 / 2", "instruction_sets": ["avx2"], "cores": 2, "memory_gib": 4.0}
    machine |= {"system": "S", "compiler": "C", "load_before": [0.1], "load_after": [0.2], "stolen": 0.01}
    rows = [row("ours", **({"check": check(), "work": {"synaptic_events": 10**6, "neuron_updates": 10**5}} | ours))]
    rows += [row("prototype", min_s=0.0005), row("brian2", min_s=0.01, exact=False)]
    rows += [row("ours-v3", peer="ours", level="v3", min_s=0.003, check=check())]
    rows.append({"workload": "W3", "name": "nest", "peer": "nest", "threads": 1, "level": "", "unavailable": "no nest"})
    loaded = {"name": "W1, one thread", "runs": 100, "wrong": 0, "slowdown": 4.5, "idle_s": [1.0], "loaded_s": [4.5]}
    return {
        "date": "D",
        "machine": machine | {"caches": {"L1": "48K"}},
        "results": rows,
        "floors": {"rates": {"1": {"scatter": {"10000": 5e9}, "lif_bias": {"10000": 1e9}}}},
        "start": {"cold_s": 3.0, "cold": "with an empty page cache", "warm_s": 1.0},
        "stress": {"cores": 2, "rows": [loaded]},
        "settings": {
            "minutes": 1,
            "rounds": 2,
            "budget_s": 3,
            "threads": [1],
            "peers": ["prototype", "brian2", "nest"],
            "workloads": ["W3"],
        },
    }


def test_acceptance_tells_what_was_met() -> None:
    from acceptance import acceptance, missed

    found = {line.what: (line.found, line.verdict) for line in acceptance(document())}
    assert found == {
        "W3, 1T: time over the prototype's": (2.0, "MISSED"),
        "W3, 1T: times faster than Brian2 C++ standalone": (10.0, "met"),
        "W3, 1T: times faster than NEST": (None, "NOT MEASURED"),
        "W3, ours: results unequal to `reference`": (0, "met"),
        "W3, ours-v3: results unequal to `reference`": (0, "met"),
        "W3, 1T: time of level v3 over that of the highest level": (3.0, "stated"),
        "`neurodeploy demo` to its first result, cold, s": (3.0, "stated"),
        "`neurodeploy demo` to its first result, warm, s": (1.0, "stated"),
        "W1, one thread under load: wrong runs of 100": (0, "met"),
        "W1, one thread under load: times slower": (4.5, "MISSED"),
    }
    assert missed(document(check=check(equal=False), min_s=0.0006)) == [
        "NOT MEASURED: W3, 1T: times faster than NEST",
        "MISSED: W3, ours: results unequal to `reference`",
        "MISSED: W1, one thread under load: times slower",
    ]


def test_every_demand_is_a_row() -> None:
    from acceptance import acceptance

    complete = document()
    complete["settings"] |= {"workloads": ["W1", "W1x256", "W2", "W2x64", "W3", "W4"]}
    complete["settings"]["peers"] = ["prototype", "lava", "snntorch", "brian2", "torch_loop", "torch_int8", "nest"]
    demands = [line.what for line in acceptance(complete) if ", 1T: time" in line.what and "level" not in line.what]
    assert [sum(demand.startswith(f"{w}, ") for demand in demands) for w in ("W1", "W1x256", "W2x64", "W3", "W4")] == [
        *(5, 3, 2, 3, 2)
    ]
    assert "W4, 1T: set-up times faster than NEST" in [line.what for line in acceptance(complete)]


def test_the_floor_is_work_at_the_measured_rates() -> None:
    from acceptance import floor_distance
    from floors import floor_of

    rates = {"rows": {"16384": 2e11, "262144": 1e11}, "scatter": {"1000000": 1e9}, "read": {str(1 << 29): 2e9}}
    rates |= {"lif": {"1000": 4e9, "10000": 2e9}, "lif_bias": {"1000000": 1e9}}
    work = {"synaptic_events": 10**9, "neuron_updates": 10**9}
    assert floor_of("W1", work, rates).total_s == pytest.approx(0.01 + 0.25)
    assert floor_of("W2", work, rates).total_s == pytest.approx(0.005 + 0.5)
    assert floor_of("W4", work, rates).total_s == pytest.approx(4e9 / 2e9 + 1.0)  # memory is slower than the sums
    whole = document()
    assert floor_distance(whole, whole["results"][0]) == pytest.approx(0.001 / (1e6 / 5e9 + 1e5 / 1e9))


def test_rates_are_measured_by_a_program_made_here(tmp_path: Path) -> None:
    import floors

    found = floors.measure(tmp_path, [1])
    if "unavailable" in found:
        pytest.skip(found["unavailable"])
    rates = found["rates"]["1"]
    assert found["vector_bytes"] in (16, 32, 64)
    assert rates["scatter"]["10000"] > rates["scatter"]["2097152"] > 1e6
    assert rates["lif"]["1000"] > 1e7 and rates["rows"]["16384"] > 1e8 and rates["read"]["16384"] > 1e9
    assert len(floors.table(found)) == 23


def test_a_page_gets_the_tables_between_its_marks(tmp_path: Path) -> None:
    from page import put
    from report import markdown, text

    path = tmp_path / "page.md"
    path.write_text("before\n<!-- bench: a tool -->\nformer\n<!-- end -->\nafter\n")
    put(path, "bench", markdown(document()))
    page = path.read_text()
    assert page.startswith("before\n<!-- bench: a tool -->\nMeasured on D") and page.endswith("<!-- end -->\nafter\n")
    assert "former" not in page and "| brian2 | 10.0 ms |" in page and "* nest: no nest" in page
    assert "| W3, 1T: time over the prototype's | 2 | <= 1.3 | MISSED |" in page
    assert "MISSED" in text(document())
    with pytest.raises(ValueError, match="needs a line"):
        put(path, "other", "")


def test_growth_is_fitted_by_least_relative_errors() -> None:
    import scale

    sizes = [(1000, 100, 0), (1000, 100, 5000), (10_000, 10, 70_000), (400_000, 10, 0), (400_000, 10, 90_000)]
    points = [scale.Point(n, steps, 0.0, events, 2e-9 * n * steps + 3e-9 * events) for n, steps, events in sizes]
    neuron, event, worst = scale.fit(points)
    assert (neuron, event) == (pytest.approx(2e-9), pytest.approx(3e-9)) and worst < 1e-9
    found = scale.grown([*points, scale.Point(1000, 100, 0.0, 0, 4e-4)])  # twice what the others say
    assert found["fits"]["all sizes"]["worst_relative_error"] > 0.1
    assert found["fits"]["above"]["worst_relative_error"] < 1e-9


def test_networks_that_grow_have_the_synapses_and_rates_asked_for() -> None:
    import scale

    import neurodeploy as nd

    held: list[Any] = []
    for rate in (0.0, 0.01, 0.05):
        net = scale.network(2000, rate, held)
        run = nd.simulate(net, np.zeros((100, 1), np.uint8), steps=100)
        assert net.synapses == 2000 * scale.FAN_OUT and len(held) == 1
        assert run.counters.syn_ops == pytest.approx(2000 * 99 * rate * scale.FAN_OUT, rel=scale.RATE_ERROR)


def test_wrong_bits_under_load_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import stress
    from workloads import Spec

    import neurodeploy as nd

    monkeypatch.setattr(stress, "CASES", ((Spec("stress-W1", "W1", 20), "one"),))
    found = stress.measure(3, tmp_path)
    (row,) = found["rows"]
    assert (row["runs"], row["wrong"], len(row["loaded_s"])) == (3, 0, 3) and row["slowdown"] > 0
    real = nd.simulate

    def flawed(*args: Any, **options: Any) -> nd.Run:
        run = real(*args, **options)
        if options.get("engine") != "reference":
            run.spikes["out"].flat[5] ^= 1
        return run

    monkeypatch.setattr(nd, "simulate", flawed)
    assert stress.measure(3, tmp_path)["rows"][0]["wrong"] == 3 + 3
