"""``verify`` with graded inputs and models of several registers and outputs; the reference stands in for Lava."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava_networks import messages, resonator_network, sigma_delta_network
from programs import program_of

from neurodeploy import verify as verify_module
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.export.lava import LavaOutcome
from neurodeploy.neurons import model_named
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference
from neurodeploy.verify import verify


@pytest.fixture
def against(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Verify a network against ``Lava``, whose results can be changed."""
    (tmp_path / "python").touch()

    def check(net: ChipNetwork, change: Callable[[Any], None] = lambda outcome: None) -> dict[str, Any]:
        def run(plan: Plan, *, python: Path, timeout_s: float) -> LavaOutcome:
            assert plan.inputs[next(iter(net.inputs))].dtype == np.int32
            outcome = run_reference(plan)
            change(outcome)
            return LavaOutcome(outcome.spikes, outcome.states)

        monkeypatch.setattr(verify_module, "run_lava", run)
        return verify(program_of(net), messages(net), "lava", lava_python=tmp_path / "python")

    return check


@pytest.mark.parametrize("net", [sigma_delta_network(), resonator_network()], ids=["sigma-delta", "resonators"])
def test_all_values_are_compared(net: ChipNetwork, against: Callable[..., dict[str, Any]]) -> None:
    facts = against(net)
    steps, models = 14 + net.latency_steps, {n: model_named(p.model) for n, p in net.populations.items()}
    assert facts["equal"] and facts["first_divergence"] is None
    assert [(row["population"], row["register"], row["matched"]) for row in facts["registers"]] == [
        (name, register, 3 * steps * net.populations[name].size)
        for name, model in models.items()
        for register in (*model.registers, *model.outputs)
    ]


def test_a_second_output_is_named(against: Callable[..., dict[str, Any]]) -> None:
    def change(outcome: Any) -> None:
        outcome.spikes["norm.s2"][1, 4, 3] += 7
        outcome.states["out"]["sigma"][1, 5, 0] += 1
        outcome.spikes["norm"][1, 5, 0] += 1

    facts = against(resonator_network(), change)
    first = facts["first_divergence"]
    assert not facts["equal"] and first["expected"] - first["found"] == 7
    assert (first["sample"], first["step"], first["population"], first["neuron"], first["register"]) == (
        1,
        5,
        "norm",
        3,
        "s2",
    )


def test_parts_count_every_register_and_output(
    against: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    net, parts = resonator_network(), []
    models = [(model_named(p.model), p.size) for p in net.populations.values()]
    values = sum(size * (len(m.registers) + len(m.outputs)) for m, size in models)
    monkeypatch.setattr(verify_module, "PART_BYTES", 2 * verify_module.BYTES_PER_VALUE * 14 * values)
    against(net, lambda outcome: parts.append(len(outcome.spikes["out"])))
    assert parts == [2, 1]
