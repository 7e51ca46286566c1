"""From a model file to a Program: the passes, in order."""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from neurodeploy.bundled import list_models, model_path
from neurodeploy.chipmap import Mapping as ChipMapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import ModelError, UnknownModel, did_you_mean
from neurodeploy.frontends import read_nir
from neurodeploy.graph import Graph
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.network import Network
from neurodeploy.program import Program
from neurodeploy.quantize import QuantizationReport, quantize
from neurodeploy.quantize.features import check_features
from neurodeploy.quantize.skeleton import skeleton
from neurodeploy.semantics import Semantics
from neurodeploy.target import Target, load_target
from neurodeploy.version import installed_version

EARLY_SYNAPSES = 10_000_000
"""From so many synapses on, mapping is quick beside quantising."""


@dataclass(frozen=True)
class Options:
    """What the user decides; None leaves it to the file, whose silence is then an error.

    Attributes:
        semantics: Values for :class:`Semantics` fields.
        bits: Weight bits.
        output: Output node to read out, where the model has several.
        max_neurons_per_core: Forces a finer split.
    """

    semantics: Mapping[str, object] = field(default_factory=dict)
    bits: int = 8
    output: str | None = None
    max_neurons_per_core: int | None = None


@dataclass(frozen=True)
class Compilation:
    """A compilation under way; each pass fills in what it makes."""

    model: Path
    target: Target
    options: Options
    graph: Graph | None = None
    semantics: Semantics | None = None
    network: Network | None = None
    net: ChipNetwork | None = None
    quantization: QuantizationReport | None = None
    mapping: ChipMapping | None = None


def read(state: Compilation) -> Compilation:
    """Read the file and settle its semantics."""
    graph = read_nir(state.model)
    return replace(state, graph=graph, semantics=resolve_semantics(graph, state.options.semantics))


def lower_graph(state: Compilation) -> Compilation:
    """Nodes to populations and projections."""
    network = lower(_made(state.graph), _made(state.semantics))
    wanted = state.options.output
    if wanted is not None and wanted not in network.outputs:
        raise ModelError(f"no output '{wanted}'", where=str(state.model), remedy=did_you_mean(wanted, network.outputs))
    return replace(state, network=network)


def refuse_early(state: Compilation) -> Compilation:
    """Map a large network's bare wiring first: quantising it takes longer than seeing that it does not fit."""
    network = _made(state.network)
    if network.synapses >= EARLY_SYNAPSES:
        map_network(skeleton(network, state.options.bits), state.target)
    return state


def quantize_network(state: Compilation) -> Compilation:
    """Float to integer fields."""
    net, report = quantize(_made(state.network), state.target, bits=state.options.bits)
    return replace(state, net=net, quantization=report)


def check_target_features(state: Compilation) -> Compilation:
    """Refuse what the chip lacks."""
    check_features(_made(state.net), state.target)
    return state


def map_to_cores(state: Compilation) -> Compilation:
    """Partition and place."""
    mapping = map_network(_made(state.net), state.target, max_neurons_per_core=state.options.max_neurons_per_core)
    return replace(state, mapping=mapping)


def prove_mapping(state: Compilation) -> Compilation:
    """Have the independent checker walk the result."""
    check_mapping(_made(state.net), _made(state.mapping), state.target)
    return state


Pass = Callable[[Compilation], Compilation]
PASSES: tuple[tuple[str, Pass], ...] = (
    ("read", read),
    ("lower", lower_graph),
    ("fit", refuse_early),
    ("quantize", quantize_network),
    ("features", check_target_features),
    ("map", map_to_cores),
    ("check", prove_mapping),
)


def run_passes(
    model: str | Path,
    target: str | Target,
    options: Options | None = None,
    *,
    stop_after: str | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Compilation:
    """Run the passes in order, up to and including ``stop_after``.

    Args:
        model: A ``.nir`` file, or the name of a bundled model.
        target: A target, its name, or the path of a ``.toml`` file.
        options: See :class:`Options`.
        stop_after: Name of a pass in ``PASSES``.
        progress: Called with each pass's name before it runs.
    """
    names = [name for name, _ in PASSES]
    if stop_after is not None and stop_after not in names:
        raise ModelError(f"no pass '{stop_after}'", where="--stop-after", remedy=did_you_mean(stop_after, names))
    chip = target if isinstance(target, Target) else load_target(target)
    state = Compilation(locate_model(model), chip, options or Options())
    for name, transform in PASSES:
        progress(name)
        state = transform(state)
        if name == stop_after:
            break
    return state


def compile_model(model: str | Path, target: str | Target = "loihi2", options: Options | None = None) -> Program:
    """Compile a model into a Program; raises a :class:`NeurodeployError` that says how to mend it."""
    return finish(run_passes(model, target, options))


def finish(state: Compilation) -> Program:
    """The Program of a compilation that ran all passes."""
    network, semantics = _made(state.network), _made(state.semantics)
    outputs = dict(network.outputs)
    if state.options.output is not None:
        outputs = {state.options.output: outputs[state.options.output]}
    provenance = {
        "model": state.model.name,
        "model_sha256": hashlib.sha256(state.model.read_bytes()).hexdigest(),
        "target": state.target.name,
        "target_sha256": state.target.digest,
        "bits": state.options.bits,
        "max_neurons_per_core": state.options.max_neurons_per_core,
        "neurodeploy": installed_version(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    return Program(
        _made(state.net),
        _made(state.mapping),
        state.target,
        outputs,
        semantics.readout,
        semantics.to_dict(),
        _made(state.quantization).to_dict(),
        provenance,
    )


def locate_model(model: str | Path) -> Path:
    """A file as it is, or the bundled model of that name.

    Raises:
        UnknownModel: Neither; suggests the closest bundled name.
    """
    if Path(model).is_file():
        return Path(model)
    bundled = list_models()
    if str(model) in bundled:
        return model_path(str(model))
    raise UnknownModel(
        f"'{model}' is neither a file nor a bundled model",
        where="MODEL",
        remedy=f"give the path of a .nir file, or a bundled name: {did_you_mean(str(model), bundled)}",
    )


T = TypeVar("T")


def _made(value: T | None) -> T:
    """What an earlier pass made; a pass that runs too early is a bug in PASSES."""
    if value is None:
        raise RuntimeError("a pass ran before the one that makes its input")
    return value
