"""``neurodeploy faults``: what it prints, stores and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import Cli

import neurodeploy as nd
from neurodeploy.faults import FAULTS, inject
from neurodeploy.robustness.table import read_rows

SWEEP = ("faults", "sweep", "model.nir", "--target", "loihi2", "--input", "data.npz", "--severities", "0,0.5")


def test_all_faults_are_listed(cli: Cli) -> None:
    rows = cli("faults", "list", "--json").json
    assert [r["fault"] for r in rows] == list(FAULTS) and all(r["severity"] and r["what"] for r in rows)
    assert "weight_noise" in cli("faults", "list").out


def test_a_faulty_program_is_written_with_its_manifest(cli: Cli, work: Path) -> None:
    done = cli(
        "faults", "inject", "program.ndp", "--fault", "weight_loss=0.5,dead=0.3@hidden", "--seed", 3, "-o", "f.ndp"
    )
    assert done.code == 0 and "fc1" not in done.err and "neurons" in done.out
    faulty = nd.load("f.ndp")
    expected = inject(nd.load("program.ndp"), "weight_loss=0.5,dead=0.3@hidden", 3)
    for name, p in expected.net.populations.items():
        assert (p.full("vth") == faulty.net.populations[name].full("vth")).all()
    again = cli(
        "faults",
        "inject",
        "program.ndp",
        "--fault",
        "weight_loss=0.5,dead=0.3@hidden",
        "--seed",
        3,
        "-o",
        "f.ndp",
        "--json",
    )
    assert {k: again.json[k] for k in ("spec", "seed", "hits")} == expected.manifest.to_dict()
    assert cli("faults", "inject", "program.ndp", "--fault", "dead=1", "-o", "program.ndp").code == 3


def test_a_sweep_prints_means_with_intervals_and_goes_on_where_it_stopped(cli: Cli, work: Path) -> None:
    command = (*SWEEP, "--fault", "weight_loss", "--fault", "weight_gain=1.5", "--seeds", 4)
    done = cli(*command)
    assert done.code == 0 and "Student" in done.out and "faults.csv" in done.out
    table = Path("faults.csv").read_bytes()
    assert len(read_rows(Path("faults.csv"))[0]) == 1 + 1 + 4 + 1
    facts = cli(*command, "--json").json
    assert Path("faults.csv").read_bytes() == table and facts["table"] == "faults.csv"
    assert [(s["fault"], s["severity"], s["seeds"]) for s in facts["summary"]] == [
        *(("none", None, 1), ("weight_loss", 0.0, 1), ("weight_loss", 0.5, 4), ("weight_gain=1.5", None, 1))
    ]
    line = facts["summary"][2]
    assert line["accuracy_low"] <= line["accuracy"] <= line["accuracy_high"] and len(facts["rows"]) == 7
    Path("faults.csv").write_bytes(table[: len(table) * 2 // 3])
    assert cli(*command).code == 0 and Path("faults.csv").read_bytes() == table
    more = cli(*command[:-1], 6, "--json").json
    assert len(more["rows"]) == 9 and more["rows"][:6] == facts["rows"][:6]


def test_a_yield_uses_the_rows_of_a_sweep_and_loses_cores_by_default(cli: Cli, work: Path) -> None:
    assert cli(*SWEEP, "--fault", "weight_loss", "--seeds", 4).code == 0
    before = Path("faults.csv").read_bytes()
    command = ("faults", "yield", *SWEEP[2:], "--seeds", 4)
    facts = cli(*command, "--fault", "weight_loss", "--drop", 0.2, "--json").json
    assert Path("faults.csv").read_bytes() == before
    healthy, none, half = facts["yields"]
    accuracies = [r["correct"] for r in facts["rows"]]
    assert (half["chips"], half["good"]) == (4, sum(accuracies[0] - a <= 1 for a in accuracies[2:]))
    assert healthy["yield"] == none["yield"] == 1 and half["yield_low"] <= half["yield"] <= half["yield_high"]
    done = cli(*command, "--accuracy", 0.5, "--max-neurons-per-core", 3, "--interval", "wilson")
    assert done.code == 0 and "core_loss" in done.out and "Wilson" in done.out


def test_a_page_says_which_command_made_it(cli: Cli, work: Path) -> None:
    pytest.importorskip("jinja2", reason="reports need jinja2: pip install -e .[report]")
    done = cli(*SWEEP, "--fault", "weight_loss", "--seeds", 2, "--report", "page.html")
    assert done.code == 0 and "page.html" in done.out
    page = Path("page.html").read_text()
    assert "neurodeploy faults sweep model.nir --target loihi2" in page and "--report page.html" in page
    assert Path("page.accuracy.csv").read_text().count("\n") == 1 + 3
    refused = cli(*SWEEP, "--fault", "weight_loss", "-o", "new.csv", "--report", "page.txt")
    assert refused.code == 3 and ".html" in refused.err and not Path("new.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((*SWEEP, "--fault", "weight_los"), 3, "did you mean 'weight_loss'"),
        ((*SWEEP, "--fault", "dead@nobody"), 3, "not a population"),
        ((*SWEEP, "--fault", "dead", "--severities", "0,x"), 2, "no list of numbers"),
        ((*SWEEP, "--fault", "dead", "--severities", "0,2"), 3, "not a severity"),
        ((*SWEEP[:-2], "--fault", "dead"), 3, "no severity"),
        ((*SWEEP, "--fault", "dead", "-o", "text"), 3, "not a table"),
        ((*SWEEP, "--fault", "dead", "-o", "model.nir"), 3, "overwrite"),
        ((*SWEEP, "--fault", "dead", "--report", "faults.csv"), 3, ".html"),
        (
            ("faults", "sweep", "program.ndp", *SWEEP[3:], "--fault", "dead", "--bits", 4, "--dt-s", 1),
            3,
            "--dt-s, --bits",
        ),
        (("faults", "sweep", "model.nir", "--fault", "dead=0.1"), 3, "no data"),
        (("faults", "sweep", "--fault", "dead=0.1"), 2, "Missing argument"),
        (("faults", "yield", *SWEEP[2:]), 2, "--accuracy or --drop"),
        (("faults", "swep"), 2, "did you mean 'sweep'"),
    ],
)
def test_mistakes_say_what_to_do(cli: Cli, work: Path, arguments: tuple[object, ...], code: int, message: str) -> None:
    done = cli(*arguments)
    assert done.code == code and message in done.err and not done.out
    assert Path("text").read_text() == "some text\n"
