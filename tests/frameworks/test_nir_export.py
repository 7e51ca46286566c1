"""Frameworks' modules as NIR files: read again they are the same network, and without losses any tool runs the same."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
from framework_cases import BATCH, Case, frameworks  # noqa: E402

from neurodeploy.export.nir import export_nir, write_nir  # noqa: E402
from neurodeploy.frontends import read_nir  # noqa: E402
from neurodeploy.frontends.imported import frontend_for  # noqa: E402
from neurodeploy.lower import lower, resolve_semantics  # noqa: E402
from neurodeploy.simulate.float_reference import simulate_float  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the frameworks

STEPS = 30
EXACT = [
    pytest.param(case, id=f"{name}: {case}")
    for name, cases in frameworks().items()
    for case in cases or ()
    if not case.refused
]


@pytest.mark.parametrize("case", EXACT)
def test_written_and_read_it_is_the_same_network(case: Case, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = case.build()
    imported = frontend_for(module)(module, case.input_shape, **case.options)
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_nir(imported.graph, network, tmp_path / "a.nir", allow_lossy=True)
    graph = read_nir(tmp_path / "a.nir")
    again = lower(graph, resolve_semantics(graph, {}))
    x = (np.random.default_rng(0).random((BATCH, STEPS, *case.input_shape)) < case.density).astype(np.uint8)
    runs = [simulate_float(n, dict.fromkeys(n.inputs, x), membranes=tuple(n.populations)) for n in (network, again)]
    assert runs[0].spikes.keys() == runs[1].spikes.keys()
    for name in runs[0].spikes:
        np.testing.assert_array_equal(runs[0].spikes[name], runs[1].spikes[name], err_msg=name)
        np.testing.assert_array_equal(runs[0].membranes[name], runs[1].membranes[name], err_msg=name)


OPTIONS = {"reset_mechanism": "zero", "reset_delay": False, "init_hidden": True}
"""What snnTorch's own importer takes; it also flattens the batch, and so gets no Flatten here."""


def maps(snn: Any) -> Any:
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        snn.Leaky(beta=0.9, threshold=0.7, **OPTIONS),
        torch.nn.AvgPool2d((2, 2)),
        torch.nn.Conv2d(4, 6, (3, 3), stride=2, groups=2),
        snn.Leaky(beta=0.8, **OPTIONS),
    )


def vectors(snn: Any) -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(6, 9),
        snn.Synaptic(alpha=0.6, beta=0.8, **OPTIONS),
        torch.nn.Linear(9, 5),
        snn.Leaky(beta=0.5, **OPTIONS),
    )


@pytest.mark.parametrize(("build", "shape"), [(maps, (1, 8, 8)), (vectors, (6,))])
def test_a_lossless_file_runs_in_snntorch(build: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    """No losses were listed, so another tool must send the same spikes: here snnTorch's own importer."""
    snn = pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
    from snntorch.import_nir import import_from_nir

    torch.manual_seed(1)
    net = build(snn).eval()
    for layer in net:
        if hasattr(layer, "weight"):
            layer.weight.data *= 3
    x = (np.random.default_rng(0).random((6, 80, *shape)) < 0.4).astype(np.uint8)
    facts = export_nir(net, tmp_path / "a.nir", sample=x)
    assert facts["losses"] == []
    foreign = import_from_nir(nir.read(tmp_path / "a.nir"))
    graph = read_nir(tmp_path / "a.nir")
    network = lower(graph, resolve_semantics(graph, {}))
    ours = simulate_float(network, dict.fromkeys(network.inputs, x)).spikes[network.outputs["output"]]
    state, sent = None, []
    for t in range(x.shape[1]):
        spikes, state = foreign(torch.tensor(x[:, t], dtype=torch.float32), state)
        sent.append((spikes[0] if isinstance(spikes, tuple) else spikes).flatten(1))
    theirs = torch.stack(sent, 1).detach().numpy()
    assert 0.02 < theirs.mean() < 0.98
    np.testing.assert_array_equal(ours, theirs)
