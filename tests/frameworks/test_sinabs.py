"""Sinabs beyond its cases: the user's module stays as it is, states, units, parameters, messages, chips."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.errors import AmbiguousSemantics, ModelError, ShapeMismatch, UnsupportedFeature, UnsupportedNode
from neurodeploy.frontends.imported import frontend_for
from neurodeploy.graph import Graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.simulate.float_reference import simulate_float

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
sl = pytest.importorskip("sinabs.layers", reason="needs sinabs: python3 tools/test.py installs it")
from frameworks.sinabs_networks import FLAT, MAPS, Residual, linear, maps, quarters, squeezed, stack  # noqa: E402
from sinabs.activation import MaxSpike, MembraneReset, SingleSpike  # noqa: E402

from neurodeploy.frontends.sinabs import from_module  # noqa: E402


def spikes(*shape: int, density: float = 0.5) -> NDArray[np.uint8]:
    return (np.random.default_rng(1).random(shape) < density).astype(np.uint8)


def run_float(imported: Any, x: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
    return dict(simulate_float(network, {"input": x}).spikes)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def everything_of(net: Any) -> dict[str, Any]:
    """All attributes of all parts; tensors as copies."""
    found = {}
    for path, part in net.named_modules():
        held = {**vars(part), **part._buffers, **part._parameters}
        for name, value in held.items():
            if isinstance(value, torch.Tensor):
                found[f"{path}.{name}"] = value.detach().clone().tolist()
            elif isinstance(value, (int, float, bool, str, type(None))):
                found[f"{path}.{name}"] = value
        found[f"{path} class"] = type(part)
        found[f"{path} parts"] = list(part._modules)
        found[f"{path} hooks"] = len(part._forward_hooks) + len(part._forward_pre_hooks)
    return found


def test_the_users_module_and_the_random_state_stay_as_they_are() -> None:
    net = maps(squeezed(batch_size=2)).train()
    net(torch.rand(6, *MAPS)).sum().backward()  # states of other samples, which hang on a graph of gradients
    before, random = everything_of(net), torch.get_rng_state()
    imported = from_module(net, MAPS)
    imported.source.run({"input": spikes(3, 10, *MAPS)})
    assert everything_of(net) == before
    assert torch.equal(torch.get_rng_state(), random)


def test_each_run_starts_anew_whatever_the_module_has_seen() -> None:
    net, x = stack(lambda n: sl.LIF(8.0, spike_threshold=torch.tensor(0.2))), spikes(3, 20, *FLAT)
    fresh = from_module(copy.deepcopy(net)).source.run({"input": x})
    net(torch.rand(5, 7, *FLAT))
    imported = from_module(net)
    for _ in range(2):
        again = imported.source.run({"input": x})
        for name, values in fresh.spikes.items():
            np.testing.assert_array_equal(again.spikes[name], values)
    one_by_one = np.concatenate([imported.source.run({"input": x[b : b + 1]}).spikes["3"] for b in range(3)])
    np.testing.assert_array_equal(one_by_one, fresh.spikes["3"])
    np.testing.assert_array_equal(run_float(imported, x)["3"], fresh.spikes["3"])


def test_several_spikes_at_once_are_counted() -> None:
    net = stack(lambda n: sl.IAF())
    net[0].weight.data *= 3
    imported = from_module(net)
    recording = imported.source.run({"input": spikes(4, 50, *FLAT)})
    assert recording.spikes["1"].max() > 3
    assert recording.spikes["1"].dtype == np.int32


def test_the_time_step_changes_no_spike_but_the_time_constants() -> None:
    net, x = stack(lambda n: sl.LIF(8.0, tau_syn=4.0, spike_threshold=torch.tensor(0.3))), spikes(2, 40, *FLAT)
    steps, seconds = from_module(net), from_module(net, dt_s=1e-3)
    np.testing.assert_array_equal(run_float(steps, x)["3"], run_float(seconds, x)["3"])
    assert run_float(steps, x)["3"].any()
    for name in ("tau_mem", "tau_syn"):
        np.testing.assert_allclose(
            seconds.graph.nodes["1"].params[name], 1e-3 * steps.graph.nodes["1"].params[name], rtol=1e-12
        )
    assert (steps.semantics["dt_s"], seconds.semantics["dt_s"]) == (1.0, 1e-3)


@pytest.mark.parametrize("layer", ["IAF", "IAF with tau_syn", "LIF", "LIF with tau_syn", "ExpLeak"])
def test_forward_euler_on_the_parameters_makes_the_exact_factors(layer: str) -> None:
    """What the graph says to other tools is what the module computes."""
    made = {
        "IAF": sl.IAF(),
        "IAF with tau_syn": sl.IAF(tau_syn=3.0),
        "LIF": sl.LIF(7.0),
        "LIF with tau_syn": sl.LIF(7.0, tau_syn=3.0, norm_input=False),
        "ExpLeak": sl.ExpLeak(5.0, norm_input=True),
    }[layer]
    imported = from_module(torch.nn.Sequential(linear(16, 5), made), dt_s=2e-3)
    graph = imported.graph
    node = graph.nodes["1"]
    assert (
        node.type
        == {
            "IAF": "IF",
            "IAF with tau_syn": "CubaLIF",
            "LIF": "LIF",
            "LIF with tau_syn": "CubaLIF",
            "ExpLeak": "LI",
        }[layer]
    )
    plain = type(node)(node.name, node.type, node.params, node.conventions)
    without = Graph({**graph.nodes, "1": plain}, graph.edges, graph.metadata, graph.origin)
    given = {**imported.semantics, "if_gain": "unit", "reset": "subtract"}
    exact, derived = (lower(g, resolve_semantics(g, given)).populations["1"].dynamics for g in (graph, without))
    for name in ("a", "w", "b", "k", "l", "theta", "v0"):
        np.testing.assert_allclose(getattr(derived, name), getattr(exact, name), rtol=1e-7, err_msg=name)


def test_what_decides_between_the_two_layouts() -> None:
    merged = from_module(maps(), MAPS).source
    apart = from_module(torch.nn.Sequential(linear(16, 4), sl.IAF()), FLAT).source
    assert (merged.merged, apart.merged) == (True, False)
    with pytest.raises(ModelError, match=r"given \(B \* T, \*shape\): it could not be run.*; given \(B, T, \*shape\)"):
        from_module(maps(), (2, 3, 3, 3))


def test_messages_name_the_users_layers() -> None:
    net = torch.nn.ModuleDict({"in": linear(16, 8), "lif": sl.LIF(8.0, reset_fn=MembraneReset(1.0))})
    with pytest.raises(UnsupportedNode, match="adds the value to every neuron") as caught:
        from_module(torch.nn.Sequential(*net.values()))
    assert caught.value.where == "Sequential, '1'"
    with pytest.raises(UnsupportedNode, match="input of neuron '2' comes through relu in '1'"):
        from_module(torch.nn.Sequential(linear(16, 8), torch.nn.ReLU(), sl.IAF()))
    with pytest.raises(UnsupportedNode, match=r"spike_threshold has shape \(7,\), the layer \(8,\)"):
        from_module(torch.nn.Sequential(linear(16, 8), sl.SumPool2d(1), sl.IAF(spike_threshold=torch.ones(7)))[::2])
    with pytest.raises(ShapeMismatch, match="does not say what shape") as shapeless:
        from_module(maps())
    assert "input_shape" in shapeless.value.remedy
    imported = from_module(stack(lambda n: sl.IAF()))
    with pytest.raises(ShapeMismatch, match=r"the samples have shape \(2, 5, 15\)"):
        imported.source.run({"input": spikes(2, 5, 15)})


def test_mistakes_and_failures_of_the_module_itself() -> None:
    with pytest.raises(AmbiguousSemantics, match="dt_s = 0"):
        from_module(stack(lambda n: sl.IAF()), dt_s=0)
    # Sinabs's spikes are single precision whatever the module is, which the next layer does not take
    imported = from_module(stack(lambda n: sl.IAF()).double())
    assert imported.precision == "float64"
    with pytest.raises(ModelError, match="the module itself fails on spikes: RuntimeError"):
        imported.source.run({"input": spikes(2, 5, *FLAT)})


def test_neurons_made_before_the_layers_say_nothing_of_the_input() -> None:
    assert from_module(Residual()).graph.nodes["input"].params["shape"] == FLAT


def test_a_layer_alone() -> None:
    imported = frontend_for(sl.IAF())(sl.IAF(spike_threshold=torch.tensor(2.0)), FLAT)
    x = spikes(2, 30, *FLAT)
    recording = imported.source.run({"input": x})
    assert list(recording.spikes) == ["iaf"] and recording.spikes["iaf"].any()
    np.testing.assert_array_equal(run_float(imported, x)["iaf"], recording.spikes["iaf"])


def test_integrators_run_on_the_chip_as_in_sinabs() -> None:
    """Weights of halves are exact in eight bits: the integers make Sinabs's very spikes, also at equality."""
    net, x = quarters(), spikes(4, 60, *FLAT)
    for layer in net[::2]:
        layer.weight.data = layer.weight.data.sign() / 2
        layer.bias.data.zero_()
    program = nd.compile(net, "loihi2")
    assert program.provenance["proof"]["mismatching"] == 0  # type: ignore[index]
    run, recording = nd.simulate(program, x), from_module(net).source.run({"input": x})
    for name, population in program.net.populations.items():
        ours = run.spikes[name][:, population.start : population.start + 60]
        assert ours.any()
        np.testing.assert_array_equal(ours, recording.spikes[name])


def test_one_spike_at_most_is_what_chips_have() -> None:
    """MaxSpike(1) is SingleSpike, so a leaky network with a reset by subtraction reaches the chip."""
    options = {"spike_fn": MaxSpike(1), "spike_threshold": torch.tensor(0.2)}
    net, x = stack(lambda n: sl.LIF(8.0, **options)), spikes(6, 80, *FLAT)
    imported = from_module(net)
    assert {imported.graph.nodes[n].conventions["spike"] for n in "13"} == {"ge"}
    run, recording = nd.simulate(nd.compile(net, "loihi2"), x), imported.source.run({"input": x})
    for name in "13":
        ours, theirs = run.spikes[name].sum(), recording.spikes[name].sum()
        assert abs(int(ours) - int(theirs)) < 0.05 * theirs, name


def test_what_chips_lack_is_said_with_the_alternative() -> None:
    with pytest.raises(UnsupportedFeature, match="1: several spikes in one step; try: .*SingleSpike"):
        nd.compile(stack(lambda n: sl.IAF()), "loihi2")
    with pytest.raises(UnsupportedFeature, match="1: a lower bound of the membrane; try: .*min_v_mem=None"):
        nd.compile(stack(lambda n: sl.IAF(spike_fn=SingleSpike, min_v_mem=-1.0)), "loihi2")
