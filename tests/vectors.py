"""Measured vectors for current-based neurons, as networks with the registers that they must give."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava_case import Case
from networks import Draft

from neurodeploy.connections import Dense


def _trace(
    weights: list[list[int]], times: list[int], steps: int, *, delay: int = 0, exp: int = 0, **fields: Any
) -> Draft:
    draft = Draft()
    draft.net.add_input("in", shape=1)
    draft.net.add_population("out", shape=len(weights), **fields)
    draft.attach("in", "out", Dense(np.array(weights), (1,), (len(weights),)), delay=delay, weight_exp=exp)
    return draft


VECTORS: dict[str, tuple[dict[str, Any], dict[str, list[list[int]]]]] = {
    "LIF trace": (
        {"weights": [[41], [-41]], "times": [1, 2, 5], "steps": 12}
        | {"du": 1000, "dv": 500, "vth": 100, "bias_mant": 3, "bias_exp": 2},
        {
            "u": [
                [0, 2560, 4494, 3395, 2565, 4498, 3398, 2567, 1939, 1465, 1106, 835],
                [0, -2688, -4719, -3565, -2693, -4722, -3568, -2696, -2037, -1539, -1162, -878],
            ],
            "v": [
                [12, 2582, 0, 3407, 5568, 0, 3410, 5572, 0, 1477, 2414, 2966],
                [12, -2666, -7047, -9739, -11231, -14570, -16347, -17035, -16980, -16434, -15577, -14541],
            ],
            "s": [[0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0], [0] * 12],
        },
    ),
    "wrap of u": (
        {"weights": [[64], [-64]], "times": [1], "steps": 2, "exp": 11, "du": 4095, "dv": 4095, "vth": 131071},
        {"u": [[0, 8388608], [0, 8388608]], "s": [[0, 1], [0, 1]]},
    ),
    "single correction": (
        {"weights": [[254], [-256]], "times": [1], "steps": 2, "exp": 16, "du": 4095, "dv": 4095, "vth": 131071},
        {"u": [[0, 254 * 2**22 - 2**24], [0, -(2**30) + 2**24]], "v": [[0, 0], [0, -8388607]], "s": [[0, 1], [0, 0]]},
    ),
    "no decay": ({"weights": [[2]], "times": [], "steps": 3, "du": -1, "u0": 1000, "vth": 131072}, {"u": [[1000] * 3]}),
    "strict threshold": (
        {"weights": [[2]] * 3, "times": [], "steps": 1, "vth": 10, "bias_mant": [639, 640, 641]},
        {"v": [[639], [640], [0]], "s": [[0], [0], [1]]},
    ),
    "floor of the sum": (
        {"weights": [[6], [-6]], "times": [1], "steps": 2, "exp": -2, "vth": 131072},
        {"u": [[0, 64], [0, -128]]},
    ),
    **{
        f"delay {d}": (
            {"weights": [[6]], "times": [1, 6], "steps": 12, "delay": d, "vth": 131072},
            {"u": [[384 * (t in (2 + d, 7 + d)) for t in range(1, 13)]]},
        )
        for d in (0, 1, 3)
    },
}


def vector_case(label: str) -> Case:
    """A measured vector of the specification as a network."""
    options = VECTORS[label][0]
    raster = np.zeros((1, options["steps"], 1), np.uint8)
    raster[0, np.array(options["times"], dtype=int) - 1] = 1
    return _trace(**options).case(label, {"in": raster}, options["steps"])
