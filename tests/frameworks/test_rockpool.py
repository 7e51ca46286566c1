"""Rockpool beyond its cases: the user's module stays as it is, its two ways of being called, messages, chips."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.errors import ShapeMismatch, UnsupportedFeature, UnsupportedNode
from neurodeploy.frontends.imported import frontend_for
from neurodeploy.graph import Graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.simulate.float_reference import simulate_float

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
rockpool = pytest.importorskip("rockpool", reason="needs rockpool: python3 tools/test.py installs it")
from frameworks.cases_rockpool import DT_S, FLAT, N_HIDDEN, each, eighths, lif, linear, stack  # noqa: E402
from rockpool.nn.combinators import Sequential  # noqa: E402
from rockpool.nn.modules import LIFTorch  # noqa: E402

from neurodeploy.frontends.rockpool import from_module  # noqa: E402


def spikes(*shape: int) -> NDArray[np.uint8]:
    return (np.random.default_rng(1).random(shape) < 0.5).astype(np.uint8)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_the_users_module_stays_as_it_is() -> None:
    net = stack(lambda n: lif(n, has_rec=True, w_rec=torch.randn(n, n) * 0.05)).train()
    net(torch.rand(3, 9, *FLAT))[0].sum().backward()
    before = {k: (type(v), v.detach().clone()) for k, v in [*net.named_buffers(), *net.named_parameters()]}
    classes, training = [type(part) for _, part in net.named_modules()], net.training
    x = spikes(4, 20, *FLAT)
    imported = from_module(net)
    imported.source.run({"input": x})
    assert {k: type(v) for k, v in [*net.named_buffers(), *net.named_parameters()]} == {
        k: kind for k, (kind, _) in before.items()
    }
    for name, value in [*net.named_buffers(), *net.named_parameters()]:
        assert torch.equal(value, before[name][1]), name
    assert [type(part) for _, part in net.named_modules()] == classes
    assert net.training == training and isinstance(net(torch.rand(1, 2, *FLAT)), tuple)


def test_rockpools_call_and_torchs_call_are_the_same_network() -> None:
    net, x = stack(lif, gain=0.5), spikes(4, 50, *FLAT)
    by_rockpool = frontend_for(net)(net)
    recorded = by_rockpool.source.run({"input": x})
    # states go on from call to call; a reset makes it the same again, as every run of ours does
    out = net.reset_state()(torch.as_tensor(x, dtype=torch.float32))[0].detach().numpy()
    np.testing.assert_array_equal(out, recorded.spikes["3_LIFTorch"])
    assert out.max() > 1
    by_torch = from_module(net.to_torch()).source.run({"input": x})
    for name, values in recorded.spikes.items():
        np.testing.assert_array_equal(by_torch.spikes[name], values)


def test_membranes_are_told_where_rockpool_records_them() -> None:
    net, x = stack(lif), spikes(2, 30, *FLAT)
    imported = from_module(net)
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    ours = simulate_float(network, {"input": x}, membranes=("1_LIFTorch",)).membranes["1_LIFTorch"]
    theirs = imported.source.run({"input": x}).membranes["1_LIFTorch"]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert np.abs(theirs).max() > 0.5


def test_the_time_step_is_the_modules() -> None:
    assert from_module(stack(lif)).semantics == {"dt_s": DT_S, "recurrent_bias_t0": True}


def test_forward_euler_on_the_parameters_makes_the_exact_factors() -> None:
    net = Sequential(linear(16, N_HIDDEN), lif(N_HIDDEN, bias=each(N_HIDDEN, -1, 1)))
    imported = from_module(net)
    node = imported.graph.nodes["1_LIFTorch"]
    plain = type(node)(node.name, node.type, node.params, node.conventions)
    nodes = {**imported.graph.nodes, node.name: plain}
    without = Graph(nodes, imported.graph.edges, {}, imported.graph.origin)
    exact, derived = (
        lower(g, resolve_semantics(g, imported.semantics)).populations[node.name].dynamics
        for g in (imported.graph, without)
    )
    for name in ("a", "w", "b", "k", "l", "theta", "v0"):
        np.testing.assert_allclose(getattr(derived, name), getattr(exact, name), rtol=1e-7, err_msg=name)


def test_the_input_shape_follows_from_the_first_layer() -> None:
    for first in (linear(16, 8), torch.nn.Linear(16, 8)):
        assert from_module(Sequential(first, lif(8))).graph.nodes["input"].params["shape"] == (16,)
    with pytest.raises(ShapeMismatch, match="does not say what shape"):
        from_module(Sequential(torch.nn.Conv1d(3, 8, 1), lif(8)))


def test_messages() -> None:
    with pytest.raises(UnsupportedNode, match="2 synapses per neuron") as caught:
        from_module(Sequential(linear(16, 8), LIFTorch((8, 4), dt=DT_S)))
    assert caught.value.where == "TorchSequential, '1_LIFTorch'"
    with pytest.raises(UnsupportedNode, match="the whole is no module of Rockpool"):
        from_module(torch.nn.Sequential(torch.nn.Linear(16, 4)))


def test_single_spikes_run_on_the_chip_and_counts_are_refused() -> None:
    with pytest.raises(UnsupportedFeature, match="1_LIFTorch: several spikes in one step"):
        nd.compile(stack(lif), "loihi2")
    net, x = eighths(), spikes(6, 80, *FLAT)
    imported = from_module(net)
    assert {imported.graph.nodes[n].conventions["spike"] for n in ("1_LIFTorch", "3_LIFTorch")} == {"ge"}
    run, recording = nd.simulate(nd.compile(net, "loihi2"), x), imported.source.run({"input": x})
    for name, theirs in recording.spikes.items():
        assert abs(int(run.spikes[name].sum()) - int(theirs.sum())) < 0.05 * theirs.sum(), name
