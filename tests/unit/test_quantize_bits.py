"""Weight bits of each layer: given, refused by name, and never more than integers need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from graphs import chain, lif, write

import neurodeploy as nd
from neurodeploy.errors import FieldOverflow
from neurodeploy.frontends import read_nir
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.quantize import parse_bits, quantize


def two_layers(folder: Path) -> Path:
    import nir

    rng = np.random.default_rng(0)
    nodes = {
        "w1": nir.Linear(weight=rng.normal(size=(12, 10))),
        "hidden": lif((12,), 0.5),
        "w2": nir.Linear(weight=rng.normal(size=(4, 12))),
        "out": lif((4,), 0.5),
    }
    return write(chain(nodes, source=(10,), sink=(4,)), folder)


def lowered(path: Path) -> Network:
    file = read_nir(path)
    return lower(file, resolve_semantics(file, {}))


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (5, (5, 5)),
        ({"hidden": 4}, (4, 8)),
        ({"hidden": 4, "out": 6}, (4, 6)),
        ({"*": 3, "out": 8}, (3, 8)),
        (parse_bits("3,out=8"), (3, 8)),
    ],
)
def test_bits_of_each_layer(tmp_path: Path, bits: int | dict[str, int], expected: tuple[int, int]) -> None:
    path = two_layers(tmp_path)
    program = nd.compile(path, "loihi2", nd.Options(bits=bits))
    assert tuple(p.num_weight_bits for p in program.net.projections) == expected
    for p in program.net.projections:
        step = 2 ** (9 - p.num_weight_bits)
        assert not np.any(p.connection.weights % step) and np.any(p.connection.weights % (2 * step))
    assert program.provenance["bits"] == bits
    file = tmp_path / "p.ndp"
    nd.save(program, file)
    assert nd.load(file).provenance["bits"] == bits


def test_bits_that_are_refused(tmp_path: Path) -> None:
    network, loihi1 = lowered(two_layers(tmp_path)), nd.load_target("loihi1")
    with pytest.raises(FieldOverflow, match=r"(?s)no layer 'hiden' .*did you mean 'hidden'"):
        quantize(network, loihi1, bits={"hiden": 4})
    with pytest.raises(FieldOverflow, match=r"(?s)7-bit weights.*layer 'out'.*from \[1, 2, 3, 4, 5, 6, 8\]"):
        quantize(network, loihi1, bits={"out": 7})
    with pytest.raises(FieldOverflow, match=r"(?s)7-bit weights.*target 'loihi1'"):
        quantize(network, loihi1, bits={"*": 7, "out": 4})


@pytest.mark.parametrize(
    ("text", "bits"),
    [("8", 8), ("hidden=4,out=8", {"hidden": 4, "out": 8}), ("4,a.b=2", {"*": 4, "a.b": 2}), ("*=3", 3)],
)
def test_bits_as_text(text: str, bits: object) -> None:
    assert parse_bits(text) == bits


@pytest.mark.parametrize("text", ["", "x", "a=", "=4", "4,5", "a=4,a=5", "a=4,", "a=b"])
def test_text_that_says_no_bits(text: str) -> None:
    with pytest.raises(ValueError):
        parse_bits(text)
