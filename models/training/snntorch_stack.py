"""A feed-forward snnTorch network as an ordered dict of layers, run over a time axis."""

import snntorch
import torch
from snntorch import surrogate
from torch import nn

DECAY_UNIT = 4096


def leaky(shape: tuple[int, ...], decay: int) -> snntorch.Leaky:
    """Leaky neurons with threshold 1 and the textbook reset to zero.

    Args:
      shape: shape of the layer, one beta and threshold per neuron (what NIR stores).
      decay: 1 - beta in units of 1/4096, so that a 12-bit decay field holds it exactly.
    """
    return snntorch.Leaky(
        beta=torch.full(shape, 1.0 - decay / DECAY_UNIT),
        threshold=torch.ones(shape),
        spike_grad=surrogate.atan(alpha=2.0),
        reset_mechanism="zero",
        reset_delay=False,
    )


class Stack(nn.Module):
    """Runs its layers in order; snnTorch's Leaky holds the only state."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)

    def forward(self, spikes: torch.Tensor) -> dict[str, torch.Tensor]:
        """Map spikes (N, T, *shape) to the spikes (N, T, *layer) of every neuron layer, by name."""
        value, fired = spikes, {}
        for name, layer in self.layers.items():
            if isinstance(layer, snntorch.Leaky):
                value = fired[name] = _over_time(layer, value)
            else:
                value = layer(value.flatten(0, 1)).unflatten(0, value.shape[:2])
        return fired


def _over_time(neurons: snntorch.Leaky, drive: torch.Tensor) -> torch.Tensor:
    membrane, fired = torch.zeros_like(drive[:, 0]), []
    for step_input in drive.unbind(1):
        spikes, membrane = neurons(step_input, membrane)
        fired.append(spikes)
    return torch.stack(fired, 1)
