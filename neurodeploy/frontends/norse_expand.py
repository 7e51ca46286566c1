"""Norse's layers over time and with weights of their own, taken apart into cells and PyTorch's layers for the tracer.

What is traced is the wiring alone; the module itself, untouched, is what runs beside our own reference.
"""

from __future__ import annotations

from typing import Any

import norse.torch as norse
import torch

from neurodeploy.frontends.stand_ins import OverTime, Recurrent, Unrolled, Weighted

OVER_TIME = {norse.LIF: norse.LIFCell, norse.IAF: norse.IAFCell, norse.LI: norse.LICell}
RECURRENT = {norse.LIFRecurrentCell: norse.LIFCell, norse.LIFRecurrent: norse.LIFCell}
CELLS = (norse.LIFCell, norse.LIFBoxCell, norse.IAFCell, norse.LICell, norse.LIBoxCell)
NEURONS = (*CELLS, *OVER_TIME, *RECURRENT, norse.LILinearCell)


def expand(module: Any) -> Any:
    """``module`` with its layers taken apart; changes it."""
    for name, part in list(module.named_children()):
        setattr(module, name, expand(part))
    kind = type(module)
    if kind in OVER_TIME:
        return Unrolled(OVER_TIME[kind](module.p, dt=module.dt))
    if kind in RECURRENT:
        cell = RECURRENT[kind](module.p, dt=module.dt)
        recurrent = Recurrent(cell, module.input_weights, module.recurrent_weights)
        return Unrolled(recurrent) if kind is norse.LIFRecurrent else recurrent
    if kind is norse.LILinearCell:
        return Weighted(norse.LICell(module.p, dt=module.dt), module.input_weights)
    if kind is norse.LConv2d:
        return OverTime(_conv(module))
    return module


def _conv(module: Any) -> Any:
    """A convolution over (B, C, H, W, T) with a kernel of one step."""
    geometry = {k: getattr(module, k)[:2] for k in ("kernel_size", "stride", "padding", "dilation")}
    channels = (module.in_channels, module.out_channels)
    conv = torch.nn.Conv2d(*channels, groups=module.groups, bias=False, device="meta", **geometry)
    conv.weight = torch.nn.Parameter(module.weight.detach()[..., 0].clone())
    return conv
