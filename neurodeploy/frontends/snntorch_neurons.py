"""snnTorch's neurons as nodes: the factors of their update rules, read from the modules.

Rules (snnTorch 1.0.0, ``snntorch/_neurons``): with ``x`` the input, ``r = [U > theta]`` of the stored membrane and
``V = beta U + x`` (Synaptic: ``I' = alpha I + x`` and ``V = beta U + I'``):

* subtract, reset_delay: ``U' = V - r theta``; without: ``S = [V - r theta > theta]``, ``U' = V - S theta``: if the
  membrane is still above the threshold after a reset, the next spike needs twice the threshold;
* zero, reset_delay: ``U' = (1 - r) V``; Leaky: ``U' = beta (1 - r) U + x``; without: ``U' = (1 - S) V``;
* none: ``U' = V``.

Alpha is the difference of two currents with the factors alpha and beta, which is what a current with alpha drives a
membrane with beta to, one step later; so without a reset it is a CubaLIF behind a delay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing.build import Neuron
from neurodeploy.frontends.tracing.layers import make_layer
from neurodeploy.frontends.tracing.rewrite import diagonal
from neurodeploy.frontends.tracing.values import Layer
from neurodeploy.graph import Node

STATES = {
    "Leaky": ("mem",),
    "Lapicque": ("mem",),
    "Alpha": ("syn_exc", "syn_inh", "mem"),
    "Synaptic": ("syn", "mem"),
    "RLeaky": ("spk", "mem"),
    "RSynaptic": ("spk", "syn", "mem"),
}
"""The neurons that can be deployed, with the states that their ``forward`` takes."""

SLOWEST = 2.0**-24
"""Smallest 1 - beta that the NIR parameters express; the exact factors hold beta itself."""

_RULES = ("forward", "fire", "mem_reset", "_base_state_function", "_base_sub", "_base_zero", "_base_int")
_RESETS = {"_base_sub": 0, "_base_zero": 1, "_base_int": 2}
_LATE_ANYWAY = (
    "RSynaptic of snnTorch 1.0.0 resets one step late, with reset_delay=False too, and so does its deployment"
)
Floats = NDArray[np.float64]


def check_neuron(module: Any, where: str) -> None:
    """Refuse snnTorch modules and options that have no exact equal here.

    Raises:
        UnsupportedNode: Names module and reason.
    """
    import torch

    kind = next((b for b in type(module).__mro__ if b.__module__.startswith("snntorch._neurons")), None)
    if kind is None or kind.__name__ == "RecurrentOneToOne":
        return

    def refuse(what: str, remedy: str) -> None:
        raise UnsupportedNode(f"{kind.__name__} {what}", where=where, remedy=remedy)

    if kind.__name__ not in STATES:
        reason = _REASONS.get(kind.__name__, "has no equal among the neurons of a chip")
        refuse(reason, f"use one of {', '.join(STATES)}")
    changed = [name for name in _RULES if getattr(type(module), name, None) is not getattr(kind, name, None)]
    if changed:
        refuse(f"is changed by {type(module).__name__}.{changed[0]}", "use snnTorch's own class")
    if module.inhibition:
        refuse("has inhibition: only the strongest neuron of a layer may fire", "train with inhibition=False")
    if module.state_quant:
        refuse("has state_quant", "train with state_quant=False; compile quantises the states to the chip's registers")
    if not bool((module.threshold > 0).all()):
        refuse("has a threshold that is not positive", "train with thresholds above zero")
    if not bool((module.graded_spikes_factor != 0).all() and torch.isfinite(module.graded_spikes_factor).all()):
        refuse("has a graded_spikes_factor of zero or infinity", "use a finite factor other than 0")
    signs = torch.tensor([-1.0, -1e-30, 0.0, 1e-30, 1.0])
    with torch.no_grad():
        if not torch.equal(module.spike_grad(signs).cpu(), (signs > 0).float()):
            refuse("has a spike_grad whose spikes are not [x > 0]", "use a surrogate of snntorch.surrogate")
    late = getattr(module, "reset_delay", True)
    if not late and _RESETS[module.state_function.__name__] != int(module.reset_mechanism_val):
        refuse("had its reset_mechanism changed after it was made", "make it anew with the reset_mechanism wanted")
    if kind.__name__ == "Alpha" and _mechanism(module) != 2:
        refuse(
            "resets both of its currents together with the membrane, which no chip neuron does",
            "train with reset_mechanism='none', or use Synaptic",
        )
    if kind.__name__ == "RSynaptic" and not late and module.init_hidden:
        refuse(
            "with reset_delay=False and init_hidden=True fails in snnTorch 1.0.0 itself", "train with reset_delay=True"
        )


_REASONS = {
    "LeakyParallel": "is a torch RNN over whole sequences",
    "SLSTM": "is an LSTM",
    "SConv2dLSTM": "is an LSTM",
}


def resets_at_once(module: Any) -> bool:
    """Whether the stored membrane is the one after the reset, or the reset is a rule of the next step."""
    leaky_zero = "RLeaky" not in _names(module) and "Leaky" in _names(module) and _mechanism(module) == 1
    return not (leaky_zero and module.reset_delay)


def neuron_node(module: Any, name: str, shape: tuple[int, ...], dt_s: float, spikes_used: bool, origin: str) -> Neuron:
    """A neuron with its factors per step; one that never resets and whose spikes go nowhere as a leaky integrator."""
    where = f"{origin}, '{name}'"

    def full(value: Any, option: str) -> Floats:
        return _full(value, shape, option, where)

    kind = next(n for n in _names(module) if n in STATES)
    reset = _reset(module, kind)
    integrates = reset == "none" and not spikes_used
    theta = full(module.threshold, "threshold")
    one, zero = np.ones(shape), np.zeros(shape)
    if kind == "Lapicque":
        per_step = 1 / (module.R * module.C)
        b = full(1 - module.time_step / (module.R * module.C), "R and C")
        k = full(module.R * per_step.double() * module.time_step, "R and C")
    else:
        b, k = full(module.beta.clamp(0, 1), "beta"), one
    a = full(module.alpha.clamp(0, 1), "alpha") if hasattr(module, "alpha") else None
    if kind == "Alpha" and a is not None:
        with np.errstate(divide="ignore"):  # beta = 0
            k = (np.log(a) / (np.log(b) - np.log(a)) + 1) * (a - b)
    tau = 1 / np.maximum(1 - b, SLOWEST)
    params: dict[str, Any] = {"r": tau * k, "v_leak": zero}
    exact: dict[str, Any] = {"b": b, "k": k, "l": zero}
    if a is not None:
        tau_syn = 1 / np.maximum(1 - a, SLOWEST)
        params |= {"tau_mem": tau * dt_s, "tau_syn": tau_syn * dt_s, "w_in": tau_syn}
        exact |= {"a": a, "w": one}
        type_ = "CubaLI" if integrates else "CubaLIF"
    else:
        params["tau"] = tau * dt_s
        type_ = "LI" if integrates else "LIF"
    exact |= {"v0": _start(module, shape, theta, where)}
    if not integrates:
        params |= {"v_threshold": theta, "v_reset": zero}
        exact |= {"theta": theta, "v_reset": zero}
    node = Node(name, type_, params, {} if integrates else {"reset": reset, "spike": "gt"}, exact)
    gain = full(module.graded_spikes_factor, "graded_spikes_factor")
    recurrent = _recurrent(module, name, shape, where)
    notes = (f"{where}: {_LATE_ANYWAY}",) if kind == "RSynaptic" and not module.reset_delay else ()
    return Neuron(node, gain, recurrent, late_steps=int(kind == "Alpha"), notes=notes)


def _start(module: Any, shape: tuple[int, ...], theta: Floats, where: str) -> Floats:
    """Trained initial potentials, see :mod:`neurodeploy.train.initial`.

    Where a late reset to zero is taken for one at once, a start above the threshold is one at 0, which is what the
    first step makes of it.
    """
    if (v0 := module._parameters.get("v0")) is None:
        return np.zeros(shape)
    start = _full(v0, shape, "v0", where)
    return start if resets_at_once(module) else np.where(start > theta, 0.0, start)


def _reset(module: Any, kind: str) -> str:
    mechanism, late = _mechanism(module), getattr(module, "reset_delay", True) or kind == "RSynaptic"
    if mechanism == 2:
        return "none"
    if mechanism == 0:
        return "subtract_late" if late else "subtract_gated"
    return "zero_late" if late and kind != "Leaky" else "value"


def _mechanism(module: Any) -> int:
    """The reset that ``forward`` makes: bound when the module was made, whatever ``reset_mechanism`` says since."""
    return _RESETS[module.state_function.__name__]


def _names(module: Any) -> list[str]:
    return [base.__name__ for base in type(module).__mro__]


def _recurrent(module: Any, name: str, shape: tuple[int, ...], where: str) -> Layer | None:
    import torch

    layer = getattr(module, "recurrent", None)
    if layer is None:
        return None
    label = f"{name}.recurrent"
    if type(layer).__name__ == "RecurrentOneToOne":
        return diagonal(label, _full(layer.V, shape, "V", where), shape)
    if type(layer) is torch.nn.Linear:
        return make_layer("Affine", label, {"weight": layer.weight, "bias": _bias(layer)})
    if type(layer) is torch.nn.Conv2d and layer.padding_mode == "zeros":
        numbers = {k: getattr(layer, k) for k in ("stride", "padding", "dilation", "groups")}
        weights = {"weight": layer.weight, "bias": _bias(layer)}
        return make_layer("Conv2d", label, {**weights, **numbers, "input_shape": shape[-2:]})
    raise UnsupportedNode(
        f"its recurrent layer is a {type(layer).__name__}",
        where=where,
        remedy="use the neuron's own Linear, Conv2d or V",
    )


def _bias(layer: Any) -> Any:
    import torch

    return torch.zeros(layer.weight.shape[0]) if layer.bias is None else layer.bias


def _full(value: Any, shape: tuple[int, ...], option: str, where: str) -> Floats:
    array = np.asarray(value.detach().cpu().numpy(), np.float64)
    if array.ndim == len(shape) + 1 and array.shape[0] == 1:
        array = array[0]
    try:
        return np.array(np.broadcast_to(array, shape))
    except ValueError:
        raise UnsupportedNode(
            f"{option} has shape {array.shape}, the layer {shape}",
            where=where,
            remedy="give one value or one per neuron",
        ) from None
