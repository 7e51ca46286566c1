"""Spikes of a run as SANA-FE groups: what fires is told, so that neuron models do not matter.

SANA-FE's own neurons are not those of the chip, so each compartment becomes three things on its core:

* ``compartment``: integrates, at the cost of a compartment, and never fires; it gets the synapses;
* ``fire``: an input unit that spikes when the compartment did, at the cost of a spike, and is connected to nothing;
* ``axon``: input units that send the spikes, at the cost of packets alone: one for each set of projections that take
  spikes at the same time, silent in steps whose spikes reach nobody who is live.

Spikes of the host come from ``axon`` units on a core of its own at tile (0, 0). Where synapses of several kinds reach a
population, those of further kinds go to ``shadow`` compartments that cost nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.export.sanafe.arch import core_numbers, host_core
from neurodeploy.simulate.traffic import spans
from neurodeploy.stored_run import StoredRun


class Replay:
    """Groups and connections, in plain values.

    Attributes:
        groups: ``name``, ``unit``, ``synapse`` (kind, for compartments), ``cores`` (number of each neuron's), and
            ``trains`` (a text of 0 and 1 for each neuron, for input units).
        connections: ``source`` and ``target`` (groups) and ``pairs`` of their neurons.
        units: By core, how many input units there are of each name.
    """

    def __init__(self, run: StoredRun) -> None:
        self.run = run
        self.groups: list[dict[str, Any]] = []
        self.connections: list[dict[str, Any]] = []
        self.units: dict[int, dict[str, int]] = {}
        program = run.program
        self.numbers = core_numbers(program.mapping, program.target)
        plan = run.plan
        into: dict[str, list[str]] = {name: [] for name in program.net.populations}
        for p in plan.projections:
            if p.connection.kind not in into[p.target]:
                into[p.target].append(p.connection.kind)
        for name, kinds in into.items():
            cores = self.numbers[program.mapping.core_of[name]]
            for number, kind in enumerate(kinds or ["dense"]):
                unit = "shadow" if number else "compartment"
                self.groups.append({"name": f"{name} {kind}", "unit": unit, "synapse": kind, "cores": cores.tolist()})
            fired = sum((run.sent[output].astype(np.int64) for output in program.net.outputs_of(name)), np.int64(0))
            self._trains(f"{name} fire", "fire", np.asarray(fired) > 0, cores)
        for source in run.sent:
            for number, (span, active) in enumerate(spans(plan, source, run.steps)):
                self._leg(source, number, span, [plan.projections[i] for i in active])
        # SANA-FE holds the state of at most 1024 compartments in the order of their coming; input units have none
        self.groups.sort(key=lambda group: "trains" in group)

    def _leg(self, source: str, number: int, span: slice, projections: list[Any]) -> None:
        program = self.run.program
        sent = self.run.sent[source]
        trains = np.zeros_like(sent)
        trains[:, span] = sent[:, span]
        sender = program.net.sender_of(source)
        if sender in program.net.populations:
            cores = self.numbers[program.mapping.core_of[sender]]
        else:
            cores = np.full(sent.shape[2], host_core(program.target))
        place = self._trains(f"{source} axon {number}", "axon", trains > 0, cores)
        for p in projections:
            synapses = p.connection.pattern().tocoo()
            kept = place[synapses.col] >= 0
            pairs = np.stack([place[synapses.col[kept]], synapses.row[kept]], axis=1)
            if len(pairs):
                group = {"source": f"{source} axon {number}", "target": f"{p.target} {p.connection.kind}"}
                self.connections.append(group | {"pairs": pairs.tolist()})

    def _trains(self, name: str, unit: str, spikes: NDArray[np.bool_], cores: Any) -> NDArray[np.int64]:
        """Input units for the neurons that spike; their places by neuron, -1 for silent ones."""
        rows = spikes.reshape(-1, spikes.shape[2])
        some = np.flatnonzero(rows.any(axis=0))
        place = np.full(rows.shape[1], -1, np.int64)
        place[some] = np.arange(len(some))
        if len(some):
            texts = ["".join("01"[int(v)] for v in column) for column in rows[:, some].T]
            held = []
            for core in cores[some].tolist():
                count = self.units.setdefault(core, {})
                held.append(count.get(unit, 0))
                count[unit] = held[-1] + 1
            group = {"name": name, "unit": unit, "cores": cores[some].tolist(), "units": held, "trains": texts}
            self.groups.append(group)
        return place
