"""From NIR's continuous-time parameters to the factors of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from neurodeploy.neurons.model import FloatDynamics, Floats
from neurodeploy.semantics import Semantics

WITH_CURRENT = ("CubaLIF", "CubaLI")
MEMORYLESS = ("Threshold", "Output")
PERFECT = ("IF", "I")
"""Integrators without a leak."""


def factors(
    nir_type: str, size: int, params: Mapping[str, Floats], semantics: Semantics, given: Mapping[str, Floats]
) -> FloatDynamics:
    """The normal form of a neuron; a parameter is only looked at where ``given`` does not hold what follows from it.

    ``a = 1 - dt/tau_syn``, ``w = w_in (1 - a)``, ``b = 1 - dt/tau_mem``, ``k = r (1 - b)``, ``l = v_leak (1 - b)``;
    under ``exp`` the factors are ``exp(-dt/tau)`` and the gains follow from them in the same way. I and IF: ``b = 1``;
    Threshold: ``b = 0``, ``k = 1``. Under ``input_gain`` unit, ``w = k = 1``; under decayed, where a current decays
    together with its input (Rockpool), ``w = a`` and the ``k`` of LI is ``b``.
    """
    zero, one = np.zeros(size), np.ones(size)

    def field(name: str, compute: Callable[[], Floats]) -> Floats:
        return given[name] if name in given else compute()

    def decay(tau_s: Floats) -> Floats:
        return 1 - semantics.dt_s / tau_s if semantics.decay == "euler" else np.exp(-semantics.dt_s / tau_s)

    def current_gain(a: Floats) -> Floats:
        if nir_type not in WITH_CURRENT:
            return one
        if semantics.input_gain == "nir":
            return params["w_in"] * (1 - a)
        return a if semantics.input_gain == "decayed" else one

    def membrane_gain(b: Floats) -> Floats:
        if nir_type in MEMORYLESS or (nir_type == "IF" and semantics.if_gain != "r_dt"):
            return one
        if nir_type in PERFECT:
            return params["r"] * semantics.dt_s
        if semantics.input_gain == "nir":
            return params["r"] * (1 - b)
        return b if semantics.input_gain == "decayed" and nir_type == "LI" else one

    def memory() -> Floats:
        if nir_type in PERFECT:
            return one
        return zero if nir_type in MEMORYLESS else decay(params["tau_mem_s"])

    a = field("a", lambda: decay(params["tau_syn_s"]) if nir_type in WITH_CURRENT else zero)
    b = field("b", memory)
    leak = params.get("v_leak", zero)
    v_reset = field("v_reset", lambda: params.get("v_reset", zero))
    threshold = params.get("threshold", params.get("v_threshold", np.full_like(one, np.inf)))
    return FloatDynamics(
        a=a,
        w=field("w", lambda: current_gain(a)),
        b=b,
        k=field("k", lambda: membrane_gain(b)),
        l=field("l", lambda: leak * (1 - b)),
        theta=field("theta", lambda: threshold),
        v_reset=v_reset,
        v0=field("v0", lambda: {"zero": zero, "v_leak": leak, "v_reset": v_reset}[semantics.v_init]),
        i0=field("i0", lambda: zero),
        v_min=field("v_min", lambda: np.full_like(one, -np.inf if semantics.v_min is None else semantics.v_min)),
    )
