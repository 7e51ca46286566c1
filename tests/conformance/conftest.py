"""The suite as files, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurodeploy.conformance import suite


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite that no test changes."""
    made = tmp_path_factory.mktemp("suite")
    suite.write_suite(made)
    return made


@pytest.fixture(scope="session")
def entries(folder: Path) -> dict[str, suite.Entry]:
    """Its cases by name."""
    return {entry.name: entry for entry in suite.load_suite(folder)}
