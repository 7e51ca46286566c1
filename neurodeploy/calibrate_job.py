"""``neurodeploy calibrate``: from a table of measurements to a target file."""

from __future__ import annotations

import csv
import datetime
import hashlib
import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.atomic import check_writable, replacing
from neurodeploy.errors import UnreadableFile
from neurodeploy.estimate.calibrate import ENERGY, TIME, Fit, Measured, fit
from neurodeploy.estimate.model import costs_of
from neurodeploy.storage import load
from neurodeploy.stored_run import load_run
from neurodeploy.target import load_target
from neurodeploy.target_overlay import overlay_text
from neurodeploy.target_schema import Target

COLUMNS = ("program", "run", "energy_j", "time_s")
HOW = f"a CSV file with the columns {', '.join(COLUMNS)}: a .ndp file, its RUN.npz, joules and seconds of an inference"


def calibrate_job(
    table: Path, target: str, out: Path, name: str | None = None, wanted: Collection[str] = (*TIME, *ENERGY)
) -> dict[str, Any]:
    """Fit overhead constants to measurements and write a target file that has them; facts to print.

    Args:
        table: See ``HOW``; paths are relative to it, ``energy_j`` may be empty.
        target: Whose other constants hold.
        out: The target file.
        name: Of the new target; default that of the file.
        wanted: Constants to fit, see :mod:`neurodeploy.estimate.calibrate`.

    Raises:
        UnreadableFile: Not such a table, or a file of it that cannot be read.
        SimulationError: The measurements do not determine the constants.
        UnwritableFile: ``out`` cannot be written.
    """
    check_writable(out, keep=(table, target))
    chip = load_target(target)
    rows = read_measurements(table, chip)
    found = fit(rows, wanted)
    data = table.read_bytes()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    source = f"fitted to {len(rows)} runs of {table.name} (sha256 {hashlib.sha256(data).hexdigest()[:12]}) on {today}"
    facts = {key: {"value": value, "status": "calibrated", "source": source} for key, value in found.constants.items()}
    calibration = {
        "file": table.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "date": today,
        "runs": len(rows),
        "target": target,
        "energy_profile": chip.energy.profile,
        "constants": sorted(found.constants),
        "rms_relative_energy": _rms(found.residuals_energy),
        "rms_relative_time": _rms(found.residuals_time),
        "residuals_energy": list(found.residuals_energy),
        "residuals_time": list(found.residuals_time),
    }
    title = f"{chip.title}, calibrated"
    text = overlay_text(target, name or out.stem, title, _tables(chip, facts, found), calibration)
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return {"result": str(out), **calibration, "fitted": found.constants}


def read_measurements(table: Path, target: Target) -> list[Measured]:
    """The rows of a table, with estimates of their runs.

    Raises:
        UnreadableFile: Not such a table; names the line.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"cannot read the table: {error}", where=str(table), remedy=f"give {HOW}") from error
    absent = [column for column in COLUMNS if column not in columns]
    if absent or not rows:
        what = f"no column '{absent[0]}'" if absent else "no measurement"
        raise UnreadableFile(what, where=str(table), remedy=f"give {HOW}")
    measured = []
    for line, row in enumerate(rows, start=2):
        where = f"{table}:{line}"
        energy = _positive(row["energy_j"], "energy_j", where) if (row["energy_j"] or "").strip() else None
        time_s = _positive(row["time_s"], "time_s", where)
        program = load(table.parent / (row["program"] or ""))
        program = replace(program, target=target)
        counters = load_run(table.parent / (row["run"] or ""), program).counters()
        measured.append(Measured(where, energy, time_s, costs_of(counters, program)))
    return measured


def _positive(text: str | None, column: str, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UnreadableFile(f"{column} is '{text}'", where=where, remedy="give a positive number of joules or seconds")
    return value


def _rms(values: Collection[float]) -> float | None:
    return float(np.sqrt(np.mean(np.square(list(values))))) if values else None


def _tables(chip: Target, facts: dict[str, Any], found: Fit) -> dict[str, dict[str, Any]]:
    """The keys to replace by table. A fitted barrier holds for one chip and for several, whatever their tiles."""
    tables: dict[str, dict[str, Any]] = {
        "energy": {key: facts[key] for key in ENERGY if key in facts},
        "latency": {key: facts[key] for key in TIME if key in facts},
    }
    if "barrier_s" in facts and chip.latency.barrier_multichip_s is not None:
        tables["latency"]["barrier_multichip_s"] = facts["barrier_s"]
    if "static_core_w" in facts:  # the band's upper end is leakage by the chip, which the measurements contain
        tables["energy"]["static_chip_w"] = {
            "value": 0.0,
            "status": "absent",
            "source": "leakage was fitted as static_core_w",
        }
    return {name: table for name, table in tables.items() if table}
