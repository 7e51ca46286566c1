"""Runs jobs on Lava. A script for Lava's interpreter: ``python worker.py FOLDER``; neurodeploy is not there.

FOLDER holds ``jobs.json`` and ``arrays.npz`` as :mod:`neurodeploy.export.lava.job` writes them. Every finished job
leaves ``result-K.npz``; ``progress.txt`` names the one at work; ``versions.json`` says what it runs on; what went wrong
stands in ``error.txt``.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
NO_LAVA, FAILED = 3, 4
CONV_LIMIT_NUMPY2 = 127
BYTES_PER_VALUE = 8
TRACE_BYTES = 24 * 2**20
"""Shared memory for the traces of one run; containers often have 64 MiB in all."""


def main(folder: Path) -> int:
    """Run every job of the folder; returns the exit code."""
    try:
        import shim  # type: ignore[import-not-found]  # this script's folder is sys.path[0]

        shim.install()
        import lava.proc.lif.process  # noqa: F401

        found = {name: version(name) for name in ("lava-nc", "numpy")}
    except ImportError as error:
        (folder / "error.txt").write_text("".join(traceback.format_exception_only(error)), encoding="utf-8")
        return NO_LAVA
    found["python"] = sys.version.split()[0]
    (folder / "versions.json").write_text(json.dumps(found), encoding="utf-8")
    jobs = json.loads((folder / "jobs.json").read_text(encoding="utf-8"))
    with np.load(folder / "arrays.npz") as archive:
        arrays = dict(archive)
    for k, job in enumerate(jobs):
        (folder / "progress.txt").write_text(str(k), encoding="utf-8")
        try:
            results = _run_job(job, arrays)
        except Exception:
            (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            return FAILED
        np.savez(folder / f"result-{k}.npz", **results)  # type: ignore[arg-type]  # the stubs: any keyword may be theirs
    return 0


def _run_job(job: Mapping[str, Any], arrays: Arrays) -> dict[str, NDArray[np.int32]]:
    """Per population (samples, steps, rows, n): its outputs, then the registers that are wanted.

    Samples follow each other in one run of Lava, as many as its shared memory for the traces is to hold.
    """
    values = sum(spec["size"] * (len(spec["outputs"]) + len(spec["registers"])) for spec in job["populations"])
    most = max(1, TRACE_BYTES // (BYTES_PER_VALUE * job["period"] * values))
    parts = [_run_samples(job, arrays, range(k, min(k + most, job["samples"]))) for k in range(0, job["samples"], most)]
    return {f"p{k}": np.concatenate(values) for k, values in enumerate(zip(*parts, strict=True))}


def _run_samples(job: Mapping[str, Any], arrays: Arrays, samples: range) -> list[NDArray[np.int32]]:
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.extractor import Extractor, PyLoihiExtractorModel
    from lava.proc.io.source import RingBuffer

    steps = job["period"] * len(samples)
    nodes = [RingBuffer(data=_back_to_back(arrays[key], samples, job["period"])) for key in job["inputs"]]
    populations = [_population(spec, arrays, job["period"]) for spec in job["populations"]]
    nodes += populations
    for spec in job["projections"]:
        _connect(spec, arrays, nodes[spec["source"]], nodes[spec["target"]])
    readers = [Extractor(shape=process.trace.shape, buffer_size=steps + 1) for process in populations]
    for process, reader in zip(populations, readers, strict=True):
        process.trace.connect(reader.in_port)
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={Extractor: PyLoihiExtractorModel})
    started = []
    try:
        for process in populations:
            if process.runtime is None:  # a run covers only what is connected with its process
                started.append(process)
                process.run(condition=RunSteps(num_steps=steps), run_cfg=config)
                process.wait()
        traces = [_exact(np.stack([reader.receive() for _ in range(steps)])) for reader in readers]
    finally:
        for process in started:
            process.stop()
    return [trace.reshape(len(samples), job["period"], *trace.shape[1:])[:, : job["steps"]] for trace in traces]


def _back_to_back(spikes: NDArray[Any], samples: range, period: int) -> NDArray[np.int32]:
    """(samples, n, steps) as (n, period * samples): Lava's sources have time last."""
    chosen = spikes[samples.start : samples.stop].astype(np.int32)
    padded = np.pad(chosen, ((0, 0), (0, 0), (0, period - chosen.shape[2])))
    return np.ascontiguousarray(padded.transpose(1, 0, 2).reshape(chosen.shape[1], -1))


def _exact(values: NDArray[Any]) -> NDArray[np.int32]:
    integers = values.astype(np.int32)
    if not np.array_equal(integers, values):
        raise ValueError(
            "Lava returned values that are not 32-bit integers; DeltaEncoder computes in 64 bits where we wrap: "
            "use smaller inputs or another spike_exp"
        )
    return integers


def _population(spec: Mapping[str, Any], arrays: Arrays, period: int) -> Any:
    from probe.processes import PROBED  # type: ignore[import-not-found]

    def values(given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: arrays[x["array"]] if isinstance(x, dict) else x for name, x in given.items()}

    probe = {key: spec[key] for key in ("window", "ports", "outputs", "registers")} | {"period": period}
    process = PROBED[spec["process"]](shape=(spec["size"],), probe=probe, **values(spec["arguments"]))
    for name, value in values(spec["initial"]).items():
        getattr(process, name).init = value
    return process


def _connect(spec: Mapping[str, Any], arrays: Arrays, source: Any, target: Any) -> None:
    sender, receiver = getattr(source, spec["out"]), getattr(target, spec["in"])
    if spec["kind"] == "direct":
        sender.connect(receiver)
    elif spec["kind"] == "conv2d":
        synapse = _conv(spec, arrays)
        sender.reshape(tuple(spec["source_shape"])).transpose((2, 1, 0)).connect(synapse.s_in)
        synapse.a_out.transpose((2, 1, 0)).flatten().connect(receiver)
    else:
        synapse = _matrix_synapse(spec, arrays)
        sender.connect(synapse.s_in)
        synapse.a_out.connect(receiver)


def _matrix_synapse(spec: Mapping[str, Any], arrays: Arrays) -> Any:
    from lava.proc.dense.process import DelayDense, Dense
    from lava.proc.sparse.process import DelaySparse, Sparse
    from lava.utils.weightutils import SignMode
    from scipy.sparse import csr_matrix

    sparse, delay = spec["kind"] == "sparse", spec["delay"]
    weights: Any = arrays[spec["weights"]].astype(np.int32)
    given = arrays[spec["delays"]] if spec["delays"] else np.full(weights.shape, delay)
    delays: Any = given.astype(np.int64)  # Lava refuses other types
    if sparse:
        parts = (arrays[spec["indices"]], arrays[spec["indptr"]])
        weights, delays = (csr_matrix((x, *parts), shape=spec["shape"]) for x in (weights, delays))
    options = {
        "weights": weights,
        "weight_exp": spec["weight_exp"],
        "num_weight_bits": spec["num_weight_bits"],
        "sign_mode": SignMode[spec["sign_mode"].upper()],
        "num_message_bits": spec["message_bits"],
    }
    if delay:
        return (DelaySparse if sparse else DelayDense)(delays=delays, **options)
    return (Sparse if sparse else Dense)(**options)


def _conv(spec: Mapping[str, Any], arrays: Arrays) -> Any:
    """Lava's order is (x, y, channel) and its kernel is flipped."""
    from lava.proc.conv.process import Conv

    channels, height, width = spec["source_shape"]
    _refuse_numpy(max(spec["extents"]))
    flipped = arrays[spec["weights"]][:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
    return Conv(
        weight=np.ascontiguousarray(flipped, dtype=np.int32),
        input_shape=(width, height, channels),
        stride=tuple(spec["stride"][::-1]),
        padding=tuple(spec["padding"][::-1]),
        dilation=tuple(spec["dilation"][::-1]),
        groups=spec["groups"],
        num_message_bits=spec["message_bits"],
    )


def _refuse_numpy(extent: int) -> None:
    """Say beforehand what would otherwise be a hang."""
    numpy = np.lib.NumpyVersion(np.__version__)
    if numpy >= "2.4.0":
        raise RuntimeError(f"Lava's reshape of ports needs NumPy < 2.4, this environment has {np.__version__}")
    if numpy >= "2.0.0" and extent > CONV_LIMIT_NUMPY2:
        raise RuntimeError(
            f"Lava's Conv on NumPy 2 dies on images, channels or output spans above {CONV_LIMIT_NUMPY2}, "
            f"here {extent}; give Lava an environment with NumPy 1"
        )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
