"""The constants that an estimate uses, and where they come from."""

from __future__ import annotations

from typing import Any

from neurodeploy.program import Program
from neurodeploy.simulate.timing import barrier_of, synop_energy, synop_time
from neurodeploy.target_schema import Quantity, Target

BARRIERS = ("barrier_s", "barrier_multichip_s", "barrier_tiles_s")
UNUSED = ("within_tile_spike_s", "hop_x_s", "hop_y_s")
"""Times of one packet alone, which no estimate charges."""


HOST = ("host_access_j", "host_op_j", "host_access_s", "host_op_s")
"""Of a host that adapts a running network."""


def sources(target: Target, program: Program, *, adapts: bool = False) -> dict[str, dict[str, Any]]:
    """Every constant that the estimate of a program uses, by its key in the target file."""
    kinds = {part.connection.kind for p in program.net.projections for part in p.by_delay}
    synops = [synop_energy(target.energy, kind) for kind in kinds] + [
        synop_time(target.latency, kind) for kind in kinds
    ]
    barrier, ends = barrier_of(target, program.mapping)
    rows = {}
    for table in (target.energy, target.latency):
        for key in table.__struct_fields__:
            fact = getattr(table, key)
            if key == barrier:
                fact = ends
            elif not isinstance(fact, Quantity) or key in BARRIERS or key in UNUSED or (key in HOST and not adapts):
                continue
            elif key.startswith("synop_") and not any(fact is used for used in synops):
                continue
            low, high = fact.band
            rows[key] = {"value": fact.value, "low": low, "high": high, "status": fact.status, "source": fact.source}
    return rows
