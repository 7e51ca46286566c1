"""The command line options of the test suite."""

from __future__ import annotations

from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parent.parent / ".venv-lava" / "bin" / "python"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--lava-python",
        type=Path,
        metavar="PATH",
        help="interpreter that has Lava 0.10.0; default: that of .venv-lava in the checkout, where there is one",
    )


@pytest.fixture(scope="session")
def lava_python(pytestconfig: pytest.Config) -> Path:
    """The interpreter to run Lava with; tests that need it are skipped where nobody named or made one."""
    given: Path | None = pytestconfig.getoption("--lava-python")
    if given is None and not BESIDE.exists():
        pytest.skip("no Lava: run `python3 tools/test.py`, which makes .venv-lava, or give --lava-python=PATH")
    return given or BESIDE
