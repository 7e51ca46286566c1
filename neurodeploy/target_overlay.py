"""Writing a target file that differs from another in some constants."""

from __future__ import annotations

import json
from typing import Any

from neurodeploy.target import list_targets, target_tables


def overlay_text(
    target: str, name: str, title: str, tables: dict[str, dict[str, Any]], calibration: dict[str, Any]
) -> str:
    """A target file that is ``target`` but for the keys of ``tables``, and says how they were found.

    Args:
        target: A name, which the new file then refers to, or the path of a file, whose contents are taken over.
        name, title: Of the new target.
        tables: Facts (value, status, source) by table and key.
        calibration: The table [calibration].
    """
    own = target_tables(target)
    is_chip = target in list_targets() and "chip" not in own
    raw = {"description": own["description"], "status": "inferred", "chip": target} if is_chip else dict(own)
    raw |= {"name": name, "title": title, "calibration": calibration}
    for table, keys in tables.items():
        raw[table] = {**({} if is_chip else own.get(table, {})), **keys}
    plain = [f"{key} = {_toml(value)}" for key, value in raw.items() if not isinstance(value, dict)]
    for table, keys in raw.items():
        if isinstance(keys, dict):
            plain += [
                "",
                f"[{table}]",
                *(f"{key} = {_toml(value)}" for key, value in keys.items() if value is not None),
            ]
    return "\n".join(plain) + "\n"


def _toml(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, (str, bool)) else repr(value)
