"""Writes a program as a NIR file: its integers as NIR's numbers, and in metadata what NIR cannot say."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.atomic import check_writable, replacing
from neurodeploy.chipnet import ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import Conv2d
from neurodeploy.connections.base import Shape
from neurodeploy.errors import UnwritableFile
from neurodeploy.export.errors import CannotExport, Obstacle, refuse_adapting
from neurodeploy.export.nir.kernels import plain_kernel
from neurodeploy.export.nir.losses import LossyExport
from neurodeploy.export.nir.names import safe_names
from neurodeploy.frontends.exact import FEATURES, exact_model, features_of, neuron_nodes
from neurodeploy.frontends.exact.neurons import MODELS, UNIT, fires, threshold_int
from neurodeploy.frontends.exact.read import OWN, SCHEDULE, SCHEMA
from neurodeploy.frontends.exact.same import same_network
from neurodeploy.frontends.exact.synapses import GEOMETRY
from neurodeploy.frontends.nir.hdf5 import OURS, read_tree
from neurodeploy.program import Program

DT_S = 1e-3
"""Of a step, where the program does not say it: NIR's times are in seconds."""
LARGEST = 2**27
"""Entries of a matrix that a NIR file, which has no sparse ones, can reasonably hold."""
Metadata = dict[str, Any]


def export_program(program: Program, path: str | Path, *, allow_lossy: bool = False) -> dict[str, Any]:
    """Write a program, and read it back.

    Args:
        program: With neurons of models ``cuba`` and ``pascal`` only.
        path: The file.
        allow_lossy: Write it also where other tools would run it differently; each difference is then a warning.

    Returns:
        ``nodes`` written, ``losses``: what other tools will not know, ``notes``, and ``load``: how nir reads it.

    Raises:
        CannotExport: NIR has no node for a part of it.
        LossyExport: There are losses, and ``allow_lossy`` is not set.
        UnwritableFile: The file cannot be written there.
    """
    check_writable(path)
    refuse_adapting(program, "NIR")
    net = program.net
    if obstacles := list(_obstacles(net)):
        raise CannotExport("NIR", obstacles)
    requires = features_of(net, program.readout)
    lost = [f"{', '.join(layers)}: {FEATURES[feature]}" for feature, layers in requires.items()]
    if lost and not allow_lossy:
        raise LossyExport(lost, "program")
    for line in lost:
        warnings.warn(f"other tools will not know: {line}", UserWarning, stacklevel=2)
    dt_s = float(said) if isinstance(said := program.semantics.get("dt_s"), (int, float)) and said > 0 else DT_S
    graph = _Graph(net, dt_s)
    for output, name in program.outputs.items():
        graph.add_output(output, name)
    metadata: Metadata = {
        "schema": SCHEMA,
        "code": code_of(program),
        "requires": ",".join(requires),
        "readout": program.readout,
        "dt_s": dt_s,
        "sample_steps": net.sample_steps,
        "target": program.target.name,
        "semantics": json.dumps({k: v for k, v in program.semantics.items() if k not in OWN}, default=str),
        "provenance": json.dumps(dict(program.provenance), default=str),
    }
    with replacing(path) as temporary:
        notes = graph.write(metadata, temporary)
        again = exact_model(read_tree(temporary), temporary)
        if not same_network(again.net, net) or (again.outputs, again.readout) != (program.outputs, program.readout):
            raise UnwritableFile(
                "the file does not read back as it was written", where=str(path), remedy="report this program"
            )
    notes.append(f"tell other tools the time step, dt = {dt_s:g} s; neurodeploy reads the file back bit for bit")
    return {"nodes": len(graph.nodes), "losses": lost, "notes": notes, "load": f"nir.read({str(path)!r})"}


def code_of(program: Program) -> str:
    """How spikes stand for numbers, as far as the program says it."""
    made = program.provenance
    if isinstance(code := program.semantics.get("code"), str):
        return code
    if isinstance(qcfs := made.get("qcfs"), Mapping):
        return f"qcfs-{qcfs.get('mode')}"
    return "ttfs" if "ttfs" in made else "logic" if "function" in made else "integer"


def _obstacles(net: ChipNetwork) -> Iterator[Obstacle]:
    for name, population in net.populations.items():
        if population.model not in MODELS:
            what = f"NIR has no node for neuron model '{population.model}'"
            yield Obstacle(name, what, "keep it as a program (.ndp)")
    for p in net.projections:
        connection = p.connection
        if becomes_matrix(net, p) and connection.n_source * connection.n_target > LARGEST:
            yield Obstacle(p.target, "a matrix too large for NIR, which has no sparse ones", "keep it as a program")


def becomes_matrix(net: ChipNetwork, p: ChipProjection) -> bool:
    """Whether a projection is a matrix in NIR: so are convolutions over what is flat there, since no node folds it."""
    c = p.connection
    return c.kind in ("dense", "sparse") or c.kind == "conv2d" and node_shape(net, p.source) != c.source_shape


def node_shape(net: ChipNetwork, name: str) -> Shape:
    """Shape of an end in NIR, whose matrices give flat layers."""
    if name in net.inputs:
        return net.inputs[name].shape
    population = net.populations[name]
    kept = all(
        p.connection.kind in ("conv2d", "direct") and p.connection.target_shape == population.shape
        for p in net.incoming(name)
    )
    return population.shape if kept else (population.size,)


class _Graph:
    """nir's nodes and edges under construction; nodes by unique names that are made fit for files at the end."""

    def __init__(self, net: ChipNetwork, dt_s: float) -> None:
        self._net, self._dt_s = net, dt_s
        self.nodes: dict[str, tuple[Any, Metadata]] = {}
        self._edges: list[tuple[str, str]] = []
        self._entry: dict[str, str] = {}
        for order, given in enumerate(net.inputs.values()):
            self._add(given.name, "Input", {}, {"order": order, "message_bits": given.message_bits}, given.shape)
        for order, population in enumerate(net.populations.values()):
            self._add_population(population, order)
        for number, p in enumerate(net.projections):
            for k, part in enumerate(p.by_delay):
                self._add_projection(p, part, number, k)

    def add_output(self, output: str, name: str) -> None:
        """An output of a population."""
        key = self._fresh(output)
        entry = {"order": sum(kind == "Output" for (kind, *_), _ in self.nodes.values()), "name": output}
        self._add(key, "Output", {}, entry, node_shape(self._net, name))
        self._edges.append((name, key))

    def write(self, metadata: Metadata, path: Path) -> list[str]:
        """The file; what nir itself has to say against it."""
        import nir

        names = safe_names(self.nodes)
        made = {}
        for key, ((kind, params, shape), entry) in self.nodes.items():
            own = {**entry, **({"name": key} if names[key] != key and "name" not in entry else {})}
            made[names[key]] = _nir_node(kind, params, shape, {OURS: own} if own else {})
        edges = [(names[a], names[b]) for a, b in self._edges]
        nir.write(path, nir.NIRGraph(made, edges, metadata={OURS: metadata}, type_check=False))
        try:
            nir.read(path)
        except Exception as error:  # nir raises whatever its checks meet
            return [f"nir 1.0.8 reads the file only with type_check=False: {error}"]
        return []

    def _add(self, key: str, kind: str, params: Mapping[str, Any], entry: Metadata, shape: Shape = ()) -> None:
        self.nodes[key] = (kind, params, shape), entry

    def _fresh(self, wanted: str) -> str:
        taken = {*self.nodes, *self._net.inputs, *self._net.populations}
        name, count = wanted, 1
        while name in taken:
            count += 1
            name = f"{wanted}-{count}"
        return name

    def _add_population(self, p: ChipPopulation, order: int) -> None:
        *current, (kind, params) = neuron_nodes(p, self._dt_s, node_shape(self._net, p.name))
        self._add(p.name, kind, params, _population_entry(p, order))
        self._entry[p.name] = p.name
        for kind, params in current:
            key = self._fresh(f"{p.name}.current")
            self._add(key, kind, params, {"current_of": p.name})
            self._edges.append((key, p.name))
            self._entry[p.name] = key

    def _add_projection(self, whole: ChipProjection, part: ChipProjection, number: int, k: int) -> None:
        """Source, flattened, delayed, weighed, flattened, to the target."""
        at, shape = whole.source, node_shape(self._net, whole.source)
        connection, base = part.connection, f"{whole.source}-{whole.target}"
        flat = (int(np.prod(shape)),)

        def then(kind: str, params: Mapping[str, Any], entry: Metadata, of: Shape = ()) -> None:
            nonlocal at
            key = self._fresh(f"{base}.{kind.lower()}{number}" + (f".{k}" if whole.delays is not None else ""))
            self._add(key, kind, params, entry, of)
            self._edges.append((at, key))
            at = key

        is_matrix = becomes_matrix(self._net, whole)
        if is_matrix and len(shape) > 1:
            then("Flatten", {"start_dim": 0, "end_dim": -1}, {}, shape)
            shape = flat
        if part.delay:
            then("Delay", {"delay": np.full(shape, part.delay * self._dt_s)}, {})
        entry = {**_projection_entry(whole, k), "projection": number, "part": k}
        target = node_shape(self._net, whole.target)
        if isinstance(connection, Conv2d) and is_matrix:
            entry |= {key: np.array(getattr(connection, key)) for key in GEOMETRY}
            entry |= {"kernel": connection.weights, "groups": connection.groups}
        if isinstance(connection, Conv2d) and not is_matrix:
            params, restores = plain_kernel(_kernel(connection, whole.weight_exp))
            then("Conv2d", params, {**entry, **({"conv": restores} if restores else {})})
            shape = connection.target_shape
        elif connection.kind == "direct":
            then("Scale", {"scale": np.ones(shape)}, entry)
        else:
            matrix = np.ldexp(connection.to_csr().toarray().astype(np.float64), whole.weight_exp)
            then("Linear", {"weight": matrix}, entry)
            shape = (connection.n_target,)
        if len(shape) > 1 and shape != target:
            then("Flatten", {"start_dim": 0, "end_dim": -1}, {}, shape)
        self._edges.append((at, self._entry[whole.target]))


def _population_entry(p: ChipPopulation, order: int) -> Metadata:
    entry: Metadata = {"order": order, "shape": np.array(p.shape), "model": p.model, "reset": p.reset}
    entry["registers"] = {name: _plain(values) for name, values in p.fields.items()}
    entry |= {key: value for key in SCHEDULE if (value := getattr(p, key))}
    if fires(p):
        entry["threshold_int"] = _plain(threshold_int(p))
    if np.any(whole := p.full("v0") // UNIT):
        entry["v0"] = _plain(whole)
    if p.window is not None:
        first, stop = p.window
        entry |= {"phase_start": first, "L": stop - first}
    if p.scale is not None:
        entry["scale"] = _plain(p.scale)
    if p.offset.ndim or p.offset:
        entry["offset"] = _plain(p.offset)
    return entry


def _projection_entry(p: ChipProjection, k: int) -> Metadata:
    """Settings; what belongs to the whole projection stands in its first part."""
    connection = p.connection
    entry: Metadata = {
        "kind": connection.kind,
        "source_shape": np.array(connection.source_shape),
        "target_shape": np.array(connection.target_shape),
        "weight_exp": p.weight_exp,
        "num_weight_bits": p.num_weight_bits,
        "sign_mode": p.sign_mode,
        "message_bits": p.message_bits,
        "altered_weights": p.altered_weights,
        "products_wrap": int(p.products_wrap),
    }
    if k == 0 and p.delays is not None:
        entry["delays"] = p.delays
    if k == 0 and connection.kind == "sparse":
        arrays = connection.arrays()
        entry |= {key: arrays[key] for key in ("indices", "indptr") if arrays[key].size}
    return entry


def _kernel(c: Conv2d, weight_exp: int) -> dict[str, Any]:
    return {
        "input_shape": np.array(c.source_shape[1:]),
        "weight": np.ldexp(c.weights.astype(np.float64), weight_exp),
        "stride": np.array(c.stride),
        "padding": np.array(c.padding),
        "dilation": np.array(c.dilation),
        "groups": c.groups,
        "bias": np.zeros(len(c.weights)),
    }


def _nir_node(kind: str, params: Mapping[str, Any], shape: Shape, metadata: Metadata) -> Any:
    import nir

    if kind in ("Input", "Output"):
        return getattr(nir, kind)({kind.lower(): np.array(shape)}, metadata=metadata)
    if kind == "Flatten":
        return nir.Flatten({"input": np.array(shape)}, **params, metadata=metadata)
    if kind == "Conv2d":
        pairs = {key: tuple(int(n) for n in params[key]) for key in ("input_shape", "stride", "padding", "dilation")}
        return nir.Conv2d(**{**params, **pairs}, metadata=metadata)
    return getattr(nir, kind)(**params, metadata=metadata)


def _plain(values: NDArray[Any]) -> Any:
    """nir cannot write arrays without axes."""
    return values if values.ndim else values.item()
