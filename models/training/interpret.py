"""A plain forward-Euler interpreter of the NIR graphs written here, independent of any framework."""

from collections.abc import Callable

import nir
import numpy as np

Step = Callable[[np.ndarray], np.ndarray]


def run(graph: nir.NIRGraph, spikes: np.ndarray, dtype: type[np.floating]) -> dict[str, np.ndarray]:
    """Spikes of every neuron layer.

    Nodes run breadth first from the input; an edge whose source has not run yet in this step carries
    the value of the step before (0 at first), which delays a recurrent loop by one step.

    Args:
      graph: one node called "input"; dt in its metadata.
      spikes: (N, T, *shape).
      dtype: the floating type to compute in.

    Returns:
      uint8 (N, T, *layer) by node name, in order of execution.
    """
    dt_s = float(graph.metadata["neurodeploy"]["dt_s"])
    order = _breadth_first(graph)
    sources = {name: [source for source, target in graph.edges if target == name] for name in order}
    steps = {name: _step(graph.nodes[name], dt_s, dtype) for name in order}
    neurons = [name for name in order if isinstance(graph.nodes[name], nir.LIF | nir.CubaLIF)]
    fired: dict[str, list[np.ndarray]] = {name: [] for name in neurons}
    value: dict[str, np.ndarray] = {}
    for step_input in np.moveaxis(spikes, 1, 0):
        value["input"] = step_input.astype(dtype)
        for name in order[1:]:
            arriving = [value[source] for source in sources[name] if source in value]
            value[name] = steps[name](np.sum(arriving, axis=0, dtype=dtype))
        for name in neurons:
            fired[name].append(value[name].astype(np.uint8))
    return {name: np.stack(layer, axis=1) for name, layer in fired.items()}


def mismatching_bits(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> int:
    """Number of spikes that differ, over all layers; both must hold the same layers and shapes."""
    if {name: layer.shape for name, layer in expected.items()} != {n: layer.shape for n, layer in found.items()}:
        raise ValueError(f"layers differ: {list(expected)} and {list(found)}")
    return sum(int(np.count_nonzero(expected[name] != found[name])) for name in expected)


def rounded_weights(graph: nir.NIRGraph, levels: int = 127) -> nir.NIRGraph:
    """A copy whose weights are multiples of max |w| / levels, a scale per node."""
    copy = nir.dict2NIRNode(graph.to_dict())
    for node in copy.nodes.values():
        if hasattr(node, "weight"):
            scale = np.abs(node.weight).max() / levels
            node.weight = np.round(node.weight / scale) * scale
    return copy


def _breadth_first(graph: nir.NIRGraph) -> list[str]:
    order = ["input"]
    for name in order:
        order += [target for source, target in sorted(graph.edges) if source == name and target not in order]
    return order


def _step(node: nir.NIRNode, dt_s: float, dtype: type[np.floating]) -> Step:
    if isinstance(node, nir.Input | nir.Output):
        return lambda x: x
    if isinstance(node, nir.LIF | nir.CubaLIF):
        return _neurons(node, dt_s, dtype)
    if isinstance(node, nir.Linear | nir.Affine):
        weight = node.weight.astype(dtype)
        bias = dtype(0) if isinstance(node, nir.Linear) else node.bias.astype(dtype)
        return lambda x: x @ weight.T + bias
    if isinstance(node, nir.Conv2d):
        return _convolution(node, dtype)
    if isinstance(node, nir.AvgPool2d):
        high, wide = node.kernel_size
        return lambda x: x.reshape(*x.shape[:2], x.shape[2] // high, high, x.shape[3] // wide, wide).mean((3, 5))
    if isinstance(node, nir.Flatten):
        return lambda x: x.reshape(len(x), -1)
    raise TypeError(f"the interpreter has no rule for {type(node).__name__}")


def _neurons(node: nir.LIF | nir.CubaLIF, dt_s: float, dtype: type[np.floating]) -> Step:
    """v* = b v + l + k I; spike where v* > threshold, then v = v_reset; I' = a I + w x with a synapse."""
    synapse = isinstance(node, nir.CubaLIF)
    tau_mem_s = node.tau_mem if synapse else node.tau
    keep_v = (1.0 - dt_s / tau_mem_s).astype(dtype)
    gain = (node.r * dt_s / tau_mem_s).astype(dtype)
    leak = (node.v_leak * dt_s / tau_mem_s).astype(dtype)
    keep_i = (1.0 - dt_s / node.tau_syn).astype(dtype) if synapse else dtype(0)
    weight_in = (node.w_in * dt_s / node.tau_syn).astype(dtype) if synapse else dtype(1)
    threshold, reset = node.v_threshold.astype(dtype), node.v_reset.astype(dtype)
    current = voltage = dtype(0)

    def step(x: np.ndarray) -> np.ndarray:
        nonlocal current, voltage
        current = keep_i * current + weight_in * x
        voltage = keep_v * voltage + leak + gain * current
        spikes = voltage > threshold
        voltage = np.where(spikes, reset, voltage)
        return spikes.astype(dtype)

    return step


def _convolution(node: nir.Conv2d, dtype: type[np.floating]) -> Step:
    """Stride 1, dilation 1, no groups, zero padding."""
    weight, bias = node.weight.astype(dtype), node.bias.astype(dtype)[:, None, None]
    high, wide = node.padding

    def step(x: np.ndarray) -> np.ndarray:
        padded = np.pad(x, ((0, 0), (0, 0), (high, high), (wide, wide)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))
        return np.moveaxis(np.tensordot(windows, weight, ((1, 4, 5), (1, 2, 3))), -1, 1) + bias

    return step
