"""Inputs of a simulation, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipInput, ChipNetwork
from neurodeploy.errors import SimulationError, did_you_mean
from neurodeploy.simulate.events import Events
from neurodeploy.simulate.plan import Messages

Spikes = NDArray[Any] | Events
BYTE = np.dtype(np.uint8)


def checked_inputs(
    net: ChipNetwork, spikes: Any, *, bytes_too: bool = True
) -> tuple[dict[str, Messages | Events], bool]:
    """Messages (B, T, size) or events of every input, and whether the user's have a batch axis.

    Args:
        net: The network.
        spikes: What the user gave.
        bytes_too: Also that bytes are 0 or 1; the kernels find out by themselves.

    Raises:
        SimulationError: What does not fit the network; says where.
    """
    if not net.inputs:
        raise SimulationError("the network has no input", where="simulate", remedy="add one with add_input")
    if not isinstance(spikes, (np.ndarray, Events, Mapping)):
        spikes = np.asarray(spikes)
    if not isinstance(spikes, Mapping):
        if len(net.inputs) > 1:
            raise SimulationError(
                f"the network has {len(net.inputs)} inputs",
                where="simulate",
                remedy=f"give a dict with the keys {', '.join(net.inputs)}",
            )
        (name,) = net.inputs
        if isinstance(spikes, np.ndarray):
            batched = spikes.ndim - len(net.inputs[name].shape) == 2
            return {name: _checked(spikes, net.inputs[name], batched, bytes_too)}, batched
        spikes = {name: spikes}
    for name in spikes.keys() - net.inputs.keys():
        raise SimulationError(f"no input '{name}'", where="simulate", remedy=did_you_mean(name, net.inputs))
    for name in net.inputs.keys() - spikes.keys():
        raise SimulationError(f"input '{name}' is not given", where="simulate", remedy=f"add spikes for '{name}'")
    if any(isinstance(values, Events) for values in spikes.values()):
        return _with_events(net, spikes), True
    arrays = {name: np.asarray(values) for name, values in spikes.items()}
    batched = {arrays[name].ndim - len(port.shape) for name, port in net.inputs.items()} == {2}
    result: dict[str, Messages | Events] = {
        name: _checked(arrays[name], port, batched, bytes_too) for name, port in net.inputs.items()
    }
    _check_lengths(result)
    return result, batched


def _checked(values: NDArray[Any], port: ChipInput, batched: bool, bytes_too: bool) -> Messages:
    """Messages (B, T, size) of one input."""
    axes = 2 if batched else 1
    if values.ndim != axes + len(port.shape) or values.shape[axes:] != port.shape:
        raise SimulationError(
            f"spikes have shape {values.shape}",
            where=f"input '{port.name}' of shape {port.shape}",
            remedy=f"give (T, *{port.shape}) for one sample or (B, T, *{port.shape}) for a batch",
        )
    if values.size == 0:
        raise SimulationError(
            f"spikes have shape {values.shape}: no sample or no step",
            where=f"input '{port.name}'",
            remedy="give at least one",
        )
    are_bytes = values.dtype == BYTE and not port.message_bits
    if bytes_too or not are_bytes:
        check_messages(values, port)
    if not are_bytes:
        values = values.astype(np.int32 if port.message_bits else np.uint8, copy=False)
    return values.reshape(*(values.shape[:2] if batched else (1, values.shape[0])), port.size)


def _with_events(net: ChipNetwork, spikes: Mapping[str, Any]) -> dict[str, Messages | Events]:
    """Where some inputs are events, which always have a batch axis, all are."""
    result: dict[str, Messages | Events] = {}
    for name, port in net.inputs.items():
        values = spikes[name]
        if not isinstance(values, Events):
            flat, batched = checked_inputs(ChipNetwork({name: port}), values)
            if not batched:
                raise SimulationError(
                    f"an array of shape {np.shape(values)} beside events",
                    where=f"input '{name}'",
                    remedy="give it a batch axis, (B, T, *shape), as events have",
                )
            result |= flat
        else:
            check_events(values, port)
            result[name] = values
    _check_lengths(result)
    return result


def _check_lengths(inputs: Mapping[str, Messages | Events]) -> None:
    if len({v.shape[:2] for v in inputs.values()}) > 1:
        raise SimulationError(
            f"inputs differ in samples or steps: { ({n: v.shape[:2] for n, v in inputs.items()}) }",
            where="simulate",
            remedy="pad the shorter ones with zeros",
        )


def check_events(events: Events, port: ChipInput) -> None:
    """SimulationError for events that are not the port's."""
    if port.message_bits or events.input_shape != port.shape:
        takes = f"messages of {port.message_bits} bits" if port.message_bits else "spikes"
        raise SimulationError(
            f"events of shape {events.input_shape}",
            where=f"input '{port.name}', which takes {takes} of shape {port.shape}",
            remedy="make the events with that shape, or give an array of messages",
        )


def check_messages(values: NDArray[Any], port: ChipInput) -> None:
    """SimulationError for what the port cannot send; says where the first such value is."""
    limit = 1 << max(0, port.message_bits - 1)
    low, high = (-limit, limit - 1) if port.message_bits else (0, 1)
    kind = values.dtype.kind
    if kind in "bui" and (kind != "i" or low <= values.min(initial=0)) and values.max(initial=0) <= high:
        return
    legal = (values >= low) & (values <= high) & (values == np.rint(values))
    if legal.all():
        return
    first = tuple(int(i) for i in np.unravel_index(np.argmin(legal), legal.shape))
    if port.message_bits:
        what = f"messages hold {values[first]} at {first}, not an integer in {low}..{high} ({port.message_bits} bits)"
        remedy = "scale and round the input, or give the input more message_bits"
    else:
        what = f"spikes hold {values[first]} at {first}, not 0 or 1"
        remedy = "encode real values into spikes, or use a network whose input takes graded messages"
    raise SimulationError(what, where=f"input '{port.name}'", remedy=remedy)
