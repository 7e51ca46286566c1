"""The suite as files: a graph and its arrays per case, and a manifest; written and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from neurodeploy.conformance import cases_files, cases_integrate, cases_layers, cases_nodes, cases_time, cases_topology
from neurodeploy.conformance.build import Builder
from neurodeploy.conformance.case import CONVENTIONS, USUAL, Case
from neurodeploy.conformance.reference import Trace, run
from neurodeploy.errors import UnreadableFile

FORMAT, VERSION = "nir-conformance", 1
DT_S = 2.0**-13
"""About 0.12 ms; a power of two, so that time constants are exact in any precision."""
GROUPS = (cases_nodes, cases_layers, cases_topology, cases_integrate, cases_time, cases_files)
SPIKING = ("IF", "LIF", "CubaLIF", "Threshold")


@dataclass(frozen=True, eq=False)
class Entry:
    """A case as a backend meets it.

    Attributes:
        name: ``group/what``.
        about: What it tests.
        graph: The ``.nir`` file.
        refuse: Whether loading or running it must fail.
        conventions: By name the values under which the expectation holds; a name that is missing does not matter.
        tolerance: Largest error of values that are no spikes.
        tie: Whether it turns on two equal numbers, which only exact arithmetic can be asked about.
        spiking: Nodes whose values are spikes, and so must be equal.
        outputs: The Output nodes; what a backend must return.
        inputs: (N, T, *shape) by Input node.
        sent: Expected values (N, T, *shape) by node.
        v: Expected membranes after each step, by node.
    """

    name: str
    about: str
    graph: Path
    refuse: bool
    conventions: Mapping[str, tuple[Any, ...]]
    tolerance: float
    tie: bool
    spiking: frozenset[str]
    outputs: tuple[str, ...]
    inputs: Mapping[str, NDArray[Any]]
    sent: Mapping[str, NDArray[Any]]
    v: Mapping[str, NDArray[Any]]

    @property
    def group(self) -> str:
        """The first part of the name."""
        return self.name.partition("/")[0]


def all_cases(dt_s: float = DT_S) -> list[Case]:
    """Every case, for a time step in seconds; results do not depend on it."""
    builder = Builder(dt_s)
    return [case for group in GROUPS for case in group.cases(builder)]


def expected(case: Case, dt_s: float, **changes: Any) -> Trace:
    """What the reference gives under the case's conventions and some others."""
    conventions = USUAL | dict(case.conventions) | changes | {"dt_s": dt_s}
    return run(case.graph, case.inputs, conventions, case.delayed_under(conventions))


def holding(case: Case, trace: Trace, dt_s: float) -> dict[str, list[Any]]:
    """The values of each convention that leave the expectation as it is; those that all do are left out."""
    found = {}
    for name in _relevant(case):
        choices = CONVENTIONS[name]
        stated = case.conventions.get(name, USUAL[name])
        others = [c for c in choices if c != stated and same(expected(case, dt_s, **{name: c}), trace)]
        if len(others) + 1 < len(choices):
            found[name] = [stated, *others]
    return found


def _relevant(case: Case) -> list[str]:
    """Conventions that the graph has something for; the others cannot matter, and need not be tried."""
    nodes = list(_all_nodes(case.graph))
    kinds = {type(node).__name__ for node in nodes}
    starts = any(np.any(getattr(node, k, 0)) for node in nodes for k in ("v_leak", "v_reset"))
    there = {
        "reset": bool(kinds & {"IF", "LIF", "CubaLIF"}),
        "spike": bool(kinds & {"IF", "LIF", "CubaLIF"}),
        "if_gain": "IF" in kinds,
        "decay": bool(kinds & {"LI", "LIF", "CubaLI", "CubaLIF"}),
        "v_init": starts,
        "v_min": bool(kinds & {"IF", "LIF", "CubaLIF"}),
        "recurrent_bias_t0": bool(case.delayed),
    }
    return [name for name in CONVENTIONS if there[name]]


def _all_nodes(graph: Any) -> Iterator[Any]:
    for node in graph.nodes.values():
        if type(node).__name__ == "NIRGraph":
            yield from _all_nodes(node)
        else:
            yield node


def same(a: Trace, b: Trace) -> bool:
    """Whether every value of every step is equal."""
    return all(np.array_equal(a.sent[n], b.sent[n]) for n in a.sent) and all(
        np.array_equal(a.v[n], b.v[n]) for n in a.v
    )


def spiking_nodes(graph: Any, prefix: str = "") -> set[str]:
    """Nodes that send whole numbers: firing ones, and outputs that only such feed."""
    found = set()
    for name, node in graph.nodes.items():
        kind = type(node).__name__
        if kind == "NIRGraph":
            found |= spiking_nodes(node, f"{prefix}{name}.")
        elif (
            kind in SPIKING
            or kind == "Output"
            and all(type(graph.nodes[a]).__name__ in (*SPIKING, "NIRGraph") for a, b in graph.edges if b == name)
        ):
            found.add(prefix + name)
    return found


def write_suite(folder: Path, dt_s: float = DT_S, only: Container[str] | None = None) -> None:
    """Write ``manifest.json`` and the files of every case into an existing folder; the same bytes every time.

    Args:
        folder: Where.
        dt_s: Time step in seconds.
        only: Names of the cases to write; default all.
    """
    entries = []
    for case in all_cases(dt_s):
        if only is not None and case.name not in only:
            continue
        stem = case.name.replace("/", "_").replace("~", "_")
        _write_graph(case, folder / f"{stem}.nir")
        entry: dict[str, Any] = {"name": case.name, "about": case.about, "graph": f"{stem}.nir"}
        arrays = {f"input/{n}": v for n, v in case.inputs.items()}
        if case.refuse:
            entry |= {"must": "refuse", "conventions": {"dt_s": [dt_s], **CONVENTIONS}}
        else:
            trace = expected(case, dt_s)
            spiking = spiking_nodes(case.graph)
            arrays |= {f"sent/{n}": v.astype(np.int32) if n in spiking else v for n, v in trace.sent.items()}
            arrays |= {f"v/{n}": v for n, v in trace.v.items()}
            entry |= {
                "must": "run",
                "conventions": {"dt_s": [dt_s], **holding(case, trace, dt_s)},
                "tolerance": case.tolerance,
                "tie": case.tie,
                "spiking": sorted(spiking),
                "outputs": [n for n, node in case.graph.nodes.items() if type(node).__name__ == "Output"],
                "delayed_edges": {"recurrent_bias_t0": case.delayed, "not recurrent_bias_t0": case.late},
            }
        np.savez_compressed(folder / f"{stem}.npz", **arrays)  # type: ignore[arg-type]
        entries.append(entry | {"data": f"{stem}.npz", "sha256": digest(arrays)})
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "dt_s": dt_s,
        "conventions": CONVENTIONS,
        "sha256": hashlib.sha256("".join(e["sha256"] for e in entries).encode()).hexdigest(),
        "cases": entries,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Of what the arrays hold, however they are stored."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name], "<f8")
        total.update(f"{name} {values.shape} ".encode() + values.tobytes())
    return total.hexdigest()


def _write_graph(case: Case, path: Path) -> None:
    import h5py

    nir.write(path, case.graph)
    if case.edit is not None:
        with h5py.File(path, "r+") as file:
            case.edit(file)


def load_suite(folder: Path) -> list[Entry]:
    """Read a suite.

    Raises:
        UnreadableFile: No manifest, one of another format, or files that are missing or changed.
    """
    where = str(folder / "manifest.json")
    remedy = "give a folder that `neurodeploy conformance write FOLDER` made"
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {manifest['format']!r}, version {manifest['version']!r}")
        return [_entry(folder, fields) for fields in manifest["cases"]]
    except UnreadableFile:
        raise
    except Exception as error:  # whatever a file that we did not write makes json and numpy meet
        raise UnreadableFile(
            f"not a readable suite: {type(error).__name__}: {error}", where=where, remedy=remedy
        ) from error


def _entry(folder: Path, fields: Mapping[str, Any]) -> Entry:
    with np.load(folder / fields["data"], allow_pickle=False) as data:
        arrays = dict(data)
    if digest(arrays) != fields["sha256"]:
        raise UnreadableFile(
            "the arrays are not those of the manifest", where=fields["data"], remedy="write the suite again"
        )
    graph = folder / fields["graph"]
    if not graph.is_file():
        raise UnreadableFile("no such file", where=str(graph), remedy="write the suite again")
    kinds = {
        kind: {n.partition("/")[2]: v for n, v in arrays.items() if n.startswith(f"{kind}/")}
        for kind in ("input", "sent", "v")
    }
    return Entry(
        fields["name"],
        fields["about"],
        graph,
        fields["must"] == "refuse",
        {n: tuple(v) for n, v in fields.get("conventions", {}).items()},
        fields.get("tolerance", 0.0),
        fields.get("tie", False),
        frozenset(fields.get("spiking", ())),
        tuple(fields.get("outputs", ())),
        kinds["input"],
        kinds["sent"],
        kinds["v"],
    )
