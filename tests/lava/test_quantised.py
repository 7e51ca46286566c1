"""Networks as the quantiser makes them, on Lava: single-sign and narrow formats, with exponents that gave way."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest
from graphs import chain, lif, write

import neurodeploy as nd
from neurodeploy.verify import verify


@pytest.mark.slow
@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
def test_formats_of_the_quantiser(chip: str, lava_python: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = {
        "w1": nir.Linear(weight=rng.random((12, 10))),
        "a": lif((12,), 0.8, 2.0),
        "w2": nir.Linear(weight=rng.integers(-1, 2, (8, 12)) * 0.3),
        "b": lif((8,), 0.7, 0.5),
        "w3": nir.Linear(weight=rng.random((4, 8))),
        "c": lif((4,), 0.5, 1.0),
        "w4": nir.Linear(weight=-rng.random((4, 4))),
        "d": lif((4,), 0.5, 1.0),
    }
    path = write(chain(nodes, source=(10,), sink=(4,)), tmp_path)
    spikes = (rng.random((3, 40, 10)) < 0.4).astype(np.uint8)
    options = nd.Options(bits={"a": 5, "c": 3}, calibrate=spikes, calibration="mse", per_channel=True)
    program = nd.compile(path, chip, options)
    modes = [(p.sign_mode, p.num_weight_bits) for p in program.net.projections]
    assert modes == [("excitatory", 5), ("mixed", 2), ("excitatory", 3), ("inhibitory", 8)]
    facts = verify(program, spikes, "lava", lava_python=lava_python)
    assert facts["equal"] and sum(row["matched"] for row in facts["registers"]) > 9000
    assert nd.simulate(program, spikes).spikes["c"].any()
