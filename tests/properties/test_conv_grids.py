"""Blocks of convolutions: closed forms against the checker's count of every synapse, and the search against both."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodeploy.chipmap import Mapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.mapping.capacity import core_loads
from neurodeploy.mapping.check import recount
from neurodeploy.mapping.check_reached import reached_cores
from neurodeploy.mapping.check_rows import held_rows
from neurodeploy.mapping.constraints import uses, violated
from neurodeploy.mapping.fanout import fan_out
from neurodeploy.mapping.grids import Grid, GridSearch, grid_labels
from neurodeploy.mapping.held import all_held
from neurodeploy.mapping.rows import Ints
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, Target

TINY, LOIHI1 = load_target("tiny"), load_target("loihi1")


def edited(target: Target, table: str, **values: Any) -> Target:
    facts = {k: v if v is None else Quantity(v, "example", "test") for k, v in values.items()}
    return msgspec.structs.replace(target, **{table: msgspec.structs.replace(getattr(target, table), **facts)})


@st.composite
def geometries(draw: st.DrawFn, channels: int) -> dict[str, Any]:
    groups = draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == 0]))
    pairs = {k: draw(st.tuples(st.integers(1, 2), st.integers(1, 2))) for k in ("stride", "dilation")}
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.tuples(st.integers(0, 1), st.integers(0, 2)))
    return {
        **pairs,
        "groups": groups,
        "padding": padding,
        "kernel": kernel,
        "outputs": groups * draw(st.integers(1, 3)),
    }


@st.composite
def chains(draw: st.DrawFn) -> tuple[ChipNetwork, dict[str, Grid]]:
    """An input and two layers of convolutions with distinct weights, each layer cut by a grid."""
    net = ChipNetwork()
    shape = (draw(st.integers(1, 4)), draw(st.integers(6, 9)), draw(st.integers(6, 9)))
    net.add_input("in", shape=shape)
    source, grids = "in", {}
    for name in ("a", "b"):
        geometry = draw(geometries(shape[0]))
        kernel, outputs = geometry.pop("kernel"), geometry.pop("outputs")
        size = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(
                shape[1:], kernel, geometry["stride"], geometry["padding"], geometry["dilation"], strict=True
            )
        ]
        if min(size) < 1:
            break
        weights = np.arange(1, 1 + outputs * shape[0] // geometry["groups"] * kernel[0] * kernel[1])
        shape = (outputs, *size)
        net.add_population(name, shape=shape)
        kernel_shape = (outputs, net.shape_of(source)[0] // geometry["groups"], *kernel)
        net.connect(
            source,
            name,
            (weights % 100).reshape(kernel_shape),
            kind="conv2d",
            delays=draw(st.sampled_from([0, 0, 2, 5])),
            **geometry,
        )
        grids[name] = tuple(draw(st.integers(1, min(3, n))) for n in shape)
        source = name
    return net, grids


@st.composite
def chips(draw: st.DrawFn) -> Target:
    chip = edited(
        draw(st.sampled_from([TINY, LOIHI1])),
        "core",
        synapse_chunk=draw(st.sampled_from([0, 7, 64])),
        conv_row_extra_words=draw(st.sampled_from([0, 1])),
        legal_index_bits=draw(st.sampled_from([None, (6, 8), tuple(range(1, 10)), tuple(range(1, 10))])),
        sparse_index_bits=draw(st.sampled_from([None, 0, 9])),
        neurons=draw(st.sampled_from([20, 1000])),
        delay_slots=draw(st.sampled_from([None, 40, 200])),
        in_axons=draw(st.sampled_from([20, 60, 1000])),
        out_axon_slots=draw(st.sampled_from([40, 120, 5000])),
        synapse_words=draw(st.sampled_from([30, 100, 5000])),
    )
    chip = edited(chip, "compartment", delay_default_max=draw(st.sampled_from([None, 2])))
    return edited(
        chip, "axon", row_base_max=draw(st.sampled_from([None, None, 0, 3, 10])), pop32_slots=draw(st.integers(1, 3))
    )


def cut(net: ChipNetwork, grids: dict[str, Grid]) -> tuple[dict[str, Ints], int]:
    labels, cores = {}, 0
    for name, grid in grids.items():
        labels[name] = grid_labels(net.populations[name].shape, grid) + cores
        cores += int(np.prod(grid))
    return labels, cores


@settings(max_examples=250, deadline=None)
@given(chains(), chips(), st.sampled_from([None, "a", "b"]), st.randoms(use_true_random=False))
def test_blocks_are_counted_as_the_checker_counts_synapses(
    chain: tuple[ChipNetwork, dict[str, Grid]], chip: Target, scattered: str | None, shuffle: random.Random
) -> None:
    net, grids = chain
    if not grids:
        return
    labels, cores = cut(net, grids)
    if scattered in labels:  # cores of neurons that are no block beside cores that are
        order = list(range(labels[scattered].size))
        shuffle.shuffle(order)
        labels[scattered] = labels[scattered][order]
    at = np.arange(cores, dtype=np.int32)
    mapping = Mapping({k: v.astype(np.int32) for k, v in labels.items()}, at, at * 0)
    counted = recount(net, mapping, chip, reached_cores(net, mapping))
    for name, (needed, _) in uses(core_loads(net, labels, cores, chip), chip).items():
        np.testing.assert_array_equal(needed, counted[name], err_msg=name)
    for p, found in zip(net.projections, all_held(net, labels, cores, chip), strict=True):
        assert found is not None
        for core, held in held_rows(p, labels[p.target], (8, p.delay.bit_length()), chip).items():
            assert found.stored.words[core] == held.words
            if held.words:
                assert (found.stored.shared[core], found.stored.index_bits[core]) == (held.shared, held.index_bits)


@settings(max_examples=150, deadline=None)
@given(chains(), chips())
def test_the_search_judges_a_grid_as_its_cores_do(chain: tuple[ChipNetwork, dict[str, Grid]], chip: Target) -> None:
    """Exact for one convolution into the layer and any out of it, so the search never has to look twice."""
    net, grids = chain
    if len(grids) < 2:
        return
    labels, cores = cut(net, grids)
    inner = ChipNetwork(net.inputs, net.populations, list(net.incoming("b")))
    parts = int(np.prod(grids["b"]))
    demand = fan_out(inner, all_held(inner, {"b": labels["b"] - labels["b"].min()}, parts, chip), chip)["a"]
    search = GridSearch(net, net.populations["a"], chip, (), demand)
    loads = core_loads(net, labels, cores, chip)
    own = np.unique(labels["a"])
    alone = type(loads)(**{k: v[own] for k, v in vars(loads).items()})
    assert search.passes(grids["a"]) == (not violated(alone, chip))
