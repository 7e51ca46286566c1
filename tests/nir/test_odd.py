"""Odd files that mean one thing: read as the plain file that means the same, to the last bit, with the notes due."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from graphs import DT_S
from nir_raw import (
    Tree,
    affine,
    chain,
    conv,
    cubalif,
    graph,
    lif,
    linear,
    maps,
    node,
    nodes_of,
    pool,
    small,
    write_tree,
)
from nir_spoil import block, more, nested, params, renamed, top, without

from neurodeploy.frontends import read_nir
from neurodeploy.graph import Graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.simulate.float_reference import FloatRun, simulate_float


def run(read: Graph, renamed_to: dict[str, str] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """Spikes of all neurons on random input, by name."""
    network = lower(read, resolve_semantics(read, {}))
    rng = np.random.default_rng(7)
    inputs = {
        name: (rng.random((3, 40, int(np.prod(shape)))) < 0.5).astype(np.uint8)
        for name, shape in sorted(network.inputs.items())
    }
    done: FloatRun = simulate_float(network, inputs)
    return {(renamed_to or {}).get(name, name): spikes for name, spikes in done.spikes.items()}


def assert_same(odd: Tree, plain: Tree, folder: Path, names: dict[str, str] | None = None) -> tuple[str, ...]:
    """The odd file fires as the plain one does; its notes."""
    found = read_nir(write_tree(odd, folder / "odd.nir"))
    expected = read_nir(write_tree(plain, folder / "plain.nir"))
    assert expected.notes == ()
    ours, theirs = run(found, names), run(expected)
    assert ours.keys() == theirs.keys()
    for name in theirs:
        assert theirs[name].any() and not theirs[name].all(), f"{name} proves nothing"
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    return found.notes


def changed(base: Callable[[], Tree], *changes: Callable[[Tree], object]) -> Tree:
    tree = base()
    for change in changes:
        change(tree)
    return tree


def typed(kind: Any) -> Callable[[Tree], object]:
    """All real parameters in another type."""

    def spoil(tree: Tree) -> None:
        for group in nodes_of(tree).values():
            for key, value in group.items():
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    group[key] = value.astype(kind)

    return spoil


def rounded(tree: Tree) -> None:
    """Parameters that float16 holds."""
    typed("f2")(tree)
    typed("f8")(tree)


def fixed_length(tree: Tree) -> None:
    """Names and types as ASCII bytes of fixed length."""
    tree["node"]["edges"] = np.array(tree["node"]["edges"], dtype="S16")
    for group in nodes_of(tree).values():
        group["type"] = np.array(group["type"], dtype="S16")


def zipped(group: h5py.Group, key: str) -> None:
    group.create_dataset(key, data=small()["node"]["edges"], dtype=h5py.string_dtype(), compression="gzip")


LIF = {k: v for k, v in lif(5).items() if k != "type"}
SCALAR = {k: np.array(v.flat[0]) for k, v in LIF.items()}
ONE = {k: v[:1] for k, v in LIF.items()}
WIDE = {"lif": lif(3, 6, 8), "fc": affine(4, 36)}
BATCHED = {k: v[None] for k, v in LIF.items()}

QUIET: dict[str, tuple[Tree, Tree]] = {
    "no version": (changed(small, lambda t: t.pop("version")), small()),
    "another version": (changed(small, lambda t: t.update(version="0.2.1.dev3+g1234")), small()),
    "no w_in": (changed(small, params("out", w_in=...)), changed(small, params("out", w_in=np.ones(3)))),
    "scalars": (changed(small, params("hidden", **SCALAR)), small()),
    "one value": (changed(small, params("hidden", **ONE)), small()),
    "one value, two axes": (changed(small, params("hidden", tau=LIF["tau"][:1, None])), small()),
    "parameters with a batch": (changed(small, params("hidden", **BATCHED)), small()),
    "some scalars": (changed(small, params("hidden", tau=SCALAR["tau"], v_leak=ONE["v_leak"])), small()),
    "threshold per channel": (
        changed(maps, params("lif", v_threshold=np.array([0.5, 1.0, 2.0]).reshape(3, 1, 1))),
        changed(maps, params("lif", v_threshold=np.repeat([0.5, 1.0, 2.0], 24).reshape(3, 4, 6))),
    ),
    "bias of one value": (
        changed(small, params("fc1", bias=np.array(0.25))),
        changed(small, params("fc1", bias=np.full(5, 0.25))),
    ),
    "bias with a batch": (
        changed(small, params("fc1", bias=affine(5, 4)["bias"][None])),
        small(),
    ),
    "half precision": (changed(small, rounded, typed("f2")), changed(small, rounded)),
    "big-endian": (changed(small, typed(">f8")), small()),
    "integer weights": (
        changed(small, params("fc2", weight=np.arange(-6, 9, dtype=np.int8).reshape(3, 5))),
        changed(small, params("fc2", weight=np.arange(-6.0, 9).reshape(3, 5))),
    ),
    "weights of bits": (
        changed(small, params("fc2", weight=np.eye(3, 5) > 0)),
        changed(small, params("fc2", weight=np.eye(3, 5))),
    ),
    "text of fixed length": (changed(small, fixed_length), small()),
    "edges compressed": (changed(small, top(edges=zipped)), small()),
    "edges in another order": (changed(small, lambda t: t["node"]["edges"].reverse()), small()),
    "input of shape (4, ) as a number": (changed(small, params("input", shape=np.array(4))), small()),
    "no output shape": (changed(small, params("output", shape=...)), small()),
    "output with axes": (changed(small, params("output", shape=np.array([1, 1, 3]))), small()),
    "no input_shape": (changed(maps, params("conv", input_shape=...)), maps()),
    "numbers for pairs": (
        changed(maps, params("conv", stride=1, padding=0, dilation=1), params("pool", kernel_size=2, stride=2)),
        maps(),
    ),
    "one for pairs": (changed(maps, params("pool", kernel_size=np.array([2]), stride=np.array([2]))), maps()),
    "integers as floats": (changed(maps, params("conv", stride=np.array([1.0, 1.0]), groups=1.0)), maps()),
    "valid": (changed(maps, params("conv", padding="valid")), maps()),
    "same": (
        changed(
            maps, more({"conv": conv((3, 2, 3, 3), None, padding="same"), "lif": lif(3, 6, 8), "fc": affine(4, 36)})
        ),
        changed(maps, more({"conv": conv((3, 2, 3, 3), None, padding=1), "lif": lif(3, 6, 8), "fc": affine(4, 36)})),
    ),
    "negative dims": (changed(maps, params("flat", start_dim=-3, end_dim=2)), maps()),
    "no input_type": (changed(maps, params("flat", input_type=...)), maps()),
    "scale": (
        changed(small, more({"back": node("Scale", scale=np.arange(1, 6) / 8)})),
        changed(small, more({"back": node("Linear", weight=np.diag(np.arange(1, 6) / 8))})),
    ),
}


@pytest.mark.parametrize("name", QUIET)
def test_read_as_the_plain_file_without_a_word(name: str, tmp_path: Path) -> None:
    odd, plain = QUIET[name]
    assert assert_same(odd, plain, tmp_path) == ()


NOTED: dict[str, tuple[Tree, Tree, str]] = {
    "no v_reset": (
        changed(small, params("hidden", v_reset=...), params("out", v_reset=...)),
        small(),
        "hidden, out have no v_reset",
    ),
    "unknown key": (changed(small, params("hidden", refractory=3)), small(), "'refractory' is no parameter of LIF"),
    "input with a batch": (changed(small, params("input", shape=np.array([1, 4]))), small(), "read as (4,)"),
    "map with a batch": (changed(maps, params("input", shape=np.array([1, 2, 6, 8]))), maps(), "read as (2, 6, 8)"),
    "flatten with a batch": (changed(maps, params("flat", start_dim=1)), maps(), "read as start_dim = 0, end_dim = -1"),
    "both with a batch": (
        changed(maps, params("flat", start_dim=1, end_dim=3), params("input", shape=np.array([1, 2, 6, 8]))),
        maps(),
        "read as start_dim = 0, end_dim = 2",
    ),
    "input_shape of nir's bug": (changed(maps, params("conv", input_shape=np.array([8, 8]))), maps(), "is [8, 8]"),
    "no input": (changed(small, without("input")), small(), "taken is 'fc1', where it starts"),
    "no output": (changed(small, without("output")), small(), "taken is 'out', where it ends"),
    "neither": (changed(maps, without("input", "output")), maps(), "no Output node"),
}


@pytest.mark.parametrize("name", NOTED)
def test_read_as_the_plain_file_with_a_note(name: str, tmp_path: Path) -> None:
    odd, plain, note = NOTED[name]
    notes = assert_same(odd, plain, tmp_path)
    assert note in "\n".join(notes) and all("odd.nir" in n for n in notes)


def two_layers(middle: Tree, *edges: tuple[str, str], first: str = "sub", last: str = "sub") -> Tree:
    """input -> fc -> a -> (middle) -> b -> output."""
    nodes = {"fc": linear(4, 3), "a": lif(4), **middle, "b": lif(4)}
    every = [("input", "fc"), ("fc", "a"), ("a", first), (last, "b"), ("b", "output"), *edges]
    return graph(nodes, every, (3,), (4,))


def ends() -> Tree:
    return {"in": node("Input", shape=np.array([4])), "out": node("Output", shape=np.array([4]))}


INSIDE = {"w": linear(4, 4, seed=3), "n": cubalif(4), "v": linear(4, 4, seed=4)}
PATH = [("in", "w"), ("w", "n"), ("n", "v"), ("v", "out")]
FLAT = {f"sub.{name}": group for name, group in INSIDE.items()}
PLAIN = two_layers(FLAT, ("sub.w", "sub.n"), ("sub.n", "sub.v"), first="sub.w", last="sub.v")


def test_a_nested_graph(tmp_path: Path) -> None:
    odd = two_layers({"sub": nested(PATH, **ends(), **INSIDE)})
    assert assert_same(odd, PLAIN, tmp_path) == ()
    assert "sub.n" in read_nir(tmp_path / "odd.nir").nodes


def test_a_graph_in_a_graph(tmp_path: Path) -> None:
    inner = nested(PATH, **ends(), **INSIDE)
    odd = two_layers({"sub": nested([("in", "deep"), ("deep", "out")], **ends(), deep=inner)})
    assert_same(odd, PLAIN, tmp_path, {"sub.deep.n": "sub.n"})


def test_a_skip_within_a_nested_graph(tmp_path: Path) -> None:
    odd = two_layers({"sub": nested([*PATH, ("in", "out")], **ends(), **INSIDE)})
    plain = two_layers(FLAT, ("sub.w", "sub.n"), ("sub.n", "sub.v"), ("a", "b"), first="sub.w", last="sub.v")
    assert_same(odd, plain, tmp_path)


def test_a_loop_through_a_nested_graph(tmp_path: Path) -> None:
    odd = two_layers({"sub": nested(PATH, **ends(), **INSIDE), "r": linear(4, 4, seed=9)}, ("sub", "r"), ("r", "sub"))
    back = [("sub.v", "r"), ("r", "sub.w")]
    more_nodes = {**FLAT, "r": linear(4, 4, seed=9)}
    plain = two_layers(more_nodes, ("sub.w", "sub.n"), ("sub.n", "sub.v"), *back, first="sub.w", last="sub.v")
    assert_same(odd, plain, tmp_path)


def test_several_ends_of_a_nested_graph_by_their_dotted_names(tmp_path: Path) -> None:
    two = nested(
        [("in", "w"), ("also", "w"), ("w", "n"), ("n", "v"), ("v", "out"), ("n", "spikes")],
        **ends(),
        also=node("Input"),
        spikes=node("Output"),
        **INSIDE,
    )
    links = [("fc", "sub.also"), ("sub.spikes", "b")]
    odd = two_layers({"sub": two}, *links, first="sub.in", last="sub.out")
    joined = [("fc", "sub.w"), ("sub.n", "b")]
    plain = two_layers(FLAT, ("sub.w", "sub.n"), ("sub.n", "sub.v"), *joined, first="sub.w", last="sub.v")
    assert_same(odd, plain, tmp_path)


def test_a_nested_block_of_weights_only(tmp_path: Path) -> None:
    tree = graph({"fc": linear(3, 4), "sub": block(), "n": lif(3)}, [], (4,), (3,))
    tree["node"]["edges"] = [["input", "fc"], ["fc", "sub"], ["sub", "n"], ["n", "output"]]
    plain = chain({"fc": linear(3, 4), "w": linear(3, 3), "n": lif(3)}, (4,), (3,))
    assert_same(tree, plain, tmp_path)


def test_parameters_that_nir_gained_later_are_there_in_full(tmp_path: Path) -> None:
    tree = changed(small, params("out", w_in=..., v_reset=...))
    found = read_nir(write_tree(tree, tmp_path / "a.nir")).nodes["out"].params
    assert (found["w_in"].tolist(), found["v_reset"].tolist()) == ([1, 1, 1], [0, 0, 0])


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    tree = changed(small, more({"in2": node("Input", shape=np.array([2])), "fc3": affine(5, 2), "o2": node("Output")}))
    tree["node"]["edges"] += [["in2", "fc3"], ["fc3", "hidden"], ["hidden", "o2"]]
    read = read_nir(write_tree(tree, tmp_path / "a.nir"))
    network = lower(read, resolve_semantics(read, {}))
    assert network.inputs == {"input": (4,), "in2": (2,)} and network.outputs == {"output": "out", "o2": "hidden"}
    plain = run(read_nir(write_tree(small(), tmp_path / "b.nir")))
    assert run(read).keys() == plain.keys() and run(read)["hidden"].any()


def test_layer_10_comes_behind_layer_9(tmp_path: Path) -> None:
    layers = {str(k): (lif(4) if k % 2 else linear(4, 4, seed=k)) for k in range(12)}
    padded = {f"{int(k):02d}": layer for k, layer in layers.items()}
    names = {str(k): f"{k:02d}" for k in range(12)}
    assert_same(chain(layers, (4,), (4,)), chain(padded, (4,), (4,)), tmp_path, names)


def test_renaming_changes_nothing(tmp_path: Path) -> None:
    assert_same(changed(small, renamed("hidden", "Ünicode name.1")), small(), tmp_path, {"Ünicode name.1": "hidden"})


def test_a_deep_chain_of_layers(tmp_path: Path) -> None:
    """Python's recursion ends at 1000."""
    layers = {f"w{k}": node("Scale", scale=np.ones(())) for k in range(1100)}
    read = read_nir(write_tree(chain({**layers, "w": affine(4, 4), "n": lif(4)}, (4,), (4,)), tmp_path / "a.nir"))
    plain = read_nir(write_tree(chain({"w": affine(4, 4), "n": lif(4)}, (4,), (4,)), tmp_path / "b.nir"))
    np.testing.assert_array_equal(run(read)["n"], run(plain)["n"])


def test_a_deep_chain_of_neurons(tmp_path: Path) -> None:
    layers = {f"{name}{k}": make() for k in range(600) for name, make in (("w", one_to_one), ("n", lambda: lif(1)))}
    read = read_nir(write_tree(chain(layers, (1,), (1,)), tmp_path / "a.nir"))
    network = lower(read, resolve_semantics(read, {}))
    assert list(network.populations) == [f"n{k}" for k in range(600)]
    assert [p.depth for p in network.populations.values()] == list(range(1, 601))


def one_to_one() -> Tree:
    return node("Linear", weight=np.ones((1, 1)))


def test_all_node_types_are_read(tmp_path: Path) -> None:
    """And all are lowered; neurons that send their membrane included."""
    one = np.ones(4)
    nodes = {
        "conv1": conv((2, 1, 3), None),
        "flat": node("Flatten", start_dim=0, end_dim=-1),
        "fc": affine(4, 8),
        "delay": node("Delay", delay=np.full(4, 2 * DT_S)),
        "if": node("IF", r=one / DT_S, v_threshold=one),
        "scale": node("Scale", scale=one),
        "i": node("I", r=one / DT_S),
        "threshold": node("Threshold", threshold=0.75 * one),
        "w2": linear(4, 4, seed=1),
        "li": node("LI", tau=4 * DT_S * one, r=4 * one, v_leak=0 * one),
        "w3": linear(4, 4, seed=2),
        "cubali": {k: v for k, v in cubalif(4).items() if not k.startswith("v_t")} | {"type": "CubaLI"},
    }
    del nodes["cubali"]["v_reset"]
    names = ["input", *nodes, "output"]
    tree = chain(nodes, (1, 6), (4,), if_gain="unit")
    read = read_nir(write_tree(tree, tmp_path / "a.nir"))
    assert [read.nodes[n].type for n in names[1:-1]] == [g["type"] for g in nodes.values()]
    spikes = run(read)
    assert all(spikes[name].any() for name in ("if", "threshold"))


def test_pools_of_both_kinds(tmp_path: Path) -> None:
    average = changed(maps, more({"pool": pool("AvgPool2d")}))
    summed = changed(maps, lambda t: nodes_of(t)["fc"].update(weight=affine(4, 18)["weight"] / 4))
    assert_same(average, summed, tmp_path)
