"""Files with random damage are read, or refused with an error of ours; libhdf5 alone crashes or hangs on some."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from nir_raw import maps, write_tree

from neurodeploy.errors import ModelError
from neurodeploy.frontends import read_nir

LIMIT_S = 2.0


def damage(data: bytes, seed: int) -> bytes:
    """Some bits or bytes changed, a stretch of zeros, or an early end."""
    rng, spoilt = random.Random(seed), bytearray(data)
    at = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        return data[:at]
    if kind == 1:
        size = rng.choice((8, 64, 512))
        spoilt[at : at + size] = bytes(len(spoilt[at : at + size]))
    for _ in range(rng.choice((1, 2, 5, 20)) if kind > 1 else 0):
        at = rng.randrange(len(data))
        spoilt[at] = spoilt[at] ^ 1 << rng.randrange(8) if kind == 2 else rng.randrange(256)
    return bytes(spoilt)


@pytest.mark.parametrize("start", [0, 200])
def test_damaged_files(start: int, tmp_path: Path) -> None:
    sound = write_tree(maps(), tmp_path / "sound.nir").read_bytes()
    path, outcomes = tmp_path / "damaged.nir", Counter[str]()
    for seed in range(start, start + 200):
        path.write_bytes(damage(sound, seed))
        begin = time.process_time()
        try:
            read_nir(path)
            outcomes["read"] += 1
        except ModelError as error:
            assert error.what and error.remedy and "damaged.nir" in error.where
            outcomes[type(error).__name__] += 1
        assert time.process_time() - begin < LIMIT_S, f"seed {seed}"
    assert outcomes["read"] > 20 and outcomes["UnreadableFile"] > 20, outcomes
