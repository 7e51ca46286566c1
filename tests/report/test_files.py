"""The numbers beside a page, against the run and the estimate that they come from, and the documented columns."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from commandline import strict_json

import neurodeploy as nd
from neurodeploy.errors import ModelError, UnreadableFile, UnwritableFile
from neurodeploy.evaluate import load_samples
from neurodeploy.report.evidence import Evidence, gather, interval
from neurodeploy.report.record import core_rows, layer_rows, record, resource_rows
from neurodeploy.report.sections.traffic import flows_shown
from neurodeploy.report.write import report_files

DOCS = Path(__file__).resolve().parents[2] / "docs" / "report.md"


def documented(heading: str) -> list[str]:
    """Names in the first column of a table of docs/report.md."""
    part = DOCS.read_text(encoding="utf-8").split(f"### {heading}\n")[1].split("\n### ")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_layers_are_those_of_run_and_estimate(bundled: dict[str, Path]) -> None:
    page = bundled["digits-conv"]
    program, samples = nd.load(page.with_name("program.ndp")), load_samples(nd.load_model("digits-conv").test)
    run = nd.simulate(program, samples.spikes)
    costs = nd.estimate(run, program)
    rows = rows_of(page.with_name("layers.csv"))
    assert list(rows[0]) == documented("layers.csv")
    assert [r["layer"] for r in rows] == list(program.net.populations)
    for row, cost in zip(rows, costs.layers, strict=True):
        counted, n = run.counters.populations[row["layer"]], len(samples.spikes)
        assert float(row["spikes"]) == pytest.approx(counted.spikes / n, rel=1e-12)
        assert float(row["syn_ops"]) == pytest.approx(counted.syn_ops / n, rel=1e-12)
        assert float(row["rate_per_step"]) == pytest.approx(run.spikes[row["layer"]].sum() / n / cost.neurons / 20)
        energies = [float(row[f"energy{end}_j"]) for end in ("", "_low", "_high")]
        assert energies == [cost.energy.value, cost.energy.low, cost.energy.high]
        assert float(row["synapse_energy_j"]) + float(row["neuron_energy_j"]) == pytest.approx(energies[0])


def test_cores_add_up(conv: Evidence) -> None:
    rows = core_rows(conv)
    names = documented("cores.csv")
    fixed = [n for n in names if "NAME" not in n][: names.index("NAME_used")]
    assert list(rows[0])[: len(fixed)] == fixed
    assert all(re.fullmatch(r"[a-z_]+_(used|limit)", k) for k in list(rows[0])[len(fixed) :])
    assert sum(r["neurons"] for r in rows) == conv.program.net.neurons
    assert sum(r["syn_ops"] for r in rows) == pytest.approx(conv.costs.syn_ops)
    assert sum(r["dendrite_updates"] for r in rows) == pytest.approx(conv.costs.neuron_updates)
    assert sum(r["spikes_in"] for r in rows) == pytest.approx(conv.costs.packets)
    for row, use in zip(rows, conv.use.cores, strict=True):
        shares = {n: row[f"{n}_used"] / row[f"{n}_limit"] for n in use.needed}
        assert (
            (row["binding"], row["share"])
            == (use.binding, use.share)
            == (max(shares, key=shares.__getitem__), use.share)
        )
        assert row["share"] == max(shares.values())
    assert resource_rows(conv)[0]["max_share"] == max(r["share"] for r in rows)


def test_the_json_says_what_the_page_says(bundled: dict[str, Path]) -> None:
    page = bundled["digits-mlp"]
    facts = strict_json(page.with_name("report.json").read_text(encoding="utf-8"))
    assert set(facts) == set(documented("report.json"))
    text = page.read_text(encoding="utf-8")
    answers = facts["answers"]
    assert f"Yes: {answers['cores']} of 128 cores" in text
    assert f"{100 * answers['accuracy']:.2f} % on the chip" in text
    assert f"The float model has {100 * answers['float_accuracy']:.2f} %" in text
    assert f"{1e6 * answers['energy_j']['value']:.3g} µJ, an estimate" in text
    assert f"{1e6 * answers['latency_s']['value']:.3g} µs, an estimate" in text
    card = nd.load_model("digits-mlp").card["result"]
    assert answers["float_accuracy"] == pytest.approx(card["float_test_accuracy"])
    for kind, path in (("program", page.with_name("program.ndp")), ("data", nd.load_model("digits-mlp").test)):
        assert facts["files"][kind]["sha256"] in text and facts["files"][kind]["name"] == path.name


def test_pictures_count_the_same_packets_as_the_run(conv: Evidence) -> None:
    """All samples are shown, so that the heat map must hold every packet of the counters."""
    assert conv.shown.samples == conv.samples
    packets = flows_shown(conv).matrix().sum() * conv.run.steps
    assert packets == pytest.approx(conv.costs.packets, rel=1e-12)


def test_registers_reached_what_a_recorded_run_shows(conv: Evidence) -> None:
    samples = load_samples(nd.load_model("digits-conv").test).spikes[:12]
    run = nd.simulate(conv.program, samples, record={n: ("u", "v") for n in conv.program.net.populations})
    for (name, register), reached in conv.shown.reached.items():
        assert reached == np.abs(run.states[name][register].astype(np.int64)).max()
    assert len(conv.shown.reached) == 6
    for name, sent in conv.shown.sent.items():
        given = run.spikes[name] if name in run.spikes else samples
        assert sent.sum() == np.count_nonzero(given)
        np.testing.assert_array_equal(sent[:, : given.shape[1]], given.reshape(12, given.shape[1], -1) != 0)


def test_an_interval_holds_the_share_and_narrows() -> None:
    # Newcombe 1998, table I: 81 of 263 and 15 of 148, method 3
    assert interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert interval(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert interval(1.0, 10)[1] == pytest.approx(1.0) and interval(0.0, 10)[0] == pytest.approx(0.0)


def test_without_labels_and_float_model_nothing_is_invented(tmp_path: Path) -> None:
    from programs import program_of, rich_network

    rng = np.random.default_rng(3)
    program = program_of(rich_network(rng))
    facts = nd.report(program, rng.integers(0, 2, (3, 8, 2, 7, 6)), tmp_path / "x.html")
    assert facts["accuracy"] is None and facts["float_accuracy"] is None
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "Not known" in text and "The float model was not at hand" in text and "made from integers" in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.cores.csv", "x.html", "x.json", "x.layers.csv"]
    assert json.loads((tmp_path / "x.json").read_text())["comparison"] is None


@pytest.mark.parametrize("labels", ([0], [0, -1], [0.5, 1.0]))
def test_labels_that_are_none_are_refused(conv: Evidence, tmp_path: Path, labels: list[float]) -> None:
    with pytest.raises(UnreadableFile, match="label"):
        nd.report(conv.program, np.zeros((2, 3, 1, 8, 8), np.uint8), tmp_path / "x.html", labels=labels)
    assert not list(tmp_path.iterdir())


def test_the_wrong_model_is_refused(bundled: dict[str, Path]) -> None:
    program = nd.load(bundled["digits-mlp"].with_name("program.ndp"))
    samples = load_samples(nd.load_model("digits-mlp").test)
    for wrong in ("digits-conv", nd.load_model("digits-conv").nir):
        with pytest.raises(ModelError, match="not made of this model") as caught:
            gather(program, samples, wrong)
        assert "compile this one again" in caught.value.remedy


@pytest.mark.parametrize("out", ("data.npz", "program.ndp", "page.txt", "no/folder.html"))
def test_what_cannot_be_written_is_refused_before_work(tmp_path: Path, bundled: dict[str, Path], out: str) -> None:
    with pytest.raises(UnwritableFile) as caught:
        report_files(Path("absent.ndp"), Path("absent.npz"), tmp_path / out)
    assert caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_all_files_or_none(tmp_path: Path, conv: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurodeploy.report import write as writing

    (tmp_path / "report.html").write_text("old")
    paths = writing.checked_paths(tmp_path / "report.html", writing.TABLES, ())

    def full(rows: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "csv_text", full)
    with pytest.raises(OSError):
        writing.write(conv, paths)
    with pytest.raises(UnwritableFile):
        writing.write_all(
            {tmp_path / "report.html": "new", tmp_path / "a.csv": "new", tmp_path / "no" / "b.csv": "new"}
        )
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"


def test_a_record_is_json_of_finite_numbers(conv: Evidence) -> None:
    facts = strict_json(json.dumps(record(conv), allow_nan=False, default=lambda v: v.tolist()))
    assert facts["answers"]["samples"] == 12
    assert len(facts["layers"]) == len(layer_rows(conv)) == 3
