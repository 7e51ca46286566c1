"""Trainable initial membrane potentials: where a layer's neurons start every sample.

After Shen et al. 2024, "Rethinking the Membrane Dynamics and Optimization Objectives of Spiking Neural Networks": one
number for each neuron or channel, shared by all samples, trained like a weight but not decayed like one.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from numpy.typing import ArrayLike

from neurodeploy.errors import ModelError, ShapeMismatch

Tensor = torch.Tensor

NAME = "v0"
"""The parameter's name in its module; frontends and :func:`parameter_groups` know it by that."""
SPREAD = (-0.2, 0.2)
"""Of what is drawn, for a threshold of 1."""


def initial_parameter(
    v0: str | ArrayLike | Tensor, shape: tuple[int, ...], spread: tuple[float, float], where: str
) -> torch.nn.Parameter | None:
    """Initial potentials of a layer, or None for zeros that are not trained.

    Args:
        v0: ``zero``; ``neuron`` or ``channel`` (the first axis of ``shape``), drawn uniformly from ``spread`` by
            torch's generator; or numbers that broadcast to ``shape``.
        shape: Of the layer, without batch and time.
        spread: Least and largest value drawn.
        where: The layer, for messages.

    Raises:
        ModelError: Another word, or numbers that are not finite.
        ShapeMismatch: Numbers that do not broadcast to the layer.
    """
    if isinstance(v0, str):
        sizes = {"neuron": shape, "channel": (*shape[:1], *(1 for _ in shape[1:]))}
        if v0 == "zero":
            return None
        if v0 not in sizes:
            raise ModelError(f"v0 = '{v0}'", where=where, remedy="give 'zero', 'neuron', 'channel', or numbers")
        return torch.nn.Parameter(torch.empty(sizes[v0]).uniform_(*spread))
    values = torch.as_tensor(v0, dtype=torch.get_default_dtype()).detach().clone()
    if not bool(torch.isfinite(values).all()):
        raise ModelError("v0 holds NaN or infinity", where=where, remedy="give finite numbers")
    try:
        values.expand(shape)
    except RuntimeError:
        raise ShapeMismatch(
            f"v0 has shape {tuple(values.shape)}, the layer {shape}",
            where=where,
            remedy="give one value, or one for each channel (C, 1, 1) or neuron",
        ) from None
    return torch.nn.Parameter(values)


def with_initial_potential(
    neuron: Any,
    shape: tuple[int, ...],
    v0: str | ArrayLike | Tensor = "neuron",
    *,
    spread: tuple[float, float] = SPREAD,
) -> Any:
    """A snnTorch neuron that starts its samples at trained potentials; the neuron itself, changed.

    A sample starts where the membrane is what ``reset_mem``, ``snntorch.utils.reset`` or ``torch.zeros`` left: all
    zeros, and not the one that the neuron returned or kept a step before; or of another batch. So training loops stay
    as they are, with states passed or hidden.

    Args:
        neuron: Leaky, Lapicque, Synaptic, Alpha, RLeaky or RSynaptic.
        shape: Of the layer, without batch and time.
        v0: See :func:`initial_parameter`.
        spread: See there.

    Raises:
        ModelError: Not such a neuron, or one that has initial potentials already.
        ShapeMismatch: Numbers that do not broadcast to the layer.
    """
    kind: Any = next((b for b in type(neuron).__mro__ if b.__module__.startswith("snntorch._neurons")), None)
    where = type(neuron).__name__
    if kind is None or "mem" not in inspect.signature(kind.forward).parameters:
        raise ModelError("it is no neuron of snnTorch with a membrane", where=where, remedy="give e.g. snntorch.Leaky")
    if NAME in neuron._parameters:
        raise ModelError("it has initial potentials already", where=where, remedy="set neuron.v0.data instead")
    neuron.register_parameter(NAME, initial_parameter(v0, tuple(shape), spread, where))
    neuron.left_mem = None
    neuron.register_forward_pre_hook(_begin, with_kwargs=True)
    neuron.register_forward_hook(_leave)
    return neuron


def _begin(neuron: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Where a sample starts, put its potentials in the membrane's place."""
    v0 = neuron._parameters[NAME]
    place = list(inspect.signature(type(neuron).forward).parameters).index("mem") - 1
    passed = kwargs.get("mem", args[place] if len(args) > place else None)
    mem = neuron.mem if passed is None else passed
    drive = args[0] if args else kwargs["input_"]
    if v0 is None or (mem.shape == drive.shape and not _is_new(mem, neuron.left_mem)):
        return args, kwargs
    start = v0.expand(drive.shape)
    if passed is None:
        neuron.mem = start
    elif "mem" in kwargs:
        kwargs = {**kwargs, "mem": start}
    else:
        args = (*args[:place], start, *args[place + 1 :])
    return args, kwargs


def _leave(neuron: Any, args: Any, result: Any) -> None:
    neuron.left_mem = neuron.mem.detach()


def _is_new(mem: Any, left: Any) -> bool:
    return (left is None or mem.data_ptr() != left.data_ptr()) and not bool(mem.any())


def parameter_groups(module: Any, weight_decay: float) -> list[dict[str, Any]]:
    """The trained parameters for an optimiser of torch, initial potentials without weight decay.

    Args:
        module: Any torch module.
        weight_decay: Of all others.

    Example:
        >>> torch.optim.AdamW(parameter_groups(net, 1e-2), lr=3e-3)
    """
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    starts = [p for name, p in trained if name.rpartition(".")[2] == NAME]
    others = [p for name, p in trained if name.rpartition(".")[2] != NAME]
    groups = [{"params": others, "weight_decay": weight_decay}, {"params": starts, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
