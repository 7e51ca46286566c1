"""Overhead constants from a user's own measurements, by non-negative least squares.

Times: measured = work of the slowest core or link + ``barrier_s`` * steps + ``overhead_run_s``.
Energies: measured = E1 + time * (``static_core_w`` * cores + ``overhead_chip_w`` * chips) + ``overhead_run_j``, with
the measured time.

Energies of events (E1) are not fitted: they come from the target. Rows are weighted by 1 / measured value, so that the
residuals are relative.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.estimate.costs import Costs

ENERGY = ("static_core_w", "overhead_chip_w", "overhead_run_j")
TIME = ("barrier_s", "overhead_run_s")
WORST_CONDITION = 1e6
"""Of the columns scaled to length 1, above which measurements do not tell constants apart."""


@dataclass(frozen=True)
class Measured:
    """One row: what an inference took on the chip, and what is estimated of it.

    Attributes:
        name: Of the row.
        energy_j: Joules per inference, of the whole board or chip as the user measured it; None where not measured.
        time_s: Seconds per inference.
        costs: The estimate of the same run.
    """

    name: str
    energy_j: float | None
    time_s: float
    costs: Costs


@dataclass(frozen=True)
class Fit:
    """Constants found.

    Attributes:
        constants: By name.
        residuals_energy, residuals_time: Relative, (estimated - measured) / measured, a value for each row that has it.
    """

    constants: dict[str, float]
    residuals_energy: tuple[float, ...]
    residuals_time: tuple[float, ...]


def fit(rows: Sequence[Measured], wanted: Collection[str] = (*TIME, *ENERGY)) -> Fit:
    """The constants that explain the measurements best, none of them negative.

    Args:
        rows: Measurements.
        wanted: Constants to fit, of ``TIME`` and ``ENERGY``.

    Raises:
        SimulationError: Fewer rows than constants, or rows that do not tell them apart; says which.
    """
    times = [name for name in TIME if name in wanted]
    energies = [name for name in ENERGY if name in wanted]
    found: dict[str, float] = {}
    residuals: list[tuple[float, ...]] = []
    for names, some in ((times, list(rows)), (energies, [r for r in rows if r.energy_j is not None])):
        if not names:
            residuals.append(())
            continue
        columns = np.array([[_column(name, row) for name in names] for row in some]).reshape(len(some), len(names))
        wholes = np.array([row.time_s if names is times else row.energy_j for row in some], dtype=np.float64)
        rest = wholes - np.array([_known(row, is_time=names is times) for row in some])
        values = _solve(columns, rest, wholes, names)
        found |= dict(zip(names, values.tolist(), strict=True))
        residuals.append(tuple(((columns @ values - rest) / wholes).tolist()))
    return Fit(found, residuals[1], residuals[0])


def _column(name: str, row: Measured) -> float:
    """What a constant is multiplied with."""
    factors = {
        "barrier_s": row.costs.steps,
        "static_core_w": row.costs.cores * row.time_s,
        "overhead_chip_w": row.costs.chips * row.time_s,
    }
    return float(factors.get(name, 1))


def _known(row: Measured, *, is_time: bool) -> float:
    """What is estimated without the constants that are fitted."""
    if not is_time:
        return row.costs.mesh_energy.value
    steps = row.costs.per_step
    return float((steps.memory_s + steps.compute_s + steps.traffic_s).sum())


def _solve(
    columns: NDArray[np.float64], rest: NDArray[np.float64], wholes: NDArray[np.float64], names: Sequence[str]
) -> NDArray[np.float64]:
    from scipy.optimize import nnls

    if len(columns) < len(names):
        raise SimulationError(
            f"{len(columns)} measurements cannot determine {len(names)} constants ({', '.join(names)})",
            where="calibrate",
            remedy=f"measure at least {len(names)} different runs, or --fit fewer constants",
        )
    weighted = columns / wholes[:, None]
    scale = np.linalg.norm(weighted, axis=0)
    singular = np.linalg.svd(weighted / scale, compute_uv=False)
    if singular[-1] * WORST_CONDITION < singular[0]:
        raise SimulationError(
            f"the measurements do not tell {', '.join(names)} apart: their columns depend on each other",
            where="calibrate",
            remedy="measure runs that differ: in length, in cores and chips; or --fit fewer constants",
        )
    values, _ = nnls(weighted / scale, rest / wholes)
    solved: NDArray[np.float64] = values / scale
    return solved
