"""Every error class is raised by real code, and says what is wrong, where, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import graphs
import nir
import numpy as np
import pytest
from programs import program_of

import neurodeploy as nd
from neurodeploy import errors
from neurodeploy.chipmap import Mapping
from neurodeploy.errors import DoesNotFit, NeurodeployError, Violation, did_you_mean
from neurodeploy.export.lava.client import run_lava
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.pipeline import run_passes
from neurodeploy.simulate.plan import Plan


def small(inputs: int = 3, neurons: int = 2, **fields: object) -> nd.ChipNetwork:
    net = nd.ChipNetwork()
    net.add_input("in", shape=inputs)
    net.add_population("hidden", shape=neurons, **fields)
    net.connect("in", "hidden", np.full((neurons, inputs), 40))
    return net


def model(folder: Path, *, weight: np.ndarray | None = None, threshold: float = 1.0, **semantics: object) -> Path:
    """A file of one LIF layer with 4 inputs and 3 neurons."""
    linear = nir.Linear(weight=np.full((3, 4), 0.5) if weight is None else weight)
    nodes = {"fc": linear, "hidden": graphs.lif((3,), 0.875, threshold)}
    return graphs.write(graphs.chain(nodes, source=(4,), sink=(3,), **semantics), folder)


def unknown_model(folder: Path) -> None:
    nd.compile(folder / "none.nir")


def unsupported_node(folder: Path) -> None:
    nodes = {
        "fc": nir.Linear(weight=np.ones((3, 4))),
        "wait": nir.Delay(delay=np.full(3, graphs.DT_S / 2)),
        "out": graphs.lif((3,), 0.5),
    }
    nd.compile(graphs.write(graphs.chain(nodes, source=(4,), sink=(3,)), folder))


def ambiguous_semantics(folder: Path) -> None:
    nd.compile(model(folder, reset=None))


def shape_mismatch(folder: Path) -> None:
    nd.compile(model(folder, weight=np.ones((3, 5))))


def unreadable_file(folder: Path) -> None:
    (folder / "notes.nir").write_text("not HDF5")
    nd.compile(folder / "notes.nir")


def unwritable_file(folder: Path) -> None:
    nd.save(program_of(small()), folder / "none" / "p.ndp")


def invalid_network(folder: Path) -> None:
    small(dv=5000)


def model_error(folder: Path) -> None:
    run_passes(model(folder), "loihi2", stop_after="quantise")


def unknown_target(folder: Path) -> None:
    nd.load_target("loihi3")


def invalid_target(folder: Path) -> None:
    text = Path(nd.load_target("tiny").path).read_text()
    (folder / "mine.toml").write_text(text.replace("cores_per_tile", "core_per_tile"))
    nd.load_target(str(folder / "mine.toml"))


def unsupported_feature(folder: Path) -> None:
    nd.compile(model(folder, reset="subtract"), "tiny")


def field_overflow(folder: Path) -> None:
    nd.compile(model(folder, threshold=1e9))


def does_not_fit(folder: Path) -> None:
    map_network(small(inputs=4, neurons=2000), nd.load_target("tiny"))


def no_route(folder: Path) -> None:
    zero = np.zeros(1, np.int32)
    outside = Mapping({"hidden": np.zeros(2, np.int32)}, zero, zero + 9999)
    nd.simulate(program_of(small(), "tiny", outside), np.ones((4, 3), np.uint8))


def mapping_fault(folder: Path) -> None:
    mapping = map_network(small(), nd.load_target("tiny"))
    lost = Mapping({"hidden": mapping.core_of["hidden"] + 7}, mapping.chip_of, mapping.core_on_chip)
    check_mapping(small(), lost, nd.load_target("tiny"))


def simulation_error(folder: Path) -> None:
    nd.simulate(small(), np.ones((4, 3), np.uint8), engine="fats")


def register_overflow(folder: Path) -> None:
    net = small(inputs=3, du=0, dv=0, vth=131072)
    net.connect("in", "hidden", np.full((2, 3), 254), weight_exp=9)
    nd.simulate(net, np.ones((40, 3), np.uint8), strict=True)


def invalid_fault(folder: Path) -> None:
    nd.faults.inject(small(), "ded=0.1")


def missing_dependency(folder: Path) -> None:
    plan = Plan(small(), {"in": np.ones((1, 4, 3), np.uint8)}, 4, 4, {}, False)
    run_lava(plan, python=folder / "python", timeout_s=10)


CASES: dict[type[NeurodeployError], tuple[Callable[[Path], None], int, str, str, str]] = {
    # class: how to provoke it, exit code, and what its three parts must contain; {} is the folder
    errors.UnknownModel: (unknown_model, 3, "none.nir", "MODEL", "known:"),
    errors.UnsupportedNode: (unsupported_node, 3, "0.5 time steps", "node 'wait'", "whole numbers of steps"),
    errors.AmbiguousSemantics: (ambiguous_semantics, 3, "reset", "{}", "--reset"),
    errors.ShapeMismatch: (shape_mismatch, 3, "(5,)", "node 'fc'", "layer's size"),
    errors.UnreadableFile: (unreadable_file, 3, "NIR", "{}", "nir.write"),
    errors.UnwritableFile: (unwritable_file, 3, "no folder", "p.ndp", "create the folder"),
    errors.InvalidFault: (invalid_fault, 3, "no fault 'ded'", "fault 'ded=0.1'", "did you mean 'dead'"),
    errors.InvalidNetwork: (invalid_network, 3, "dv = 5000", "population 'hidden'", "0..4096"),
    errors.ModelError: (model_error, 3, "quantise", "--stop-after", "did you mean 'quantize'"),
    errors.UnknownTarget: (unknown_target, 4, "loihi3", "target", "did you mean 'loihi2'"),
    errors.InvalidTarget: (invalid_target, 4, "core_per_tile", "mine.toml:", "did you mean 'cores_per_tile'"),
    errors.UnsupportedFeature: (unsupported_feature, 4, "reset 'subtract'", "layer 'hidden'", "reset zero"),
    errors.FieldOverflow: (field_overflow, 5, "threshold", "layer 'hidden'", "closer to the weights"),
    errors.DoesNotFit: (does_not_fit, 6, "of 14", "target tiny", "fit"),
    errors.NoRoute: (no_route, 7, "9999", "logical core 0", "map again"),
    errors.MappingFault: (mapping_fault, 7, "core 7", "population 'hidden'", "map the network again"),
    errors.SimulationError: (simulation_error, 8, "fats", "simulate", "did you mean 'fast'"),
    errors.RegisterOverflow: (register_overflow, 8, "wrap", "hidden", "scale"),
    errors.MissingDependency: (missing_dependency, 9, "no Lava", "{}", "lava setup"),
}


def classes(root: type[NeurodeployError] = NeurodeployError) -> set[type[NeurodeployError]]:
    """All classes of the tree in errors.py."""
    below = [c for c in root.__subclasses__() if c.__module__ == errors.__name__]
    return {root}.union(*(classes(c) for c in below))


def strict(value: object) -> object:
    """Through JSON that has no NaN or infinity."""
    return json.loads(json.dumps(value, allow_nan=False))


def test_every_error_has_a_case() -> None:
    leaves = {c for c in classes() if not any(c in other.__bases__ for other in classes())}
    assert leaves <= CASES.keys() <= classes()


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_error_says_what_where_and_how_to_mend_it(kind: type[NeurodeployError], tmp_path: Path) -> None:
    provoke, code, what, where, remedy = CASES[kind]
    with pytest.raises(NeurodeployError) as caught:
        provoke(tmp_path)
    error = caught.value
    assert type(error) is kind
    assert what in error.what
    assert where.format(tmp_path) in error.where
    assert remedy in error.remedy
    assert str(error) == f"{error.what}\n  at:  {error.where}\n  try: {error.remedy}"
    expected = {"error": kind.__name__, "what": error.what, "where": error.where, "remedy": error.remedy}
    fields = error.to_dict()
    assert expected.items() <= fields.items() and fields["exit_code"] == error.exit_code == code
    assert strict(fields) == fields


def test_every_violation_is_told_worst_first_and_in_json() -> None:
    mild = Violation("neurons", 40, 32, "a", "split")
    none = Violation("bias", 1, 0, "b", "train without")
    bad = Violation("synapse_words", 1024, 256, "c", "prune")
    error = DoesNotFit([mild, none, bad], where="target tiny")
    assert error.violations == (none, bad, mild)
    assert error.remedy == "train without"
    for text in ("b: bias 1 of 0", "c: synapse_words 1,024 of 256 (4.00x); try: prune", "a: neurons 40 of 32 (1.25x)"):
        assert text in error.what
    rows = strict(error.to_dict())["violations"]  # type: ignore[index]
    assert [row["share"] for row in rows] == [None, 4.0, 1.25]
    assert rows[2] == {
        "resource": "neurons",
        "needed": 40,
        "available": 32,
        "layer": "a",
        "remedy": "split",
        "share": 1.25,
    }


def test_a_real_violation_survives_json() -> None:
    with pytest.raises(DoesNotFit) as caught:
        does_not_fit(Path())
    (row,) = strict(caught.value.to_dict())["violations"]  # type: ignore[index]
    assert (row["resource"], row["available"], row["layer"]) == ("cores", 14, "network")
    assert row["share"] == row["needed"] / 14 > 1


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("lohi2", ["loihi1", "loihi2"], "did you mean 'loihi2'? known: loihi1, loihi2"),
        ("xylophone", ["loihi1", "loihi2"], "known: loihi1, loihi2"),
        ("b", {"c": 1, "a": 2}, "known: a, c"),
        ("any", [], "known: none"),
        (None, ["None of it"], "did you mean 'None of it'? known: None of it"),
    ],
)
def test_suggestions(name: str, known: list[str], expected: str) -> None:
    assert did_you_mean(name, known) == expected


def test_remedy_cannot_be_forgotten() -> None:
    with pytest.raises(TypeError, match="remedy"):
        NeurodeployError("what", where="where")  # type: ignore[call-arg]
