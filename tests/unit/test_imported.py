"""Which frontend reads which module: the classes decide."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from neurodeploy.errors import ModelError
from neurodeploy.frontends import imported
from neurodeploy.frontends.imported import frontend_for


def layer(package: str, *bases: type) -> object:
    """An object whose class says it comes from ``package``."""
    return type("Layer", bases, {"__module__": f"{package}.deep.inside"})()


def container(*parts: object) -> object:
    return SimpleNamespace(modules=lambda: iter(parts))


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        made = ModuleType(f"frontend_{name}")
        made.from_module = name  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, made.__name__, made)
    monkeypatch.setattr(imported, "FRONTENDS", (("one", "frontend_one"), ("two", "frontend_two")))


@pytest.mark.parametrize(("parts", "found"), [(("torch", "two"), "two"), (("one", "one"), "one")])
def test_a_layer_of_a_framework_calls_its_frontend(registry: None, parts: tuple[str, ...], found: str) -> None:
    assert frontend_for(container(*map(layer, parts))) == found


def test_a_users_subclass_counts_as_its_base(registry: None) -> None:
    assert frontend_for(container(layer("mine", type(layer("two"))))) == "two"


def test_two_frameworks_in_one_module_are_refused(registry: None) -> None:
    with pytest.raises(ModelError, match="neurons of one and two"):
        frontend_for(container(layer("one"), layer("two")))


@pytest.mark.parametrize("module", [container(layer("torch")), object(), "text"])
def test_a_module_of_no_framework_is_refused(registry: None, module: object) -> None:
    with pytest.raises(ModelError, match="no layer of a framework") as caught:
        frontend_for(module)
    assert "one, two" in caught.value.remedy
