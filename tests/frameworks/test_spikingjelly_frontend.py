"""What the SpikingJelly cases do not show: the conventions at equality, names, factors, and that nothing is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
pytest.importorskip("spikingjelly", reason="needs spikingjelly (Python 3.11): python3 tools/test.py installs it")
from framework_cases import louder  # noqa: E402
from frameworks import networks_spikingjelly as nets  # noqa: E402
from spikingjelly.activation_based import layer, neuron, surrogate  # noqa: E402

import neurodeploy as nd  # noqa: E402
from neurodeploy.errors import ShapeMismatch, UnsupportedNode  # noqa: E402
from neurodeploy.frontends.spikingjelly import from_module  # noqa: E402
from neurodeploy.lower import lower, resolve_semantics  # noqa: E402
from neurodeploy.simulate.float_reference import simulate_float  # noqa: E402

nn = torch.nn


def drawn(*shape: int) -> Any:
    return (np.random.default_rng(0).random((4, 100, *shape)) < 0.5).astype(np.uint8)


def run(imported: Any, x: Any, **kept: Any) -> Any:
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    return simulate_float(network, {"input": x}, **kept)


@pytest.mark.parametrize("v_reset", [0.0, None])
def test_a_membrane_at_its_threshold_fires(v_reset: float | None) -> None:
    torch.manual_seed(0)
    imported, x = from_module(nets.dyadic(lambda: neuron.IFNode(v_reset=v_reset))), drawn(nets.N_IN)
    ours = run(imported, x, potentials=("1", "3"))
    theirs = imported.source.run({"input": x}).spikes
    for name in ("1", "3"):
        assert (ours.potentials[name] == 1).sum() > 20
        np.testing.assert_array_equal(ours.spikes[name], theirs[name])


def test_every_step_surrogate_is_taken_and_no_other() -> None:
    base, taken = surrogate.SurrogateFunctionBase, set()
    for name, kind in vars(surrogate).items():
        if not isinstance(kind, type) or not issubclass(kind, base) or kind is base:
            continue
        function = kind(4) if name == "MultiLevelSpikeCount" else kind()
        try:
            from_module(nn.Sequential(nn.Linear(3, 2), neuron.IFNode(surrogate_function=function)))
            taken.add(name)
        except UnsupportedNode as error:
            assert name in error.what
    assert {"ATan", "Sigmoid", "Erf", "SuperSpike", "Rect", "LeakyKReLU", "S2NN"} <= taken
    assert not taken & {"PoissonPass", "MultiLevelSpikeCount"}


def test_factors_are_those_of_the_module() -> None:
    node = neuron.LIFNode(tau=3.3, decay_input=False, v_threshold=0.9, v_reset=0.1)
    imported = from_module(nn.Sequential(nn.Linear(3, 2), node), dt_s=1e-3)
    made = imported.graph.nodes["1"]
    loss = 1 / float(np.float32(3.3))
    expected = {"b": 1 - loss, "k": 1, "l": loss * float(np.float32(0.1)), "theta": float(np.float32(0.9))}
    for name, value in expected.items():
        np.testing.assert_allclose(made.exact[name], value, rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(made.params["tau"], 3.3e-3, rtol=1e-6)
    np.testing.assert_allclose(made.params["r"], 3.3, rtol=1e-6)
    assert made.conventions == {"reset": "value", "spike": "ge"} and imported.semantics["dt_s"] == 1e-3


def test_both_step_modes_make_the_same_graph() -> None:
    graphs = []
    for mode in "sm":
        torch.manual_seed(0)
        graphs.append(from_module(nets.image(mode), (1, 8, 8)).graph)
    assert list(graphs[0].nodes) == list(graphs[1].nodes) and graphs[0].edges == graphs[1].edges
    assert {"2", "6", "9"} <= graphs[0].nodes.keys()
    for one, other in zip(graphs[0].nodes.values(), graphs[1].nodes.values(), strict=True):
        assert one.type == other.type and one.conventions == other.conventions
        for name in one.exact:
            np.testing.assert_array_equal(one.exact[name], other.exact[name])


def test_the_module_stays_as_it_was() -> None:
    net = nets.image("m").train()
    net(torch.ones(3, 2, 1, 8, 8)).sum().backward()
    memory = net[2].v
    before = {name: value.clone() for name, value in net.state_dict().items()}
    imported = from_module(net, (1, 8, 8))
    imported.source.run({"input": drawn(1, 8, 8)})
    assert net.training and net[2].step_mode == "m" and net[2].v is memory
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_shapes_are_asked_for() -> None:
    with pytest.raises(ShapeMismatch, match="does not say"):
        from_module(nets.image("s"))
    with pytest.raises(ShapeMismatch):
        from_module(nets.two(neuron.IFNode)).source.run({"input": drawn(5)})


def test_layers_that_only_train_do_not_matter() -> None:
    net = nn.Sequential(layer.Linear(12, 10), neuron.IFNode(), layer.Dropout(0.5), layer.Linear(10, 6), neuron.IFNode())
    assert [n.type for n in from_module(louder(net, 3.0)).graph.nodes.values()].count("IF") == 2


@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("make", [neuron.LIFNode, lambda: neuron.IFNode(v_reset=None)], ids=["LIF", "IF, soft"])
def test_a_network_reaches_a_chip(mode: str, make: Any) -> None:
    torch.manual_seed(0)
    net, x = nets.two(make, mode, 8), drawn(nets.N_IN)
    program = nd.compile(net, "loihi2", sample=x)
    proof: Any = program.provenance["proof"]
    assert (proof["mismatching"], proof["void"], proof["input"]) == (0, [], "given")
    assert proof["framework"] == "spikingjelly 2.0.0" and all(row["rate"] > 0.01 for row in proof["layers"])
    assert nd.simulate(program, x).spikes["3"].any()
