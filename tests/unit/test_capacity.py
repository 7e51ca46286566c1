"""Capacity, splits and refusals on examples worked by hand or printed by others.

The printed ones are nengo-loihi's memory formula and lava-dl's compile reports.
"""

from __future__ import annotations

import time
from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Dense, Sparse
from neurodeploy.errors import DoesNotFit, InvalidNetwork
from neurodeploy.mapping import Mapping, check_mapping, map_network, remedies, utilisation
from neurodeploy.mapping.capacity import Loads
from neurodeploy.mapping.constraints import CONSTRAINTS, Constraint, describe, name_of, uses, violated
from neurodeploy.mapping.remedies import ADVICE
from neurodeploy.mapping.rows import row_words, weight_bits
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, Target

LOIHI1, LOIHI2, TINY = load_target("loihi1"), load_target("loihi2"), load_target("tiny")


def edited(target: Target, table: str, **values: int) -> Target:
    facts = {name: Quantity(value, "example", "test") for name, value in values.items()}
    return msgspec.structs.replace(target, **{table: msgspec.structs.replace(getattr(target, table), **facts)})


def mlp(*sizes: int, bits: int = 8, **values: Any) -> ChipNetwork:
    """Dense layers l1, l2, ...; their weights are a view of one number, so that size costs no memory."""
    net = ChipNetwork()
    net.add_input("in", shape=sizes[0])
    for k, (source, size) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        net.add_population(f"l{k}", shape=size, **values)
        weights = Dense(np.broadcast_to(np.int8(2), (size, source)), (source,), (size,))
        net.projections.append(ChipProjection(f"l{k - 1}" if k > 1 else "in", f"l{k}", weights, 0, bits, "mixed", 0))
    return net


def conv(source: tuple[int, int, int], kernel: tuple[int, int, int, int], **geometry: Any) -> ChipNetwork:
    net = ChipNetwork()
    net.add_input("in", shape=source)
    pad, step = geometry.get("padding", (0, 0)), geometry.get("stride", (1, 1))
    shape = [(source[k] + 2 * pad[k - 1] - kernel[k + 1]) // step[k - 1] + 1 for k in (1, 2)]
    net.add_population("c", shape=(kernel[0], *shape))
    net.connect("in", "c", np.full(kernel, 2), kind="conv2d", **geometry)
    return net


def parts(mapping: Mapping) -> dict[str, int]:
    return {name: len(np.unique(labels)) for name, labels in mapping.core_of.items()}


def test_loihi1_dense_row_of_the_reference() -> None:
    net = mlp(784, 512)
    cores = utilisation(net, map_network(net, LOIHI1, max_neurons_per_core=128), LOIHI1).cores
    assert [core.needed["synapse_words"] for core in cores] == [14112] * 4
    assert 14112 * 64 == 903_168
    assert all(core.binding == "synapse_words" and round(core.share, 3) == 0.861 for core in cores)
    assert all(core.needed["in_axons"] == 784 and core.limits["synapse_words"] == 16384 for core in cores)


@pytest.mark.parametrize(
    ("n_source", "neurons", "bits", "words", "printed_percent"),
    [
        (784, 50, 8, 784 * 16, 67.14),
        (128, 64, 8, 128 * 21, 14.72),
        (64, 10, 8, 64 * 4, 1.71),
        (100, 50, 6, 1500, None),
        (50, 10, 5, 150, None),
        (10, 1, 4, 10, None),
    ],
)
def test_loihi2_dense_rows_of_the_compile_reports(
    n_source: int, neurons: int, bits: int, words: int, printed_percent: float | None
) -> None:
    net = mlp(n_source, neurons, bits=bits)
    (core,) = utilisation(net, map_network(net, LOIHI2), LOIHI2).cores
    assert core.needed["synapse_words"] == words
    assert core.needed["axon_map_words"] == neurons and core.needed["axon_mem_words"] == 0
    assert core.needed["pool_words"] == n_source + neurons + words + neurons
    if printed_percent is not None:
        assert 100 * core.needed["pool_words"] / core.limits["pool_words"] == pytest.approx(printed_percent, abs=0.013)


@pytest.mark.parametrize(("neurons", "bits", "words"), [(100, 4, 26), (17, 4, 5), (50, 6, 15), (10, 5, 3), (1, 4, 1)])
def test_loihi2_dense_words_per_axon(neurons: int, bits: int, words: int) -> None:
    assert row_words(np.array([neurons]), bits + 12, LOIHI2.core) == [words]


@pytest.mark.parametrize(("channels", "bits", "printed"), [(24, 6, 3), (64, 5, 6), (64, 4, 5), (36, 5, 4), (48, 4, 5)])
def test_loihi2_convolution_rows_bracket_the_printed_ones(channels: int, bits: int, printed: int) -> None:
    fitted = int(row_words(np.array([channels]), bits, LOIHI2.core)[0])
    assert fitted <= printed <= fitted + LOIHI2.core.conv_row_extra_words.value


def test_loihi1_convolution_counted_by_hand() -> None:
    """4 x 4 outputs of a padded 3 x 3 kernel: per axis one crop of 3 taps and two of 2, so rows of 9, 6 and 4."""
    net = conv((1, 4, 4), (1, 1, 3, 3), padding=(1, 1))
    (core,) = utilisation(net, map_network(net, LOIHI1), LOIHI1).cores
    bits = 8 + 6  # 16 neurons need the narrowest legal index, 6 bit
    by_hand = 1 * -(-(9 * bits + 10) // 64) + 4 * -(-(6 * bits + 10) // 64) + 4 * -(-(4 * bits + 10) // 64)
    assert core.needed["synapse_words"] == by_hand == 19
    assert core.needed["in_axons"] == 16 and core.needed["neurons"] == 16


def test_an_index_of_six_bits_addresses_64_neurons() -> None:
    (core,) = utilisation(net := conv((1, 1, 2), (31, 1, 1, 1)), map_network(net, LOIHI1), LOIHI1).cores
    assert core.needed["synapse_words"] == -(-(31 * (8 + 6) + 10) // 64) == 7  # 8 with 7 bits; the largest is 30 * 2
    assert core.needed["in_axons"] == 2


def test_a_convolution_without_anything_to_share_is_held_as_dense_rows() -> None:
    """One output pixel: every source reaches all 64 channels, and a dense row needs no index."""
    net = conv((3, 2, 2), (64, 3, 2, 2))
    (core,) = utilisation(net, map_network(net, LOIHI1), LOIHI1).cores
    assert core.needed["synapse_words"] == 12 * -(-(64 * 8 + 10) // 64)  # shared: 768 synapses of 14 bits in 1 row
    assert core.needed["in_axons"] == 12  # of its own for each source neuron


def test_rows_are_shared_where_axons_would_bind_though_they_take_more_memory() -> None:
    """600 channels of 3 x 3 pixels into 10: 5,400 axons of their own, or 9 that the channels of a pixel share."""
    net = conv((600, 3, 3), (10, 600, 3, 3))
    (core,) = utilisation(net, map_network(net, LOIHI1), LOIHI1).cores
    assert core.needed["in_axons"] == 9
    full, rest = divmod(600 * 10, 64)  # of each of the 9 crops
    shared = 9 * (full * -(-(64 * (8 + 6) + 10) // 64) + -(-(rest * (8 + 6) + 10) // 64))
    assert core.needed["synapse_words"] == shared == 12_654 > 5400 * -(-(10 * 8 + 10) // 64)


def test_channels_of_a_pixel_share_an_axon_on_both_sides() -> None:
    net = conv((2, 8, 8), (4, 2, 1, 1))
    net.add_population("d", shape=(6, 8, 8))
    net.connect("c", "d", np.full((6, 4, 1, 1), 2), kind="conv2d")
    mapping = map_network(net, LOIHI1, max_neurons_per_core=64)
    check_mapping(net, mapping, LOIHI1)
    c, d = (mapping.core_of[name].reshape(-1, 64) for name in ("c", "d"))
    assert len(np.unique(c)) == 4 and len(np.unique(d)) == 6
    axons_in = {(int(at), pixel) for layer in (c, d) for channel in layer for pixel, at in enumerate(channel)}
    pairs = {(int(a[k]), k, int(b[k])) for a in c for b in d for k in range(64)}
    for core in utilisation(net, mapping, LOIHI1).cores:
        assert core.needed["in_axons"] == sum(at == core.core for at, _ in axons_in)
        assert core.needed["out_axon_slots"] == 2 * sum(at == core.core for at, _, _ in pairs)


def test_shared_and_sparse_rows_of_one_index_are_two_formats() -> None:
    net = conv((1, 1, 2), (31, 1, 1, 1))
    net.connect("in", "c", np.eye(62, 2, dtype=int) * 2, kind="sparse")
    (core,) = utilisation(net, map_network(net, LOIHI1), LOIHI1).cores
    words = [-(-(31 * (8 + 6) + 10) // 64), 2 * 1]  # both with an index of 6 bits
    assert core.needed["synapse_words"] == sum(words)
    assert core.needed["synapse_formats"] == 2


def test_layers_of_long_delays_share_a_core_as_long_as_the_longer_delay_allows() -> None:
    """200 neurons of 32 steps are 6,400 of 8,192 slots; not of 64 steps."""
    net = mlp(1, 100)
    net.add_population("l2", shape=100)
    net.connect("in", "l2", np.full((100, 1), 2))
    net.projections[:] = [replace(p, delay=delay) for p, delay in zip(net.projections, (20, 19), strict=True)]
    mapping = map_network(net, LOIHI1)
    check_mapping(net, mapping, LOIHI1)
    assert mapping.cores == 1
    assert utilisation(net, mapping, LOIHI1).cores[0].needed["delay_slots"] == 200 * 32


def test_sparse_rows_become_dense_where_that_is_smaller() -> None:
    """Loihi 1: 64 neurons of which a source reaches n: 6 more bits each, or all 64 without an index."""
    for reached, words in ((4, 2), (35, 8), (36, 9), (64, 9)):
        net = ChipNetwork()
        net.add_input("in", shape=1)
        net.add_population("l", shape=64)
        net.connect("in", "l", np.where(np.arange(64) < reached, 2, 0)[:, None], kind="sparse")
        (core,) = utilisation(net, map_network(net, LOIHI1), LOIHI1).cores
        by_hand = min(-(-(reached * (8 + 6) + 10) // 64), -(-(64 * 8 + 10) // 64))
        assert core.needed["synapse_words"] == words == by_hand


@pytest.mark.parametrize(("delay", "most"), [(0, 1024), (8, 1024), (9, 512), (16, 512), (17, 256), (62, 128)])
def test_long_delays_leave_fewer_compartments(delay: int, most: int) -> None:
    net = mlp(1, 1024)
    net.projections[0] = replace(net.projections[0], delay=delay)
    mapping = map_network(net, LOIHI1)
    check_mapping(net, mapping, LOIHI1)
    assert np.bincount(mapping.core_of["l1"]).tolist() == [most] * (1024 // most)


def test_loihi1_convolution_rows_repeat_beyond_the_largest_base() -> None:
    net = conv((1, 32, 32), (1, 1, 1, 1))
    (core,) = utilisation(net, map_network(net, LOIHI1), LOIHI1).cores
    assert core.needed["synapse_words"] == 4  # one 18-bit synapse, stored for each 256 of 1024 pixels


def test_loihi2_convolution_is_charged_by_the_core() -> None:
    net = conv((3, 8, 8), (5, 3, 3, 3))
    (core,) = utilisation(net, map_network(net, LOIHI2), LOIHI2).cores
    assert core.needed["in_axons"] == 2 and core.needed["axon_mem_words"] == 448
    assert core.needed["synapse_words"] == 3 * 9 * (1 + 1)  # ceil((5 * 8 + 10) / 64) and the conservative extra word


@pytest.mark.parametrize(
    ("target", "sizes", "expected", "cores"),
    [
        (LOIHI1, (784, 512, 256, 10), {"l1": 4, "l2": 2, "l3": 1}, 6),
        (LOIHI2, (784, 512, 256, 10), {"l1": 9, "l2": 3, "l3": 1}, 12),
        (LOIHI2, (784, 128, 64, 10), {"l1": 3, "l2": 1, "l3": 1}, 3),
    ],
    ids=["loihi1", "loihi2", "loihi2-mnist"],
)
def test_known_networks(target: Target, sizes: tuple[int, ...], expected: dict[str, int], cores: int) -> None:
    net = mlp(*sizes)
    mapping = map_network(net, target)
    check_mapping(net, mapping, target)
    assert parts(mapping) == expected and mapping.cores == cores
    assert len(set(mapping.core_on_chip.tolist())) == cores and mapping.chips == 1


def test_small_layers_join_the_nearest_core_with_room() -> None:
    mapping = map_network(mlp(784, 128, 64, 10), LOIHI2)
    assert [set(mapping.core_of[name].tolist()) for name in ("l1", "l2", "l3")] == [{0, 1, 2}, {2}, {2}]


def test_pilotnet_dense_layer_takes_seven_cores() -> None:
    """lava-dl's PilotNet report: Intel's ratio loop took 12 under 12,000 words; 15 neurons a core do."""
    target = edited(LOIHI2, "core", synapse_words=12000)
    assert map_network(mlp(2560, 100, bits=4), target).cores == 7


def test_conv_split_covers_each_neuron_once_with_the_fewest_axons() -> None:
    net = conv((2, 16, 16), (4, 2, 3, 3), padding=(1, 1))
    mapping = map_network(net, LOIHI1, max_neurons_per_core=256)
    check_mapping(net, mapping, LOIHI1)
    assert mapping.cores == 4
    assert np.bincount(mapping.core_of["c"]).tolist() == [256] * 4
    # four channels of all pixels read 4 * 256 pixels; four squares of all channels read 4 * 9 * 9
    axons = [core.needed["in_axons"] for core in utilisation(net, mapping, LOIHI1).cores]
    assert axons == [9 * 9] * 4


def test_sources_split_further_where_their_targets_cost_them_slots() -> None:
    net = mlp(20, 64, 60)
    target = edited(TINY, "core", neurons=10, in_axons=1000, synapse_words=1000)
    target = edited(target, "mesh", chips=9)
    mapping = map_network(net, target)
    check_mapping(net, mapping, target)
    cores = utilisation(net, mapping, target).cores
    assert parts(mapping) == {"l1": 7, "l2": 6}  # 64 slots / 6 destinations = 10 neurons
    narrow = edited(target, "core", out_axon_slots=30)
    assert parts(map_network(net, narrow)) == {"l1": 13, "l2": 6}  # 30 slots / 6 destinations = 5 neurons
    assert max(core.needed["out_axon_slots"] for core in cores) == 60


def test_thresholds_limit_the_neurons_of_a_core() -> None:
    net = ChipNetwork()
    net.add_input("in", shape=4)
    net.add_population("l", shape=100, vth=np.arange(1, 101))
    net.connect("in", "l", np.full((100, 4), 2))
    mapping = map_network(net, LOIHI1)
    assert mapping.cores == 15
    assert all(core.needed["vth_profiles"] <= 7 for core in utilisation(net, mapping, LOIHI1).cores)


def test_weight_bits_are_those_of_a_legal_format() -> None:
    projection = mlp(2, 2, bits=7).projections[0]
    assert weight_bits(projection, LOIHI1) == 8 and weight_bits(projection, LOIHI2) == 7


def test_delays_and_indices_widen_the_rows() -> None:
    net = mlp(1, 64)
    net.projections[0] = replace(net.projections[0], delay=5)
    (core,) = utilisation(net, map_network(net, LOIHI1), LOIHI1).cores
    assert core.needed["synapse_words"] == -(-(64 * (8 + 3) + 10) // 64)


def test_a_wide_dense_layer_on_tiny_is_refused_at_once_with_everything_wrong() -> None:
    net = mlp(784, 100_000)
    start = time.process_time()
    with pytest.raises(DoesNotFit) as error:
        map_network(net, TINY)
    assert time.process_time() - start < 2
    found = {(v.resource, v.layer): (v.needed, v.available) for v in error.value.violations}
    assert found == {
        ("cores", "network"): (3125, 14),
        ("in_axons", "l1"): (784, 96),
        ("synapse_words", "l1"): (784, 256),
    }
    for name, target in (("loihi1", LOIHI1), ("loihi2", LOIHI2)):
        mapping = map_network(net, target)
        assert f"{name} ({mapping.cores:,} cores on {mapping.chips} chips)" in error.value.remedy


def test_too_many_cores_names_numbers_that_hold() -> None:
    with pytest.raises(DoesNotFit) as error:
        map_network(mlp(30, 600), TINY)
    (violation,) = error.value.violations
    assert (violation.resource, violation.needed, violation.available) == ("cores", 19, 14)
    assert "3 chips of 7 cores" in violation.remedy and "448 neurons in 'l1' fit" in violation.remedy
    assert map_network(mlp(30, 448), TINY).cores == 14
    assert map_network(mlp(30, 600), edited(TINY, "mesh", chips=3)).cores == 19


def test_fewer_weight_bits_are_tried() -> None:
    with pytest.raises(DoesNotFit) as error:
        map_network(mlp(90, 240), TINY)
    (violation,) = error.value.violations
    narrower = map_network(mlp(90, 240, bits=4), TINY)
    assert violation.resource == "cores" and violation.needed > 14
    assert f"4-bit weights fit on {narrower.cores} cores" in violation.remedy


def test_a_neuron_with_too_many_formats_is_refused() -> None:
    net = mlp(4, 4)
    for exponent in (1, 2):
        net.connect("in", "l1", np.full((4, 4), 2), weight_exp=exponent)
    with pytest.raises(DoesNotFit) as error:
        map_network(net, TINY)
    (violation,) = error.value.violations
    assert (violation.resource, violation.needed, violation.available, violation.layer) == (
        "synapse_formats",
        3,
        2,
        "l1",
    )
    assert "at most 2 settings" in violation.remedy


def test_a_dense_recurrent_layer_beyond_the_slots_is_refused_not_split_for_ever() -> None:
    net = mlp(8, 80)
    net.connect("l1", "l1", np.full((80, 80), 2))
    with pytest.raises(DoesNotFit) as error:
        map_network(net, edited(TINY, "core", synapse_words=10_000))
    assert ("out_axon_slots", "l1", 80, 64) in {
        (v.resource, v.layer, v.needed, v.available) for v in error.value.violations
    }


def test_max_neurons_per_core_must_be_positive() -> None:
    with pytest.raises(InvalidNetwork, match="max_neurons_per_core = 0") as error:
        map_network(mlp(4, 4), TINY, max_neurons_per_core=0)
    assert "1..32" in error.value.remedy


def _loads(**needed: int) -> Loads:
    return Loads(**{f.name: np.array([needed.get(f.name, 0)], np.int64) for f in fields(Loads)})


BREAKING: dict[str, tuple[Target, Loads]] = {
    "neurons": (LOIHI1, _loads(neurons=1025)),
    "in_axons": (LOIHI1, _loads(axons_in=4097)),
    "out_axon_slots": (LOIHI1, _loads(axon_slots=4097)),
    "synapse_words": (LOIHI1, _loads(words=16385)),
    "delay_slots": (LOIHI1, _loads(neurons=129, delay=62)),
    "compartment_profiles": (LOIHI1, _loads(profiles=32)),
    "vth_profiles": (LOIHI1, _loads(thresholds=8)),
    "synapse_formats": (LOIHI1, _loads(formats=9)),
    "neuron_groups": (LOIHI2, _loads(populations=9)),
    "axon_map_words": (edited(LOIHI2, "core", axon_map_words=9), _loads(neurons=10)),
    "axon_mem_words": (LOIHI2, _loads(convolutions=36)),
    "pool_words": (LOIHI2, _loads(axons_in=6000, words=14001)),
}


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=name_of)
def test_every_rule_has_words_a_failing_example_and_a_remedy(constraint: Constraint) -> None:
    target, loads = BREAKING[name_of(constraint)]
    limit = getattr(target.core, name_of(constraint)).value
    text = describe(constraint, target)
    assert text is not None and f"At most {limit:,} " in text and "{" not in text
    broken = violated(loads, target)
    assert broken.keys() - {"pool_words"} <= {name_of(constraint)} <= broken.keys()
    assert broken[name_of(constraint)][1] == limit < broken[name_of(constraint)][0]
    alone = _loads(neurons=1, populations=1, profiles=1, thresholds=1, delay=62)  # what splitting always reaches
    needs = uses(alone, target)[name_of(constraint)]
    assert name_of(constraint) in ADVICE or 0 < needs[0][0] <= needs[1]


def test_limits_that_a_target_lacks_do_not_exist() -> None:
    assert {name_of(c) for c in CONSTRAINTS} - set(uses(_loads(), LOIHI1)) == {
        "neuron_groups",
        "axon_map_words",
        "axon_mem_words",
        "pool_words",
    }
    assert describe(CONSTRAINTS[-1], LOIHI1) is None


def test_every_remedy_that_was_tried_is_told_with_its_cores() -> None:
    """A pruned dense layer on two tiny chips: fewer bits, its zeros left out, more chips, other chips."""
    net = mlp(90, 240)
    net.projections[0] = replace(net.projections[0], connection=Dense(np.eye(240, 90, dtype=np.int8), (90,), (240,)))
    with pytest.raises(DoesNotFit) as error:
        map_network(net, TINY)
    tried = {t.remedy: t for t in error.value.tried}
    zeros = "the 21,510 zero weights of dense layers left out (kind='sparse')"
    assert list(tried) == ["3 chips", "2-bit weights", "4-bit weights", zeros, "target loihi1", "target loihi2"]
    pruned = mlp(90, 240)
    pruned.projections[0] = replace(
        net.projections[0], connection=Sparse.from_matrix(np.eye(240, 90, dtype=np.int8), (90,), (240,))
    )
    expected = {
        "3 chips": map_network(net, edited(TINY, "mesh", chips=3)).cores,
        "2-bit weights": map_network(mlp(90, 240, bits=2), TINY).cores,
        "4-bit weights": map_network(mlp(90, 240, bits=4), TINY).cores,
        zeros: map_network(pruned, TINY).cores,
        "target loihi1": map_network(net, LOIHI1).cores,
        "target loihi2": map_network(net, LOIHI2).cores,
    }
    assert {remedy: t.cores for remedy, t in tried.items()} == expected
    assert all(
        t.fits and f"{t.remedy}: {t.cores:,} of {t.available:,} cores, fits" in str(error.value) for t in tried.values()
    )
    assert [row["fits"] for row in error.value.to_dict()["tried"]] == [True] * 6  # type: ignore[attr-defined]


def test_remedies_that_do_not_help_are_told_too() -> None:
    with pytest.raises(DoesNotFit) as error:
        map_network(mlp(784, 100_000), TINY)
    by_name = {t.remedy: t for t in error.value.tried}
    two = by_name["2-bit weights"]
    assert not two.fits and two.layers == ("l1 (in_axons, synapse_words)",) and two.available == 14
    assert "2-bit weights: at least 3,125 of 14 cores, does not fit: l1 (in_axons, synapse_words)" in str(error.value)


def test_the_limit_asked_for_is_named_where_the_chip_has_room() -> None:
    with pytest.raises(DoesNotFit) as error:
        map_network(mlp(4, 60), TINY, max_neurons_per_core=4)
    (tried,) = (t for t in error.value.tried if "max_neurons" in t.remedy)
    assert tried.remedy == "without max_neurons_per_core = 4" and tried.fits
    assert tried.cores == map_network(mlp(4, 60), TINY).cores == 2


def test_remedies_of_a_network_beyond_the_work_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work for three partitions, and more synapses than that to make sparse."""
    monkeypatch.setattr(remedies, "WORK", 3 * 600)
    net = mlp(30, 600)
    weights = np.where(np.arange(30 * 600).reshape(600, 30) > 0, 2, 0).astype(np.int8)
    net.projections[0] = replace(net.projections[0], connection=Dense(weights, (30,), (600,)))
    with pytest.raises(DoesNotFit) as error:
        map_network(net, TINY)
    assert [t.remedy for t in error.value.tried] == ["3 chips", "2-bit weights", "4-bit weights", "target loihi1"]
