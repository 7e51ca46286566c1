"""Torch modules for the command line and the tests of QCFS networks; torch is imported when one is made."""

from __future__ import annotations

from typing import Any


def mlp() -> Any:
    """12 numbers to 3 classes, with a batch norm."""
    from torch import nn

    from neurodeploy.convert.qcfs import QCFS

    return settled(nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), QCFS(4), nn.Linear(16, 3)), (12,))


def relu_mlp() -> Any:
    """The same sizes, plain."""
    import torch
    from torch import nn

    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))


def settled(net: Any, shape: tuple[int, ...]) -> Any:
    """With batch norms that have seen data, and parameters that are no round numbers."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
                part.weight.uniform_(0.5, 1.5)
                part.bias.uniform_(0, 0.6)
        for _ in range(30):
            net.train()(torch.rand(16, *shape))
    return net.eval()
