"""A small TOML writer for model cards (the standard library only reads TOML)."""

import json
from datetime import date
from typing import Any


def toml(tables: dict[str, Any], path: str = "") -> str:
    """Nested dicts become tables; values are str, bool, int, float, date or lists of these."""
    plain = {key: value for key, value in tables.items() if not isinstance(value, dict)}
    nested = {key: value for key, value in tables.items() if isinstance(value, dict)}
    lines = [f"[{path}]"] if path else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    parts = ["\n".join(lines) + "\n"] if lines else []
    parts += [toml(table, f"{path}.{_key(key)}" if path else _key(key)) for key, table in nested.items()]
    return "\n".join(parts)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"a card cannot hold {type(value).__name__}")
