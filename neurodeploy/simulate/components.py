"""The order in which populations can be run: strongly connected components, each after what it hears."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.chipnet import ChipNetwork


@dataclass(frozen=True)
class Component:
    """Populations that reach each other.

    Attributes:
        populations: Names, in order of addition.
        is_recurrent: Whether there is a cycle; a single population may feed itself.
    """

    populations: tuple[str, ...]
    is_recurrent: bool


def components(net: ChipNetwork) -> list[Component]:
    """All components, every one after those that it hears; ties in order of addition."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = list(net.populations)
    number = {name: k for k, name in enumerate(names)}
    ends = {(net.sender_of(p.source), p.target) for p in net.projections}
    pairs = {(number[a], number[b]) for a, b in ends if a in number}
    start, end = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array(([1] * len(pairs), (start, end)), shape=(len(names), len(names)))
    _, labels = connected_components(graph, connection="strong")
    members: dict[int, list[int]] = {}
    for k, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(k)
    waiting = {label: {int(labels[a]) for a, b in pairs if labels[b] == label} - {label} for label in members}
    ordered: list[Component] = []
    while waiting:
        label = next(one for one in members if one in waiting and not waiting[one] & waiting.keys())
        del waiting[label]
        group = members[label]
        is_recurrent = len(group) > 1 or (group[0], group[0]) in pairs
        ordered.append(Component(tuple(names[k] for k in group), is_recurrent))
    return ordered
