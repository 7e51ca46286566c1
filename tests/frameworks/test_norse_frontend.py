"""What the Norse cases do not show: the conventions at equality, names, factors, and that nothing is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
norse = pytest.importorskip("norse.torch", reason="needs norse: python3 tools/test.py installs it")
from frameworks import networks_norse as nets  # noqa: E402

import neurodeploy as nd  # noqa: E402
from neurodeploy.errors import ModelError, ShapeMismatch, UnsupportedNode  # noqa: E402
from neurodeploy.frontends.norse import from_module  # noqa: E402
from neurodeploy.lower import lower, resolve_semantics  # noqa: E402
from neurodeploy.proof import SourceDiffers, prove  # noqa: E402
from neurodeploy.simulate.float_reference import simulate_float  # noqa: E402

nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Norse, which scripts with torch.jit


def drawn(*shape: int) -> Any:
    return (np.random.default_rng(0).random((4, 100, *shape)) < 0.5).astype(np.uint8)


def run(imported: Any, x: Any, **kept: Any) -> Any:
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    return simulate_float(network, {"input": x}, **kept)


def test_a_membrane_at_its_threshold_does_not_fire() -> None:
    torch.manual_seed(0)
    net = nets.two(lambda n: norse.IAFCell(), gain=1.0)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.round(p * 16) / 8)
    imported, x = from_module(net), drawn(nets.N_IN)
    ours = run(imported, x, potentials=("1", "3"))
    theirs = imported.source.run({"input": x}).spikes
    for layer in ("1", "3"):
        assert (ours.potentials[layer] == 1).sum() > 20
        np.testing.assert_array_equal(ours.spikes[layer], theirs[layer])


@pytest.mark.parametrize("layer", [norse.LI(), norse.LICell(), norse.LIBoxCell()])
def test_membranes_in_double_precision(layer: Any) -> None:
    torch.manual_seed(0)
    over_time = isinstance(layer, norse.LI)
    net = nets.chain(nn.Linear(12, 10), norse.LIF() if over_time else norse.LIFCell(), nn.Linear(10, 6), layer).double()
    imported, x = from_module(net), drawn(12)
    theirs = imported.source.run({"input": x}).membranes["3"]
    ours = run(imported, x, membranes=("3",)).membranes["3"]
    assert imported.precision == theirs.dtype == "float64"
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_factors_are_those_of_the_module() -> None:
    p = norse.LIFParameters(tau_mem_inv=torch.tensor(137.0), tau_syn_inv=torch.tensor(211.0), v_leak=torch.tensor(0.3))
    imported = from_module(nets.chain(nn.Linear(3, 2), norse.LIFCell(p, dt=7e-4)))
    k, loss = np.float32(7e-4) * np.float32(137), np.float32(7e-4) * np.float32(211)
    exact = imported.graph.nodes["1"].exact
    assert imported.semantics["dt_s"] == 7e-4
    expected = {
        "a": 1 - float(loss),
        "w": 1,
        "b": 1 - float(k),
        "k": float(k),
        "l": float(k * np.float64(np.float32(0.3))),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(exact[name], value, rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(imported.graph.nodes["1"].params["tau_mem"], 1 / 137, rtol=1e-6)


def test_nodes_have_the_names_of_the_modules() -> None:
    net = nets.chain(norse.LIFRecurrent(12, 10), norse.Lift(nn.Linear(10, 6)), norse.LIF())
    imported = from_module(net)
    names = {"input", "0.input_weights", "0.recurrent_weights", "0", "1.lifted_module", "2", "output"}
    assert imported.graph.nodes.keys() == names
    assert set(imported.source.run({"input": drawn(12)}).spikes) == {"0", "2"}
    with pytest.raises(UnsupportedNode) as caught:
        from_module(nets.chain(norse.LIFRecurrent(12, 10), nn.ReLU(), norse.LIF()))
    assert "'2'" in str(caught.value) and "cell" not in str(caught.value)


def test_the_module_stays_as_it_was() -> None:
    net = nets.chain(norse.LIFRecurrentCell(12, 10), nn.Dropout(), nn.Linear(10, 6), norse.LIFCell()).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    classes = [type(part) for part in net.modules()]
    seeded = torch.random.get_rng_state()
    imported = from_module(net)
    imported.source.run({"input": drawn(12)})
    assert net.training and [type(part) for part in net.modules()] == classes
    assert torch.equal(torch.random.get_rng_state(), seeded)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(part._forward_hooks for part in net.modules())


def test_the_yardstick_starts_anew_each_time() -> None:
    net, x = nets.two(lambda n: norse.LIFCell(), 12), drawn(12)
    source = from_module(net).source
    first, second = (source.run({"input": x}).spikes["3"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_shapes_are_asked_for() -> None:
    with pytest.raises(ShapeMismatch, match="does not say"):
        from_module(nets.image())
    with pytest.raises(ModelError, match="could not be run"):
        from_module(nets.image(), (3, 8, 8))
    source = from_module(nets.image(), (1, 8, 8)).source
    with pytest.raises(ShapeMismatch):
        source.run({"input": drawn(1, 7, 7)})


def test_modules_without_neurons_are_refused() -> None:
    with pytest.raises(UnsupportedNode, match="no neurons"):
        from_module(norse.SequentialState(nn.Linear(3, 2)))


def test_what_changes_late_is_seen_at_the_door() -> None:
    torch.manual_seed(0)
    with pytest.raises(SourceDiffers) as caught:
        nd.compile(nets.Changing(), "loihi2", sample=drawn(nets.N_IN))
    assert caught.value.facts["first_divergence"]["step"] >= 50


def test_a_loop_of_its_own_length_is_proven_over_that_length() -> None:
    torch.manual_seed(0)
    imported = from_module(nets.SevenSteps())
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    facts = prove(imported, network, None, where="")
    assert (facts["steps"], facts["mismatching"]) == (7, 0)
    assert all(row["bits"] == facts["samples"] * 7 * row["neurons"] for row in facts["layers"])
