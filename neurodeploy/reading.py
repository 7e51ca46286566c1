"""The first pass: from a file, a bundled model's name or a torch module to a graph with a meaning, or to integers."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodeploy.bundled import list_models, model_path
from neurodeploy.compilation import Compilation, Options
from neurodeploy.errors import ModelError, UnknownModel, did_you_mean
from neurodeploy.frontends.exact import exact_model, is_exact
from neurodeploy.frontends.imported import frontend_for
from neurodeploy.frontends.modules import ModuleModel, from_factory, is_factory, module_model
from neurodeploy.frontends.netx import read_netx
from neurodeploy.frontends.nir.hdf5 import read_tree
from neurodeploy.frontends.nir.read import graph_of
from neurodeploy.graph import Graph
from neurodeploy.lower import resolve_semantics


def read(state: Compilation) -> Compilation:
    """Read the model and settle what it means."""
    if isinstance(state.model, ModuleModel):
        return _read_module(state, state.model)
    return READERS.get(state.model.suffix.lower(), _read_nir)(state, state.model)


def _read_module(state: Compilation, model: ModuleModel) -> Compilation:
    _refuse_options(state, ("input_message_bits",), "a torch module is fed spikes")
    shape = state.options.input_shape
    if shape is None and model.sample is not None:
        shape = model.sample.shape[2:]
    read_module, semantics = frontend_for(model.module), dict(state.options.semantics)
    own = dict(state.options.frontend)
    known = set(inspect.signature(read_module).parameters) - {"module", "input_shape"}
    for name in own.keys() - known:
        raise ModelError(f"the frontend has no option '{name}'", where=str(model), remedy=did_you_mean(name, known))
    if "dt_s" in known - own.keys() and semantics.get("dt_s") is not None:
        own["dt_s"] = semantics.pop("dt_s")
    imported = read_module(model.module, shape, **own)
    recorded = {k: v for k, v in {**imported.graph.metadata, **imported.semantics}.items() if v is not None}
    graph = replace(imported.graph, metadata=recorded, origin=model.name)
    state = _with_meaning(replace(state, imported=imported), graph, semantics)
    return replace(state, conventions={**state.conventions, "framework": imported.framework})


def _read_nir(state: Compilation, path: Path) -> Compilation:
    _refuse_options(state, ("input_shape", "input_message_bits", "frontend"), "a NIR file holds that itself")
    tree = read_tree(path)
    if not is_exact(tree):
        return _with_meaning(state, graph_of(tree, str(path)), state.options.semantics)
    refused = ("semantics", "bits", "calibrate", "calibration", "per_channel")
    _refuse_options(state, refused, "the file holds the integers of a program, which have only one meaning")
    model = exact_model(tree, path)
    state = replace(state, net=model.net, conventions=model.conventions, outputs=model.outputs, readout=model.readout)
    return one_output(state)


def _with_meaning(state: Compilation, graph: Graph, options: Mapping[str, object]) -> Compilation:
    semantics = resolve_semantics(graph, options, state.options.defaults)
    for note in graph.notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    conventions = semantics.to_dict() | ({"notes": list(graph.notes)} if graph.notes else {})
    return replace(state, graph=graph, semantics=semantics, conventions=conventions, readout=semantics.readout)


def _read_netx(state: Compilation, path: Path) -> Compilation:
    refused = ("semantics", "bits", "calibrate", "calibration", "per_channel", "frontend")
    _refuse_options(state, refused, "a .net file holds integers and has only one meaning")
    options = state.options
    model = read_netx(path, input_shape=options.input_shape, input_message_bits=options.input_message_bits)
    outputs = {model.output: model.output}
    return one_output(
        replace(state, net=model.net, conventions=model.conventions, outputs=outputs, readout=model.readout)
    )


READERS: Mapping[str, Callable[[Compilation, Path], Compilation]] = {".net": _read_netx}
"""By suffix; every other file is taken for NIR."""


def _refuse_options(state: Compilation, names: Sequence[str], why: str) -> None:
    """Options that mean nothing for this kind of file."""
    default = Options()
    for name in names:
        given, usual = getattr(state.options, name), getattr(default, name)
        values = {k: v for k, v in given.items() if v is not None} if isinstance(given, Mapping) else given
        if values is not None if usual is None else values != usual:  # spikes cannot be compared with None
            words = sorted(values) if isinstance(values, Mapping) else [name]
            flags = ", ".join("--" + word.replace("_", "-") for word in words)
            raise ModelError(f"{flags}: {why}", where=str(state.model), remedy="drop the option")


def one_output(state: Compilation) -> Compilation:
    """Only the output that the user wants, where one is named."""
    wanted = state.options.output
    if wanted is None:
        return state
    if wanted not in state.outputs:
        remedy = did_you_mean(wanted, state.outputs)
        raise ModelError(f"no output '{wanted}'", where=str(state.model), remedy=remedy)
    return replace(state, outputs={wanted: state.outputs[wanted]})


def given_model(model: Any, sample: Any = None) -> Path | ModuleModel:
    """What a user names as the model, with a sample for a module.

    Raises:
        UnknownModel: No such file, bundled model or factory.
        ModelError: A factory raised, something that is no model, or a sample beside a file.
    """
    if not isinstance(model, (str, Path)):
        return module_model(model, sample)
    if is_factory(model) and not Path(model).exists():
        made = from_factory(str(model))
        return made if sample is None else module_model(made.module, sample, name=made.name)
    path = locate_model(model)
    if sample is not None:
        raise ModelError("a sample beside a file", where=str(model), remedy="samples are for torch modules: drop it")
    return path


def locate_model(model: str | Path) -> Path:
    """A file as it is, or the bundled model of that name.

    Raises:
        UnknownModel: Neither; suggests the closest bundled name.
    """
    if not isinstance(model, (str, Path)):
        raise UnknownModel(
            f"a {type(model).__name__} is no file", where="MODEL", remedy="give a path, or the name of a bundled model"
        )
    if Path(model).is_file():
        return Path(model)
    bundled = list_models()
    if str(model) in bundled:
        return model_path(str(model))
    raise UnknownModel(
        f"'{model}' is neither a file nor a bundled model",
        where="MODEL",
        remedy=f"give the path of a .nir or .net file, package.module:factory for a torch module, or a bundled name: "
        f"{did_you_mean(str(model), bundled)}",
    )
