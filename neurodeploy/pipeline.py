"""From a model file to a Program: the passes, in order.

A model is read either as a float graph (NIR), which is lowered and quantised, or as an integer network (lava-dl's
``.net``), for which those passes have nothing to do and are left out.
"""

from __future__ import annotations

import datetime
import hashlib
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from neurodeploy.bundled import list_models, model_path
from neurodeploy.chipmap import Mapping as ChipMapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import ModelError, UnknownModel, did_you_mean
from neurodeploy.frontends import read_nir
from neurodeploy.frontends.netx import read_netx
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
        input_shape: (C, H, W) of the input of a ``.net`` file that does not say it.
        input_message_bits: Of the input of a ``.net`` file without input neurons: 0 for spikes, else graded.
    """

    semantics: Mapping[str, object] = field(default_factory=dict)
    bits: int = 8
    output: str | None = None
    max_neurons_per_core: int | None = None
    input_shape: tuple[int, ...] | None = None
    input_message_bits: int | None = None


@dataclass(frozen=True)
class Compilation:
    """A compilation under way; each pass fills in what it makes.

    Attributes:
        model: The file.
        target: The chip.
        options: The user's.
        graph: The float model as read.
        semantics: What it means.
        network: The float model as populations and projections.
        quantization: What its integers cost.
        conventions: How the file was read, in plain values.
        outputs: Population that each output of the model reads.
        readout: How.
        net: The integers.
        mapping: Where they sit.
    """

    model: Path
    target: Target
    options: Options
    graph: Graph | None = None
    semantics: Semantics | None = None
    network: Network | None = None
    quantization: QuantizationReport | None = None
    conventions: Mapping[str, object] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    readout: str = ""
    net: ChipNetwork | None = None
    mapping: ChipMapping | None = None


Pass = Callable[[Compilation], Compilation]


def read(state: Compilation) -> Compilation:
    """Read the file and settle what it means."""
    return READERS.get(state.model.suffix.lower(), _read_nir)(state)


def _read_nir(state: Compilation) -> Compilation:
    _refuse_options(state, ("input_shape", "input_message_bits"), "a NIR file holds that itself")
    graph = read_nir(state.model)
    semantics = resolve_semantics(graph, state.options.semantics)
    for note in graph.notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    conventions = semantics.to_dict() | ({"notes": list(graph.notes)} if graph.notes else {})
    return replace(state, graph=graph, semantics=semantics, conventions=conventions, readout=semantics.readout)


def _read_netx(state: Compilation) -> Compilation:
    _refuse_options(state, ("semantics", "bits"), "a .net file holds integers and has only one meaning")
    options = state.options
    model = read_netx(state.model, input_shape=options.input_shape, input_message_bits=options.input_message_bits)
    outputs = {model.output: model.output}
    return _one_output(
        replace(state, net=model.net, conventions=model.conventions, outputs=outputs, readout=model.readout)
    )


READERS: Mapping[str, Pass] = {".net": _read_netx}
"""By suffix; every other file is taken for NIR."""


def _refuse_options(state: Compilation, names: Sequence[str], why: str) -> None:
    """Options that mean nothing for this kind of file."""
    default = Options()
    for name in names:
        given = getattr(state.options, name)
        values = {k: v for k, v in given.items() if v is not None} if isinstance(given, Mapping) else given
        if values != getattr(default, name):
            words = sorted(values) if isinstance(values, Mapping) else [name]
            flags = ", ".join("--" + word.replace("_", "-") for word in words)
            raise ModelError(f"{flags}: {why}", where=str(state.model), remedy="drop the option")


def _one_output(state: Compilation) -> Compilation:
    """Only the output that the user wants, where one is named."""
    wanted = state.options.output
    if wanted is None:
        return state
    if wanted not in state.outputs:
        remedy = did_you_mean(wanted, state.outputs)
        raise ModelError(f"no output '{wanted}'", where=str(state.model), remedy=remedy)
    return replace(state, outputs={wanted: state.outputs[wanted]})


def for_floats(transform: Pass) -> Pass:
    """A pass that a model of integers does without."""

    def where_needed(state: Compilation) -> Compilation:
        return transform(state) if state.graph is not None else state

    return where_needed


def lower_graph(state: Compilation) -> Compilation:
    """Nodes to populations and projections."""
    network = lower(_made(state.graph), _made(state.semantics))
    return _one_output(replace(state, network=network, outputs=dict(network.outputs)))


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


PASSES: tuple[tuple[str, Pass], ...] = (
    ("read", read),
    ("lower", for_floats(lower_graph)),
    ("fit", for_floats(refuse_early)),
    ("quantize", for_floats(quantize_network)),
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
        model: A ``.nir`` or ``.net`` file, or the name of a bundled model.
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
        dict(state.outputs),
        state.readout,
        dict(state.conventions),
        {} if state.quantization is None else state.quantization.to_dict(),
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
        remedy=f"give the path of a .nir or .net file, or a bundled name: {did_you_mean(str(model), bundled)}",
    )


T = TypeVar("T")


def _made(value: T | None) -> T:
    """What an earlier pass made; a pass that runs too early is a bug in PASSES."""
    if value is None:
        raise RuntimeError("a pass ran before the one that makes its input")
    return value
