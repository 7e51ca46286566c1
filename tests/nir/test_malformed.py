"""Every malformed file gives an error that says what, where and how to mend it, in time and without much memory."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
from nir_malformed import MALFORMED

import neurodeploy as nd
from neurodeploy.errors import ModelError

LIMIT_S = 2.0
"""Of the processor, so that a busy machine fails no test."""
LIMIT_BYTES = 100e6
HUGE = [name for name in MALFORMED if any(size in name for size in ("GB", "TB", "10^", "within itself"))]


@pytest.mark.parametrize("name", MALFORMED)
def test_the_error_names_what_is_wrong(name: str, tmp_path: Path) -> None:
    wrong = MALFORMED[name]
    path = tmp_path / "wrong.nir"
    wrong.make(path)
    start = time.process_time()
    with pytest.raises(ModelError) as caught:
        nd.compile(path, "loihi2")
    taken_s = time.process_time() - start
    error = caught.value
    assert type(error) is wrong.error, error
    assert wrong.what in error.what, error
    assert wrong.where in error.where and "wrong.nir" in error.where, error
    assert error.what and error.remedy
    assert taken_s < LIMIT_S


@pytest.mark.parametrize("name", HUGE)
def test_what_only_claims_to_be_huge_takes_no_memory(name: str, tmp_path: Path) -> None:
    MALFORMED[name].make(tmp_path / "wrong.nir")
    tracemalloc.start()
    try:
        with pytest.raises(ModelError):
            nd.compile(tmp_path / "wrong.nir", "loihi2")
        assert tracemalloc.get_traced_memory()[1] < LIMIT_BYTES
    finally:
        tracemalloc.stop()


def test_there_are_enough_of_them() -> None:
    assert len(MALFORMED) >= 120 and len(HUGE) >= 8
    assert len({wrong.make for wrong in MALFORMED.values()}) == len(MALFORMED)
