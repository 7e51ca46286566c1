"""The Loihi 2 model against every number that Intel's compile reports print, and our core counts against theirs."""

from __future__ import annotations

from math import prod
from pathlib import Path

import msgspec
import numpy as np
import pytest
from compile_reports import DENOMINATORS, REPORTS, Report, Share, Words
from mapping_networks import MNIST_MLP, PILOTNET, Layer

from neurodeploy.connections import Conv2d
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.mapping.capacity import Loads, core_loads
from neurodeploy.mapping.constraints import pool_words
from neurodeploy.mapping.rows import Ints, row_words
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity

LOIHI2 = load_target("loihi2")
SHARES = [(report, k, row) for report in REPORTS for k, row in enumerate(report.rows) if isinstance(row, Share)]
ROUNDING = 0.005
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "lava-dl"


def layer_of(report: Report, row: int) -> Layer:
    return report.layers[-1 - row]


def one(words: float) -> Ints:
    return np.array([round(words)], np.int64)


@pytest.mark.parametrize(("report", "k", "row"), SHARES, ids=[f"{r.name}-{k}" for r, k, _ in SHARES])
def test_the_pool_reproduces_the_printed_total(report: Report, k: int, row: Share) -> None:
    """Our rule on the printed registers; what the axon registers of a convolution hold is taken from the report."""
    axons = one(row.words("axon_map") + row.words("axon_mem"))
    zero = np.zeros(1, np.int64)
    core = msgspec.structs.replace(
        LOIHI2.core,
        axon_map_neuron_words=Quantity(0, "example", "test"),
        conv_axon_mem_words=Quantity(int(axons[0]), "example", "test"),
    )
    loads = Loads(
        neurons=one(row.words("neurons")),
        populations=zero + 1,
        axons_in=one(row.words("axon_in")),
        axon_slots=zero,
        words=one(row.words("syn_mem")),
        profiles=zero,
        thresholds=zero,
        formats=zero,
        convolutions=zero + 1,
        delay=zero,
    )
    use = pool_words(loads, msgspec.structs.replace(LOIHI2, core=core))
    assert use is not None
    assert 100 * use[0][0] / use[1] == pytest.approx(row.pool, abs=0.013)


@pytest.mark.parametrize(("report", "k", "row"), SHARES, ids=[f"{r.name}-{k}" for r, k, _ in SHARES])
def test_neurons_and_synapse_memory_are_the_printed_percentages(report: Report, k: int, row: Share) -> None:
    layer, connection = layer_of(report, k), report.network().projections[-1 - k].connection
    assert 100 * prod(row.patch) / DENOMINATORS["neurons"] == pytest.approx(row.neurons, abs=ROUNDING)
    if isinstance(connection, Conv2d):
        rows = connection.weights.shape[1] * layer.kernel**2
        words = rows * int(row_words(np.array([row.patch[2]]), layer.bits, LOIHI2.core)[0])
    else:
        bits = layer.bits + LOIHI2.core.synapse_index_bits.value
        words = connection.n_source * int(row_words(np.array(row.patch), bits, LOIHI2.core)[0])
    assert 100 * words / DENOMINATORS["syn_mem"] == pytest.approx(row.syn_mem, abs=ROUNDING)


def test_every_dense_register_of_the_mlp_is_computed_from_the_network() -> None:
    """All seven columns, from a core that holds what the report says: nothing is taken from the table."""
    (report,) = (r for r in REPORTS if r.name == "MNIST MLP")
    for k, row in enumerate(report.rows):
        assert isinstance(row, Share)
        net = report.network()
        name = f"l{len(report.rows) - k}"
        labels = (np.arange(net.populations[name].size) >= row.patch[0]).astype(np.int64)
        loads = core_loads(net, {name: labels}, 2, report.target())
        use = pool_words(loads, report.target())
        assert use is not None
        found = [100 * loads.axons_in[0] / 16000, 100 * loads.populations[0] / 8, 100 * loads.neurons[0] / 4095]
        found += [100 * loads.words[0] / 16000, 100 * loads.neurons[0] / 16000, 0, 100 * use[0][0] / 20000]
        assert found[:6] == pytest.approx(list(row[:6]), abs=ROUNDING + 1e-9)
        assert found[6] == pytest.approx(row.pool, abs=0.013)


def test_registers_of_pilotnet() -> None:
    """Dense rows exactly, convolutions within the one word per row that the model adds; the mean row by its cores."""
    report = REPORTS[0]
    extra = LOIHI2.core.conv_row_extra_words.value
    for k, row in enumerate(report.rows):
        assert isinstance(row, Words)
        layer, connection = layer_of(report, k), report.network().projections[-1 - k].connection
        if isinstance(connection, Conv2d):
            rows = connection.weights.shape[1] * layer.kernel**2
            fitted = int(row_words(np.array([row.patch[2]]), layer.bits, LOIHI2.core)[0])
            assert rows * fitted <= row.syn_mem <= rows * (fitted + extra)
            assert prod(row.patch) == row.neurons
            assert row.axon_in <= 2 and row.axon_map <= row.neurons and row.axon_mem <= 448  # the model's charges
        else:
            neurons = [9] * 11 + [1] if row.cores == 12 else [row.neurons]
            words = row_words(np.array(neurons), layer.bits + 12, LOIHI2.core) * connection.n_source
            assert round(words.sum() / row.cores) == row.syn_mem
            assert connection.n_source == row.axon_in and row.axon_map == row.neurons


@pytest.mark.parametrize(
    ("report", "cores"), [(REPORTS[0], 39), (REPORTS[1], 3), (REPORTS[2], 515)], ids=[r.name for r in REPORTS]
)
def test_fewer_cores_than_intels_compiler_under_the_same_limits(report: Report, cores: int) -> None:
    assert report.cores == sum(row.cores for row in report.rows) > cores
    net, target = report.network(), report.target()
    mapping = map_network(net, target)
    assert mapping.cores <= cores
    if report.name != "YOLO-KP":  # its billion synapses are too many for a test
        check_mapping(net, mapping, target)


def test_printed_splits_cover_the_layers() -> None:
    """The shapes of YOLO-KP are derived: the printed patches tile them with the printed number of cores."""
    report = REPORTS[2]
    for k, row in enumerate(report.rows):
        shape = report.network().populations[f"l{len(report.rows) - k}"].shape
        x, y, c = row.patch
        assert -(-shape[2] // x) * -(-shape[1] // y) * -(-shape[0] // c) == row.cores


@pytest.mark.parametrize(("name", "layers"), [("pilotnet_sdnn", PILOTNET), ("mnist_mlp", MNIST_MLP)])
def test_weight_bits_are_those_of_the_shipped_files(name: str, layers: tuple[Layer, ...]) -> None:
    path = DATA / f"{name}.net"
    if not path.is_file():
        pytest.skip(f"needs {name}.net of lava-dl")
    h5py = pytest.importorskip("h5py")
    with h5py.File(path) as file:
        held = [file["layer"][k] for k in sorted(file["layer"], key=int) if "weight" in file["layer"][k]]
        found = [(g["weight"].shape, np.asarray(g["weight"]) / 2) for g in held]
    for (shape, halves), layer in zip(found, layers, strict=True):
        assert (shape[0], shape[-1] if len(shape) > 2 else 0) == (layer.outputs, layer.kernel)
        fits = [b for b in range(1, 9) if -(2 ** (b - 1)) <= halves.min() and halves.max() <= 2 ** (b - 1) - 1]
        assert min(fits) == layer.bits
