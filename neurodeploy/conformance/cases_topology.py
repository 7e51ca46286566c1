"""How nodes are joined; every graph thrice, its nodes and edges in another order each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from neurodeploy.conformance.build import OFF, Builder, Shape, chain
from neurodeploy.conformance.case import Case, eighths, random_spikes
from neurodeploy.conformance.reference import Edges

ORDERS = ("", "~reversed", "~shuffled")
"""Node names sort as the signals run, the other way round, or by chance; edges are listed so."""


def fc(name: str, out: int, fan: int, low: float = -0.5, bias: bool = False) -> Any:
    """Linear or Affine with random weights."""
    weights = eighths(name, (out, fan), low)
    return (
        nir.Affine(weight=weights, bias=eighths(f"{name}-bias", (out,), 0, 1)) if bias else nir.Linear(weight=weights)
    )


def cases(b: Builder) -> list[Case]:
    """All of them."""
    made = []
    for case in topologies(b):
        for order in ORDERS:
            made.append(reordered(case, order))
    return made


def reordered(case: Case, order: str) -> Case:
    """The same graph under other names, with its edges in another order."""
    names, edges = list(case.graph.nodes), list(case.graph.edges)
    places = list(range(len(names)))
    if order == ORDERS[1]:
        places, edges = places[::-1], edges[::-1]
    elif order == ORDERS[2]:
        rng = np.random.default_rng(list(case.name.encode()))
        places = [int(k) for k in rng.permutation(len(names))]
        edges = [edges[k] for k in rng.permutation(len(edges))]
    new = {name: f"n{place:02d}_{name}" for name, place in zip(names, places, strict=True)}

    def renamed(pairs: Any) -> Edges:
        return tuple((new[a], new[c]) for a, c in pairs)

    nodes = {new[name]: node for name, node in case.graph.nodes.items()}
    return Case(
        case.name + order,
        case.about + {"": "", ORDERS[1]: "; reversed", ORDERS[2]: "; shuffled"}[order],
        nir.NIRGraph(nodes, list(renamed(edges)), type_check=False),
        {new[name]: values for name, values in case.inputs.items()},
        case.conventions,
        renamed(case.delayed),
        renamed(case.late),
    )


def topologies(b: Builder) -> list[Case]:
    return [*forward(b), *loops(b)]


def build(
    name: str,
    about: str,
    nodes: Mapping[str, Any],
    edges: str,
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    **more: Any,
) -> Case:
    """A case; edges as ``a>b>c, b>d``."""
    pairs = [p for path in edges.split(", ") for p in zip(path.split(">"), path.split(">")[1:], strict=False)]
    first = {n: nir.Input({"input": np.array(s)}) for n, s in inputs.items()}
    last = {n: nir.Output({"output": np.array(s)}) for n, s in outputs.items()}
    made = nir.NIRGraph({**first, **nodes, **last}, pairs, type_check=False)
    spikes: dict[str, NDArray[Any]] = {n: random_spikes(f"{name}-{n}", s) for n, s in inputs.items()}
    return Case(f"topology/{name}", about, made, spikes, **more)


def forward(b: Builder) -> list[Case]:
    one, two = {"in": (4,)}, {"out": (3,)}
    pair = {"fa": fc("pair-a", 5, 4), "a": b.lif((5,)), "fb": fc("pair-b", 3, 5), "b": b.lif((3,))}
    inner = chain({"f": fc("nested", 5, 4), "n": b.lif((5,))}, (4,), (5,))
    return [
        build("two-layers", "Two layers; spikes pass both in one step", pair, "in>fa>a>fb>b>out", one, two),
        build(
            "fan-in",
            "Two layers into one: their sum",
            {"fa": fc("in-a", 3, 4), "fb": fc("in-b", 3, 4, bias=True), "n": b.lif((3,))},
            "in>fa>n>out, in>fb>n",
            one,
            two,
        ),
        build(
            "fan-out",
            "One layer into two, with an output each",
            {"fa": fc("out-a", 5, 4), "a": b.lif((5,)), "fb": fc("out-b", 3, 5), "b": b.lif((3,)), "c": b.lif((5,))}
            | {"fc": fc("out-c", 5, 5)},
            "in>fa>a>fb>b>out, a>fc>c>side",
            one,
            two | {"side": (5,)},
        ),
        build(
            "skip",
            "A skip past one neuron layer: both paths arrive in the same step",
            pair | {"skip": fc("skip", 3, 4)},
            "in>fa>a>fb>b>out, in>skip>b",
            one,
            two,
        ),
        build(
            "skip-two",
            "A skip past two neuron layers",
            {**pair, "fd": fc("deep", 4, 3, 0), "d": b.lif((4,)), "skip": fc("skip-two", 4, 5)},
            "in>fa>a>fb>b>fd>d>out, a>skip>d",
            one,
            {"out": (4,)},
        ),
        build(
            "branches",
            "Stateless branches that meet again before the neurons",
            {"f": fc("branch", 3, 4, 0), "s": nir.Scale(scale=np.array([0.5, 2, -1])), "g": fc("branch-g", 3, 3)}
            | {"n": b.lif((3,))},
            "in>f>s>n>out, f>g>n",
            one,
            two,
        ),
        build(
            "two-inputs",
            "Two inputs into one layer",
            {"fa": fc("left", 3, 4), "fb": fc("right", 3, 2), "n": b.lif((3,))},
            "in>fa>n>out, other>fb>n",
            one | {"other": (2,)},
            two,
        ),
        build(
            "two-outputs",
            "An output in the middle and one at the end",
            pair,
            "in>fa>a>fb>b>out, a>middle",
            one,
            two | {"middle": (5,)},
        ),
        build(
            "no-weights",
            "Neurons feed neurons directly",
            {"a": b.lif((4,), theta=0.375 * OFF), "b": b.lif((4,))},
            "in>a>b>out",
            one,
            {"out": (4,)},
        ),
        build(
            "ends-linear",
            "The graph ends in a layer without neurons",
            {**pair, "last": fc("last", 2, 3)},
            "in>fa>a>fb>b>last>out",
            one,
            {"out": (2,)},
        ),
        build(
            "nested",
            "A graph within the graph",
            {"g": inner, "fb": fc("outer", 3, 5), "b": b.lif((3,))},
            "in>g>fb>b>out",
            one,
            two,
        ),
    ]


def loops(b: Builder) -> list[Case]:
    one, two = {"in": (4,)}, {"out": (3,)}
    self_loop = {"f": fc("rec-in", 3, 4), "n": b.lif((3,))}
    pair = {"fa": fc("loop-a", 5, 4), "a": b.lif((5,)), "fb": fc("loop-b", 3, 5), "b": b.lif((3,))}
    back = fc("loop-back", 5, 3, -1)
    biased = self_loop | {"w": fc("rec-bias", 3, 3, -1, bias=True)}
    edges: dict[str, Any] = {"delayed": (("n", "w"),), "late": (("w", "n"),)}
    return [
        build(
            "recurrent",
            "A layer that feeds itself, one step later",
            self_loop | {"w": fc("rec", 3, 3, -1)},
            "in>f>n>out, n>w>n",
            one,
            two,
            **edges,
        ),
        build(
            "recurrent-cuba",
            "The same with CubaLIF",
            {"f": fc("rec-in", 3, 4), "n": b.cuba_fire((3,)), "w": fc("rec", 3, 3, -1)},
            "in>f>n>out, n>w>n",
            one,
            two,
            **edges,
        ),
        build(
            "recurrent-bias",
            "A feedback bias that acts from the first step on",
            biased,
            "in>f>n>out, n>w>n",
            one,
            two,
            conventions={"recurrent_bias_t0": True},
            **edges,
        ),
        build(
            "recurrent-bias-late",
            "A feedback bias that acts from the second step on",
            biased,
            "in>f>n>out, n>w>n",
            one,
            two,
            conventions={"recurrent_bias_t0": False},
            **edges,
        ),
        build(
            "loop-direct",
            "A neuron wired to itself without weights",
            {"f": fc("rec-in", 3, 4), "n": b.lif((3,), theta=0.75 * OFF)},
            "in>f>n>n>out",
            one,
            two,
            delayed=(("n", "n"),),
            late=(("n", "n"),),
        ),
        build(
            "loop-two",
            "Feedback over two neuron layers, one step later",
            pair | {"back": back},
            "in>fa>a>fb>b>out, b>back>a",
            one,
            two,
            delayed=(("b", "back"),),
            late=(("back", "a"),),
        ),
    ]
