"""The ``neuron`` group of a layer as a population's model and fields, as netx reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ShapeMismatch
from neurodeploy.frontends.netx.record import Record
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT, VTH_NEVER

SPIKE_EXP = 6
STATE_EXP = 6
BIAS_EXP = 6
DECAY_BITS = 12
SDNN_BITS = 16
LARGEST_VTH = 2 ** (31 - THRESHOLD_SHIFT) - 1
"""Mantissa that Lava can still shift within 32 bits."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Neuron:
    """A population to be.

    Attributes:
        model: Name of a neuron model.
        fields: Its fields.
        reset: Its reset, or None for the model's own.
        message_bits: What netx declares its messages to be: 0 binary, else graded.
    """

    model: str
    fields: dict[str, Any]
    reset: str | None
    message_bits: int


def read_neuron(layer: Record, shape: tuple[int, ...], *, is_input: bool = False) -> Neuron:
    """The neurons of a layer.

    Args:
        layer: Their layer; a dense one may have no ``neuron``: a read-out that sums its input.
        shape: (C, H, W) or (n,).
        is_input: Whether this is an input layer, which has delta neurons in the place of sigma-delta.

    Raises:
        UnsupportedNode: A type or a value that is not deployed, and why.
        ShapeMismatch: A parameter that fits no neuron.
        UnreadableFile: A parameter is missing or no integer.
    """
    if not layer.has_neuron:
        fields = {"du": -1, "dv": 4096, "vth": VTH_NEVER, "bias_mant": _bias(layer, shape), "bias_exp": BIAS_EXP}
        return Neuron("cuba", fields, "none", 0)
    kind = layer.text("neuron/type")
    if kind in ("LOIHI", "CUBA"):
        return _cuba(layer, shape, is_input)
    if kind == "SDNN":
        return _sigma_delta(layer, shape, is_input)
    if kind in ("RF", "RF_PHASE", "RF_IZ", "RF_IZHIKEVICH"):
        return _resonator(layer, shape, is_input, "rf" if "PHASE" in kind else "rf_iz")
    if "RF" in kind:
        raise layer.fault(
            f"neuron type '{kind}', which netx would run without its adaptation",
            "retrain with RF_PHASE, RF_IZHIKEVICH, CUBA or SDNN neurons",
        )
    raise layer.fault(
        f"neuron type '{kind}', which netx does not know", "use CUBA, LOIHI, SDNN, RF_PHASE or RF_IZHIKEVICH"
    )


def _cuba(layer: Record, shape: tuple[int, ...], is_input: bool) -> Neuron:
    def values(name: str, low: int, high: int) -> Ints:
        return _per_neuron(layer, f"neuron/{name}", shape, low, high)

    fields: dict[str, Any] = {
        "du": values("iDecay", 0, 4096) - 1,
        "dv": values("vDecay", 0, 4096),
        # slayer's Affine writes 2^18 - 1; v has 24 bits and never exceeds 131072 * 2^6
        "vth": np.minimum(values("vThMant", -VTH_NEVER, LARGEST_VTH), VTH_NEVER),
    }
    if is_input:
        fields["du"] = 4095  # netx drives these neurons through the bias: a current that is gone after its step
    else:
        fields |= {"bias_mant": _bias(layer, shape), "bias_exp": BIAS_EXP}
    never = bool(np.all(fields["vth"] >= VTH_NEVER))
    return Neuron("cuba", fields, "none" if never else "zero", _message_bits(layer, 0))


def _sigma_delta(layer: Record, shape: tuple[int, ...], is_input: bool) -> Neuron:
    bits = _message_bits(layer, SDNN_BITS)
    if not is_input and "neuron/sigma_output" in layer.data:
        if "bias" in layer.data and np.any(layer.integers("bias")):
            raise layer.fault("a bias on a sigma output, which netx cannot load", "export this layer without bias")
        return Neuron("sigma", {}, None, bits)
    vth = layer.integer("neuron/vThMant")
    if not 0 <= vth < 2 ** (31 - SPIKE_EXP - STATE_EXP):
        raise layer.fault(f"vThMant = {vth}; times 2^12 it must lie in 0..2^31 - 1", "use a smaller threshold")
    fields: dict[str, Any] = {"vth": vth << SPIKE_EXP + STATE_EXP, "state_exp": STATE_EXP}
    if is_input:
        return Neuron("delta", fields | {"spike_exp": SPIKE_EXP}, None, bits)
    bias = _bias(layer, shape, 2 ** (31 - SPIKE_EXP - STATE_EXP) - 1)
    return Neuron("sigma_delta", fields | {"bias": bias << SPIKE_EXP + STATE_EXP}, None, bits)


def _resonator(layer: Record, shape: tuple[int, ...], is_input: bool, model: str) -> Neuron:
    if is_input:
        raise layer.fault("RF neurons in an input layer, which netx gives no input", "use SDNN or CUBA neurons there")
    vth = layer.integer("neuron/vThMant")
    if not 0 <= vth < 2 ** (31 - STATE_EXP):
        raise layer.fault(f"vThMant = {vth}; times 2^6 it must lie in 0..2^31 - 1", "use a smaller threshold")
    fields = {
        "sin": _spread(layer, "neuron/sinDecay", _rotation(layer, "neuron/sinDecay"), shape),
        "cos": _spread(layer, "neuron/cosDecay", _rotation(layer, "neuron/cosDecay"), shape),
        "vth": vth << STATE_EXP,
        "state_exp": STATE_EXP,
        "decay_bits": DECAY_BITS,
    }
    return Neuron(model, fields, None, _message_bits(layer, 0))


def _rotation(layer: Record, name: str) -> Ints:
    values = layer.numbers(name).astype(np.float64)
    if np.abs(values).max() > 2**15:
        raise layer.fault(f"{name} up to {np.abs(values).max():g}, of {2**15}", "store fractions times 4096")
    return np.trunc(values).astype(np.int64)


def is_fragile(values: NDArray[Any]) -> bool:
    """Whether netx may make something else of sinDecay or cosDecay than the integers below them.

    It turns them into a period and a decay, Lava turns these back and cuts the fraction off: of an integer, either that
    or one less in size is left, as the last bits of the machine's sine and cosine will have it (measured: NumPy 1.26
    and 2.4 differ in one of ten). Halves between integers come back as the integer below.
    """
    floats = np.asarray(values, np.float64)
    return bool(np.any((floats != 0) & (np.abs(floats - np.rint(floats)) < 1e-6)))


def _message_bits(layer: Record, default: int) -> int:
    if "neuron/messageBits" not in layer.data:
        return default
    bits = layer.integer("neuron/messageBits")
    if not 0 <= bits <= 32:
        raise layer.fault(f"messageBits = {bits}, of 0..32")
    return bits


def _bias(layer: Record, shape: tuple[int, ...], limit: int = 32767) -> Ints:
    """0-d or in C order of ``shape``: from one value per channel, or one per neuron in netx's order (W, H, C)."""
    if "bias" not in layer.data:
        return np.zeros((), np.int64)
    bias = layer.integers("bias")
    if np.abs(bias).max() > limit:
        raise layer.fault(f"a bias of {np.abs(bias).max()}, of {limit} (Lava wraps it)", "retrain with smaller biases")
    if len(shape) == 1 and bias.size in (1, shape[0]):
        return np.broadcast_to(bias.ravel(), shape)
    if len(shape) == 3 and bias.shape == (shape[0],):
        return np.broadcast_to(bias[:, None, None], shape).ravel()
    if len(shape) == 3 and bias.shape == shape[::-1]:
        return bias.transpose(2, 1, 0).ravel()
    raise layer.fault(
        f"the bias has shape {bias.shape}",
        "store one per neuron" if len(shape) == 1 else f"store one per channel, or {shape[::-1]} in order (W, H, C)",
        ShapeMismatch,
    )


def _per_neuron(layer: Record, name: str, shape: tuple[int, ...], low: int, high: int) -> Ints:
    values = layer.integers(name)
    if values.min() < low or values.max() > high:
        raise layer.fault(
            f"{name} = {values.min()}..{values.max()}, of {low}..{high}", "correct the neuron's parameters"
        )
    return _spread(layer, name, values, shape)


def _spread(layer: Record, name: str, values: Ints, shape: tuple[int, ...]) -> Ints:
    """0-d, or in C order of ``shape``, from an array that netx spreads over (W, H, C)."""
    if values.size == 1:
        return values.reshape(())
    try:
        spread = np.broadcast_to(values, shape[::-1])
    except ValueError:
        raise layer.fault(
            f"'{name}' has shape {values.shape} for {math.prod(shape)} neurons",
            f"store one number, or {shape[::-1]} in order (W, H, C)",
            ShapeMismatch,
        ) from None
    return np.ascontiguousarray(spread.transpose(*range(len(shape))[::-1])).ravel()
