"""A sample of the malformed files, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import Cli
from nir_malformed import MALFORMED
from nir_raw import small, write_tree
from nir_spoil import params

SAMPLE = sorted(MALFORMED)[::6]


@pytest.mark.parametrize("name", SAMPLE)
def test_one_error_and_nothing_else(cli: Cli, work: Path, name: str) -> None:
    wrong = MALFORMED[name]
    wrong.make(work / "wrong.nir")
    plain = cli("inspect", "wrong.nir")
    assert (plain.code, plain.out) == (3, "")
    assert plain.err.startswith("error: ") and plain.err.count("\n  at:  ") == plain.err.count("\n  try: ") == 1
    result = cli("compile", "wrong.nir", "--target", "loihi2", "-o", "new.ndp", "--json")
    assert (result.code, result.err, result.json["error"]) == (3, "", wrong.error.__name__)
    assert wrong.what in result.json["what"] and wrong.where in result.json["where"] and result.json["remedy"]
    assert not (work / "new.ndp").exists()


def test_the_sample_has_some_of_every_group() -> None:
    assert {name.split(":")[0] for name in SAMPLE} == {name.split(":")[0] for name in MALFORMED}


@pytest.mark.filterwarnings("default")
def test_notes_on_an_old_file_are_shown_once(cli: Cli, work: Path) -> None:
    tree = small()
    params("hidden", v_reset=...)(tree)
    write_tree(tree, work / "old.nir")
    for words in (("inspect", "old.nir"), ("compile", "old.nir", "--target", "loihi2", "-o", "old.ndp")):
        result = cli(*words, "--json")
        assert result.code == 0
        assert result.err.startswith("warning: old.nir: hidden have no v_reset") and result.err.count("warning") == 1
        (note,) = result.json["semantics"]["notes"]
        assert "--reset subtract may be meant" in note
