"""Runs ``.net`` files with lava-dl's netx on Lava. A script for an interpreter with both; neurodeploy is not there.

``python netx_worker.py SHIM JOBS RESULTS``: SHIM is the folder of our ``shim.py``. JOBS is an ``.npz``; job K has the
path ``file{K}``, the input ``input{K}`` (T, *shape) in C order, and ``bits{K}``, netx's ``input_message_bits``.
RESULTS, another, has the messages of its layers, ``r{K}_{L}`` (T, *shape) in C order, maps as (C, H, W). A job that
failed has the error as ``e{K}`` instead. Where JOBS has ``matrix{K}``, RESULTS has it as netx scales it, ``m{K}``, with
exponent and weight bits, ``s{K}``.
"""

from __future__ import annotations

import sys
import traceback
import types
from typing import Any

import numpy as np


def main(shim_folder: str, jobs_path: str, results_path: str) -> None:
    sys.path.insert(0, shim_folder)
    import shim  # type: ignore[import-not-found]

    shim.install()
    # slayer imports it for two data sets that nothing here uses; it wants opencv and torchvision
    name = "lava.lib.dl.slayer.object_detection"
    sys.modules[name] = types.ModuleType(name)
    with np.load(jobs_path) as archive:
        jobs = dict(archive)
    results: dict[str, Any] = {}
    from lava.lib.dl.netx.utils import optimize_weight_bits

    for name, weights in jobs.items():
        if name.startswith("matrix"):
            k = name.removeprefix("matrix")
            results[f"m{k}"], bits, exponent, _ = optimize_weight_bits(weights)
            results[f"s{k}"] = np.array([exponent, bits])
    for k in range(sum(name.startswith("file") for name in jobs)):
        try:
            for layer, messages in enumerate(run(str(jobs[f"file{k}"]), jobs[f"input{k}"], int(jobs[f"bits{k}"]))):
                results[f"r{k}_{layer}"] = messages
        except Exception as error:
            traceback.print_exc()
            results[f"e{k}"] = f"{type(error).__name__}: {error}"
    np.savez(results_path, **results)


def run(file: str, values: Any, bits: int) -> list[Any]:
    """Messages of every layer for one input."""
    from lava.lib.dl.netx.hdf5 import Network
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.extractor import Extractor, PyLoihiExtractorModel
    from lava.proc.io.source import RingBuffer
    from lava.proc.lif.process import LIF

    shape = values.shape[3:0:-1] if values.ndim == 4 else None
    net = Network(file, input_message_bits=bits, input_shape=shape)
    steps = len(values)
    by_step = values.transpose(0, 3, 2, 1) if values.ndim == 4 else values  # netx's maps are (W, H, C)
    first = net.in_layer
    driven = type(first).__name__ == "Input" and isinstance(first.neuron, LIF)
    if driven:
        first.neuron.bias_mant.init = by_step[0].astype(np.int32)
    else:
        port = first.neuron.a_in if type(first).__name__ == "Input" else net.inp
        # a dense first layer takes any shape, flattened by whoever feeds it
        data = np.moveaxis(by_step if port.shape == by_step.shape[1:] else values.reshape(steps, -1), 0, -1)
        RingBuffer(data=np.ascontiguousarray(data, dtype=np.int32)).s_out.connect(port)
    readers = []
    for layer in net.layers:
        readers.append(Extractor(shape=layer.neuron.s_out.shape, buffer_size=steps + 1))
        layer.neuron.s_out.connect(readers[-1].in_port)
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={Extractor: PyLoihiExtractorModel})
    try:
        if driven:
            for t in range(steps):
                net.run(condition=RunSteps(num_steps=1), run_cfg=config)
                if t + 1 < steps:
                    first.neuron.bias_mant.set(by_step[t + 1].astype(np.int32))
        else:
            net.run(condition=RunSteps(num_steps=steps), run_cfg=config)
        net.wait()
        traces = [np.stack([reader.receive() for _ in range(steps)]) for reader in readers]
    finally:
        net.stop()
    for trace in traces:
        assert np.array_equal(trace, trace.astype(np.int32))
    return [t.transpose(0, 3, 2, 1).astype(np.int32) if t.ndim == 4 else t.astype(np.int32) for t in traces]


if __name__ == "__main__":
    main(*sys.argv[1:])
