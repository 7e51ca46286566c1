"""Encode a stored data set of real values into the spikes that ``run`` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy import encode
from neurodeploy.atomic import check_writable, replacing
from neurodeploy.errors import SimulationError, UnreadableFile
from neurodeploy.evaluate import check_labels
from neurodeploy.npz import read_arrays

CODES: Mapping[str, tuple[Callable[..., Any], tuple[str, ...], tuple[str, ...]]] = {
    "rate": (encode.rate, ("steps",), ()),
    "bernoulli": (encode.bernoulli, ("steps", "seed"), ()),
    "latency": (encode.latency, ("steps",), ("threshold",)),
    "delta": (encode.delta, ("threshold",), ("reference", "start")),
    "direct": (encode.direct, ("steps",), ("bits",)),
}
"""The function, the options that it needs and those that it can do without."""

EXPLAIN: Mapping[str, str] = {
    "steps": "time steps per sample",
    "seed": "seed of bernoulli's random numbers",
    "threshold": "latency: values must be above it to spike; delta: least change that is sent",
    "reference": "of delta: 'sent', the value at the last spike, or 'previous', that of the step before",
    "start": "of delta: the first reference; default the first value",
    "bits": "of direct: width of the message with its sign",
}


def encode_file(path: Path, code: str, out: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read ``values`` and ``labels`` of an ``.npz``, write ``DATA.npz``.

    Args:
        path: ``values`` (N, *shape), or (N, T, *shape) for delta; ``labels`` (N,) where known.
        code: One of ``CODES``.
        out: The file to write.
        options: By name; None means not given.

    Raises:
        UnreadableFile: The file holds something else.
        SimulationError: An option that is missing or means nothing for the code, or values out of its range.
    """
    check_writable(out, keep=(path,))
    function, needed, possible = CODES[code]
    given = {name: value for name, value in options.items() if value is not None}
    for name in given.keys() - {*needed, *possible}:
        raise SimulationError(f"--{name} means nothing for '{code}'", where="encode", remedy="drop the option")
    for name in set(needed) - given.keys():
        raise SimulationError(f"'{code}' needs --{name}", where="encode", remedy=f"give it: {EXPLAIN[name]}")
    where, how = str(path), "numpy.savez_compressed(path, values=..., labels=...), values (N, *shape)"
    arrays, found = read_arrays(path, ("values", "labels"), how)
    if "values" not in arrays:
        raise UnreadableFile(f"an array 'values' is needed, found {found}", where=where, remedy=f"write it with {how}")
    spikes = function(arrays["values"], **given)
    if spikes.size == 0:
        raise UnreadableFile(f"values have shape {arrays['values'].shape}", where=where, remedy="give at least one")
    check_labels(arrays.get("labels"), len(spikes), where)
    kept: dict[str, Any] = {"labels": arrays["labels"]} if "labels" in arrays else {}
    with replacing(out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, spikes=spikes, **kept)
    return {
        "data": str(out),
        "code": code,
        **given,
        "samples": len(spikes),
        "shape": list(spikes.shape[1:]),
        "nonzero": float(np.count_nonzero(spikes) / spikes.size),
    }
