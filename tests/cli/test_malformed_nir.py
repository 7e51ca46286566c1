"""A sample of the malformed files, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import Cli
from nir_malformed import MALFORMED

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
