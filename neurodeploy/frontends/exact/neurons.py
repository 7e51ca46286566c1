"""The NIR nodes of a population of the chip's neurons.

NIR's numbers are in units of weight, 64 register steps of v. Decays become time constants whose factors by forward
Euler are the chip's before it rounds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet_parts import ChipPopulation
from neurodeploy.connections.base import Shape
from neurodeploy.neurons.cuba import THRESHOLD_SHIFT, VTH_NEVER

Nodes = list[tuple[str, dict[str, NDArray[np.float64]]]]
"""Types and parameters, one after the other."""
MODELS = ("cuba", "pascal")
"""Those that NIR has nodes for."""
UNIT = 1 << THRESHOLD_SHIFT
DECAY_ONE = 4096
SLOWEST = 2.0**-20
"""Of a step of a decay register: what stands for no decay where a neighbour has some."""


def neuron_nodes(p: ChipPopulation, dt_s: float, shape: Shape) -> Nodes:
    """A current, where it outlives the step, and the neuron.

    Args:
        p: Of one of ``MODELS``.
        dt_s: Of a step.
        shape: Of the nodes.
    """
    du, dv = (decay(p, name).astype(np.float64) for name in ("du", "dv"))
    nodes: Nodes = []
    if has_current(p):
        nodes.append(_integrator("I", "LI", (du + 1) / DECAY_ONE, dt_s))
    if not fires(p):
        nodes.append(_integrator("I", "LI", dv / DECAY_ONE, dt_s))
    else:
        threshold = v_threshold(p)
        if np.all(dv == DECAY_ONE):
            nodes.append(("Threshold", {"threshold": threshold}))
        else:
            kind, params = _integrator("IF", "LIF", dv / DECAY_ONE, dt_s)
            nodes.append((kind, {**params, "v_threshold": threshold, "v_reset": np.zeros(p.size)}))
    return [(kind, {key: values.reshape(shape) for key, values in params.items()}) for kind, params in nodes]


def decay(p: ChipPopulation, name: str) -> NDArray[np.int64]:
    """A decay register, (size,); ``pascal`` neurons have a current of one step and no leak."""
    fixed = {"du": DECAY_ONE - 1, "dv": 0}
    return np.broadcast_to(p.fields.get(name, np.array(fixed[name])), (p.size,))


def register(p: ChipPopulation, name: str) -> NDArray[np.int64]:
    """A register, (size,); 0 where the model does not have it."""
    return np.broadcast_to(p.fields.get(name, np.array(0)), (p.size,))


def has_current(p: ChipPopulation) -> bool:
    """Whether anything of an input is left in the current a step later."""
    return bool(np.any(decay(p, "du") != DECAY_ONE - 1))


def fires(p: ChipPopulation) -> bool:
    """Whether any threshold can be reached."""
    return bool(np.any(p.fields["vth"] < VTH_NEVER))


def is_whole(p: ChipPopulation) -> bool:
    """Whether the membrane stays a multiple of a unit of weight, but for a constant rest that v0 brings in."""
    bias = np.left_shift(register(p, "bias_mant"), np.maximum(register(p, "bias_exp"), 0))
    dv, forgets = decay(p, "dv"), np.any(decay(p, "dv") == DECAY_ONE)
    no_leak = np.all(np.isin(dv, (0, DECAY_ONE))) and np.all(np.isin(decay(p, "du"), (-1, DECAY_ONE - 1)))
    loses_rest = np.any(p.fields["v0"] % UNIT) and (p.reset == "zero" or p.reset_interval > 0 or forgets)
    return bool(no_leak and not loses_rest and not np.any(bias % UNIT) and not np.any(register(p, "u0") % UNIT))


def threshold_int(p: ChipPopulation) -> NDArray[np.int64]:
    """The least whole membrane that fires, in units of weight, (size,).

    The chip fires where v > 64 vth. A v0 that is no multiple of 64 leaves a rest, with which v = 64 vth fires too.
    """
    rest = p.full("v0") % UNIT if is_whole(p) else np.zeros(p.size, np.int64)
    return np.asarray(p.full("vth") + (rest == 0), np.int64)


def v_threshold(p: ChipPopulation) -> NDArray[np.float64]:
    """NIR's threshold, which is strict: half a unit below the least membrane that fires; the chip's own where membranes
    are not whole."""
    if is_whole(p):
        return threshold_int(p).astype(np.float64) - 0.5
    return p.full("vth").astype(np.float64)


def _integrator(
    lasting: str, leaking: str, loss: NDArray[np.float64], dt_s: float
) -> tuple[str, dict[str, NDArray[np.float64]]]:
    """A node that loses this share of its state in a step, and adds its input to it."""
    if not loss.any():
        return lasting, {"r": np.full(loss.shape, 1 / dt_s)}
    tau_s = dt_s / np.maximum(loss, SLOWEST / DECAY_ONE)
    return leaking, {"tau": tau_s, "r": tau_s / dt_s, "v_leak": np.zeros(loss.shape)}


def same_nodes(found: Mapping[str, NDArray[np.generic]], expected: Mapping[str, NDArray[np.float64]]) -> bool:
    """Whether a node's parameters are those expected, bit for bit."""
    return found.keys() == expected.keys() and all(
        np.array_equal(np.asarray(found[key], np.float64), expected[key]) for key in expected
    )
