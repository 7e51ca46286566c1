"""Writing one model's folder: model.nir, test.npz and the measured card.toml."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nir
import numpy as np
from torch import nn

from . import card, graph, interpret, loop


@dataclass(frozen=True)
class Description:
    """What a person has to say about a model; everything else on its card is measured."""

    name: str
    title: str
    architecture: str
    framework: str
    data: dict[str, str]
    encoding: str
    classes: list[str]

    @property
    def module(self) -> str:
        """The script's module, run from the root of the repository."""
        return f"models.training.{self.name.replace('-', '_')}"


def deliver(
    folder: Path,
    description: Description,
    model: nn.Module,
    network: nir.NIRGraph,
    spikes: np.ndarray,
    labels: np.ndarray,
    training: dict[str, Any],
    sizes: dict[str, int],
) -> None:
    """Write the three files, after measuring the network on the held-back test part.

    Args:
      folder: where to write.
      model: the trained module, spikes (N, T, *shape) -> spikes of each layer by name.
      network: the same network as a NIR graph.
      spikes: encoded test part, uint8 (N, T, *shape).
      labels: int64 (N,).
      training: the [training] table of the card.
      sizes: numbers of training and test samples.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reread = graph.write(folder / "model.nir", network)
    np.savez_compressed(folder / "test.npz", spikes=spikes, labels=labels)
    result = measure(model, reread, spikes, labels)
    files = {name: sha256((folder / name).read_bytes()).hexdigest() for name in ("model.nir", "test.npz")}
    steps, dt_s = spikes.shape[1], graph.DT_S
    tables = {
        "name": description.name,
        "title": description.title,
        "architecture": description.architecture,
        "framework": f"{description.framework} {version(description.framework)}",
        "versions": {name: version(name) for name in ("torch", "nir", description.framework, "numpy")},
        "data": {**description.data, **sizes, "test_classes": description.classes},
        "encoding": {
            "text": description.encoding,
            "steps": steps,
            "dt_s": dt_s,
            "shape": list(spikes.shape[2:]),
        },
        "training": {**training, "date": date.today()},
        "result": result,
        "sha256": files,
    }
    (folder / "card.toml").write_text(card.toml(tables), encoding="utf-8")
    print(card.toml({"result": result}))


def measure(model: nn.Module, network: nir.NIRGraph, spikes: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Accuracy, agreement of file and framework, and spike counts on the test part."""
    fired = loop.record(model, spikes)
    *_, output = fired.values()
    single = interpret.run(network, spikes, np.float32)
    double = interpret.run(network, spikes, np.float64)
    rounded = interpret.run(interpret.rounded_weights(network), spikes, np.float64)
    *_, rounded_output = rounded.values()
    counts = np.sort(output.sum(axis=1, dtype=np.int64), axis=1)
    correct = int(np.sum(loop.classify(output) == labels))
    return {
        "float_test_accuracy": correct / len(labels),
        "correct": correct,
        "total": len(labels),
        "quantised_preview_accuracy": float(np.mean(loop.classify(rounded_output) == labels)),
        "tied_read_outs": int(np.sum(counts[:, -1] == counts[:, -2])),
        "nir_mismatching_bits": interpret.mismatching_bits(fired, single),
        "nir_mismatching_bits_float64": interpret.mismatching_bits(fired, double),
        "nir_compared_bits": sum(layer.size for layer in fired.values()),
        "mean_spikes_per_sample": {
            name: float(layer.sum(dtype=np.int64) / len(labels)) for name, layer in {"input": spikes, **fired}.items()
        },
    }
