"""What the cases do not show: wrong conventions are seen, trained modules stay as they are, the yardstick is fresh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
snn = pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
from framework_cases import compare  # noqa: E402
from torch import nn  # noqa: E402

from neurodeploy import compile as compile_model  # noqa: E402
from neurodeploy.errors import ModelError, ShapeMismatch, UnsupportedNode  # noqa: E402
from neurodeploy.frontends.imported import Imported  # noqa: E402
from neurodeploy.frontends.snntorch import from_module  # noqa: E402
from neurodeploy.graph import Graph  # noqa: E402
from neurodeploy.lower import lower, resolve_semantics  # noqa: E402

N_IN, STEPS = 20, 60
RESETS = ("value", "subtract", "none", "subtract_late", "subtract_gated", "zero_late")


def network(neuron: Any) -> Any:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(N_IN, 30), neuron(), nn.Linear(30, 10), neuron())
    with torch.no_grad():
        made[0].weight *= 3
        made[2].weight *= 3
    return made


def lowered(imported: Imported) -> Any:
    return lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))


def drawn(steps: int = STEPS, shape: tuple[int, ...] = (N_IN,)) -> Any:
    return (np.random.default_rng(0).random((4, steps, *shape)) < 0.5).astype(np.uint8)


def with_nodes(graph: Graph, **changes: Any) -> Graph:
    """The graph with other conventions or factors of its neurons."""
    nodes = {
        name: replace(node, **{key: {**getattr(node, key), **value} for key, value in changes.items()})
        if node.conventions
        else node
        for name, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


@pytest.mark.parametrize("how", ["subtract", "zero", "none"])
@pytest.mark.parametrize("late", [True, False])
def test_every_other_reset_differs(how: str, late: bool) -> None:
    """The comparison of the cases can fail: no two of the six resets make the same spikes."""
    net = network(lambda: snn.Synaptic(0.6, 0.8, reset_mechanism=how, reset_delay=late, init_hidden=True))
    imported = from_module(net)
    own = imported.graph.nodes["1"].conventions["reset"]
    for reset in RESETS:
        other = replace(imported, graph=with_nodes(imported.graph, conventions={"reset": reset}))
        outcome = compare(other, lowered(other), drawn())
        assert (outcome.verdict == "exact") == (reset == own), (own, reset, outcome)


def test_a_last_bit_of_beta_is_kept() -> None:
    """1 - dt/tau is not beta: the module's own number arrives, in all its bits."""
    beta = torch.tensor(0.9) + torch.arange(30) * 1e-3
    net = nn.Sequential(nn.Linear(N_IN, 30), snn.Leaky(beta, init_hidden=True, learn_beta=True))
    exact = from_module(net).graph.nodes["1"].exact
    np.testing.assert_array_equal(exact["b"], beta.numpy().astype(np.float64))


def test_trained_modules_are_read_and_left_alone() -> None:
    net = network(lambda: snn.RLeaky(0.9, linear_features=30, init_hidden=True))[:3].append(snn.Leaky(0.8)).train()
    net[3].init_hidden = True
    x = torch.rand(4, N_IN)
    for _ in range(3):
        loss = net(x).sum()
    loss.backward()
    assert net[1].mem.grad_fn is not None
    states = net[1].spk, net[1].mem, net[3].mem
    weights = {k: v.clone() for k, v in net.state_dict().items()}
    registered = list(snn.SpikingNeuron.instances)
    imported = from_module(net)
    first, second = (imported.source.run({"input": drawn()}) for _ in range(2))
    for name, spikes in first.spikes.items():
        assert spikes.shape == (4, STEPS, 30 if name == "1" else 10)
        np.testing.assert_array_equal(spikes, second.spikes[name])
    assert compare(imported, lowered(imported), drawn()).verdict == "exact"
    assert (net[1].spk, net[1].mem, net[3].mem) == states and net.training
    assert all(torch.equal(v, weights[k]) for k, v in net.state_dict().items())
    assert snn.SpikingNeuron.instances == registered


def test_later_training_does_not_change_what_was_read() -> None:
    net = network(lambda: snn.Leaky(0.9, init_hidden=True))
    graph = from_module(net).graph
    before = graph.nodes["0"].params["weight"].copy()
    with torch.no_grad():
        net[0].weight += 1
    np.testing.assert_array_equal(graph.nodes["0"].params["weight"], before)


def test_compiled_modules_are_read_by_what_they_wrap() -> None:
    net, wrapper = network(lambda: snn.Leaky(0.9, init_hidden=True)), nn.Module()
    wrapper._orig_mod = net  # as torch.compile does, whose import takes ten seconds
    plain, wrapped = from_module(net), from_module(wrapper)
    assert set(wrapped.graph.nodes) == set(plain.graph.nodes) and wrapped.source.neurons == plain.source.neurons


def test_double_precision() -> None:
    imported = from_module(network(lambda: snn.Leaky(0.9, init_hidden=True)))
    assert imported.precision == "float32"
    half = network(lambda: snn.Leaky(0.9, init_hidden=True)).half()
    with pytest.raises(ModelError, match="float16"):
        from_module(half)


class Hidden(nn.Module):
    """Calls what a test hands it between the layer and its neurons."""

    def __init__(self, operation: Any) -> None:
        super().__init__()
        self.fc, self.lif, self.operation = nn.Linear(N_IN, 30), snn.Leaky(0.9, init_hidden=True), operation

    def forward(self, x: Any) -> Any:
        return self.lif(self.operation(self.fc(x)))


class Surrogate(torch.autograd.Function):
    """A user's own function, which is zero for all that the tracer shows it."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return (x > 1e6).float()


def changed_view(x: Any) -> Any:
    x.view(-1).add_(1.0)
    return x


def changed_elsewhere(x: Any) -> Any:
    same = x.detach()
    same *= 2
    return x


def through_numpy(x: Any) -> Any:
    return torch.from_numpy(x.numpy() * 2)


def masked(x: Any) -> Any:
    x[x > 0] = 0.0
    return x


def autocast(x: Any) -> Any:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return torch.nn.functional.linear(x, torch.ones(30, 30))


def unseen(x: Any) -> Any:
    """Something that no function of torch's made, and a function of it."""
    with torch._C.DisableTorchFunction():
        made = (x > 1e6).float()
    return x + made * 2


def written_into(x: Any) -> Any:
    x[:, 0] = 1.0
    return x


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (Surrogate.apply, "gt"),
        (lambda x: x + Surrogate.apply(x), "gt"),
        (changed_view, "in-place change"),
        (changed_elsewhere, "in-place change"),
        (through_numpy, "numpy"),
        (written_into, "constant"),
        (masked, "index depends"),
        (lambda x: x[:, x[0] > 0], "gt"),
        (autocast, "bfloat16"),
        (unseen, "constant"),
        (lambda x: torch.tensor(x.tolist()), "tolist"),
        (lambda x: x[:, torch.randperm(30)] * 1.0, "mul"),
        (lambda x: x.abs_(), "abs_"),
        (lambda x: x.to(torch.bfloat16).float(), "bfloat16"),
        (lambda x: x - 1, "sub"),
        (lambda x: torch.add(x, x, alpha=2), "alpha"),
        (lambda x: x + x[:, :1], "broadcasts"),
        (lambda x: torch.where(x > 0, x, 0), "gt"),
        (lambda x: torch.einsum("bi,ij->bj", x, torch.ones(30, 30)), "einsum"),
        (lambda x: torch.ones(2, 30), "does not come from"),
        (lambda x: torch.cat([x[:, 1:], torch.ones(2, 1)], 1), "joins constants"),
    ],
)
def test_nothing_gets_through_unseen(operation: Any, reason: str) -> None:
    with pytest.raises(UnsupportedNode) as error:
        from_module(Hidden(operation))
    assert reason in error.value.what and error.value.where.startswith("Hidden") and error.value.remedy


def test_loops_of_a_fixed_length_want_samples_of_it() -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = nn.Linear(N_IN, 30), snn.Leaky(0.9)

        def forward(self, x: Any) -> Any:
            mem, sent = self.lif.init_leaky(), []
            for step in range(12):
                spikes, mem = self.lif(self.fc(x[step]), mem)
                sent.append(spikes)
            return torch.stack(sent)

    assert compile_model(Fixed(), "loihi2").provenance["proof"]["steps"] == 12
    for given in (None, 12):
        imported = from_module(Fixed(), steps=given)
        assert imported.source.run({"input": drawn(12)}).spikes["lif"].shape == (4, 12, 30)
        with pytest.raises(ShapeMismatch, match="12, 20"):
            imported.source.run({"input": drawn(13)})


def test_the_input_shape_is_asked_for() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), snn.Leaky(0.9, init_hidden=True))
    with pytest.raises(ShapeMismatch, match="give input_shape"):
        from_module(net)
    assert from_module(net, (1, 5, 5)).graph.nodes["input"].params["shape"] == (1, 5, 5)
    with pytest.raises(ModelError, match="could not be run"):
        from_module(net, (3, 5, 5))


def test_names_are_the_users() -> None:
    class Block(nn.Module):
        def __init__(self, n_in: int, n: int) -> None:
            super().__init__()
            self.weights, self.spikes = nn.Linear(n_in, n), snn.Leaky(0.9, init_hidden=True)

        def forward(self, x: Any) -> Any:
            return self.spikes(self.weights(x))

    graph = from_module(nn.Sequential(Block(N_IN, 30), Block(30, 10))).graph
    assert set(graph.nodes) == {"input", "0.weights", "0.spikes", "1.weights", "1.spikes", "output"}
    assert ("0.spikes", "1.weights") in graph.edges


def test_notes_and_time_step() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = nn.Linear(N_IN, 30), snn.RSynaptic(0.5, 0.5, linear_features=30, reset_delay=False)

        def forward(self, x: Any) -> Any:
            states = (torch.zeros(x.size(1), 30),) * 3
            return torch.stack([(states := self.lif(self.fc(frame), *states))[0] for frame in x])

    imported = from_module(Late(), dt_s=2e-3)
    assert "resets one step late" in imported.graph.notes[0]
    assert imported.semantics["dt_s"] == 2e-3 and imported.framework == f"snntorch {snn.__version__}"
