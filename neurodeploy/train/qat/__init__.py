"""Quantisation-aware training: a module that runs as the chip will, trained by gradients of the float one."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from neurodeploy.compilation import Options
from neurodeploy.quantize import Bits
from neurodeploy.target import Target

if TYPE_CHECKING:
    from neurodeploy.train.qat.loop import Epoch, clip_weights, finetune
    from neurodeploy.train.qat.module import Activity, Agreement, QuantizedModule

__all__ = ["Activity", "Agreement", "Epoch", "QuantizedModule", "clip_weights", "finetune", "prepare"]


def prepare(
    module: Any,
    target: str | Target,
    *,
    bits: Bits | None = None,
    sample: Any = None,
    options: Options | None = None,
) -> QuantizedModule:
    """A snnTorch or Norse module as a module whose forward pass is the chip's, bit for bit.

    Args:
        module: The float module, whose parameters are trained in place: weights, biases, and snnTorch's decays,
            thresholds and initial potentials where they are learnt.
        target: A target, its name, or the path of a ``.toml`` file.
        bits: Weight bits, or by layer, as of :class:`Options`; default: what ``options`` say.
        sample: (N, T, *shape) of 0 and 1 on which the module is compared with what was read from it, and that tells
            the input's shape.
        options: Further options of ``compile``.

    Raises:
        ModelError: The module cannot be read, or something in it cannot be trained here; by name.
        TargetError: The chip lacks what it needs.
        QuantizeError: It does not fit the chip's fields.
    """
    from neurodeploy.train.qat.module import prepare_module

    given = options or Options()
    return prepare_module(module, target, given if bits is None else replace(given, bits=bits), sample)


def __getattr__(name: str) -> Any:
    """What needs torch, imported when it is asked for."""
    for part in ("loop", "module") if name in __all__ else ():
        found = getattr(import_module(f"{__name__}.{part}"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
