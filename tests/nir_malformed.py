"""Files that are wrong, each with what the user must be told: the generator of the malformed NIR files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from graphs import DT_S
from nir_raw import affine, conv, graph, lif, linear, maps, node, pool, small, write_tree
from nir_spoil import (
    block,
    damaged,
    elsewhere,
    empty_tree,
    endless_names,
    endless_strings,
    files,
    in_itself,
    long_string,
    more,
    nested,
    not_utf8,
    outside,
    params,
    recorded,
    renamed,
    soft,
    spoilt,
    top,
    unallocated,
    virtual,
    with_block,
    without,
)

from neurodeploy.errors import AmbiguousSemantics, ModelError, ShapeMismatch, UnreadableFile, UnsupportedNode


@dataclass(frozen=True)
class Wrong:
    """A kind of malformed file.

    Attributes:
        make: Writes it to a path.
        error: The class of the error.
        what: Words in its description.
        where: Words in its place.
    """

    make: Callable[[Path], object]
    error: type[ModelError]
    what: str
    where: str = ".nir"


READ, NODE, SHAPE, VAGUE = UnreadableFile, UnsupportedNode, ShapeMismatch, AmbiguousSemantics
RNG = np.random.default_rng(0)

NOT_NIR: dict[str, Wrong] = {
    "empty file": Wrong(lambda p: p.write_bytes(b""), READ, "it is empty"),
    "text": Wrong(lambda p: p.write_text("a network\n"), READ, "not HDF5"),
    "pickle": Wrong(lambda p: p.write_bytes(pickle.dumps({"a": 1})), READ, "a pickle"),
    "zip archive": Wrong(lambda p: p.write_bytes(files({"a": np.ones(3)})), READ, "torch.save"),
    "half a file": Wrong(damaged(lambda d: d[: len(d) // 2]), READ, "truncated"),
    "a hundred bytes": Wrong(damaged(lambda d: d[:100]), READ, "not a readable NIR file"),
    "last bytes missing": Wrong(damaged(lambda d: d[:-8]), READ, "truncated"),
    "signature and noise": Wrong(damaged(lambda d: d[:8] + RNG.bytes(5000)), READ, "not a readable NIR file"),
    "zeros in the middle": Wrong(damaged(lambda d: d[:600] + bytes(200) + d[800:]), READ, ""),
    "endless strings": Wrong(damaged(endless_strings), READ, "damaged at byte"),
    "endless names": Wrong(damaged(endless_names), READ, "damaged at byte"),
    "string of 4 GB": Wrong(damaged(long_string), READ, "claims a text"),
    "other HDF5": Wrong(spoilt(empty_tree, lambda t: None), READ, "HDF5 but not NIR"),
    "node is an array": Wrong(spoilt(empty_tree, lambda t: t.update(node=np.ones(3))), READ, "not NIR"),
    "single node": Wrong(spoilt(empty_tree, lambda t: t.update(node=linear(2, 2))), READ, "a single node"),
    "graph without type": Wrong(spoilt(small, top(type=...)), READ, "'type' is missing"),
    "graph without nodes": Wrong(spoilt(small, top(nodes=...)), READ, "no nodes"),
    "graph of no nodes": Wrong(spoilt(small, top(nodes={})), READ, "no nodes"),
    "nodes are an array": Wrong(spoilt(small, top(nodes=np.ones(2))), READ, "no nodes"),
    "8 TB declared": Wrong(spoilt(small, params("fc2", weight=unallocated)), READ, "(1000000, 1000000)", "'fc2'"),
    "values elsewhere": Wrong(spoilt(small, params("fc2", weight=elsewhere)), READ, "does not hold", "'fc2'"),
    "virtual values": Wrong(spoilt(small, params("fc2", weight=virtual)), READ, "does not hold", "'fc2'"),
    "soft link": Wrong(spoilt(small, more({"again": soft})), READ, "'again' is a link"),
    "link outside": Wrong(spoilt(small, more({"again": outside})), READ, "'again' is a link"),
    "graph within itself": Wrong(in_itself, READ, "nested more than 32"),
}

NODES: dict[str, Wrong] = {
    "slash in a name": Wrong(spoilt(small, renamed("out", "a/b")), READ, "no type", "'a'"),
    "None for a node": Wrong(spoilt(small, more({"hidden": None})), READ, "no type", "'hidden'"),  # type: ignore[dict-item]
    "node without type": Wrong(spoilt(small, params("hidden", type=...)), READ, "no type", "'hidden'"),
    "type is a number": Wrong(spoilt(small, params("hidden", type=7)), READ, "not text", "'hidden'"),
    "type is no UTF-8": Wrong(spoilt(small, params("hidden", type=not_utf8)), READ, "UnicodeDecodeError"),
    "unknown type": Wrong(spoilt(small, params("hidden", type="Izhikevich")), NODE, "Izhikevich", "'hidden'"),
    "type in small letters": Wrong(spoilt(small, params("hidden", type="lif")), NODE, "type lif", "'hidden'"),
    "no weight": Wrong(spoilt(small, params("fc1", weight=...)), READ, "no 'weight'", "'fc1'"),
    "no bias": Wrong(spoilt(maps, params("conv", bias=...)), READ, "no 'bias'", "'conv'"),
    "no tau": Wrong(spoilt(small, params("hidden", tau=...)), READ, "no 'tau'", "'hidden'"),
    "no start_dim": Wrong(spoilt(maps, params("flat", start_dim=...)), READ, "no 'start_dim'", "'flat'"),
    "weight is a group": Wrong(spoilt(small, params("fc1", weight={"a": 1})), READ, "is missing or a group", "'fc1'"),
    "weight is empty": Wrong(spoilt(small, params("fc1", weight=None)), READ, "'weight' is empty", "'fc1'"),
    "weight of no rows": Wrong(spoilt(small, params("fc1", weight=np.ones((0, 4)))), READ, "it is empty", "'fc1'"),
    "complex weight": Wrong(spoilt(small, params("fc1", weight=np.ones((5, 4), complex))), NODE, "complex128", "'fc1'"),
    "weight of words": Wrong(spoilt(small, params("fc1", weight="large")), READ, "not made of real", "'fc1'"),
    "weight of records": Wrong(
        spoilt(small, params("fc1", weight=np.zeros((5, 4), [("a", "f4")]))), NODE, "values", "'fc1'"
    ),
    "NaN weight": Wrong(spoilt(small, params("fc1", weight=np.full((5, 4), np.nan))), NODE, "NaN", "'fc1'"),
    "infinite threshold": Wrong(spoilt(small, params("hidden", v_threshold=np.full(5, np.inf))), NODE, "infinity"),
    "NaN in one tau": Wrong(spoilt(small, params("hidden", tau=np.array([1, 1, np.nan, 1, 1]))), NODE, "NaN"),
    "tau of 0": Wrong(spoilt(small, params("hidden", tau=np.array(0.0))), NODE, "tau must be positive", "'hidden'"),
    "tau below 0": Wrong(spoilt(small, params("out", tau_syn=-np.ones(3))), NODE, "tau_syn must be", "'out'"),
    "tau below dt": Wrong(
        spoilt(small, params("hidden", tau=np.full(5, DT_S / 3))), NODE, "shorter than the time step", "'hidden'"
    ),
    "r below 0": Wrong(spoilt(small, params("hidden", r=-np.ones(5))), NODE, "must be positive", "'hidden'"),
    "w_in of 0": Wrong(spoilt(small, params("out", w_in=np.zeros(3))), NODE, "must be positive", "'out'"),
    "threshold at the reset": Wrong(
        spoilt(small, lambda t: [params("hidden", v_reset=np.ones(5))(t), recorded(v_init="zero")(t)]),
        NODE,
        "not above the reset",
        "'hidden'",
    ),
    "too many neurons": Wrong(spoilt(small, more({"hidden": lif(6)})), SHAPE, "(6,)", "'hidden'"),
    "one parameter too long": Wrong(spoilt(small, params("hidden", r=np.ones(4))), SHAPE, "r has shape (4,)"),
    "parameters per channel": Wrong(spoilt(maps, more({"lif": lif(3)})), SHAPE, "(3,)", "'lif'"),
    "bias too short": Wrong(spoilt(small, params("fc1", bias=np.ones(4))), SHAPE, "bias has shape (4,)", "'fc1'"),
    "bias as a matrix": Wrong(spoilt(small, params("fc1", bias=np.ones((5, 5)))), SHAPE, "(5, 5)", "'fc1'"),
    "weight of one axis": Wrong(spoilt(small, params("fc1", weight=np.ones(4))), NODE, "1 dimensions", "'fc1'"),
    "weight transposed": Wrong(spoilt(small, params("fc1", weight=np.ones((4, 5)))), SHAPE, "takes (5,)", "'fc1'"),
    "IF of odd gain": Wrong(
        spoilt(small, more({"hidden": node("IF", r=np.full(5, 7.0), v_threshold=np.ones(5), v_reset=np.zeros(5))})),
        VAGUE,
        "neither 1 nor 1/dt",
    ),
    "half a step of delay": Wrong(
        spoilt(small, more({"back": node("Delay", delay=np.full(5, 1.5 * DT_S))})), NODE, "1.5 time steps", "'back'"
    ),
    "delay below 0": Wrong(spoilt(small, more({"back": node("Delay", delay=np.full(5, -DT_S))})), NODE, "-1 time"),
}

WINDOWS: dict[str, Wrong] = {
    "stride of 0": Wrong(spoilt(maps, params("conv", stride=np.array([1, 0]))), SHAPE, "stride (1, 0)", "'conv'"),
    "stride below 0": Wrong(spoilt(maps, params("pool", stride=-1)), SHAPE, "stride (-1, -1)", "'pool'"),
    "stride of a fraction": Wrong(spoilt(maps, params("conv", stride=1.5)), READ, "not made of integers", "'conv'"),
    "three strides": Wrong(spoilt(maps, params("conv", stride=np.ones(3, int))), READ, "3 values", "'conv'"),
    "padding below 0": Wrong(spoilt(maps, params("conv", padding=-1)), SHAPE, "padding (-1, -1)", "'conv'"),
    "dilation of 0": Wrong(spoilt(maps, params("conv", dilation=0)), SHAPE, "dilation (0, 0)", "'conv'"),
    "groups of 0": Wrong(spoilt(maps, params("conv", groups=0)), SHAPE, "groups 0", "'conv'"),
    "groups do not divide": Wrong(spoilt(maps, params("conv", groups=2)), SHAPE, "divisible by 2", "'conv'"),
    "kernel of three axes": Wrong(spoilt(maps, params("conv", weight=np.ones((3, 3, 3)))), SHAPE, "(3, 3, 3)"),
    "kernel beyond the map": Wrong(spoilt(maps, more({"conv": conv((3, 2, 9, 9), None)})), SHAPE, "leaves nothing"),
    "wrong channels": Wrong(spoilt(maps, more({"conv": conv((3, 4, 3, 3), None)})), SHAPE, "4 input", "'conv'"),
    "padding by a word": Wrong(spoilt(maps, params("conv", padding="full")), READ, "is 'full'", "'conv'"),
    "same with a stride": Wrong(spoilt(maps, params("conv", padding="same", stride=2)), NODE, "'same'", "'conv'"),
    "padding of 10^9": Wrong(spoilt(maps, params("conv", padding=10**9)), SHAPE, "more than 100,000,000", "'conv'"),
    "padding of 10^30": Wrong(spoilt(maps, params("conv", padding=1e30)), READ, "holds 1e+30", "'conv'"),
    "window of 0": Wrong(spoilt(maps, params("pool", kernel_size=0)), SHAPE, "window of (0, 0)", "'pool'"),
    "window of 10^9": Wrong(spoilt(maps, params("pool", kernel_size=10**9)), SHAPE, "does not fit", "'pool'"),
    "window padded by itself": Wrong(spoilt(maps, params("pool", padding=2)), SHAPE, "padding (2, 2)", "'pool'"),
    "pool of a vector": Wrong(spoilt(small, more({"back": pool()})), SHAPE, "takes (C, H, W)", "'back'"),
    "map for one dimension": Wrong(spoilt(maps, more({"conv": conv((3, 2, 3), None)})), SHAPE, "(C, L)", "'conv'"),
    "flatten from axis 5": Wrong(spoilt(maps, params("flat", start_dim=5)), SHAPE, "start_dim = 5", "'flat'"),
    "flatten backwards": Wrong(spoilt(maps, params("flat", start_dim=-1, end_dim=-3)), SHAPE, "3 axes", "'flat'"),
    "nothing flattened": Wrong(
        spoilt(maps, lambda t: [without("flat")(t), more({}, ("pool", "fc"))(t)]), SHAPE, "given (3, 2, 3)", "'fc'"
    ),
}

TOPOLOGY: dict[str, Wrong] = {
    "edge to nowhere": Wrong(spoilt(small, more({}, ("hidden", "ghost"))), SHAPE, "'ghost', which is not a node"),
    "edge from nowhere": Wrong(spoilt(small, more({}, ("ghost", "hidden"))), SHAPE, "'ghost', which is not a node"),
    "edge to a name that was split": Wrong(
        spoilt(small, lambda t: [renamed("hidden", "rec.lif")(t), more({}, ("fc1", "rec"))(t)]), SHAPE, "'rec', which"
    ),
    "edge twice": Wrong(spoilt(small, more({}, ("fc1", "hidden"))), NODE, "stands twice: fc1 -> hidden"),
    "no edges": Wrong(spoilt(small, top(edges=[])), NODE, "not on a path"),
    "edges are missing": Wrong(spoilt(small, top(edges=...)), READ, "edges"),
    "edges of numbers": Wrong(spoilt(small, top(edges=np.ones((4, 2)))), READ, "not pairs of names"),
    "edges of three": Wrong(spoilt(small, top(edges=[["a", "b", "c"]])), READ, "shape (1, 3)"),
    "edge into the input": Wrong(spoilt(small, more({}, ("out", "input"))), NODE, "leads into", "'input'"),
    "edge out of the output": Wrong(spoilt(small, more({}, ("output", "fc1"))), NODE, "leaves", "'output'"),
    "loose node": Wrong(spoilt(small, more({"lone": lif(3)})), NODE, "not on a path", "'lone'"),
    "loose loop": Wrong(
        spoilt(small, more({"a": linear(2, 2), "b": lif(2)}, ("a", "b"), ("b", "a"))), NODE, "not on a path"
    ),
    "loop to nowhere": Wrong(
        spoilt(small, more({"a": linear(5, 5), "b": lif(5)}, ("hidden", "a"), ("a", "b"), ("b", "a"))),
        NODE,
        "not on a path",
    ),
    "loop without input": Wrong(spoilt(small, without("input", "fc1")), NODE, "no Input node"),
    "loop without neuron": Wrong(
        spoilt(small, more({"c": linear(5, 5)}, ("fc1", "c"), ("c", "c"), ("c", "hidden"))),
        NODE,
        "cycle has no neuron",
        "'c'",
    ),
    "long loop without neuron": Wrong(
        spoilt(
            small,
            more({"c": linear(5, 5), "d": affine(5, 5)}, ("fc1", "c"), ("c", "d"), ("d", "c"), ("d", "hidden")),
        ),
        NODE,
        "cycle has no neuron",
    ),
    "two roots, no input": Wrong(
        spoilt(small, lambda t: [without("input")(t), more({"fc3": linear(5, 2)}, ("fc3", "hidden"))(t)]),
        NODE,
        "starts at fc1, fc3",
    ),
    "no leaf, no output": Wrong(spoilt(small, without("output", "fc2", "out")), NODE, "ends at no node"),
    "shapes that meet differ": Wrong(
        spoilt(small, more({"skip": linear(4, 4)}, ("input", "skip"), ("skip", "hidden"))),
        SHAPE,
        "",
        "'hidden'",
    ),
    "nothing but ends": Wrong(
        lambda p: write_tree(graph({}, [("input", "output")], (4,), (4,)), p), NODE, "neither neurons nor weights"
    ),
    "input of no values": Wrong(spoilt(small, params("input", shape=np.array([0]))), SHAPE, "shape [0]", "'input'"),
    "input below 0": Wrong(spoilt(small, params("input", shape=np.array([-4]))), SHAPE, "shape [-4]", "'input'"),
    "input of a fraction": Wrong(spoilt(small, params("input", shape=np.array([2.5]))), SHAPE, "integers", "'input'"),
    "input of text": Wrong(spoilt(small, params("input", shape="4")), SHAPE, "integers", "'input'"),
    "input of 10^12": Wrong(spoilt(small, params("input", shape=np.array([10**12]))), SHAPE, "100,000,000", "'input'"),
    "map of 10^10": Wrong(spoilt(maps, params("input", shape=np.array([2, 10**5, 10**5]))), SHAPE, "100,000,000"),
    "input without a shape": Wrong(
        spoilt(maps, lambda t: [params("input", shape=...)(t), params("conv", input_shape=...)(t)]),
        SHAPE,
        "no shape",
        "'input'",
    ),
    "output of other size": Wrong(spoilt(small, params("output", shape=np.array([7]))), SHAPE, "[7]", "'output'"),
}

NESTED: dict[str, Wrong] = {
    "two outputs": Wrong(
        with_block(
            {
                **block(),
                "edges": [["in", "w"], ["w", "out"], ["w", "two"]],
                "nodes": {**block(two=node("Output"))["nodes"]},
            }
        ),
        NODE,
        "has 2 of them",
        "'sub'",
    ),
    "no input": Wrong(with_block(nested([("w", "out")], w=linear(3, 3), out=node("Output"))), NODE, "has 0", "'sub'"),
    "dangling inside": Wrong(
        with_block({**block(), "edges": [["in", "w"], ["w", "out"], ["w", "x"]]}), SHAPE, "'sub.x', which"
    ),
    "name that exists": Wrong(
        lambda p: write_tree(
            graph(
                {"sub": block(), "sub.w": lif(3)},
                [("input", "sub"), ("sub", "sub.w"), ("sub.w", "output")],
                (3,),
                (3,),
            ),
            p,
        ),
        NODE,
        "two nodes have this name",
        "'sub.w'",
    ),
    "input left open": Wrong(
        with_block({**block(two=node("Input")), "edges": [["in", "w"], ["w", "out"], ["two", "w"]]}), NODE, "has 2"
    ),
    "graph of itself only": Wrong(
        with_block(nested([("in", "out")], **{"in": node("Input"), "out": node("Output")}), ("sub", "sub")),
        NODE,
        "to itself",
        "'sub",
    ),
    "other conventions": Wrong(
        with_block({**block(), "metadata": {"neurodeploy": {"reset": "subtract"}}}), VAGUE, "'subtract'", "'sub'"
    ),
    "wrong inside": Wrong(
        with_block({**block(), "nodes": {**block()["nodes"], "w": linear(3, 2)}}), SHAPE, "takes (2,)", "'sub.w'"
    ),
}

METADATA: dict[str, Wrong] = {
    "unknown reset": Wrong(spoilt(small, recorded(reset="soft")), VAGUE, "reset = 'soft'"),
    "unknown entry": Wrong(spoilt(small, recorded(rest="value")), VAGUE, "'rest', which means nothing"),
    "dt below 0": Wrong(spoilt(small, recorded(dt_s=-1.0)), VAGUE, "dt_s = -1.0"),
    "dt as text": Wrong(spoilt(small, recorded(dt_s="1 ms")), VAGUE, "dt_s = '1 ms'"),
    "two resets": Wrong(spoilt(small, recorded(reset=["value", "none"])), VAGUE, "reset = ["),
    "group for a value": Wrong(spoilt(small, recorded(reset={"a": 1})), VAGUE, "reset = {"),
    "says nothing": Wrong(spoilt(small, top(metadata={})), VAGUE, "dt_s, reset unknown"),
    "unknown convention": Wrong(
        spoilt(small, params("out", metadata={"neurodeploy": {"conventions": {"rest": "value"}}})),
        VAGUE,
        "rest",
        "'out'",
    ),
    "conventions are text": Wrong(
        spoilt(small, params("out", metadata={"neurodeploy": {"conventions": "none"}})), VAGUE, "no group", "'out'"
    ),
    "unknown factor": Wrong(
        spoilt(small, params("out", metadata={"neurodeploy": {"exact": {"beta": 0.5}}})), NODE, "beta", "'out'"
    ),
    "factors of another shape": Wrong(
        spoilt(small, params("out", metadata={"neurodeploy": {"exact": {"b": np.ones(4)}}})), SHAPE, "(4,)", "'out'"
    ),
    "factor is NaN": Wrong(
        spoilt(small, params("out", metadata={"neurodeploy": {"exact": {"b": np.nan}}})), NODE, "finite", "'out'"
    ),
}

MALFORMED: dict[str, Wrong] = {
    f"{group}: {name}": wrong
    for group, cases in {
        "file": NOT_NIR,
        "node": NODES,
        "window": WINDOWS,
        "topology": TOPOLOGY,
        "nested": NESTED,
        "metadata": METADATA,
    }.items()
    for name, wrong in cases.items()
}
