"""Builds networks of lava-dl's SLAYER, runs them and exports them. A script for an interpreter with lava-dl.

``python slayer_worker.py SHIM FOLDER``: SHIM is the folder of our ``shim.py``. For each network FOLDER gets
``NAME.net`` and ``NAME.npz``: the input ``x`` (B, T, *shape) and what each block with neurons sent, ``layerK``
(B, T, *shape), K being its number in the file. All networks see one silent step before ``x``, which is cut off again;
``test_slayer.py`` says why.
"""

from __future__ import annotations

import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = range(3)
STEPS = 100
BATCH = 4


def main(shim_folder: str, folder: str) -> None:
    sys.path.insert(0, shim_folder)
    import shim  # type: ignore[import-not-found]

    shim.install()
    # slayer imports it for two data sets that nothing here uses; it wants opencv and torchvision
    name = "lava.lib.dl.slayer.object_detection"
    sys.modules[name] = types.ModuleType(name)
    warnings.simplefilter("ignore")  # torch's about weight_norm, which slayer uses
    import torch

    torch.set_num_threads(1)
    for seed in SEEDS:
        for label, (shape, rate, make) in networks().items():
            torch.manual_seed(seed)
            x = (np.random.default_rng(seed).random((BATCH, STEPS, *shape)) < rate).astype(np.float32)
            save(Path(folder) / f"{label}-{seed}", make(), x)


def networks() -> dict[str, Any]:
    """Shape and rate of the input, and a function that makes the blocks."""
    import lava.lib.dl.slayer as slayer

    cuba, rf, rf_iz = slayer.block.cuba, slayer.block.rf, slayer.block.rf_iz

    def neuron(**changes: Any) -> dict[str, Any]:
        # a dict for each block: Recurrent writes persistent_state into the one that it is given
        return {"threshold": 1.0, "current_decay": 0.4, "voltage_decay": 0.1, **changes}

    def dense(n_in: int, n_out: int, parameters: Any = None, **options: Any) -> Any:
        return cuba.Dense(parameters or neuron(), n_in, n_out, weight_scale=2, **options)

    spread = {"current_decay": (0.2, 0.8), "voltage_decay": (0.05, 0.3), "shared_param": False, "requires_grad": True}
    ringing = {"threshold": 1.0, "period": 10, "decay": 0.1}
    return {
        "dense": ((20,), 0.3, lambda: [dense(20, 30, weight_norm=True), dense(30, 10)]),
        "recurrent": ((20,), 0.3, lambda: [cuba.Recurrent(neuron(), 20, 15, weight_scale=2), dense(15, 10)]),
        "delays": ((20,), 0.3, lambda: [dense(20, 30, delay=True), dense(30, 10, delay=True)]),
        "decay-per-neuron": ((20,), 0.3, lambda: [dense(20, 30, neuron(**spread)), dense(30, 10)]),
        "mean-only-norm": (
            (20,),
            0.3,
            lambda: [dense(20, 30, neuron(norm=slayer.neuron.norm.MeanOnlyBatchNorm)), dense(30, 10)],
        ),
        "convolution": (
            (2, 8, 6),
            0.2,
            lambda: [
                cuba.Conv(neuron(), 2, 4, 3, weight_scale=2, padding=1, weight_norm=True),
                cuba.Conv(neuron(), 4, 3, (2, 3), weight_scale=3, stride=2, dilation=(1, 2), padding=1),
                cuba.Flatten(),
                dense(30, 10),
            ],
        ),
        "read-out": ((20,), 0.3, lambda: [dense(20, 30), cuba.Affine(neuron(), 30, 10, weight_scale=2)]),
        "resonators": ((20,), 0.3, lambda: [rf.Dense(ringing, 20, 30, weight_scale=2), dense(30, 10)]),
        "izhikevich": ((20,), 0.3, lambda: [rf_iz.Dense(ringing, 20, 30, weight_scale=2), dense(30, 10)]),
    }


def save(stem: Path, blocks: list[Any], x: Any) -> None:
    """Run, record and export."""
    import h5py
    import torch

    spikes = torch.tensor(np.moveaxis(np.concatenate([np.zeros_like(x[:, :1]), x], axis=1), 1, -1))
    sent: dict[str, Any] = {}
    with torch.no_grad():
        for k, block in enumerate(blocks):
            if getattr(getattr(block, "neuron", None), "norm", None) is not None:
                for _ in range(5):  # its running mean
                    block.train()(spikes)
            if getattr(block, "delay", None) is not None:
                block(spikes)  # makes a delay for each neuron
                block.delay.delay.data *= 6
            spikes = block.eval()(spikes)
            if hasattr(block, "neuron"):
                # a block shows what it sends a step late (delay_shift); a read-out has no such shift
                steps = slice(1, None) if getattr(block, "delay_shift", False) else slice(None, -1)
                sent[f"layer{k}"] = np.moveaxis(spikes.numpy(), -1, 1)[:, steps]
    with h5py.File(stem.with_suffix(".net"), "w") as file:
        for k, block in enumerate(blocks):
            block.export_hdf5(file.create_group(f"layer/{k}"))
    np.savez(stem.with_suffix(".npz"), x=x.astype(np.uint8), **sent)


if __name__ == "__main__":
    main(*sys.argv[1:])
