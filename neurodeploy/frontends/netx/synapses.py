"""The weights, delays and kernels of a layer, as netx hands them to Lava's synapses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurodeploy.connections import Conv2d
from neurodeploy.errors import NeurodeployError, ShapeMismatch
from neurodeploy.frontends.netx.record import Record
from neurodeploy.frontends.netx.weights import Ints, Scaled, exact_scale, netx_scale

LONGEST_DELAY = 62


@dataclass(frozen=True, eq=False)
class Synapse:
    """A dense synapse to be.

    Attributes:
        weights: (n_out, n_in), as scaled.
        weight_exp: The exponent that undoes the scaling.
        num_weight_bits: 1..8, or 9 for odd mixed weights beyond 8 bits.
        sign_mode: What Lava's synapse takes.
        port: The neuron's input.
        recurrent: Whether it comes from the layer itself.
        notes: Where netx on Lava computes something else.
    """

    weights: Ints
    weight_exp: int
    num_weight_bits: int
    sign_mode: str
    port: str | None = None
    recurrent: bool = False
    notes: tuple[str, ...] = ()


def real_synapses(layer: Record, outputs: int, recurrent: bool) -> list[Synapse]:
    """The forward synapse, and the recurrent one, which shares its scale."""
    weight = _matrix(layer, "weight", outputs)
    whole, inputs = weight, weight.shape[1]
    if recurrent:
        back = _matrix(layer, "weight_rec", outputs)
        if back.shape != (outputs, outputs):
            raise layer.fault(f"weight_rec has shape {back.shape} for {outputs} neurons", kind=ShapeMismatch)
        whole = np.hstack([weight, back])
    scaled = _scaled(layer, whole, "weight")
    # netx drops the exponent of a recurrent layer with delays
    dropped = recurrent and "delay" in layer.data and scaled.weight_exp != 0
    parts = [(weight, slice(0, inputs), False)]
    if recurrent:
        parts.append((whole[:, inputs:], slice(inputs, None), True))
    synapses = [replace(_synapse(layer, given, scaled.part(cut)), recurrent=back) for given, cut, back in parts]
    if dropped:
        note = f"netx on Lava makes the weights {2**-scaled.weight_exp} times as large, because of the delays"
        synapses[0] = replace(synapses[0], notes=(*synapses[0].notes, f"{note}; the file's weights are deployed"))
    return synapses


def complex_synapses(layer: Record, outputs: int) -> list[Synapse]:
    """Real and imaginary part, each with a scale of its own."""
    for name in ("bias", "delay"):
        if name in layer.data and np.any(layer.numbers(name)):
            raise layer.fault(f"a {name} beside complex weights, which netx drops", f"export this layer without {name}")
    parts = []
    for part, port in (("real", "a_real"), ("imag", "a_imag")):
        weight = _matrix(layer, f"weight/{part}", outputs)
        scaled = _scaled(layer, weight, f"weight/{part}")
        parts.append(replace(_synapse(layer, weight, scaled), port=port))
    if parts[0].weights.shape != parts[1].weights.shape:
        raise layer.fault("weight/real and weight/imag differ in shape", kind=ShapeMismatch)
    return parts


def delays_of(layer: Record, shape: tuple[int, ...]) -> Ints | int | None:
    """Extra steps, one for all or one per weight; a delay above 62 is 62, as in netx."""
    if "delay" not in layer.data:
        return None
    values = np.trunc(layer.numbers("delay").astype(np.float64)).astype(np.int64)
    if values.min() < 0:
        raise layer.fault(f"a delay of {values.min()} steps", "use delays from 0 to 62")
    values = np.minimum(values, LONGEST_DELAY)
    if values.ndim == 0:
        return int(values)
    if values.ndim == 1 and values.size == shape[0]:
        return np.repeat(values[:, None], shape[1], axis=1)
    if values.ndim == 1 and values.size == shape[1]:
        return np.repeat(values[None, :], shape[0], axis=0)
    if values.shape == shape:
        return values
    raise layer.fault(
        f"the delays have shape {values.shape}, the weights {shape}",
        "store one delay, one per output, one per input, or one per weight",
        ShapeMismatch,
    )


def kernel_of(layer: Record, source_shape: tuple[int, ...]) -> Conv2d:
    """The convolution in PyTorch order; a trailing 1 of the kernel's shape is dropped."""
    kernel = layer.integers("weight")
    if kernel.ndim == 5 and kernel.shape[4] == 1:
        kernel = kernel[..., 0]
    if np.abs(kernel).max() > 2**15:
        raise layer.fault("kernel weights beyond 16 bits", "use even weights in -254..254")
    geometry = {name: layer.pair(name) for name in ("stride", "padding", "dilation")}
    try:
        return Conv2d.build(kernel, source_shape, groups=layer.integer("groups"), where=layer.where, **geometry)
    except NeurodeployError:
        raise
    except (ValueError, OverflowError) as error:
        raise layer.fault(f"the convolution cannot be built: {error}", kind=ShapeMismatch) from error


def _matrix(layer: Record, name: str, outputs: int) -> Ints:
    weights = layer.integers(name)
    if weights.ndim == 1 and weights.size % outputs == 0:
        weights = weights.reshape(outputs, -1)
    if weights.ndim > 2 and weights.shape[2:] == (1,) * (weights.ndim - 2):
        weights = weights.reshape(weights.shape[:2])
    if weights.ndim != 2 or weights.shape[0] != outputs:
        raise layer.fault(
            f"'{name}' has shape {weights.shape}, not ({outputs}, inputs)", "rows are outputs", ShapeMismatch
        )
    return weights


def _scaled(layer: Record, weights: NDArray[np.int64], name: str) -> Scaled:
    scaled = netx_scale(weights)
    if scaled is None:
        raise layer.fault(f"'{name}' is all zero, which netx cannot load", "drop the layer, or train it")
    return scaled


def _synapse(layer: Record, weights: Ints, scaled: Scaled) -> Synapse:
    """As netx scales it; or, where that changes weights, at the largest scale that does not."""
    if scaled.holds(weights):
        return Synapse(scaled.weights, scaled.weight_exp, scaled.num_weight_bits, scaled.sign_mode)
    exact = exact_scale(weights)
    if exact is None:
        raise layer.fault(
            f"weights in {weights.min()}..{weights.max()} that 8 bits cannot hold; netx would change them",
            "mixed signs: -256..254, even; one sign: up to 255. Rescale weights and threshold together",
        )
    acts = scaled.held * 2.0**scaled.weight_exp
    wrong = np.argwhere(acts != weights)
    first = tuple(wrong[0])
    what = f"{len(wrong)} of {weights.size} weights, such as {weights[first]} into {acts[first]:g}"
    note = f"netx on Lava would change {what}; the file's weights are deployed"
    return Synapse(
        exact.weights,
        exact.weight_exp,
        exact.num_weight_bits,
        exact.sign_mode,
        notes=(note,),
    )
