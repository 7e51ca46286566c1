"""Whether two integer networks are one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from neurodeploy.chipnet import ChipNetwork


def same_network(a: ChipNetwork, b: ChipNetwork) -> bool:
    """Every name in its order, every register, weight, delay, window and scale."""
    return _same(_content(a), _content(b))


def _content(net: ChipNetwork) -> Any:
    """Everything as nested lists and arrays."""
    return [
        [vars(given) for given in net.inputs.values()],
        [vars(population) for population in net.populations.values()],
        [
            [
                {f.name: getattr(p, f.name) for f in fields(p) if f.name != "connection"},
                p.connection.kind,
                p.connection.source_shape,
                p.connection.target_shape,
                dict(p.connection.geometry()),
                dict(p.connection.arrays()),
            ]
            for p in net.projections
        ],
        net.sample_steps,
    ]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        x, y = np.asarray(a), np.asarray(b)
        return x.dtype == y.dtype and np.array_equal(x, y)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)
