"""What neurodeploy records in NIR's metadata, because NIR itself cannot say it.

In the graph's metadata: fields of :class:`neurodeploy.semantics.Semantics`, and ``NOTES`` of that module. In a node's:
``conventions`` and ``exact`` of :class:`neurodeploy.graph.Node`; where neurons start elsewhere than at 0, ``v0``, its
``v0_granularity`` (``layer``, ``channel``: the first axis, or ``neuron``) and ``reset``, which stand for those; the
``name`` that it had before it was made fit for other tools; and, for a convolution whose kernel was widened for them,
under ``conv``, ``kernel`` (its size), ``padding`` and ``groups``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import AmbiguousSemantics
from neurodeploy.frontends.nir.hdf5 import Record, place
from neurodeploy.graph import Graph, Node


def graph_metadata(tree: Record, origin: str) -> dict[str, object]:
    """Conventions of a graph and those nested in it.

    Raises:
        AmbiguousSemantics: They contradict each other.
    """
    found = {name: _plain(value) for name, value in tree.metadata.items()}
    for nested in (node for node in tree.nodes if node.type == "NIRGraph"):
        for name, value in graph_metadata(nested, origin).items():
            if found.setdefault(name, value) != value:
                raise AmbiguousSemantics(
                    f"a nested graph records {name} = {value!r}, the graph around it {found[name]!r}",
                    where=place(origin, nested.name),
                    remedy="make them equal, or remove the one that is wrong",
                )
    return found


def restored(node: Node, metadata: Mapping[str, Any], graph_reset: object, where: str) -> Node:
    """The node as it was before it was written, in a graph that records ``graph_reset``.

    Raises:
        AmbiguousSemantics: Entries that are none of ours.
    """
    parts: dict[str, Any] = {key: metadata.get(key, {}) for key in ("conventions", "exact", "conv")}
    for key, value in parts.items():
        if not isinstance(value, Mapping):
            raise AmbiguousSemantics(f"'{key}' in the node's metadata is no group", where=where, remedy="remove it")
    conventions = {k: v if np.ndim(v) else _plain(v) for k, v in parts["conventions"].items()}
    exact: dict[str, Any] = {k: np.asarray(v) for k, v in parts["exact"].items()}
    own = {"v0": exact, "reset": conventions}
    given: dict[str, Any] = {"v0": _initial(node, metadata, where)} if "v0" in metadata else {}
    if "reset" in metadata and ("reset" in conventions or _plain(metadata["reset"]) != graph_reset):
        given["reset"] = _plain(metadata["reset"])
    for name, value in given.items():
        if not np.array_equal(own[name].setdefault(name, value), value):
            raise AmbiguousSemantics(
                f"the node's metadata say twice, and differently, what its {name} is", where=where, remedy="remove one"
            )
    params = _given_kernel(node.params, parts["conv"]) if parts["conv"] else node.params
    return replace(node, params=params, conventions=conventions, exact=exact)


def _initial(node: Node, metadata: Mapping[str, Any], where: str) -> NDArray[Any]:
    """Initial potentials, of a shape that broadcasts to the layer's; one number per channel may come without axes."""
    v0, axes = np.asarray(metadata["v0"]), np.ndim(node.params.get("v_threshold", node.params.get("r", 0)))
    if v0.dtype.kind not in "biuf":
        raise AmbiguousSemantics("'v0' in the node's metadata holds no numbers", where=where, remedy="write numbers")
    per_channel = _plain(metadata.get("v0_granularity")) == "channel" and v0.ndim == 1
    return v0.reshape(-1, *(1,) * (axes - 1)) if per_channel else v0


def with_own_names(graph: Graph, names: Mapping[str, Any]) -> Graph:
    """Nodes by the names that they had before they were written; as in the file where two would have the same."""
    given = {name: str(names.get(name) or name) for name in graph.nodes}
    if len(set(given.values())) < len(given):
        return graph
    nodes = {given[name]: replace(node, name=given[name]) for name, node in graph.nodes.items()}
    return replace(graph, nodes=nodes, edges=tuple((given.get(a, a), given.get(b, b)) for a, b in graph.edges))


def _given_kernel(params: Mapping[str, Any], record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Undoes :func:`neurodeploy.export.nir.kernels.plain_kernel`; not where someone has put weights into the zeros."""
    try:
        weight, groups = params["weight"], int(record["groups"])
        size = [int(n) for n in np.ravel(record["kernel"])]
        border = [(wide - n) // 2 for wide, n in zip(weight.shape[2:], size, strict=True)]
        inner = weight[(..., *(slice(b, b + n) for b, n in zip(border, size, strict=True)))]
        out, taken = weight.shape[0] // groups, weight.shape[1] // groups
        kernel = np.concatenate([inner[g * out : (g + 1) * out, g * taken : (g + 1) * taken] for g in range(groups)])
        padding = record["padding"] if isinstance(record["padding"], str) else np.ravel(record["padding"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return params
    if kernel.shape != (weight.shape[0], taken, *size) or np.count_nonzero(kernel) != np.count_nonzero(weight):
        return params
    return {**params, "weight": kernel, "groups": groups, "padding": padding}


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return value.item() if value.size == 1 else value.tolist()
    return value
