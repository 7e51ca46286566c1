"""The gradients of a quantised module are those of the float one, where quantisation changes next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neurodeploy import Options
from neurodeploy.errors import ModelError, QuantizeError, ShapeMismatch, SimulationError

pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
pytest.importorskip("norse", reason="needs norse: python3 tools/test.py installs it")

import norse.torch as norse  # noqa: E402
import snntorch as snn  # noqa: E402
import torch  # noqa: E402
from frameworks import qat_networks  # noqa: E402
from frameworks.qat_networks import N_IN, N_OUT, N, fire, louder  # noqa: E402
from torch import nn  # noqa: E402

from neurodeploy.train import qat, with_initial_potential  # noqa: E402

SAMPLES, STEPS = 6, 8
TO_ZERO = {"reset_mechanism": "zero", "reset_delay": False}


def on_grid(module: Any, unit: float = 2.0**-7) -> Any:
    """Weights that eight bits hold exactly, biases that registers do; every layer reaches the largest weight."""
    with torch.no_grad():
        for name, values in module.named_parameters():
            if values.dim() > 1:
                top = values.abs().max()
                values.copy_(2 * torch.round(values / top * 127) * unit)
                values.view(-1)[values.abs().argmax()] = 254 * unit
            elif name.endswith("bias"):
                values.copy_(torch.round(values * 1024) / 1024)
    return module


def spikes(shape: tuple[int, ...]) -> Any:
    return (np.random.default_rng(4).random((SAMPLES, STEPS, *shape)) < 0.3).astype(np.uint8)


def of_snntorch(module: Any, x: Any) -> Any:
    """Spikes (B, T, n) as snnTorch makes them, and its gradients."""
    for part in module.modules():
        if isinstance(part, snn.SpikingNeuron):
            part.reset_mem()
    steps = torch.from_numpy(x).float().unbind(1)
    return torch.stack([module(step) for step in steps], 1)


def of_norse(module: Any, x: Any) -> Any:
    state, sent = None, []
    for step in torch.from_numpy(x).float().unbind(1):
        out, state = module(step, state)
        sent.append(out)
    return torch.stack(sent, 1)


def layers(make: Callable[[int], Any], bias: bool = True) -> Any:
    return nn.Sequential(nn.Linear(N_IN, N, bias=bias), make(N), nn.Linear(N, N_OUT, bias=bias), make(N_OUT))


def dense(**options: Any) -> tuple[Any, tuple[int, ...]]:
    return layers(lambda n: fire(beta=0.875, **options)), (N_IN,)


def learnt() -> tuple[Any, tuple[int, ...]]:
    """Decays and thresholds are trained, too."""
    make = lambda n: fire(  # noqa: E731
        beta=torch.full((n,), 0.75), threshold=torch.ones(n), learn_beta=True, learn_threshold=True, **TO_ZERO
    )
    return layers(make), (N_IN,)


def learnt_currents() -> tuple[Any, tuple[int, ...]]:
    make = lambda n: fire(snn.Synaptic, alpha=0.5, beta=0.75, learn_alpha=True, learn_beta=True, **TO_ZERO)  # noqa: E731
    return layers(make), (N_IN,)


def started() -> tuple[Any, tuple[int, ...]]:
    """Initial potentials are trained, too."""
    return layers(lambda n: with_initial_potential(fire(beta=0.875, **TO_ZERO), (n,))), (N_IN,)


def pooled() -> tuple[Any, tuple[int, ...]]:
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        fire(beta=0.875, **TO_ZERO),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2, bias=False),
        fire(beta=0.75, **TO_ZERO),
        nn.Flatten(),
        nn.Linear(8 * 4, N_OUT),
        fire(beta=0.875, **TO_ZERO),
    )
    return net, (2, 8, 8)


def recurrent() -> tuple[Any, tuple[int, ...]]:
    return layers(lambda n: fire(snn.RLeaky, beta=0.75, linear_features=n, reset_mechanism="none"), bias=False), (N_IN,)


def norse_lif() -> tuple[Any, tuple[int, ...]]:
    p = norse.LIFParameters(tau_syn_inv=torch.tensor(250.0), tau_mem_inv=torch.tensor(125.0), alpha=torch.tensor(5.0))
    net = norse.SequentialState(nn.Linear(N_IN, N), norse.LIFCell(p), nn.Linear(N, N_OUT), norse.LIFCell(p))
    return louder(net, 2.0), (N_IN,)


CASES = {
    "subtract_late": (dense, of_snntorch),
    "zero": (lambda: dense(**TO_ZERO), of_snntorch),
    "none": (lambda: dense(reset_mechanism="none"), of_snntorch),
    "learnt": (learnt, of_snntorch),
    "learnt_currents": (learnt_currents, of_snntorch),
    "started": (started, of_snntorch),
    "pooled": (pooled, of_snntorch),
    "recurrent": (recurrent, of_snntorch),
    "norse": (norse_lif, of_norse),
}


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_the_float_modules(case: str) -> None:
    make, framework = CASES[case]
    torch.manual_seed(2)
    module, shape = make()
    on_grid(module)
    x = spikes(shape)
    wanted = torch.randn(SAMPLES, STEPS, N_OUT)
    expected_spikes = framework(module, x)
    (expected_spikes * wanted).sum().backward()
    expected = {n: p.grad.double().clone() for n, p in module.named_parameters() if p.grad is not None}
    module.zero_grad()
    quantized = qat.prepare(module, "loihi2", sample=x)
    found = quantized(x)
    assert 0 < float(found.detach().mean()) < 1
    assert torch.equal(found.detach(), expected_spikes.detach()), "choose another seed: one spike differs"
    (found * wanted).sum().backward()
    assert expected
    for name, gradient in expected.items():
        error = float((module.get_parameter(name).grad.double() - gradient).norm() / gradient.norm())
        assert error < 0.02, (name, error)


def test_rounded_weights_hand_their_gradient_through() -> None:
    """Two bits leave most weights zero; all of them still learn."""
    torch.manual_seed(2)
    module, shape = dense(**TO_ZERO)
    louder(module, 6.0)
    quantized = qat.prepare(module, "loihi2", bits=2, sample=spikes(shape))
    zero = quantized.compilation().net.projections[0].connection.weights == 0
    assert 0.3 < zero.mean() < 1
    quantized(spikes(shape)).sum().backward()
    assert bool((module[0].weight.grad[torch.from_numpy(zero)] != 0).any(1 if zero.ndim == 1 else 0).all())


class TwoLinears(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.lif = nn.Linear(N_IN, N, bias=False), nn.Linear(N, N_OUT, bias=False), fire()

    def forward(self, x: Any) -> Any:
        return self.lif(self.second(self.first(x)))


def trained_norm() -> Any:
    net = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), fire(), nn.Flatten(), nn.Linear(6 * 36, N_OUT), fire())
    return net, (2, 8, 8)


def overlapping_pools() -> Any:
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), fire(), nn.AvgPool2d(3, stride=1), nn.Flatten(), nn.Linear(3 * 16, N_OUT), fire()
    )
    return net, (2, 8, 8)


def maxima() -> Any:
    net = nn.Sequential(nn.Conv2d(2, 3, 3), fire(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3 * 9, N_OUT), fire())
    return net, (2, 8, 8)


def unused() -> Any:
    net = layers(lambda n: fire())
    net[0].spare = nn.Parameter(torch.ones(3))
    return net, (N_IN,)


def frozen() -> Any:
    return layers(lambda n: fire()).requires_grad_(False), (N_IN,)


REFUSED = {
    "two linear layers": (lambda: (TwoLinears(), (N_IN,)), "'first.weight'"),
    "a trained norm": (trained_norm, "'1.weight'"),
    "overlapping pools": (overlapping_pools, "'4.weight'"),
    "max-pooling": (maxima, "pools by maximum"),
    "a parameter without use": (unused, "'0.spare'"),
    "nothing to train": (frozen, "no parameter wants a gradient"),
}


@pytest.mark.filterwarnings("ignore:.*nothing is proven:UserWarning")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_is_refused_by_name(case: str) -> None:
    make, told = REFUSED[case]
    torch.manual_seed(0)
    module, shape = make()
    with pytest.raises(ModelError, match=told) as caught:
        qat.prepare(module, "loihi2", sample=spikes(shape))
    assert caught.value.remedy


@pytest.mark.filterwarnings("ignore:.*nothing is proven:UserWarning")
def test_a_frozen_norm_is_part_of_the_weights() -> None:
    torch.manual_seed(0)
    module, shape = trained_norm()
    with torch.no_grad():
        module[1].running_var.uniform_(0.05, 0.2)
        module[1].running_mean.uniform_(-0.1, 0.1)
    module[1].requires_grad_(False)
    quantized = qat.prepare(module, "loihi2", bits=4, sample=spikes(shape))
    assert all(r.mismatching == 0 < r.spikes for r in quantized.check(spikes(shape)))
    quantized(spikes(shape)).sum().backward()
    assert float(module[0].weight.grad.norm()) > 0


def of_spikingjelly() -> Any:
    neuron = pytest.importorskip(
        "spikingjelly.activation_based.neuron", reason="needs spikingjelly: python3 tools/test.py installs it"
    )
    return louder(nn.Sequential(nn.Linear(N_IN, N), neuron.IFNode(), nn.Linear(N, N_OUT), neuron.IFNode()), 5.0)


def of_rockpool() -> Any:
    rockpool = pytest.importorskip("rockpool.nn.modules", reason="needs rockpool: python3 tools/test.py installs it")
    combinators = pytest.importorskip(
        "rockpool.nn.combinators", reason="needs rockpool: python3 tools/test.py installs it"
    )
    return combinators.Sequential(rockpool.LinearTorch((N_IN, N_OUT)), rockpool.LIFTorch(N_OUT, max_spikes_per_dt=1))


@pytest.mark.parametrize("make", [of_spikingjelly, of_rockpool], ids=lambda make: make.__name__)
def test_neurons_of_other_frameworks_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(ModelError) as caught:
        qat.prepare(make(), "loihi2", sample=spikes((N_IN,)))
    assert "snntorch and norse" in caught.value.remedy


def test_calibration_is_refused() -> None:
    module, shape = qat_networks.leaky_to_zero()
    options = Options(**{"calibrate": spikes(shape)})  # type: ignore[arg-type]
    with pytest.raises(QuantizeError, match="anew at every forward pass"):
        qat.prepare(module, "loihi2", sample=spikes(shape), options=options)


def test_what_is_no_module() -> None:
    with pytest.raises(ModelError):
        qat.prepare("net.nir", "loihi2")


class TwoOutputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers(lambda n: fire()), layers(lambda n: fire())

    def forward(self, x: Any) -> Any:
        return self.first(x), self.second(x)


def test_one_of_several_outputs() -> None:
    torch.manual_seed(0)
    module = louder(TwoOutputs(), 3.0)
    with pytest.raises(ModelError, match="2 outputs") as caught:
        qat.prepare(module, "loihi2", sample=spikes((N_IN,)))(spikes((N_IN,)))
    assert "output_1, output_2" in caught.value.remedy
    quantized = qat.prepare(module, "loihi2", sample=spikes((N_IN,)), options=Options(output="output_2"))
    assert quantized(spikes((N_IN,))).shape == (SAMPLES, STEPS, N_OUT)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (np.ones((2, 3, N_IN + 1)), ShapeMismatch),
        (np.ones((2, N_IN)), ShapeMismatch),
        (np.ones((0, 3, N_IN)), ShapeMismatch),
        (np.full((2, 3, N_IN), 0.5), SimulationError),
    ],
)
def test_inputs_that_do_not_fit(given: Any, error: type[Exception]) -> None:
    torch.manual_seed(1)
    module, shape = qat_networks.leaky_to_zero()
    quantized = qat.prepare(module, "loihi2", sample=spikes(shape))
    with pytest.raises(error):
        quantized(given)


@pytest.mark.parametrize(
    ("labels", "options", "error"),
    [
        (np.zeros(3, int), {}, ShapeMismatch),
        (np.full(SAMPLES, N_OUT), {}, SimulationError),
        (np.full(SAMPLES, -1), {}, SimulationError),
        (np.zeros(SAMPLES), {}, SimulationError),
        (np.zeros(SAMPLES, int), {"epochs": 0}, SimulationError),
        (np.zeros(SAMPLES, int), {"batch": 0}, SimulationError),
        (np.zeros(SAMPLES, int), {"learning_rate": 0.0}, SimulationError),
        (np.zeros(SAMPLES, int), {"loss": lambda s, y: s.sum() * torch.inf}, SimulationError),
        (np.zeros(SAMPLES, int), {"loss": lambda s, y: s.sum(1)}, SimulationError),
    ],
)
def test_training_that_cannot_be(labels: Any, options: dict[str, Any], error: type[Exception]) -> None:
    torch.manual_seed(1)
    module, shape = qat_networks.leaky_to_zero()
    quantized = qat.prepare(module, "loihi2", sample=spikes(shape))
    before = [p.detach().clone() for p in module.parameters()]
    with pytest.raises(error):
        qat.finetune(quantized, spikes(shape), labels, **options)
    assert all(map(torch.equal, before, module.parameters()))
