"""Cases of framework layers and options, and the check of one: the same bits as the module, or a reason.

Each framework's cases are data: ``CASES`` in ``tests/frameworks/cases_<framework>.py``. The tests run over them
(:func:`check`), and ``tools/frontends_table.py`` writes the table in the docs from them.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError
from neurodeploy.frontends.imported import Imported, frontend_for
from neurodeploy.lower import lower, resolve_semantics
from neurodeploy.network import Network
from neurodeploy.proof import SourceDiffers, prove

BATCH, STEPS, SEEDS = 4, 100, (0, 1, 2)


@dataclass(frozen=True)
class Case:
    """A layer with an option set, in networks that use it.

    Attributes:
        layer: First column of the table.
        option: Second column.
        build: Makes a random module; torch's seed is set before. Dense enough that every layer fires.
        input_shape: Of one step.
        refused: Part of the reason, where it cannot be represented; empty where it must be exact.
        options: For ``from_module``.
        density: Of the input's spikes.
    """

    layer: str
    option: str
    build: Callable[[], Any]
    input_shape: tuple[int, ...]
    refused: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    density: float = 0.5

    def __str__(self) -> str:
        return f"{self.layer}, {self.option}"


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        verdict: ``exact``, ``refused`` or ``wrong``.
        reason: Why it is refused or wrong.
        bits: Spikes compared, and membranes of neurons that never fire.
        ties: Bits that differ because a membrane rounds to the other side of its threshold in float32.
    """

    verdict: str
    reason: str = ""
    bits: int = 0
    ties: int = 0


def frameworks() -> dict[str, tuple[Case, ...] | None]:
    """The cases of every framework by its name; None where it is not installed."""
    folder = Path(__file__).parent / "frameworks"
    return {name: _cases(name) for name in sorted(p.stem.removeprefix("cases_") for p in folder.glob("cases_*.py"))}


def _cases(name: str) -> tuple[Case, ...] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the frameworks, while they are imported
            cases: tuple[Case, ...] = importlib.import_module(f"frameworks.cases_{name}").CASES
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith(("neurodeploy", "frame", "cases")):
            raise
        return None
    return cases


def louder(net: Any, gain: float = 3.0) -> Any:
    """A module with all weights times ``gain``, so that neurons fire."""
    for name, p in net.named_parameters():
        if p.dim() > 1 and "norm" not in name:
            p.data *= gain
    return net


def check(case: Case) -> Outcome:
    """Import the case's networks and compare all their spikes with the modules'."""
    import torch

    bits = ties = 0
    for seed in SEEDS:
        torch.manual_seed(seed)
        module = case.build()
        try:
            imported = frontend_for(module)(module, case.input_shape, **case.options)
            network = lower(imported.graph, resolve_semantics(imported.graph, imported.semantics))
        except ModelError as error:
            if case.refused and case.refused in str(error) and error.where and error.remedy:
                return Outcome("refused", error.what)
            return Outcome("wrong", f"refused with: {error}")
        except Exception as error:  # a traceback is what no user must see
            return Outcome("wrong", f"seed {seed}: {type(error).__name__}: {error}")
        if case.refused:
            return Outcome("wrong", f"not refused ({case.refused})")
        shape = (BATCH, STEPS, *case.input_shape)
        x = (np.random.default_rng(seed).random(shape) < case.density).astype(np.uint8)
        outcome = compare(imported, network, x)
        if outcome.verdict == "wrong":
            return Outcome("wrong", f"seed {seed}: {outcome.reason}")
        bits, ties = bits + outcome.bits, ties + outcome.ties
    return Outcome("exact", bits=bits, ties=ties)


def compare(imported: Imported, network: Network, x: NDArray[Any]) -> Outcome:
    """The proof at the door, on given spikes; every layer must be shown, and must fire, but not always."""
    try:
        facts = prove(imported, network, dict.fromkeys(network.inputs, x), where=imported.graph.origin)
    except SourceDiffers as differs:
        return Outcome("wrong", differs.what)
    if dull := {
        row["layer"]: row["void"] or "it always fires" for row in facts["layers"] if row["void"] or row["rate"] == 1
    }:
        return Outcome("wrong", f"the comparison would prove nothing: {dull}")
    return Outcome("exact", bits=sum(row["bits"] for row in facts["layers"]), ties=facts["ties"])
