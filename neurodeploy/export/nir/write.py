"""Writes a graph and its meaning as a NIR file, and reads it back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import check_writable, replacing
from neurodeploy.compilation import Options, made
from neurodeploy.errors import ModelError, UnwritableFile
from neurodeploy.export.nir.losses import LossyExport, losses
from neurodeploy.export.nir.names import safe_names
from neurodeploy.export.nir.nodes import nir_node, recorded_semantics
from neurodeploy.frontends.modules import ModuleModel, digest
from neurodeploy.frontends.nir import PRIMITIVES, read_nir, settle, with_defaults
from neurodeploy.graph import Graph, check_graph
from neurodeploy.lower import NEEDS_DT
from neurodeploy.network import Network
from neurodeploy.pipeline import run_passes
from neurodeploy.schedule import feedback_edges, in_order
from neurodeploy.semantics import SCHEMA
from neurodeploy.shapes import Shapes


def export_nir(
    model: Any, path: str | Path, options: Options | None = None, *, allow_lossy: bool = False, sample: Any = None
) -> dict[str, Any]:
    """Write a float model as a NIR file, with its conventions; a torch module is proven first, as when compiled.

    Args:
        model: See :func:`neurodeploy.pipeline.run_passes`; not one of integers.
        path: The file to write.
        options: For reading the model.
        allow_lossy: Write it also where other tools would run it differently; each difference is then a warning.
        sample: See :func:`neurodeploy.pipeline.run_passes`.

    Returns:
        ``nodes`` written, ``losses``: what other tools will not know, ``notes``: what to know, and ``load``: how nir
        reads it.

    Raises:
        LossyExport: There are losses, and ``allow_lossy`` is not set.
        ModelError: The model cannot be read, or NIR has no node for a part of it.
        UnwritableFile: The file cannot be written there.
    """
    keep = (model,) if isinstance(model, (str, Path)) else ()
    check_writable(path, keep=keep)
    state = run_passes(model, "loihi2", options, stop_after="prove", sample=sample)
    if state.graph is None or state.network is None:
        raise ModelError(
            "a model of integers has no float parameters",
            where=str(state.model),
            remedy="export it with --to netx or --to lava",
        )
    steps = (
        state.model.sample.shape[1] if isinstance(state.model, ModuleModel) and state.model.sample is not None else 0
    )
    return write_nir(state.graph, made(state.network), path, allow_lossy=allow_lossy, steps=steps)


def write_nir(
    graph: Graph, network: Network, path: str | Path, *, allow_lossy: bool = False, steps: int = 0
) -> dict[str, Any]:
    """Write a graph that was lowered to ``network``, for samples of ``steps`` (0: any); see :func:`export_nir`."""
    settled = settle(check_graph(with_defaults(_canonical(graph))[0]))
    lost = losses(graph, network)
    if lost and not allow_lossy:
        raise LossyExport(lost, graph.origin)
    for line in lost:
        warnings.warn(f"other tools will not know: {line}", UserWarning, stacklevel=3)
    semantics = network.semantics.to_dict()
    if semantics["dt_s"] == 1 and not _needs_dt(graph, network) and "dt_s" not in graph.metadata:
        del semantics["dt_s"]  # nobody said it
    semantics |= _required(network, graph, steps)
    notes = [f"tell other tools the time step, dt = {semantics['dt_s']:g} s"] if "dt_s" in semantics else []
    with replacing(path) as temporary:
        resets = {n: p.rules.reset for n, p in network.populations.items() if p.spiking}
        notes += _write(settled, semantics, resets, temporary)
        again = read_nir(temporary)
        if digest(again) != digest(settled) or again.metadata != recorded_semantics(semantics):
            raise UnwritableFile(
                "the file does not read back as it was written", where=str(path), remedy="report this model"
            )
    return {"nodes": len(graph.nodes), "losses": lost, "notes": notes, "load": f"nir.read({str(path)!r})"}


def _required(network: Network, graph: Graph, steps: int) -> dict[str, object]:
    """What a reader must know of to run the file, where neurons start elsewhere than at 0; and for how long it runs."""
    starts = any(np.any(p.dynamics.v0) for p in network.populations.values())
    steps = steps or int(str(graph.metadata.get("T", 0)))
    found: dict[str, object] = {"schema": SCHEMA, "requires": "v0,layer_start"} if starts else {}
    return found | ({"T": steps} if starts and steps else {})


def _needs_dt(graph: Graph, network: Network) -> bool:
    return network.semantics.input_amplitude != "held" or any(n.type in NEEDS_DT for n in graph.nodes.values())


def _canonical(graph: Graph) -> Graph:
    """Only parameters that NIR has and that are given; and biases of 0, where it wants some."""
    nodes = {}
    for name, node in graph.nodes.items():
        known = {p.name for p in PRIMITIVES[node.type]}
        params = {k: v for k, v in node.params.items() if k in known and v is not None}
        if "bias" in known and "bias" not in params:
            params["bias"] = np.zeros(np.shape(params["weight"])[: -1 if node.type == "Affine" else 1])
        if "w_in" in params:  # nir itself makes it of the others' type
            params["w_in"] = np.asarray(params["w_in"], np.result_type(*(np.asarray(v) for v in params.values())))
        nodes[name] = replace(node, params=params)
    return replace(graph, nodes=nodes)


def _order(graph: Graph) -> list[str]:
    """Nodes such that edges run forward, those that close a loop excepted; else by name.

    Tools that go by the order of the edges then run the layers in their order.
    """
    inputs = [n.name for n in graph.nodes.values() if n.type == "Input"]
    others = [name for name in graph.nodes if name not in inputs]
    closing = feedback_edges(inputs, others, graph.edges, graph.edges, graph.origin)
    rank = in_order(others, [edge for edge in graph.edges if edge not in closing])
    return sorted(graph.nodes, key=lambda name: (rank.get(name, 0), name))


def _write(graph: Graph, semantics: Mapping[str, object], resets: Mapping[str, str], path: Path) -> list[str]:
    """Write; what nir itself has to say against the file."""
    import nir

    shapes, nodes_in_order = Shapes(graph), _order(graph)
    names, order = safe_names(nodes_in_order), {name: k for k, name in enumerate(nodes_in_order)}
    edges = sorted(graph.edges, key=lambda edge: (order[edge[1]], order[edge[0]]))
    nodes = {names[name]: nir_node(graph, shapes, name, names[name], resets.get(name)) for name in nodes_in_order}
    nir.write(
        path,
        nir.NIRGraph(
            nodes,
            [(names[a], names[b]) for a, b in edges],
            metadata={"neurodeploy": recorded_semantics(semantics)},
            type_check=False,
        ),
    )
    try:
        nir.read(path)
    except Exception as error:  # nir raises whatever its checks meet
        return [f"nir 1.0.8 reads the file only with type_check=False: {error}"]
    return []
