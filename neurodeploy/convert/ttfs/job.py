"""From files to a stored program: what ``neurodeploy convert ttfs`` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.atomic import check_writable, replacing
from neurodeploy.convert.ttfs import Ttfs, ttfs
from neurodeploy.errors import UnreadableFile
from neurodeploy.estimate.model import costs_of
from neurodeploy.npz import read_arrays
from neurodeploy.storage import save

HOW = "numpy.savez_compressed(path, values=..., labels=...), values (N, *shape)"


def convert_file(
    model: str,
    data: Path,
    *,
    worst_case: bool = False,
    test: Path | None = None,
    out: Path | None = None,
    spikes: Path | None = None,
    low: float | None = None,
    high: float | None = None,
    progress: Callable[[str], None] = lambda name: None,
    **options: Any,
) -> dict[str, Any]:
    """Convert a module, run it on test data, and store program and spikes.

    Args:
        model: ``package.module:factory``.
        data: ``values`` (N, *shape) of an ``.npz``: inputs on which windows are calibrated.
        worst_case: Windows for every input of the range instead.
        test: Another such file, with ``labels`` where known, on which it is run until the first output spike; the
            read-out of values for the whole horizon.
        out: The program to write.
        spikes: The test data as spikes, for ``neurodeploy run``.
        low, high: Range of the inputs; default that of ``data``.
        progress: Told what begins.
        options: Of :func:`neurodeploy.convert.ttfs.ttfs`.

    Raises:
        UnreadableFile: A file does not hold what it should.
    """
    for path in (out, spikes):
        if path is not None:
            check_writable(path, keep=tuple(p for p in (data, test) if p is not None))
    values, _ = _read(data)
    progress("convert")
    made = ttfs(
        model,
        low=values.min() if low is None else low,
        high=values.max() if high is None else high,
        input_shape=options.pop("input_shape", None) or values.shape[1:],
        calibration=None if worst_case else values,
        **options,
    )
    facts = {"target": made.program.target.name, "cores": made.program.mapping.cores} | made.certificate.to_dict()
    if out is not None:
        save(made.program, out)
        facts["program"] = str(out)
    if test is not None:
        progress("test")
        given, labels = _read(test)
        facts |= _tested(made, given, labels)
        if spikes is not None:
            kept: dict[str, Any] = {} if labels is None else {"labels": labels}
            with replacing(spikes) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, spikes=made.encode(given), **kept)
            facts["spikes"] = str(spikes)
    return facts


def _tested(made: Ttfs, values: NDArray[Any], labels: NDArray[Any] | None) -> dict[str, Any]:
    result = made.classify(values) if made.code.readout == "class" else made.run(values)
    costs = costs_of(result.counters, made.program)
    facts = {
        "test_samples": len(values),
        "mean_steps": float(result.steps.mean()),
        "spikes_per_inference": costs.spikes,
        "energy_j": costs.energy.to_dict(),
        "latency_s": costs.latency.to_dict(),
    }
    if result.classes is not None and labels is not None:
        facts["accuracy"] = float(np.mean(result.classes == labels))
    return facts


def _read(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    arrays, found = read_arrays(path, ("values", "labels"), HOW)
    where, values, labels = str(path), arrays.get("values"), arrays.get("labels")
    if values is None or values.ndim < 2 or not values.size or values.dtype.kind not in "buif":
        what = f"found {found}" if values is None else f"it has shape {values.shape} and holds {values.dtype}"
        raise UnreadableFile(f"an array 'values' (N, *shape) is needed, {what}", where=where, remedy=f"write {HOW}")
    if labels is not None and (labels.shape != (len(values),) or labels.dtype.kind not in "iu"):
        raise UnreadableFile(
            f"labels have shape {labels.shape} and hold {labels.dtype}",
            where=where,
            remedy=f"give one class number for each of the {len(values)} samples",
        )
    return values, labels
