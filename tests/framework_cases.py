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
from neurodeploy.simulate.float_reference import simulate_float

BATCH, STEPS, SEEDS = 4, 100, (0, 1, 2)
TIE = 64 * 2.0**-23
"""A membrane this close to its threshold, relative to it, may round to the other side in float32."""


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
        bits: Spikes compared.
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
    """Compare all spikes of all layers, and the membranes of those that never fire, with the module's own run."""
    (name,) = network.inputs
    recording = imported.source.run({name: x})
    theirs = {n: s.reshape(*s.shape[:2], -1) for n, s in recording.spikes.items()}
    firing = [n for n, p in network.populations.items() if p.spiking]
    shown = tuple(n for n in network.populations if n not in firing and n in recording.membranes)
    run = simulate_float(network, {name: x}, membranes=shown)
    if missing := [n for n in network.populations if n not in theirs and n not in shown]:
        return Outcome("wrong", f"the module's run does not tell what {missing} send")
    if silent := [n for n in firing if not theirs[n].any() or theirs[n].all()]:
        return Outcome("wrong", f"{silent} fire never or always: the comparison would prove nothing")
    for n in shown:
        ours, own = run.membranes[n], recording.membranes[n].reshape(run.membranes[n].shape)
        if not np.allclose(ours, own, rtol=1e-4, atol=1e-5 * np.abs(own).max()):
            return Outcome("wrong", f"membranes of '{n}' differ by {np.abs(ours - own).max():g}")
    bits = sum(theirs[n].size for n in firing)
    wrong = {n: int((run.spikes[n] != theirs[n]).sum()) for n in firing}
    if not any(wrong.values()):
        return Outcome("exact", bits=bits)
    forced = simulate_float(network, {name: x}, forced={n: theirs[n] for n in firing}, potentials=tuple(firing))
    ties = 0
    for n in firing:
        differ = forced.spikes[n] != theirs[n]
        theta = network.populations[n].dynamics.theta
        distance = np.abs(forced.potentials[n] - theta) / theta
        if (distance[differ] > TIE).any():
            return Outcome("wrong", f"mismatching bits by layer: {wrong}, of {bits}")
        ties += int(differ.sum())
    return Outcome("exact", bits=bits, ties=ties)
