"""Chip descriptions: loading, checking and listing ``targets/*.toml``."""

from __future__ import annotations

import hashlib
import math
import os
import re
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from neurodeploy.errors import InvalidTarget, UnknownTarget, did_you_mean
from neurodeploy.target_schema import Quantity, Sourced, TargetFile
from neurodeploy.target_schema import Target as Target

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
GROUP = "neurodeploy.targets"
TABLES = ("mesh", "core", "compartment", "weight", "axon", "energy", "latency")
UNITS = {"_j": "J", "_w": "W", "_per_s": "1/s", "_s": "s", "_bits": "bit", "_words": "words"}
POOL_KEYS = (
    "pool_words",
    "neuron_words",
    "axon_map_words",
    "axon_map_neuron_words",
    "axon_mem_words",
    "conv_axon_in_words",
    "conv_axon_mem_words",
)
EXAMPLE = '{ value = ..., status = "published", source = "..." }'
_KEY = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_LINE = re.compile(rf"\s*(?:\[\s*(?P<table>{_KEYS})\s*\]|(?P<key>{_KEYS})\s*=)")


class Problem(NamedTuple):
    """One fault of a target file: the file and line, the key, what was found and what would be legal."""

    where: str
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.what}; try: {self.remedy}"


class Row(NamedTuple):
    """One line of ``targets show``; ``value`` includes the band; ``unit`` is "" for counts and flags."""

    table: str
    key: str
    value: str
    unit: str
    status: str
    source: str


def list_targets() -> list[str]:
    """Names of the bundled targets and of those in the entry-point group ``neurodeploy.targets``."""
    return sorted(_plugins() | _bundled())


def usable_targets() -> dict[str, Target]:
    """All targets by name; one whose file is not valid warns and is left out."""
    found = {}
    for name in list_targets():
        try:
            found[name] = load_target(name)
        except InvalidTarget as error:
            warnings.warn(f"target '{name}' is skipped: {error.what} ({error.where})", UserWarning, stacklevel=2)
    return found


def load_target(name_or_path: str | os.PathLike[str]) -> Target:
    """Load a bundled target, one of a plugin, or a ``.toml`` file.

    Raises:
        UnknownTarget: No such name or file.
        InvalidTarget: The file breaks the schema; names every problem found.
    """
    path = _locate(name_or_path)
    return parse_target(_read(path), str(path))


def target_tables(name_or_path: str) -> dict[str, Any]:
    """What stands in a target's own file, without what a system takes over from its chip."""
    return tomllib.loads(_read(_locate(name_or_path)).decode())


def parse_target(data: bytes, path: str) -> Target:
    """The target that the bytes of a file describe; ``path`` is kept, and named in errors."""
    outcome = _examine(data, path)
    if isinstance(outcome, Target):
        return outcome
    raise _invalid(outcome)


def parse_tables(path: Path, kind: type[T]) -> T:
    """What another file of sourced numbers holds, such as an energy profile; errors as of target files."""
    outcome = _parsed(_read(path), str(path), kind)
    if isinstance(outcome, list):
        raise _invalid(outcome)
    return msgspec.convert(outcome[0], kind)


def _invalid(problems: list[Problem]) -> InvalidTarget:
    first, *others = problems
    more = f"\nand {len(others)} more:" + "".join(f"\n  - {problem}" for problem in others) if others else ""
    return InvalidTarget(f"{first.key}: {first.what}{more}", where=first.where, remedy=first.remedy)


def check_target(name_or_path: str | os.PathLike[str]) -> list[Problem]:
    """All problems of a target file, none if it can be used; contradictions show once every key is legal."""
    path = _locate(name_or_path)
    outcome = _examine(_read(path), str(path))
    return [] if isinstance(outcome, Target) else outcome


def describe(target: TargetFile) -> list[Row]:
    """Every fact about the chip with its source, in the order of the schema."""
    rows = []
    for table in TABLES if target.system is None else (*TABLES, "system"):
        for key in getattr(target, table).__struct_fields__:
            fact = getattr(getattr(target, table), key)
            if isinstance(fact, Sourced):
                rows.append(Row(table, key, _shown(fact), _unit(key), fact.status, fact.source))
            elif fact is not None:
                rows.append(Row(table, key, fact, "", target.status, "a name for the model, not a number"))
    return rows


def _shown(fact: Sourced[Any]) -> str:
    value = fact.value
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if isinstance(fact, Quantity) and fact.band != (value, value):
        text += " ({} .. {})".format(*fact.band)
    return text


def _unit(key: str) -> str:
    return next((unit for suffix, unit in UNITS.items() if key.endswith(suffix)), "")


def _bundled() -> dict[str, Path]:
    return {path.stem: path for path in bundled_folder().glob("*.toml")}


def bundled_folder() -> Path:
    """The folder of the bundled targets: the real one also in an editable install, whose copies of it may be old."""
    return Path(str(import_module("neurodeploy_targets").__file__)).parent


def _plugins() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for entry in entry_points(group=GROUP):
        try:
            loaded = entry.load()
            path = Path(loaded() if callable(loaded) else loaded)
            if not path.is_file():
                raise FileNotFoundError(f"no file {path}")
        except Exception as error:  # whatever a stranger's code may raise
            text = f"target plugin '{entry.name}' ({entry.value}) is skipped: {type(error).__name__}: {error}"
            warnings.warn(text, UserWarning, stacklevel=3)
        else:
            found[entry.name] = path
    return found


def _locate(name_or_path: str | os.PathLike[str]) -> Path:
    name = os.fspath(name_or_path)
    if isinstance(name_or_path, os.PathLike) or name.endswith(".toml"):
        return Path(name)
    known = _bundled()
    if name not in known:
        known |= _plugins()
    if name not in known:
        remedy = f"{did_you_mean(name, known)}; or give the path of a .toml file"
        raise UnknownTarget(f"there is no target '{name}'", where="target", remedy=remedy)
    return known[name]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        remedy = f"correct the path, or use a name; {did_you_mean(path.stem, list_targets())}"
        what = f"cannot read the target file: {error.strerror}"
        raise UnknownTarget(what, where=str(path), remedy=remedy) from error


def _examine(data: bytes, path: str) -> Target | list[Problem]:
    outcome = _parsed(data, path, TargetFile)
    if isinstance(outcome, list):
        return outcome
    raw, lines, base = outcome
    faults = list(_contradictions(msgspec.convert(raw, TargetFile)))
    if faults:
        return [Problem(_where(path, lines, key), key, what, remedy) for key, what, remedy in faults]
    return msgspec.convert({**raw, "path": path, "digest": hashlib.sha256(data + base).hexdigest()}, Target)


def _parsed(data: bytes, path: str, kind: Any) -> tuple[dict[str, Any], dict[str, int], bytes] | list[Problem]:
    """The tables of a file that keeps to a schema, the lines of its keys, and its chip's file; else what is wrong."""
    try:
        text = data.decode()
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return [Problem(f"{path}:{line}", "(encoding)", str(error), "save the file as UTF-8")]
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        remedy = f"write each number on one line, as `key = {EXAMPLE}`"
        return [Problem(f"{path}:{line}", "(syntax)", str(error), remedy)]
    lines = _lines(text)
    faults: list[tuple[str, str, str]] = []
    base = b""
    if kind is TargetFile and "chip" in raw:
        found = _chip(raw["chip"])
        if isinstance(found, bytes):
            raw, base = _overlaid(tomllib.loads(found.decode()), raw), found
        else:
            faults = [found]
    faults = faults or list(_faults(raw, kind, ""))
    problems = [Problem(_where(path, lines, key), key, what, remedy) for key, what, remedy in faults]
    return problems or (raw, lines, base)


def _chip(name: object) -> bytes | tuple[str, str, str]:
    """The file of the chip that a system is built of, or what is wrong with that name, as :func:`_faults` says it."""
    known = [n for n in list_targets() if isinstance(name, str)]
    if name not in known:
        return "chip", f"found {name!r}", f"give the name of a target; {did_you_mean(str(name), list_targets())}"
    data = _read(_locate(str(name)))
    try:
        valid = not list(_faults(tomllib.loads(data.decode()), TargetFile, ""))  # a system's file is not whole
    except ValueError:  # no UTF-8, no TOML
        valid = False
    return data if valid else ("chip", f"'{name}' is not a valid chip", "give a chip, not a system; check it first")


def _overlaid(chip: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A chip's tables with a system's own keys in their places."""
    both = {**chip, **own}
    for table, keys in chip.items():
        if isinstance(keys, dict) and isinstance(own.get(table), dict):
            both[table] = {**keys, **own[table]}
    return both


def _faults(raw: object, kind: Any, table: str) -> Iterator[tuple[str, str, str]]:
    """What breaks the schema, as (key, what, remedy). msgspec alone would stop at the first fault."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    if not isinstance(raw, dict):
        legal = EXAMPLE if "source" in fields else f"a table with the keys {', '.join(fields)}"
        yield table, f"found {raw!r}", f"write {legal}"
        return
    prefix = f"{table}." if table else ""
    sound = True
    for name in raw:
        if name not in fields:
            sound = False
            yield prefix + name, "unknown key", did_you_mean(name, fields)
    for name, field in fields.items():
        if name not in raw:
            if field.required:
                sound = False
                yield prefix + name, "missing", f"add it to {f'[{table}]' if table else 'the file'}"
        elif nested := _struct(field.type):
            yield from _faults(raw[name], nested, prefix + name)
        else:
            try:
                msgspec.convert(raw[name], field.type)
            except msgspec.ValidationError as error:
                sound = False
                legal = " or ".join(_legal(field.type)) or str(error).partition(", got")[0]
                yield prefix + name, f"found {raw[name]!r}", f"give {legal}"
    if sound and get_origin(kind) is Quantity:
        quantity = msgspec.convert(raw, kind)
        low, high = quantity.band
        if not (low <= quantity.value <= high and math.isfinite(high)):
            what = f"value {quantity.value} is not within low {low} .. high {high}"
            yield table, what, "make low <= value <= high, all finite"


def _struct(kind: Any) -> Any:
    """The Struct in ``Struct``, ``Struct[T]`` or either ``| None``; None for other types."""
    for option in (kind, *get_args(kind)):
        origin = get_origin(option) or option
        if isinstance(origin, type) and issubclass(origin, Struct):
            return option
    return None


def _legal(kind: Any) -> list[str]:
    """Legal values of a type, from its Literals and the descriptions of its limits."""
    if get_origin(kind) is Literal:
        return [repr(option) for option in get_args(kind)]
    here = [meta.description for meta in getattr(kind, "__metadata__", ()) if meta.description]
    return here or [text for part in get_args(kind) for text in _legal(part)]


def _contradictions(target: TargetFile) -> Iterator[tuple[str, str, str]]:
    """Values that are legal alone but not together, as (key, what, remedy)."""
    mesh, core, compartment, weight = target.mesh, target.core, target.compartment, target.weight
    room = mesh.tiles_x.value * mesh.tiles_y.value * mesh.cores_per_tile.value
    if mesh.cores_per_chip.value > room:
        what = f"{mesh.cores_per_chip.value} cores on a mesh that holds {room}"
        yield "mesh.cores_per_chip", what, "at most tiles_x * tiles_y * cores_per_tile"
    if (system := target.system) is not None:
        if (system.chips_x is None) != (system.chips_y is None):
            yield "system", "a grid of chips with one side only", "give chips_x and chips_y, or neither"
        elif system.chips_x is not None and system.chips_y is not None:
            room = system.chips_x.value * system.chips_y.value
            if mesh.chips.value != room:
                yield "mesh.chips", f"{mesh.chips.value} chips on a grid of {room}", "chips_x * chips_y: a full grid"
    for key, low, high in (
        ("compartment.vth_mantissa_min", compartment.vth_mantissa_min, compartment.vth_mantissa_max),
        ("weight.exponent_min", weight.exponent_min, weight.exponent_max),
        ("weight.value_min", weight.value_min, weight.value_max),
    ):
        if low.value > high.value:
            yield key, f"{low.value} is above {key[:-3]}max = {high.value}", "exchange the two"
    if max(weight.legal_bits.value) > weight.mantissa_bits.value:
        what = f"{max(weight.legal_bits.value)} bits, but mantissa_bits = {weight.mantissa_bits.value}"
        yield "weight.legal_bits", what, "at most mantissa_bits"
    longest = 2**target.axon.delay_bits.value - 1
    if compartment.delay_max.value > longest:
        what = f"{compartment.delay_max.value} steps do not fit {target.axon.delay_bits.value} bits"
        yield "compartment.delay_max", what, f"at most {longest}, or more axon.delay_bits"
    for key in POOL_KEYS if core.accounting == "pool" else ():
        if getattr(core, key) is None:
            yield f"core.{key}", "missing, but accounting = 'pool' needs it", "add it to [core]"


def _lines(text: str) -> dict[str, int]:
    """Line number of each ``[table]`` and ``key =``, by dotted key; not of keys inside inline tables."""
    found: dict[str, int] = {}
    table: list[str] = []
    quoted = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not quoted and (match := _LINE.match(line)):
            keys = [key.strip("\"'") for key in re.findall(_KEY, match["table"] or match["key"])]
            if match["table"]:
                table = keys
            found[".".join(keys if match["table"] else table + keys)] = number
        quoted ^= (line.count('"""') + line.count("'''")) % 2 == 1
    return found


def _where(path: str, lines: dict[str, int], key: str) -> str:
    """``path:line`` of the key, else of the table that it should be in, else the path."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return f"{path}:{lines[key]}" if key else path
