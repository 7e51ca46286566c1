"""What ``import neurodeploy`` brings, and what comes later."""

from __future__ import annotations

import subprocess
import sys

import pytest

import neurodeploy as nd


def test_all_names_are_there() -> None:
    for name in nd.__all__:
        assert getattr(nd, name) is not None
        assert name in dir(nd)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'neurodeploy' has no attribute 'convrt'"):
        _ = nd.convrt
    assert not hasattr(nd, "scipy")


def test_what_comes_later() -> None:
    """scipy alone takes as long to import as all that comes at once."""
    code = """
import sys, neurodeploy
names = [f"neurodeploy.{name}" for name in neurodeploy.LATER]
print([name for name in [*names, "scipy"] if name in sys.modules])
print([getattr(neurodeploy, name).__name__ for name in neurodeploy.LATER] == names)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["[]", "True"]
