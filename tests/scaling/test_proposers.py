"""Proposers of expressions, and their contest with lines and polynomials."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from planted_laws import planted

from neurodeploy.errors import UnreadableFile
from neurodeploy.scaling import (
    CommandProposer,
    EvolutionProposer,
    GrammarProposer,
    ProposerError,
    RecordedProposer,
    TemplateProposer,
    contest,
    parse,
    write_record,
)
from neurodeploy.scaling.proposers import pareto_front
from neurodeploy.scaling.proposers.trees import canonical, fingerprint

LAW = planted(lambda n, s, k: 1 / (1 + 1.5 * k**0.8 * n**-0.7 * s**-0.85))
FEW = LAW.of((LAW.points["N"] != 40) & (LAW.points["S"] != 8))


def program(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "program.py").write_text(text)
    return [sys.executable, str(tmp_path / "program.py")]


def test_templates_beat_line_and_polynomial_on_a_planted_law() -> None:
    held = contest(LAW, TemplateProposer())
    assert held.proposed is not None
    assert held.proposed.fit.form.expression.text == "1/(1 + p0*K**p1*N**p2*S**p3)"
    assert held.proposed.fit.bic < min(held.linear.fit.bic, held.polynomial.fit.bic)
    assert [row["entry"] for row in held.rows] == ["proposer", "linear", "polynomial"]


def test_grammars_repeat_themselves_with_the_seed_and_never_within_a_run() -> None:
    texts = GrammarProposer(30, rounds=2, seed=4).propose({}, ())
    assert texts == GrammarProposer(30, rounds=2, seed=4).propose({}, ())
    assert texts != GrammarProposer(30, seed=5).propose({}, ())
    proposer = GrammarProposer(30, rounds=2, seed=4)
    both = [*proposer.propose({}, ()), *proposer.propose({}, ())]
    assert len(both) == 60 and proposer.propose({}, ()) == []
    marks = [fingerprint(parse(text, most_parameters=6)) for text in both]
    assert len(set(marks)) == 60 and None not in marks
    assert all(text == str(canonical(parse(text).tree)) for text in both)


def test_what_computes_the_same_has_one_form_and_one_fingerprint() -> None:
    for one, two in (("p3*K + p1", "p0 + K*p2"), ("max(N, K*p0)", "max(p4*K, N)"), ("S*(K*p0)", "(p0*K)*S")):
        assert canonical(parse(one).tree) == canonical(parse(two).tree)
    assert fingerprint(parse("p0*K*K")) == fingerprint(parse("p0*K**2"))
    assert fingerprint(parse("p0*K")) != fingerprint(parse("p0*N"))


def test_evolution_goes_down() -> None:
    """Later generations have a better best than the random first one."""
    held = contest(FEW, EvolutionProposer(number=6, rounds=3, seed=0))
    assert len(held.rounds) == 3
    first = [s["bic"] for s in held.history[:6] if s["error"] is None]
    rest = [s["bic"] for s in held.history[6:] if s["error"] is None]
    assert min(rest) < min(first)
    sizes = [s["nodes"] for s in held.front]
    errors = [s["cv_rmse"] for s in held.front]
    assert sizes == sorted(set(sizes)) and errors == sorted(set(errors), reverse=True)


def test_pareto_front_by_hand() -> None:
    history = [{"nodes": n, "cv_rmse": e, "error": None} for n, e in ((3, 0.5), (5, 0.6), (5, 0.2), (9, 0.2), (9, 0.1))]
    front = pareto_front([*history, {"nodes": 1, "cv_rmse": 0, "error": "illegal"}])
    assert [(s["nodes"], s["cv_rmse"]) for s in front] == [(3, 0.5), (5, 0.2), (9, 0.1)]


def test_a_record_says_again_what_was_said(tmp_path: Path) -> None:
    """The same texts, and the same fits up to rounding, which numpy does as the arrays lie in memory."""
    held = contest(FEW, GrammarProposer(5, rounds=2, seed=1))
    write_record(tmp_path / "record.json", held.rounds)
    again = contest(FEW, RecordedProposer(tmp_path / "record.json"))
    assert again.rounds == held.rounds and len(again.rows) == 3
    for one, two in ((again.history, held.history), (again.rows, held.rows)):
        assert [s["expression"] for s in one] == [s["expression"] for s in two]
        assert [s["bic"] for s in one] == pytest.approx([s["bic"] for s in two], abs=1e-3)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "neurodeploy scaling proposals 1", "rounds": [[1]]}', "{}"])
def test_what_no_record_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(UnreadableFile):
        RecordedProposer(tmp_path / "record.json")
    with pytest.raises(UnreadableFile, match="no record"):
        RecordedProposer(tmp_path / "nothing.json")


def test_a_program_sees_no_cell_beyond_the_split_and_answers_with_expressions(tmp_path: Path) -> None:
    asked = tmp_path / "asked.json"
    text = f"""
import json, sys
question = json.load(sys.stdin)
with open({str(asked)!r}, "a") as file:
    file.write(json.dumps(question) + "\\n")
first = ["1/(1 + p0*K**p1*N**p2*S**p3)", "__import__('os').remove('x')", "p0", "p0*K", "K*p0"]
print(json.dumps({{"expressions": [] if question["history"] else first}}))
"""
    held = contest(FEW, CommandProposer(program(tmp_path, text)), most_k=12)
    questions = [json.loads(line) for line in asked.read_text().splitlines()]
    assert len(questions) == 2
    assert {point[2] for point in questions[0]["summary"]["points"]} == {2, 3, 4, 6, 8, 12}
    assert [s["error"] is None for s in questions[1]["history"]] == [True, False, True, True, False]
    why = [s["error"] for s in held.history]
    assert "Attribute" in why[1] and "another one" in why[4]
    assert held.proposed is not None and held.proposed.fit.form.name.startswith("1/(1")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("print('p0*K')", "not JSON"),
        ("print('[1, 2]')", "not a list of texts"),
        ("print('{\"forms\": []}')", "not a list of texts"),
        ("", "not JSON"),
        ("import sys; sys.exit('no model here')", "exit code 1: no model here"),
        ("import json; print(json.dumps(['p0*K'] * 1001))", "1,001 expressions"),
        ("print('[' * 100000)", "not JSON"),
    ],
)
def test_programs_that_fail(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(ProposerError, match=match) as failed:
        CommandProposer(program(tmp_path, text)).propose({}, ())
    assert "program.py" in failed.value.where


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    text = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
time.sleep(60)
"""
    began = time.monotonic()
    with pytest.raises(ProposerError, match="within 1 s"):
        CommandProposer(program(tmp_path, text), timeout_s=1).propose({}, ())
    assert time.monotonic() - began < 20


def test_programs_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ProposerError, match="cannot be started"):
        CommandProposer([str(tmp_path / "nothing")]).propose({}, ())
    with pytest.raises(ProposerError, match="no program"):
        CommandProposer([])


def test_a_proposer_without_a_legal_proposal_leaves_the_others(tmp_path: Path) -> None:
    write_record(tmp_path / "record.json", [["K.x", "1/K", "q*K"]])
    held = contest(FEW, RecordedProposer(tmp_path / "record.json"))
    assert held.proposed is None and [row["entry"] for row in held.rows] == ["linear", "polynomial"]
