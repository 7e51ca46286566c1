"""Torch modules as models: given as they are, or as ``package.module:factory``."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import MissingDependency, ModelError, ShapeMismatch, UnknownModel, did_you_mean
from neurodeploy.graph import Graph

SPEC = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, eq=False)
class ModuleModel:
    """A torch module to compile.

    Attributes:
        module: The module.
        name: For messages and provenance.
        sample: (B, T, *shape) of 0 and 1 to compare with, uint8, or None.
    """

    module: Any
    name: str
    sample: NDArray[np.uint8] | None = None

    def __str__(self) -> str:
        return self.name


def is_factory(model: object) -> bool:
    """Whether a model is written as ``package.module:factory``."""
    return isinstance(model, str) and SPEC.fullmatch(model) is not None


def from_factory(spec: str) -> ModuleModel:
    """Call a factory, which returns a module, or a module and a sample; the working folder is looked in first.

    Raises:
        UnknownModel: There is no such Python module or factory.
        ModelError: Importing or calling it raised.
    """
    package, _, path = spec.partition(":")
    here = os.getcwd()
    added = [] if here in sys.path else [here]
    sys.path[:0] = added
    try:
        found: Any = importlib.import_module(package)
        for name in path.split("."):
            if not hasattr(found, name):
                remedy = did_you_mean(name, [n for n in vars(found) if not n.startswith("_")])
                raise UnknownModel(f"'{package}' has no '{name}'", where=spec, remedy=remedy)
            found = getattr(found, name)
        made = found() if callable(found) and not _is_module(found) else found
    except ModelError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (package == error.name or package.startswith(f"{error.name}.")):
            raise UnknownModel(
                f"no Python module '{error.name}'", where=spec, remedy="run it from the folder that holds the module"
            ) from error
        raise MissingDependency(
            f"it needs the Python package '{error.name}'", where=spec, remedy=f"pip install {error.name}"
        ) from error
    except Exception as error:  # the user's own code may raise anything
        raise _raised(error, spec) from error
    finally:
        for entry in added:
            sys.path.remove(entry)
    module, sample = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    return module_model(module, sample, name=spec)


def module_model(module: Any, sample: Any = None, *, name: str | None = None) -> ModuleModel:
    """A module as a model.

    Args:
        module: A torch module, or of Rockpool.
        sample: (B, T, *shape) of 0 and 1, as an array or tensor, or None.
        name: For messages; default the class.

    Raises:
        ModelError: Not a module.
        ShapeMismatch: A sample of another form.
    """
    label = type(module).__name__ if name is None else name
    if not _is_module(module):
        raise ModelError(
            f"a {type(module).__name__} is not a model",
            where=label,
            remedy="give a torch module, a .nir or .net file, or a bundled name; a factory returns a module, "
            "or a module and a sample",
        )
    return ModuleModel(module, label, None if sample is None else _spikes(sample, label))


def digest(graph: Graph) -> str:
    """sha256 of all parameters, factors and edges of a graph."""
    total = hashlib.sha256()
    for name, node in sorted(graph.nodes.items()):
        total.update(f"{name}\0{node.type}\0".encode())
        for part in (node.params, node.conventions, node.exact):
            for key, value in sorted(part.items()):
                array = np.asarray(value)
                total.update(f"{key}\0{array.dtype}\0{array.shape}\0".encode())
                total.update(array.tobytes() if array.dtype != object else repr(value).encode())
    total.update(repr(sorted(graph.edges)).encode())
    return total.hexdigest()


def _is_module(value: Any) -> bool:
    """What torch and Rockpool call a module: an object that lists its parts."""
    return not isinstance(value, type) and callable(getattr(value, "modules", None))


def _raised(error: Exception, spec: str) -> ModelError:
    return ModelError(
        f"it raised {type(error).__name__}: {error}",
        where=spec,
        remedy="call it in Python first; it takes no arguments",
    )


def _spikes(sample: Any, where: str) -> NDArray[np.uint8]:
    if isinstance(sample, Mapping):
        raise ShapeMismatch("the sample is a mapping", where=where, remedy="give one array, for the module's one input")
    detached = sample.detach().cpu() if hasattr(sample, "detach") else sample
    values = np.asarray(detached)
    if values.ndim < 3 or not values.size or values.dtype.kind not in "buif":
        raise ShapeMismatch(
            f"the sample has shape {values.shape} and holds {values.dtype}",
            where=where,
            remedy="give spikes (samples, steps, *shape), 0 or 1, at least one of each",
        )
    if not np.all((values == 0) | (values == 1)):
        raise ModelError(
            "the sample holds other values than 0 and 1",
            where=where,
            remedy="encode it into spikes; spikes are what a chip is fed",
        )
    return values.astype(np.uint8)
