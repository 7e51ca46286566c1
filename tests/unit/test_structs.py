"""The structures that Python hands to C have the members of those that C reads; else it would read something else."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import pytest

from neurodeploy.simulate.structs import WORD, Population, Projection, Raster

HEADER = (Path(__file__).resolve().parents[2] / "neurodeploy" / "kernels" / "nd.h").read_text(encoding="utf-8")
TYPES = {"int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "nd_step": ctypes.c_void_p}
DECLARATION = re.compile(r"(?:const )?(?P<type>\w+)(?P<members>.+)", re.DOTALL)
MEMBER = re.compile(r"(?P<stars>(?:\*(?: ?const\b)? ?)*)(?P<name>\w+)(?:\[(?P<count>\d+)\])?")


def members(name: str) -> list[tuple[str, Any]]:
    """Names and ctypes of a structure's members, in order, as the header declares them."""
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    typedef = re.search(rf"typedef struct {{([^}}]*)}} {name};", code)
    body = (typedef or re.search(rf"struct {name} {{([^}}]*)}};", code))[1]  # type: ignore[index]
    found: list[tuple[str, Any]] = []
    for line in filter(None, map(str.strip, body.split(";"))):
        declaration = DECLARATION.fullmatch(line)
        assert declaration, line
        for text in declaration["members"].split(","):
            member = MEMBER.fullmatch(text.strip())
            assert member, text
            kind = ctypes.c_void_p if member["stars"] else TYPES[declaration["type"]]
            found.append((member["name"], kind * int(member["count"]) if member["count"] else kind))
    return found


@pytest.mark.parametrize(
    ("name", "structure"), [("nd_raster", Raster), ("nd_population", Population), ("nd_projection", Projection)]
)
def test_members(name: str, structure: Any) -> None:
    declared = members(name)
    assert [member for member, _ in declared] == [member for member, _ in structure._fields_]
    assert declared == structure._fields_
    assert len(declared) >= 6


def test_constants() -> None:
    assert re.search(r"#define ND_WORD (\d+)", HEADER)[1] == str(WORD)  # type: ignore[index]
