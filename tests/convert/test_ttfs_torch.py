"""Torch modules as ReLU networks, and on the chip: convolutions, poolings, batch norms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.convert.ttfs import spiking_net
from neurodeploy.convert.ttfs.torch_net import relu_net
from neurodeploy.errors import NeurodeployError

torch = pytest.importorskip("torch", reason="needs PyTorch: python3 tools/test.py installs it")
nn = torch.nn


def mlp() -> Any:
    return nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(), nn.Linear(9, 4))


def conv() -> Any:
    head = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, stride=2, groups=2), nn.BatchNorm2d(4), nn.ReLU())
    return nn.Sequential(head, nn.AvgPool2d(2), nn.Identity(), nn.Flatten(), nn.Linear(16, 3))


def pooled() -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, dilation=2, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 2, bias=False),
        nn.MaxPool2d(2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * 2 * 2, 3),
    )


def only_maxima() -> Any:
    """Of values of both signs, in windows of unequal size at the rim."""
    return nn.Sequential(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, padding=1), nn.Flatten())


def functional() -> Any:
    class Net(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 2), nn.Linear(18, 3)

        def forward(self, x: Any) -> Any:
            return self.fc(torch.flatten(nn.functional.relu(self.conv(x)), 1)).relu()

    return Net()


NETS = {
    "mlp": (mlp, (6,)),
    "conv": (conv, (2, 8, 8)),
    "pooled": (pooled, (1, 8, 8)),
    "maxima": (only_maxima, (1, 5, 6)),
    "functional": (functional, (1, 4, 4)),
}


def trained(name: str) -> tuple[Any, tuple[int, ...]]:
    """In double precision, with statistics as after training."""
    torch.manual_seed(5)
    make, shape = NETS[name]
    module = make()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
            part.weight.data.normal_(1, 0.5)
            part.bias.data.normal_(0, 0.3)
    return module.double().eval(), shape


@pytest.mark.parametrize("name", NETS)
def test_the_module_and_its_spikes(name: str) -> None:
    module, shape = trained(name)
    x = np.random.default_rng(0).uniform(-1, 1, (20, *shape))
    expected = module(torch.tensor(x)).detach().numpy().reshape(20, -1)
    net = relu_net(module, -1, 1, shape)
    np.testing.assert_allclose(net(x), expected, atol=1e-12)
    for calibration in (None, x):
        np.testing.assert_allclose(spiking_net(net, calibration=calibration).run(x), expected, atol=1e-9)


@pytest.mark.parametrize("name", NETS)
def test_on_the_chip(name: str) -> None:
    """Equal to the golden network for 500 inputs, which is near the module."""
    module, shape = trained(name)
    x = np.random.default_rng(1).uniform(-1, 1, (500, *shape))
    made = nd.convert.ttfs(
        module, input_shape=shape, low=-1, high=1, ticks=16, nearest=True, calibration=x, readout="values", samples=9
    )
    ticks = made.code.ticks_of(x)
    found = made.run(x)
    np.testing.assert_array_equal(found.outputs, made.golden.ceil(ticks))
    np.testing.assert_array_equal(made.run(x[:3], engine="reference").outputs, found.outputs[:3])
    module_says = module(torch.tensor(x)).detach().numpy().reshape(500, -1)
    assert abs(found.outputs / 16 - module_says).mean() < 0.3


class Branches(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return self.fc(x) + x


class Decides(Branches):
    def forward(self, x: Any) -> Any:
        return x if x.sum() > 0 else self.fc(x)


@pytest.mark.parametrize(
    ("module", "shape", "said"),
    [
        (nn.Sequential(nn.Linear(3, 2), nn.Sigmoid()), (3,), "a Sigmoid"),
        (nn.Sequential(nn.Conv2d(1, 1, 2, padding=1, padding_mode="circular")), (1, 4, 4), "padding_mode"),
        (nn.Sequential(nn.AvgPool2d(2, ceil_mode=True)), (1, 4, 4), "ceil_mode"),
        (nn.Sequential(nn.AvgPool2d(2, padding=1, count_include_pad=False)), (1, 4, 4), "without its padding"),
        (nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)), (1, 5, 5), "ceil_mode"),
        (nn.Sequential(nn.MaxPool2d(7)), (1, 5, 5), "does not fit"),
        (nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False)), (3,), "running statistics"),
        (nn.Sequential(nn.BatchNorm2d(3)), (2, 3, 3), "of 3 channels"),
        (nn.Sequential(nn.Flatten(2)), (2, 3, 3), "partial Flatten"),
        (nn.Sequential(nn.Linear(3, 2)), (4,), "flatten before it"),
        (nn.Sequential(nn.Conv2d(1, 1, 2)), (4,), "(C, H, W)"),
        (nn.Sequential(nn.Conv2d(1, 1, 2)), None, "give input_shape"),
        (Branches(), (3,), "not a chain"),
        (Decides(), (3,), "cannot trace"),
        (3, None, "not a model"),
    ],
)
def test_what_is_refused(module: Any, shape: Any, said: str) -> None:
    with pytest.raises(NeurodeployError) as error:
        relu_net(module, -1, 1, shape)
    assert said in str(error.value) and error.value.remedy


def test_sides_of_another_shape() -> None:
    with pytest.raises(NeurodeployError, match="low and high have shapes"):
        relu_net(nn.Linear(3, 2), np.zeros(2), 1)
