"""Large networks that cannot fit are refused before they are quantised; those that may are mapped once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import nir
import numpy as np
import pytest
from networks import random_case

import neurodeploy as nd
from neurodeploy import pipeline
from neurodeploy.errors import DoesNotFit
from neurodeploy.mapping import map_network
from neurodeploy.mapping.bound import fewest_cores

CHIP = nd.load_target("loihi1")


def test_the_bound_is_never_above_a_mapping() -> None:
    tiny = nd.load_target("tiny")
    close = 0
    for seed in range(20):
        net = random_case(seed, lava=False).plan.net
        for target in (tiny, CHIP, nd.load_target("loihi2")):
            try:
                cores = map_network(net, target).cores
            except DoesNotFit:
                continue
            assert 1 <= fewest_cores(net, target) <= cores
            close += fewest_cores(net, target) == cores
    assert close > 6


@pytest.mark.parametrize(("size", "fits"), [(50, True), (4000, False)])
def test_when_a_network_is_mapped(size: int, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    nodes = {
        "in": nir.Input({"input": np.array([40])}),
        "w": nir.Linear(rng.normal(0, 1, (size, 40))),
        "n": nir.LIF(
            tau=np.full(size, 0.01),
            r=np.ones(size),
            v_leak=np.zeros(size),
            v_threshold=np.ones(size),
            v_reset=np.zeros(size),
        ),
        "out": nir.Output({"output": np.array([size])}),
    }
    nir.write(tmp_path / "n.nir", nir.NIRGraph(nodes, [("in", "w"), ("w", "n"), ("n", "out")]))
    done: list[str] = []

    def noted(name: str, real: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            done.append(name)
            return real(*args, **options)

        return call

    monkeypatch.setattr(pipeline, "EARLY_SYNAPSES", 0)
    monkeypatch.setattr(pipeline, "map_network", noted("map", pipeline.map_network))
    monkeypatch.setattr(pipeline, "quantize", noted("quantize", pipeline.quantize))
    mesh = msgspec.structs.replace(CHIP.mesh, chips=msgspec.structs.replace(CHIP.mesh.chips, value=1))
    mesh = msgspec.structs.replace(mesh, cores_per_chip=msgspec.structs.replace(mesh.cores_per_chip, value=3))
    chip = msgspec.structs.replace(CHIP, mesh=mesh)
    options = nd.Options({"dt_s": 1e-3, "reset": "value"})
    if fits:
        nd.compile(str(tmp_path / "n.nir"), chip, options)
        assert done == ["quantize", "map"]
    else:
        with pytest.raises(DoesNotFit):
            nd.compile(str(tmp_path / "n.nir"), chip, options)
        assert done == ["map"]
