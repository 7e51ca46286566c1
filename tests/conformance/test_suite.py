"""The suite itself: what it covers, its files, and that its cases can fail."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodeploy.conformance import suite
from neurodeploy.errors import UnreadableFile

NIR_TYPES = {
    *("Input", "Output", "NIRGraph", "Affine", "Linear", "Scale", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"),
    *("Flatten", "Delay", "Threshold", "I", "IF", "LI", "LIF", "CubaLI", "CubaLIF"),
}
CASES = suite.all_cases()
SILENT = {"time/silence", "integrate/pool-sum"}  # neurons that never or always fire


def types(graph: Any) -> set[str]:
    found = {type(node).__name__ for node in graph.nodes.values()}
    return found.union(*(types(node) for node in graph.nodes.values() if type(node).__name__ == "NIRGraph"))


def test_all_node_types_and_conventions_are_covered() -> None:
    assert len(CASES) > 150 and len({case.name for case in CASES}) == len(CASES)
    assert set().union(*(types(case.graph) for case in CASES)) == NIR_TYPES
    for name, values in suite.CONVENTIONS.items():
        asked = {(suite.USUAL | dict(case.conventions))[name] for case in CASES}
        assert asked == set(values), name
    assert all(case.about for case in CASES)
    groups = {case.group for case in CASES}
    assert groups == {"node", "layer", "topology", "integrate", "time", "rounding", "file", "refuse"}


def test_every_case_can_fail() -> None:
    """Neurons fire and are silent, samples differ, and single precision holds every expected number."""
    for case in CASES:
        if case.refuse:
            continue
        trace = suite.expected(case, suite.DT_S)
        for node in suite.spiking_nodes(case.graph):
            assert case.name in SILENT or (trace.sent[node].any() and not trace.sent[node].all()), (case.name, node)
        outputs = [n for n, node in case.graph.nodes.items() if type(node).__name__ == "Output"]
        assert outputs
        for values in (*trace.sent.values(), *trace.v.values()):
            assert case.tolerance or np.array_equal(values.astype(np.float32), values), case.name


def test_the_same_bytes_every_time(folder: Path, tmp_path: Path) -> None:
    suite.write_suite(tmp_path)
    names = sorted(p.name for p in folder.iterdir())
    assert names == sorted(p.name for p in tmp_path.iterdir()) and len(names) == 2 * len(CASES) + 1
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_files_hold_the_cases(folder: Path) -> None:
    entries = suite.load_suite(folder)
    assert [e.name for e in entries] == [case.name for case in CASES]
    for entry, case in zip(entries, CASES, strict=True):
        assert entry.graph.is_file() and entry.refuse == bool(case.refuse) and entry.group == case.group
        assert entry.inputs.keys() == case.inputs.keys()
        for name, values in case.inputs.items():
            np.testing.assert_array_equal(entry.inputs[name], values)
        if case.refuse:
            assert not entry.sent
            continue
        assert set(entry.outputs) <= entry.sent.keys() and entry.conventions["dt_s"] == (suite.DT_S,)
        trace = suite.expected(case, suite.DT_S)
        for found, expected in ((entry.sent, trace.sent), (entry.v, trace.v)):
            assert found.keys() == expected.keys()
            for name, values in expected.items():
                np.testing.assert_array_equal(found[name], values)
        for name, value in case.conventions.items():
            assert name not in entry.conventions or entry.conventions[name][0] == value


def test_the_published_table_is_of_this_suite(folder: Path) -> None:
    """Else: python tools/conformance."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert re.search(r"sha256 `(\w+)`", page)[1] == manifest["sha256"]  # type: ignore[index]
    assert f"{len(CASES)} cases" in page


def _retouch(folder: Path) -> None:
    name = "node_lif.npz"
    with np.load(folder / name) as data:
        arrays = dict(data)
    arrays["sent/n"][0, 0] ^= 1
    np.savez_compressed(folder / name, **arrays)


def _rewrite(**changes: Any) -> Any:
    def change(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_retouch, "node_lif.npz"),
        (lambda folder: (folder / "node_lif.npz").unlink(), "node_lif.npz"),
        (lambda folder: (folder / "node_lif.nir").unlink(), "node_lif.nir"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "not a readable suite"),
        (_rewrite(version=2), "version 2"),
        (_rewrite(format="other"), "other"),
        (_rewrite(cases=[{"name": "a/b"}]), "not a readable suite"),
    ],
)
def test_a_damaged_suite_is_refused(folder: Path, tmp_path: Path, damage: Any, named: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    damage(copy)
    with pytest.raises(UnreadableFile) as caught:
        suite.load_suite(copy)
    assert named in str(caught.value) and caught.value.remedy
