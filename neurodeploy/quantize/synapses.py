"""A float projection to the integers of its synapses."""

from __future__ import annotations

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Connection
from neurodeploy.network import Projection
from neurodeploy.neurons.model import Floats
from neurodeploy.quantize.channels import spread
from neurodeploy.quantize.choice import Choice
from neurodeploy.quantize.compensated import round_compensated
from neurodeploy.quantize.formats import Format, fewest_bits
from neurodeploy.quantize.report import ProjectionReport
from neurodeploy.quantize.rounding import Rounded, measured, round_weights
from neurodeploy.quantize.scale import INPUT_UNIT
from neurodeploy.target import Target


def add_projection(
    net: ChipNetwork,
    projection: Projection,
    per_weight: Floats,
    exponent: int,
    form: Format,
    delay: int,
    target: Target,
    choice: Choice,
) -> ProjectionReport:
    """Attach the projection's integers to ``net``, and say what they lose."""
    connection = projection.connection
    units = INPUT_UNIT * 2.0**exponent / per_weight
    rounded = held_weights(projection, units, form, choice)
    movable = connection.kind != "conv2d"
    integers, held_exponent, held = fewest_bits(rounded.integers, exponent, form, target, movable=movable)
    net.attach(
        projection.source,
        projection.target,
        connection.with_weights(integers),
        weight_exp=held_exponent,
        num_weight_bits=held.bits,
        sign_mode=form.sign_mode,
        delay=delay,
    )
    middle = float(np.median(units))
    lsb = held.step * middle * 2.0 ** (held_exponent - exponent)
    return ProjectionReport(
        projection.source,
        projection.target,
        form.sign_mode,
        held_exponent,
        held.bits,
        int(np.abs(integers).max(initial=0)),
        lsb,
        rounded.error_max / form.step,
        rounded.error_max_own,
        rounded.error_rms,
        rounded.zeroed,
        rounded.clipped,
    )


def held_weights(projection: Projection, units: Floats, form: Format, choice: Choice) -> Rounded:
    """The integers of a projection, where 1 stands for ``units`` (n_target,) in the float network."""
    connection = projection.connection
    unit = float(units[0]) if np.all(units == units[0]) else spread(connection, units)
    inputs = choice.moments.get(projection.source)
    if inputs is not None and summed_weights(connection) == len(inputs.gram):
        integers = round_compensated(connection.weights, unit, form, inputs)
        return measured(connection.weights, unit, integers, form)
    return round_weights(connection.weights, unit, form)


def summed_weights(c: Connection) -> int | None:
    """How many weights make a sum of the target neuron, where those of all its neurons can be rounded together."""
    if c.kind == "sparse" or (c.kind == "conv2d" and getattr(c, "groups", 1) != 1):
        return None
    return int(np.prod(c.weights.shape[1:]))
