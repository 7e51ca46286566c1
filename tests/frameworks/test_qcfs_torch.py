"""QCFS modules: training, reading, calibration and the search for levels, down to the chip's integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qcfs_factories import relu_mlp, settled
from qcfs_models import in_float

import neurodeploy as nd
from neurodeploy.errors import ModelError, ShapeMismatch

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")

from torch import nn  # noqa: E402

from neurodeploy.convert.qcfs import QCFS, adapt_levels, calibrate, from_torch  # noqa: E402


class Block(nn.Module):
    """Two convolutions and a shortcut, an identity or 1 x 1."""

    def __init__(self, channels: int, out: int, levels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), QCFS(levels, 1.5),
            nn.Conv2d(out, out, 3, padding=1), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)
        self.act = QCFS(2 * levels, 2.0)

    def forward(self, x: Any) -> Any:
        return self.act(self.body(x) + self.shortcut(x))


def residual_net() -> nn.Module:
    """Analog input, batch norms, strides, groups, poolings before and behind activations, mixed levels."""
    net = nn.Sequential(
        QCFS(5, 1.0), nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), QCFS(4, 1.0), Block(4, 4, 3),
        nn.AvgPool2d(2), nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.BatchNorm2d(6), QCFS(6, 1.0), Block(6, 4, 2),
        nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.AvgPool2d(2, stride=1), QCFS(4, 1.0), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(4, 5), nn.BatchNorm1d(5), QCFS(3, 1.0), nn.Linear(5, 3),
    )  # fmt: skip
    return settled(net, (2, 8, 8))


def test_the_activation_is_its_formula() -> None:
    part = QCFS(4, 2.0)
    z = torch.tensor([-1.0, 0.24, 0.26, 0.76, 1.9, 2.5], requires_grad=True)
    out = part(z)
    np.testing.assert_allclose(out.detach().numpy(), [0, 0, 0.5, 1, 2, 2], rtol=1e-6)
    out.sum().backward()
    assert z.grad is not None and z.grad.tolist() == [0, 1, 1, 1, 1, 0]
    # d out / d lam: 1 where it is clipped, else the quantisation error over lam; times lam for log_lam
    error = 2 * (0.5 - 0.26 + 1 - 0.76 + 2 - 1.9 - 0.24) / 2
    np.testing.assert_allclose(float(part.log_lam.grad), error + 2, rtol=1e-5)


def test_lambda_stays_positive() -> None:
    part = QCFS(4, 0.01)
    optimiser = torch.optim.SGD(part.parameters(), lr=10.0)
    for _ in range(20):
        optimiser.zero_grad()
        part(torch.ones(4)).sum().backward()
        optimiser.step()
    assert 0 < part.lam < 0.01
    for levels, lam in ((0, 1.0), (4, 0.0), (4, -1.0), (4, float("nan"))):
        with pytest.raises(ModelError):
            QCFS(levels, lam)


def test_a_module_is_read_as_it_is() -> None:
    """Everything linear put together in floats gives what torch gives, in double precision."""
    net = residual_net()
    model = from_torch(net, (2, 8, 8))
    x = np.random.default_rng(0).random((20, 2, 8, 8)) * 1.2 - 0.1
    with torch.no_grad():
        expected = net.double()(torch.tensor(x)).numpy()
    np.testing.assert_allclose(in_float(model, x)["out"], expected, atol=1e-9)
    assert model.coding.levels == 5 and model.coding.rounds
    kinds = {layer.name: [b.connection.kind for b in layer.branches] for layer in model.layers}
    assert kinds["8"] == ["conv2d"], "a convolution behind a pooling of tiles stays one"
    assert kinds["4_act"] == ["conv2d", "sparse"] and kinds["9_act"] == ["conv2d", "conv2d"]
    assert [layer.levels for layer in model.layers] == [4, 3, 6, 6, 2, 4, 4, 3, 0]


@pytest.mark.parametrize("mode", ["defer", "pascal"])
def test_a_residual_network_equals_its_integers(mode: str) -> None:
    made = nd.convert.qcfs(residual_net(), input_shape=(2, 8, 8), mode=mode, samples=20)
    x = np.random.default_rng(1).random((10, 2, 8, 8))
    golden = made.compare(made.coding.counts(x))
    assert all(0 < golden[layer.name].mean() < layer.levels for layer in made.golden.hidden)
    made.compare(made.coding.counts(x)[:2], engine="reference")


def test_integer_inputs() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), QCFS(4), nn.Linear(8, 2))
    made = nd.convert.qcfs(net, input_shape=(2, 3), input_levels=16, input_step=1 / 16)
    assert made.golden.input_levels == 16 and made.certificate.ticks == 20
    with pytest.raises(ModelError, match="none of 0..16"):
        made.encode(np.full((1, 2, 3), 0.3))


class Branching(nn.Module):
    def forward(self, x: Any) -> Any:
        return x if x.sum() > 0 else -x


class Functional(nn.Module):
    """Sums and flattening as functions; ``last`` decides what follows."""

    def __init__(self, last: str) -> None:
        super().__init__()
        self.a, self.act, self.last = nn.Linear(4, 4), QCFS(2), last
        self.end = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        h = self.act(torch.add(self.a(x), x))
        if self.last == "relu":
            h = torch.relu(h)
        elif self.last == "twice":
            h = self.act(self.a(h))
        elif self.last == "times":
            h = h * 2
        elif self.last == "constant":
            h = h + 1.0
        return self.end(torch.flatten(h, 1))


REFUSED: dict[str, tuple[Any, tuple[int, ...], str]] = {
    "maximum": (lambda: nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2)), (2, 4, 4), "largest of several"),
    "relu": (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)), (4,), "(?s)ReLU.*calibrate"),
    "relu function": (lambda: Functional("relu"), (4,), "(?s)ReLU.*calibrate"),
    "twice": (lambda: Functional("twice"), (4,), "'act' is used twice"),
    "product": (lambda: Functional("times"), (4,), "no exact counterpart"),
    "constant": (lambda: Functional("constant"), (4,), "no exact counterpart"),
    "branches": (Branching, (4,), "torch.fx cannot trace it"),
    "tanh": (lambda: nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)), (4,), "Tanh has no exact"),
    "no read-out": (lambda: nn.Sequential(nn.Linear(4, 4), QCFS(2)), (4,), "(?s)last activation.*linear"),
    "padding": (lambda: nn.Sequential(nn.AvgPool2d(2, padding=1, count_include_pad=False)), (2, 4, 4), "a varying"),
    "shape": (lambda: nn.Sequential(nn.Linear(5, 2)), (4,), r"takes \(5,\), and gets \(4,\)"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_counterpart_is_refused(what: str) -> None:
    make, shape, message = REFUSED[what]
    with pytest.raises((ModelError, ShapeMismatch), match=message):
        from_torch(make(), shape, input_levels=4)


def test_inputs_need_a_code() -> None:
    net = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(ModelError, match="(?s)how inputs become spikes.*input_levels"):
        from_torch(net, (4,))
    with pytest.raises(ModelError, match="(?s)input levels, and a module that begins with a QCFS"):
        from_torch(nn.Sequential(QCFS(4), net), (4,), input_levels=4)


@pytest.mark.parametrize("method", ["mse", "percentile"])
def test_a_relu_network_is_calibrated(method: str) -> None:
    """More levels come closer to the ReLUs, and the module that was given stays what it was."""
    net = relu_mlp()
    x = np.random.default_rng(3).random((200, 12))
    with torch.no_grad():
        expected = net(torch.tensor(x, dtype=torch.float32)).numpy()
        errors = []
        for levels in (2, 8, 32):
            made = calibrate(net, x, levels, method=method)
            errors.append(np.abs(made(torch.tensor(x, dtype=torch.float32)).numpy() - expected).mean())
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert isinstance(net[1], nn.ReLU) and isinstance(made[1], QCFS)
    compiled = nd.convert.qcfs(nn.Sequential(QCFS(16, 1.0), made), input_shape=(12,), samples=10)
    found = compiled.compare(compiled.coding.counts(x))["out"] / compiled.golden.layers[-1].scale
    assert np.abs(found - expected).mean() < 0.05


def test_the_least_squared_error_beats_the_largest_value() -> None:
    rng = np.random.default_rng(4)
    x = np.where(rng.random((4000, 1)) < 0.999, rng.random((4000, 1)), 50)
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1))
    nn.init.ones_(net[0].weight)
    by_error, by_largest = (
        calibrate(net, x[x < 20][:, None], 4)[1].lam,
        calibrate(net, x, 4, method="percentile", percentile=100)[1].lam,
    )
    assert by_largest == pytest.approx(50) and 0.7 < by_error < 1.01
    assert 0.9 < calibrate(net, x, 4, method="percentile", percentile=99)[1].lam <= 1


def test_mistakes_of_calibration() -> None:
    shared = nn.ReLU()
    for net, options, message in (
        (nn.Sequential(nn.Linear(2, 2)), {}, "no ReLU module"),
        (nn.Sequential(shared, nn.Linear(2, 2), shared), {}, "twice, or never"),
        (nn.Sequential(nn.ReLU()), {"method": "max"}, "(?s)no method 'max'.*mse"),
        (nn.Sequential(nn.ReLU()), {"percentile": 0}, "percentile 0"),
        (nn.Sequential(nn.ReLU()), {}, "no input makes it active"),
    ):
        with pytest.raises(ModelError, match=message):
            calibrate(net, -np.ones((3, 2)), **options)


def test_levels_are_searched_for() -> None:
    """Fewer levels where they cost nothing: the energy falls, the accuracy holds, and the module runs as found."""
    torch.manual_seed(5)
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 200)
    x = (rng.random((200, 12)) < np.where(np.arange(12) % 3 == labels[:, None], 0.9, 0.1)).astype(np.float32)
    net = nn.Sequential(nn.Linear(12, 16), QCFS(8), nn.Linear(16, 16), QCFS(8), nn.Linear(16, 3))
    inputs, classes = torch.tensor(x), torch.tensor(labels)

    def tune(module: nn.Module, epochs: int = 3) -> None:
        optimiser = torch.optim.Adam(module.parameters(), 1e-2)
        for _ in range(epochs):
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(inputs), classes).backward()
            optimiser.step()

    def accuracy(module: nn.Module) -> float:
        with torch.no_grad():
            return float((module(inputs).argmax(1) == classes).float().mean())

    tune(net, 60)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = adapt_levels(net, x[:20], tune=tune, accuracy=accuracy, loss=0.01, input_levels=1)
    kept = [t for t in found.trials if t.kept]
    assert set(found.metric) == {"1", "3"} and kept[-1].cost < kept[0].cost
    assert kept[-1].accuracy >= kept[0].accuracy - 0.01 and accuracy(found.module) == kept[-1].accuracy
    assert {"1": found.module[1].levels, "3": found.module[3].levels} == kept[-1].levels
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items()) and net[1].levels == 8
    made = nd.convert.qcfs(found.module, input_shape=(12,), input_levels=1, samples=10)
    assert dict(made.certificate.levels) == kept[-1].levels
