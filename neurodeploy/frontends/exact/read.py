"""From a NIR file that neurodeploy wrote of an integer network to that network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.chipnet_parts import ChipPopulation
from neurodeploy.errors import AmbiguousSemantics, UnreadableFile, UnsupportedNode
from neurodeploy.frontends.exact.features import FEATURES, features_of
from neurodeploy.frontends.exact.neurons import fires, neuron_nodes, same_nodes, threshold_int
from neurodeploy.frontends.exact.synapses import Part, projection
from neurodeploy.frontends.nir.hdf5 import Record, place
from neurodeploy.frontends.nir.primitives import read_parameters
from neurodeploy.frontends.nir.recorded import restored
from neurodeploy.graph import Node
from neurodeploy.neurons import model_named
from neurodeploy.neurons.cuba import FOREVER

SCHEMA = 1
"""Of our entries in files of integer networks."""
OWN = ("code", "requires", "dt_s", "exported")
"""Conventions that stand in the file by themselves."""
SCHEDULE = ("start", "reset_interval", "reset_offset")
EDITED = "the file was changed since neurodeploy wrote it: export the program again"


@dataclass(frozen=True, eq=False)
class ExactModel:
    """What a file holds.

    Attributes:
        net: The integer network.
        outputs: Population that each output reads.
        readout: How.
        conventions: ``code``, ``requires``, ``dt_s``, and what made the program, as plain values.
    """

    net: ChipNetwork
    outputs: Mapping[str, str]
    readout: str
    conventions: Mapping[str, object]


def is_exact(tree: Record) -> bool:
    """Whether a file holds an integer network."""
    return "code" in tree.metadata


def exact_model(tree: Record, path: Path) -> ExactModel:
    """The network of a file.

    Raises:
        UnsupportedNode: The file needs something that this version does not know.
        AmbiguousSemantics: Its nodes say something else than its metadata: another tool has changed it.
        UnreadableFile: An entry is missing, or no integer where there must be one.
        InvalidNetwork: A value outside its range.
    """
    origin = str(path)
    try:
        model = _Reader(tree, origin).model()
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableFile(
            f"an entry of the integer network is missing or wrong: {type(error).__name__}: {error}",
            where=origin,
            remedy=EDITED,
        ) from error
    _check_requires(model, origin)
    return model


def _check_requires(model: ExactModel, origin: str) -> None:
    needed = list(features_of(model.net, model.readout))
    if (said := str(model.conventions["requires"])) != ",".join(needed):
        raise AmbiguousSemantics(
            f"the file says that it requires '{said}', its network requires '{','.join(needed)}'",
            where=origin,
            remedy=EDITED,
        )


class _Reader:
    """One file."""

    def __init__(self, tree: Record, origin: str) -> None:
        self._origin, self._metadata = origin, tree.metadata
        self._records = {record.name: record for record in tree.nodes}
        self._after: dict[str, list[str]] = {name: [] for name in self._records}
        self._before: dict[str, list[str]] = {name: [] for name in self._records}
        for source, target in tree.edges:
            self._after[source].append(target)
            self._before[target].append(source)

    @cached_property
    def dt_s(self) -> float:
        """Of a step."""
        return float(self._metadata["dt_s"])

    def model(self) -> ExactModel:
        """Everything."""
        self._check_known()
        net = ChipNetwork(sample_steps=int(self._metadata.get("sample_steps", 0)))
        for record in self._ordered("Input"):
            shape, bits = tuple(self._node(record).params["shape"]), int(record.metadata.get("message_bits", 0))
            net.add_input(_name(record), shape=shape, message_bits=bits)
        neurons = self._ordered("neurons")
        for record in neurons:
            self._add_population(net, record)
        parts: dict[int, list[Part]] = {}
        for record in self._records.values():
            if "projection" in record.metadata:
                parts.setdefault(int(record.metadata["projection"]), []).append(self._part(record))
        for number in range(len(parts)):
            projection(net, sorted(parts[number], key=lambda part: part.number))
        outputs = {}
        for record in self._ordered("Output"):
            (before,) = self._before[record.name]
            outputs[_name(record)] = _name(self._records[before])
        semantics, made = (json.loads(str(self._metadata.get(key, "{}"))) for key in ("semantics", "provenance"))
        conventions = {
            **{str(key): value for key, value in semantics.items()},
            "code": str(self._metadata["code"]),
            "requires": str(self._metadata["requires"]),
            "dt_s": self.dt_s,
            "exported": made,
        }
        return ExactModel(net, outputs, str(self._metadata["readout"]), conventions)

    def _check_known(self) -> None:
        schema = int(self._metadata["schema"])
        requires = [name for name in str(self._metadata["requires"]).split(",") if name]
        unknown = [name for name in requires if name not in FEATURES]
        if schema > SCHEMA or unknown:
            what = f"the file requires {', '.join(unknown)}" if unknown else f"the file has schema {schema}"
            raise UnsupportedNode(
                f"{what}, which this neurodeploy does not know",
                where=self._origin,
                remedy="upgrade: pip install --upgrade neurodeploy-snn",
            )

    def _ordered(self, kind: str) -> list[Record]:
        """Inputs, outputs, or nodes that are populations, as they were added."""
        chosen = [
            r for r in self._records.values() if (r.type == kind if kind != "neurons" else "registers" in r.metadata)
        ]
        return sorted(chosen, key=lambda record: int(record.metadata["order"]))

    def _add_population(self, net: ChipNetwork, record: Record) -> None:
        entry, name = record.metadata, _name(record)
        rules = model_named(str(entry["model"]))
        registers = {field.name: _integers(entry["registers"][field.name]) for field in rules.fields}
        once = "refractory" in registers and bool(np.all(registers["refractory"] == FOREVER))
        if once:
            del registers["refractory"]
        first = int(entry["phase_start"]) if "L" in entry else 0
        net.add_population(
            name,
            shape=tuple(int(n) for n in entry["shape"]),
            model=rules.name,
            reset=str(entry["reset"]),
            window=(first, first + int(entry["L"])) if "L" in entry else None,
            fire_once=once,
            scale=entry.get("scale"),
            offset=entry.get("offset", 0.0),
            **{key: int(entry.get(key, 0)) for key in SCHEDULE},
            **registers,
        )
        self._check_nodes(net.populations[name], record)

    def _check_nodes(self, population: ChipPopulation, record: Record) -> None:
        """What the nodes say is what the registers say."""
        found = [self._node(record)]
        before = [self._records[name] for name in self._before[record.name]]
        if (current := [r for r in before if "current_of" in r.metadata]) and len(before) == 1:
            found.insert(0, self._node(current[0]))
        shape = np.shape(next(iter(found[-1].params.values())))
        expected = neuron_nodes(population, self.dt_s, shape)
        same = [n.type for n in found] == [kind for kind, _ in expected] and all(
            same_nodes(node.params, params) for node, (_, params) in zip(found, expected, strict=True)
        )
        said = record.metadata.get("threshold_int")
        if fires(population):
            same = same and said is not None and bool(np.all(np.asarray(said) == threshold_int(population)))
        if not same:
            raise AmbiguousSemantics(
                f"the parameters of '{population.name}' differ from the registers that stand in its metadata",
                where=self._where(record.name),
                remedy=EDITED,
            )

    def _part(self, record: Record) -> Part:
        source = self._end(record, self._before)
        target = self._end(record, self._after)
        where, params = self._where(record.name), self._node(record).params
        return Part(_name(source), _name(target), params, record.metadata, self._delay(record), where)

    def _delay(self, record: Record) -> int:
        """Steps by which the node before a synapse delays; 0 where there is none."""
        (before,) = self._before[record.name]
        if self._records[before].type != "Delay":
            return 0
        steps = np.unique(np.rint(self._node(self._records[before]).params["delay"] / self.dt_s))
        return int(steps.item())

    def _end(self, record: Record, towards: Mapping[str, list[str]]) -> Record:
        """The input or population at one end of a synapse, over nodes that only reshape, delay or hold a current."""
        (name,) = towards[record.name]
        for _ in self._records:
            found = self._records[name]
            if found.type == "Input" or "registers" in found.metadata:
                return found
            (name,) = towards[name]
        raise KeyError(f"an end of '{record.name}'")

    def _node(self, record: Record) -> Node:
        where = self._where(record.name)
        params, _ = read_parameters(record.type, record.data, where)
        if record.type in ("Conv2d", "Conv1d"):
            kernel = {key: record.metadata[key] for key in ("conv",) if key in record.metadata}
            return restored(Node(record.name, record.type, params), kernel, where)
        return Node(record.name, record.type, params)

    def _where(self, name: str) -> str:
        return place(self._origin, name)


def _name(record: Record) -> str:
    return str(record.metadata.get("name", record.name))


def _integers(value: Any) -> Any:
    """Integers as they stand, one or one per neuron."""
    array = np.asarray(value)
    if not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{array.dtype} where integers are expected")
    return int(array) if array.ndim == 0 else array
