"""A framework's own NIR export, read under the profile of its name, does what the module does by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from framework_cases import louder

import neurodeploy as nd
from neurodeploy.pipeline import run_passes
from neurodeploy.simulate.float_reference import simulate_float

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the exporters
X = (np.random.default_rng(0).random((4, 60, 12)) < 0.4).astype(np.float32)
N = 10


def last_layer(graph: nir.NIRGraph, folder: Path, **options: object) -> np.ndarray:
    """Spikes, or membranes, of the last layer; the exporter's own shapes of the ends are put right."""
    for name, node in graph.nodes.items():
        if isinstance(node, nir.Input):
            graph.nodes[name] = nir.Input({"input": np.array([12])})
        if isinstance(node, nir.Output):
            graph.nodes[name] = nir.Output({"output": np.array([N])})
        for key, value in vars(node).items():
            if isinstance(value, torch.Tensor):
                array = value.detach().numpy()
                setattr(node, key, np.full(N, array) if array.ndim == 0 else array)
    nir.write(folder / "net.nir", graph)
    state = run_passes(folder / "net.nir", "loihi2", nd.Options(options), stop_after="lower")
    assert state.network is not None
    (*_, last) = state.network.populations
    run = simulate_float(state.network, {next(iter(state.network.inputs)): X}, membranes=(last,))
    return np.asarray(run.spikes[last] if state.network.populations[last].spiking else run.membranes[last])


@pytest.mark.parametrize("neuron", ["Leaky", "Synaptic"])
def test_snntorch(tmp_path: Path, neuron: str) -> None:
    snn = pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
    from snntorch.export_nir import export_to_nir

    torch.manual_seed(0)
    current = {"alpha": torch.full((N,), 0.5)} if neuron == "Synaptic" else {}
    cell = getattr(snn, neuron)(beta=torch.full((N,), 0.75), threshold=torch.ones(N), init_hidden=True, **current)
    net = louder(torch.nn.Sequential(torch.nn.Linear(12, N), cell))
    graph = export_to_nir(net, torch.zeros(1, 12), ignore_dims=[0])
    cell.reset_mem()
    expected = np.stack([net(torch.tensor(X[:, t])).detach().numpy() for t in range(X.shape[1])], axis=1)
    assert 0.02 < expected.mean() < 0.98
    np.testing.assert_array_equal(last_layer(graph, tmp_path, profile="snntorch"), expected)


def test_norse(tmp_path: Path) -> None:
    norse = pytest.importorskip("norse.torch", reason="needs norse: python3 tools/test.py installs it")
    torch.manual_seed(0)
    full = torch.ones(N)
    p = norse.LIFBoxParameters(tau_mem_inv=full * 100, v_th=full, v_leak=full * 0.25, v_reset=full * 0)
    net = louder(norse.SequentialState(torch.nn.Linear(12, N, bias=False), norse.LIFBoxCell(p)), 12)
    state, spikes = None, []
    for t in range(X.shape[1]):
        z, state = net(torch.tensor(X[:, t]), state)
        spikes.append(z.detach().numpy())
    expected = np.stack(spikes, axis=1)
    assert expected.any()
    np.testing.assert_array_equal(
        last_layer(norse.to_nir(net, torch.zeros(12), dt=1), tmp_path, profile="norse"), expected
    )


@pytest.mark.parametrize("name", ["IFNode", "LIFNode"])
def test_spikingjelly(tmp_path: Path, name: str) -> None:
    pytest.importorskip("spikingjelly", reason="needs spikingjelly: python3 tools/test.py installs it")
    from spikingjelly.activation_based import functional, layer, neuron, nir_exchange

    torch.manual_seed(0)
    net = louder(torch.nn.Sequential(layer.Linear(12, N), getattr(neuron, name)(v_reset=-0.25)))
    expected = np.stack([net(torch.tensor(X[:, t])).detach().numpy() for t in range(X.shape[1])], axis=1)
    functional.reset_net(net)
    assert expected.any()
    graph = nir_exchange.export_to_nir(net, torch.zeros(1, 12))
    np.testing.assert_array_equal(last_layer(graph, tmp_path, profile="spikingjelly"), expected)


@pytest.mark.parametrize(
    ("name", "settings", "gain"),
    [
        ("IAF", {}, {}),
        ("LIF", {"tau_mem": 10.0}, {"input_gain": "nir"}),
        ("LIF", {"tau_mem": 10.0, "norm_input": False}, {"input_gain": "unit"}),
        ("ExpLeak", {"tau_mem": 10.0}, {"input_gain": "unit"}),
    ],
)
def test_sinabs(tmp_path: Path, name: str, settings: dict[str, Any], gain: dict[str, str]) -> None:
    layers = pytest.importorskip("sinabs.layers", reason="needs sinabs: python3 tools/test.py installs it")
    from sinabs.nir import to_nir

    torch.manual_seed(0)
    given = {k: torch.full((N,), v) if k == "tau_mem" else v for k, v in settings.items()}
    if name != "ExpLeak":
        given["spike_threshold"] = torch.ones(N)
    net = louder(torch.nn.Sequential(torch.nn.Linear(12, N), getattr(layers, name)(**given)), 30)
    expected = net(torch.tensor(X)).detach().numpy()
    assert expected.any()
    found = last_layer(to_nir(net, torch.tensor(X[:1])), tmp_path, profile="sinabs", **gain)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["LIFTorch", "LIFNeuronTorch", "ExpSynTorch"])
def test_rockpool(tmp_path: Path, name: str) -> None:
    modules = pytest.importorskip("rockpool.nn.modules", reason="needs rockpool: python3 tools/test.py installs it")
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules.torch.nir import to_nir

    torch.manual_seed(0)
    settings = {
        "LIFTorch": {"tau_mem": 0.02, "tau_syn": 0.01},
        "LIFNeuronTorch": {"tau_mem": 0.02},
        "ExpSynTorch": {"tau": 0.01},
    }
    weights = modules.LinearTorch((12, N), has_bias=False)
    weights.weight.data *= 2
    net = Sequential(weights, getattr(modules, name)((N, N) if name == "LIFTorch" else (N,), dt=1e-3, **settings[name]))
    expected = net(torch.tensor(X))[0].detach().numpy()
    assert expected.any()
    found = last_layer(to_nir(net, torch.zeros(1, 12)), tmp_path, profile="rockpool")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
