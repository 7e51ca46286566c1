"""Building the NIR graph by hand and writing it with the conventions it was trained under."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import nir
import numpy as np
import snntorch
from torch import nn

from .snntorch_stack import Stack

DT_S = 1e-3


def leaky_node(neurons: snntorch.Leaky) -> nir.LIF:
    """LIF with tau = dt / (1 - beta) and r = tau / dt: forward Euler gives v' = beta v + x exactly."""
    beta = neurons.beta.detach().numpy().astype(np.float64)
    tau_s = DT_S / (1.0 - beta)
    return nir.LIF(
        tau=tau_s,
        r=tau_s / DT_S,
        v_leak=np.zeros_like(tau_s),
        v_threshold=neurons.threshold.detach().numpy().astype(np.float64),
        v_reset=np.zeros_like(tau_s),
    )


def cuba_node(neurons: int, tau_syn_s: float, tau_mem_s: float) -> nir.CubaLIF:
    """CubaLIF with w_in = tau_syn / dt: an input x raises the current by x, and v follows with r = 1."""
    ones = np.ones(neurons)
    return nir.CubaLIF(
        tau_syn=tau_syn_s * ones,
        tau_mem=tau_mem_s * ones,
        r=ones,
        w_in=tau_syn_s / DT_S * ones,
        v_leak=np.zeros(neurons),
        v_threshold=ones,
        v_reset=np.zeros(neurons),
    )


def stack_nodes(model: Stack, input_shape: tuple[int, ...]) -> dict[str, nir.NIRNode]:
    """The NIR nodes of a feed-forward stack, in order, shapes without batch and time."""
    nodes: dict[str, nir.NIRNode] = {}
    shape = input_shape
    for name, layer in model.layers.items():
        node = nodes[name] = _stack_node(layer, shape)
        if isinstance(node, nir.Conv2d):
            shape = (len(node.weight), *shape[1:])
        elif isinstance(node, nir.AvgPool2d):
            shape = (
                shape[0],
                *(size // width for size, width in zip(shape[1:], node.kernel_size, strict=True)),
            )
    return nodes


def _stack_node(layer: nn.Module, shape: tuple[int, ...]) -> nir.NIRNode:
    if isinstance(layer, snntorch.Leaky):
        return leaky_node(layer)
    if isinstance(layer, nn.Linear):
        weight = layer.weight.detach().numpy().copy()
        return nir.Linear(weight) if layer.bias is None else nir.Affine(weight, layer.bias.detach().numpy().copy())
    if isinstance(layer, nn.Conv2d):
        weight = layer.weight.detach().numpy().copy()
        return nir.Conv2d(
            input_shape=shape[1:],
            weight=weight,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=1,
            bias=np.zeros(len(weight), np.float32),
        )
    if isinstance(layer, nn.AvgPool2d):
        window = np.array([layer.kernel_size] * 2)
        return nir.AvgPool2d(kernel_size=window, stride=window, padding=np.zeros(2, np.int64))
    if isinstance(layer, nn.Flatten):
        return nir.Flatten(input_type={"input": np.array(shape)}, start_dim=0, end_dim=-1)
    raise TypeError(f"no NIR node for {type(layer).__name__}; use Linear, Conv2d, AvgPool2d, Flatten or Leaky")


def chain(
    nodes: dict[str, nir.NIRNode],
    input_shape: tuple[int, ...],
    classes: int,
    framework: str,
    extra_nodes: Mapping[str, nir.NIRNode] | None = None,
    extra_edges: Sequence[tuple[str, str]] = (),
) -> nir.NIRGraph:
    """A graph input -> nodes in order -> output, with the training conventions in its metadata.

    `extra_nodes` and `extra_edges` are added beside the chain (recurrent loops).
    """
    everything = {
        "input": nir.Input(np.array(input_shape)),
        **nodes,
        "output": nir.Output(np.array([classes])),
    }
    names = list(everything)
    conventions = {
        "dt_s": DT_S,
        "reset": "value",
        "spike": "gt",
        "decay": "euler",
        "v_init": "zero",
        "readout": "count",
        "producer": f"neurodeploy models/training, {framework} {version(framework)}",
    }
    edges = [*zip(names[:-1], names[1:], strict=True), *extra_edges]
    return nir.NIRGraph({**everything, **(extra_nodes or {})}, edges, metadata={"neurodeploy": conventions})


def write(path: Path, graph: nir.NIRGraph) -> nir.NIRGraph:
    """Write the graph and return it as re-read from the file with type checks."""
    nir.write(path, graph)
    reread = nir.read(path, type_check=True)
    if reread.metadata != graph.metadata:
        raise ValueError(f"{path} lost its metadata: {reread.metadata}")
    return reread
