"""Trained initial potentials of snnTorch's neurons: applied where a sample starts, however that is said; deployed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.errors import ModelError, ShapeMismatch, UnsupportedFeature

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
snn = pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
from snntorch import utils  # noqa: E402
from torch import nn  # noqa: E402

STEPS, SAMPLES, N_IN, N = 8, 6, 10, 12


def started(neuron: Any, *, size: int = N, most: float = 0.9) -> Any:
    return nd.train.with_initial_potential(neuron, (size,), spread=(-1.0, most))


def spikes(seed: int = 0) -> NDArray[np.uint8]:
    return (np.random.default_rng(seed).random((SAMPLES, STEPS, N_IN)) < 0.4).astype(np.uint8)


def hidden(first: Any) -> Any:
    net = nn.Sequential(
        nn.Linear(N_IN, N), first, nn.Linear(N, 5), started(snn.Leaky(beta=0.8, init_hidden=True), size=5)
    )
    net[0].weight.data *= 3
    net[2].weight.data *= 3
    return net


class Loop(nn.Module):
    """States passed on, from what ``start`` says."""

    def __init__(self, neuron: Any, start: str) -> None:
        super().__init__()
        self.layer, self.neuron, self.start = nn.Linear(N_IN, N), neuron, start
        self.layer.weight.data *= 3

    def forward(self, x: Any) -> Any:
        """(T, B, N_IN)."""
        mem = self.neuron.reset_mem() if self.start == "reset_mem" else torch.zeros(x.shape[1], N)
        sent = []
        for t in range(x.shape[0]):
            spk, mem = (
                self.neuron(self.layer(x[t]), mem) if self.start != "mem=" else self.neuron(self.layer(x[t]), mem=mem)
            )
            sent.append(spk)
        return torch.stack(sent)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


NEURONS: dict[str, Any] = {
    "leaky": lambda: snn.Leaky(beta=0.7, init_hidden=True),
    "leaky zero": lambda: snn.Leaky(beta=0.7, init_hidden=True, reset_mechanism="zero"),
    "leaky zero at once": lambda: snn.Leaky(beta=0.7, init_hidden=True, reset_mechanism="zero", reset_delay=False),
    "synaptic": lambda: snn.Synaptic(alpha=0.6, beta=0.7, init_hidden=True),
    "lapicque": lambda: snn.Lapicque(beta=0.7, init_hidden=True),
    "recurrent": lambda: snn.RLeaky(beta=0.7, linear_features=N, init_hidden=True),
}


@pytest.mark.parametrize("name", NEURONS)
def test_deployed_as_it_runs(name: str) -> None:
    """The proof compares every spike of the module; without the potentials it would not hold."""
    net, x = hidden(started(NEURONS[name]())), spikes()
    program = nd.compile(net, "loihi2", sample=x)
    proof: Any = program.provenance["proof"]
    assert proof["mismatching"] == proof["ties"] and proof["void"] == []
    assert np.all(program.net.populations["1"].full("v0") != 0)
    bare = copy.deepcopy(net)
    bare[1]._parameters["v0"] = bare[3]._parameters["v0"] = None
    runs = [nd.compile(module, "loihi2", sample=x) for module in (net, bare)]
    sent = [nd.simulate(p.net, x).spikes["1"] for p in runs]
    assert (sent[0] != sent[1]).any()


def test_a_late_reset_to_zero_takes_a_start_above_the_threshold() -> None:
    net = hidden(started(NEURONS["leaky zero"](), most=2.5))
    program = nd.compile(net, "loihi2", sample=spikes())
    v0 = net[1].v0.numpy(force=True)
    assert (v0 > 1).any()
    np.testing.assert_array_equal(program.net.populations["1"].full("v0") == 0, v0 > 1)
    with pytest.raises(UnsupportedFeature, match="a start above the threshold"):
        nd.compile(hidden(started(NEURONS["leaky"](), most=2.5)), "loihi2", sample=spikes())


@pytest.mark.parametrize("start", ["reset_mem", "zeros", "mem="])
def test_states_passed_on(start: str) -> None:
    net, x = Loop(started(snn.Leaky(beta=0.7)), start), spikes()
    program = nd.compile(net, "loihi2", sample=x)
    proof: Any = program.provenance["proof"]
    assert proof["mismatching"] == proof["ties"] and proof["void"] == []
    series = torch.as_tensor(x).float().transpose(0, 1)
    first, again = net(series), net(series)
    assert torch.equal(first, again)
    net(series[:, :2])
    assert torch.equal(net(series), first)


def test_every_way_to_start_a_sample() -> None:
    """The first membrane is ``beta v0 + x`` after each of them, and in no later step."""
    neuron = started(snn.Leaky(beta=0.5, init_hidden=True, threshold=100.0), size=3)
    x = torch.tensor([[1.0, 2.0, -4.0]])
    expected = 0.5 * neuron.v0.detach() + x

    def first() -> Any:
        neuron(x)
        return neuron.mem.detach().clone()

    assert torch.equal(first(), expected)
    for reset in (neuron.reset_mem, lambda: utils.reset(nn.Sequential(neuron)), neuron.reset_hidden):
        neuron(x)
        assert not torch.equal(neuron.mem, expected)
        reset()
        assert torch.equal(first(), expected)
    with torch.no_grad():
        neuron.reset_mem()
        twin = copy.deepcopy(neuron)
        for _ in range(3):
            twin(x), neuron(x)
            assert torch.equal(twin.mem, neuron.mem)
    wide = x.repeat(4, 1)
    neuron(wide)
    torch.testing.assert_close(neuron.mem, 0.5 * neuron.v0.expand(4, 3) + wide)


@pytest.mark.parametrize("passed_on", [lambda mem: mem, lambda mem: mem.detach()])
def test_a_membrane_that_comes_to_zero_by_itself_is_no_start(passed_on: Any) -> None:
    neuron = nd.train.with_initial_potential(snn.Leaky(beta=0.5, threshold=100.0), (1,), [2.0])
    _, mem = neuron(torch.tensor([[-1.0]]), torch.zeros(1, 1))
    assert mem.item() == 0
    _, mem = neuron(torch.tensor([[3.0]]), passed_on(mem))
    assert mem.item() == 3


def test_gradients_reach_v0() -> None:
    net = hidden(started(NEURONS["leaky"]()))
    x = torch.as_tensor(spikes()).float()
    utils.reset(net)
    sum(net(x[:, t]) for t in range(STEPS)).sum().backward()
    assert (net[1].v0.grad.abs() > 0).any() and (net[3].v0.grad.abs() > 0).any()
    groups = nd.train.parameter_groups(net, 0.1)
    assert [p.shape for p in groups[1]["params"]] == [(N,), (5,)] and groups[1]["weight_decay"] == 0


def test_refusals() -> None:
    with pytest.raises(ModelError, match="no neuron of snnTorch"):
        nd.train.with_initial_potential(nn.Linear(2, 2), (2,))
    with pytest.raises(ModelError, match="already"):
        started(started(snn.Leaky(beta=0.5)))
    with pytest.raises(ShapeMismatch):
        nd.train.with_initial_potential(snn.Leaky(beta=0.5), (3,), [1.0, 2.0])
