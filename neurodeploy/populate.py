"""From a neuron node to a population: factors, rules, and the checks that keep its equations meaningful."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from neurodeploy.connections.base import Shape
from neurodeploy.errors import AmbiguousSemantics, UnsupportedNode
from neurodeploy.graph import Node
from neurodeploy.network import Population
from neurodeploy.neurons import model_for_nir, trained_model
from neurodeploy.neurons.model import FloatDynamics, Floats, Rules
from neurodeploy.semantics import CHOICES, EXPLAIN, NODE_FIELDS, Semantics
from neurodeploy.wiring import Biases, flat

SI_NAMES = {"tau": "tau_mem_s", "tau_mem": "tau_mem_s", "tau_syn": "tau_syn_s"}
OPTIONAL = {"v_reset": 0.0, "w_in": 1.0}
ARRAYS = {"v_init": "v0", "v_min": "v_min"}
"""Conventions that may hold numbers, and the fields that these are."""
FACTORS = tuple(f.name for f in fields(FloatDynamics))
OF_TIME = {"tau_mem_s": {"b", "k", "l"}, "tau_syn_s": {"a", "w"}}
"""What follows from each time constant; where all of it is given, the constant does not matter."""


def conventions_of(node: Node, semantics: Semantics, origin: str) -> Semantics:
    """The graph's conventions with those that the node overrides.

    Raises:
        AmbiguousSemantics: An unknown name or value.
    """
    for name, value in node.conventions.items():
        named = isinstance(value, str)
        legal = value in CHOICES.get(name, ()) if named else name in NODE_FIELDS - (CHOICES.keys() - ARRAYS.keys())
        if name not in NODE_FIELDS or not legal:
            raise AmbiguousSemantics(
                f"the node's convention {name} = {value!r} means nothing",
                where=_where(node, origin),
                remedy=f"known: {', '.join(sorted(NODE_FIELDS))}{'; ' + EXPLAIN[name] if name in EXPLAIN else ''}",
            )
    names = {f.name for f in fields(Semantics)}
    changes: dict[str, Any] = {k: v for k, v in node.conventions.items() if k in names and isinstance(v, (str, bool))}
    return replace(semantics, **changes)


def plain_conventions(node: Node) -> dict[str, Any]:
    """A node's own conventions in plain values, arrays as ``per neuron``; ``factors`` names those that it was given."""
    plain = {}
    for name, value in node.conventions.items():
        array = np.asarray(value)
        plain[name] = value if value is None else array.item() if array.size == 1 else "per neuron"
    return plain | ({"factors": sorted(node.exact)} if node.exact else {})


def populate(node: Node, shape: Shape, depth: int, semantics: Semantics, constant: Biases, origin: str) -> Population:
    """The population of a neuron node, or of an Output node that sums what reaches it.

    Args:
        node: The node.
        shape: Its neurons.
        depth: See :class:`Population`.
        semantics: Conventions that hold for this node.
        constant: Biases that reach it.
        origin: The file, for messages.

    Raises:
        UnsupportedNode: A parameter is missing, or makes no neuron.
        ShapeMismatch: A parameter has neither one value nor one per neuron.
    """
    where, size = _where(node, origin), math.prod(shape)
    given = {name: flat(value, shape, name, where) for name, value in _given(node).items()}
    if unknown := given.keys() - set(FACTORS):
        raise UnsupportedNode(
            f"no factors {sorted(unknown)}", where=where, remedy=f"use some of {', '.join(sorted(FACTORS))}"
        )
    params = {SI_NAMES.get(k, k): flat(v, shape, k, where) for k, v in _parameters(node).items()}
    _check_times(params, given, semantics, where)
    model = model_for_nir(node.type) or trained_model("cuba")
    try:
        dynamics = model.dynamics(node.type, size, params, semantics, given)
    except KeyError as missing:
        raise UnsupportedNode(f"parameter {missing} is missing", where=where, remedy="export it again") from missing
    rules = _rules(node, dynamics, semantics)
    _check(dynamics, rules, where)
    late = {start: values for start, values in constant.items() if start}
    return Population(
        node.name, shape, model.name, node.type, dynamics, rules, constant.get(0, np.zeros(size)), depth, late
    )


def _where(node: Node, origin: str) -> str:
    return f"{origin}, node '{node.name}'"


def _given(node: Node) -> dict[str, Any]:
    numbers = {ARRAYS[k]: v for k, v in node.conventions.items() if k in ARRAYS and not isinstance(v, str)}
    if numbers.get("v_min", 0) is None:
        numbers["v_min"] = -np.inf
    return {k: v for k, v in numbers.items() if v is not None} | dict(node.exact)


def _parameters(node: Node) -> dict[str, Any]:
    """Numbers only; an Output's or an optional parameter may be absent."""
    if model_for_nir(node.type) is None:
        return {}
    return {k: OPTIONAL.get(k) if v is None else v for k, v in {**OPTIONAL, **node.params}.items()}


def _rules(node: Node, dynamics: FloatDynamics, semantics: Semantics) -> Rules:
    if not np.isfinite(dynamics.theta).any():
        return Rules()
    if node.type == "Threshold":  # no membrane: nothing to reset, no more than one spike
        return Rules("none", "ge" if semantics.spike == "ge" else "gt")
    most = node.conventions.get("max_spikes")
    return Rules(semantics.reset, semantics.spike, 0 if most is None else int(most))


def _check_times(params: Mapping[str, Floats], given: Mapping[str, Floats], s: Semantics, where: str) -> None:
    for key, factors in OF_TIME.items():
        if key not in params or factors <= given.keys() or s.decay != "euler":
            continue
        if np.any(params[key] < s.dt_s * (1 - 1e-6)):
            raise UnsupportedNode(
                f"{key} = {params[key].min():g} s is shorter than the time step {s.dt_s:g} s",
                where=where,
                remedy="check --dt-s; Norse 1.1 divides tau by its dt unless exported with to_nir(..., dt=1)",
            )


def _check(d: FloatDynamics, rules: Rules, where: str) -> None:
    for name in FACTORS:
        if name not in ("theta", "v_min") and not np.isfinite(getattr(d, name)).all():
            raise UnsupportedNode(f"factor {name} is not finite", where=where, remedy="check tau, r and the time step")
    if np.any(d.k * d.w <= 0):
        raise UnsupportedNode("r and w_in must be positive", where=where, remedy="put the sign into the weights")
    lowest = np.where(rules.reset == "value", d.v_reset, 0)
    if (rules.reset != "none" or rules.spike == "multi_trunc") and np.any(d.theta <= lowest):
        raise UnsupportedNode(
            "the threshold is not above the reset potential", where=where, remedy="retrain with v_threshold > v_reset"
        )
    if rules.max_spikes < 0:
        raise UnsupportedNode("max_spikes is negative", where=where, remedy="give 1 or more, or 0 for any number")
