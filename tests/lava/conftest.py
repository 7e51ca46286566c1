"""What Lava made of the measured vectors and of random networks, in a few worker processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from lava_case import Case
from networks import random_case
from vectors import VECTORS, vector_case

from neurodeploy.export.lava import run_lava_many

NETWORKS = {"small": 80, "large": 80, "extreme": 40}
WORKERS = 2
TIMEOUT_S = 600.0


@pytest.fixture(scope="session")
def cases(lava_python: Path) -> dict[str, Case]:
    """All vectors, then all random networks, run on Lava; by label."""
    made = [vector_case(label) for label in VECTORS]
    for regime, count in NETWORKS.items():
        made += [random_case(1000 + seed, regime) for seed in range(count)]

    def on_lava(part: list[Case]) -> dict[str, Case]:
        outcomes = run_lava_many([c.unprepared for c in part], python=lava_python, timeout_s=TIMEOUT_S)
        return {c.label: replace(c, lava=outcome) for c, outcome in zip(part, outcomes, strict=True)}

    # building a network keeps Lava busy on one core for longer than running it does
    with ThreadPoolExecutor(WORKERS) as pool:
        first, *others = pool.map(on_lava, [made[k::WORKERS] for k in range(WORKERS)])
    for part in others:
        first |= part
    return first
