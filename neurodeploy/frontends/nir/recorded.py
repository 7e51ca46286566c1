"""What neurodeploy records in NIR's metadata, because NIR itself cannot say it.

In the graph's metadata: fields of :class:`neurodeploy.semantics.Semantics`. In a node's: ``conventions`` and ``exact``
of :class:`neurodeploy.graph.Node`; the ``name`` that it had before it was made fit for other tools; and, for a
convolution whose kernel was widened for them, ``kernel``, ``padding`` and ``groups`` as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.errors import AmbiguousSemantics
from neurodeploy.frontends.nir.hdf5 import Record, place
from neurodeploy.graph import Node


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


def restored(node: Node, metadata: Mapping[str, Any], where: str) -> Node:
    """The node as it was before it was written."""
    parts = {key: metadata.get(key, {}) for key in ("conventions", "exact")}
    for key, value in parts.items():
        if not isinstance(value, Mapping):
            raise AmbiguousSemantics(f"'{key}' in the node's metadata is no group", where=where, remedy="remove it")
    conventions = {k: v if np.ndim(v) else _plain(v) for k, v in parts["conventions"].items()}
    exact = {k: np.asarray(v) for k, v in parts["exact"].items()}
    return replace(node, conventions=conventions, exact=exact)


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return value.item() if value.size == 1 else value.tolist()
    return value
