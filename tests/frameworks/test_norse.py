"""Norse cells against the NIR nodes that mean the same."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest
from graphs import DT_S, graph, write

from neurodeploy import Options, load_target
from neurodeploy.pipeline import run_passes
from neurodeploy.simulate.float_reference import simulate_float

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
norse = pytest.importorskip("norse.torch", reason="needs norse: python3 tools/test.py installs it")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the exporters


def cubalif(n: int, tau_syn_s: float, tau_mem_s: float) -> nir.CubaLIF:
    """The current jumps by the whole input and acts undecayed in the same step: w_in = tau_syn / dt."""
    return nir.CubaLIF(
        tau_syn=np.full(n, tau_syn_s),
        tau_mem=np.full(n, tau_mem_s),
        r=np.ones(n),
        v_leak=np.zeros(n),
        v_threshold=np.ones(n),
        v_reset=np.zeros(n),
        w_in=np.full(n, tau_syn_s / DT_S),
    )


def test_recurrent_lif_equals_its_graph(tmp_path: Path) -> None:
    torch.manual_seed(0)
    n, tau_syn_s, tau_mem_s = 40, 4e-3, 8e-3
    p = norse.LIFParameters(tau_syn_inv=torch.tensor(1 / tau_syn_s), tau_mem_inv=torch.tensor(1 / tau_mem_s))
    cell = norse.LIFRecurrentCell(20, n, p=p, dt=DT_S).double()
    cell.input_weights.data *= 8
    cell.recurrent_weights.data *= 4
    x = (np.random.default_rng(0).random((6, 80, 20)) < 0.3).astype(np.uint8)
    state, spikes = None, []
    for t in range(80):
        z, state = cell(torch.tensor(x[:, t], dtype=torch.float64), state)
        spikes.append(z.detach().numpy())
    expected = np.stack(spikes, axis=1)
    assert 0.02 < expected.mean() < 0.5
    nodes = {
        "w": nir.Linear(weight=cell.input_weights.detach().numpy()),
        "rec": cubalif(n, tau_syn_s, tau_mem_s),
        "w_rec": nir.Linear(weight=cell.recurrent_weights.detach().numpy()),
    }
    edges = [("input", "w"), ("w", "rec"), ("rec", "w_rec"), ("w_rec", "rec"), ("rec", "output")]
    path = write(graph(nodes, edges, source=(20,), sink=(n,)), tmp_path)
    network = run_passes(path, load_target("loihi2"), stop_after="lower").network
    assert network is not None
    np.testing.assert_array_equal(simulate_float(network, {"input": x}).spikes["rec"], expected)


def test_lif_box_exported_with_dt_one(tmp_path: Path) -> None:
    torch.manual_seed(1)
    full = torch.full((10,), 1.0)
    p = norse.LIFBoxParameters(tau_mem_inv=full * 100, v_th=full * 1.0, v_leak=full * 0.0, v_reset=full * 0.0)
    net = norse.SequentialState(torch.nn.Linear(12, 10, bias=False), norse.LIFBoxCell(p, dt=DT_S))
    net[0].weight.data *= 12
    x = (np.random.default_rng(0).random((6, 60, 12)) < 0.4).astype(np.uint8)
    state, spikes = None, []
    for t in range(60):
        z, state = net(torch.tensor(x[:, t], dtype=torch.float32), state)
        spikes.append(z.detach().numpy())
    expected = np.stack(spikes, axis=1)
    assert expected.any()
    nir.write(tmp_path / "box.nir", norse.to_nir(net, torch.zeros(12), dt=1))
    options = Options({"dt_s": DT_S, "reset": "value"})
    network = run_passes(tmp_path / "box.nir", load_target("loihi2"), options, stop_after="lower").network
    assert network is not None
    (name,) = network.inputs
    (neurons,) = network.populations
    np.testing.assert_array_equal(simulate_float(network, {name: x}).spikes[neurons], expected)
