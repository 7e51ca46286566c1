"""The small trained networks that come with the package, their test data and cards."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = "neurodeploy_models"


@dataclass(frozen=True)
class BundledModel:
    """Files of one model: ``model.nir``, ``test.npz`` (spikes and labels) and its card."""

    name: str
    nir: Path
    test: Path
    card: Mapping[str, Any]


def list_models() -> list[str]:
    """Names of the bundled models."""
    return sorted(f.name for f in files(PACKAGE).iterdir() if (f / "model.nir").is_file())


def load_model(name: str) -> BundledModel:
    """Files and card of a bundled model; KeyError if there is none of that name."""
    if name not in list_models():
        raise KeyError(name)
    folder = _folder(name)
    card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    return BundledModel(name, folder / "model.nir", folder / "test.npz", card)


def list_policies() -> list[str]:
    """Names of the bundled policies of :mod:`neurodeploy.worlds`."""
    folder = files(PACKAGE) / "policies"
    return sorted(f.name for f in folder.iterdir() if (f / "policy.nir").is_file()) if folder.is_dir() else []


def policy_folder(name: str) -> Path:
    """Where a bundled policy's ``policy.nir`` and ``card.toml`` are."""
    return _folder(f"policies/{name}")


def model_path(name: str) -> Path:
    """The ``.nir`` file of a bundled model."""
    return _folder(name) / "model.nir"


def _folder(name: str) -> Path:
    """By the card in it: an editable install's folders may be several merged ones, and no path."""
    with as_file(files(PACKAGE).joinpath(*name.split("/"), "card.toml")) as card:
        return card.parent
