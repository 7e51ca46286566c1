"""Reports made once, and what tests look for in them."""

from __future__ import annotations

from pathlib import Path

import html5lib
import pytest

import neurodeploy as nd
from neurodeploy.report.write import compare_files, report_files

MODELS = ("digits-conv", "digits-mlp", "vowels-rsnn")


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of each bundled model on loihi1 and its whole test set; the program lies beside it."""
    pages = {}
    for name in MODELS:
        folder = tmp_path_factory.mktemp(name)
        nd.save(nd.compile(name, "loihi1"), folder / "program.ndp")
        report_files(folder / "program.ndp", nd.load_model(name).test, folder / "report.html")
        pages[name] = folder / "report.html"
    return pages


@pytest.fixture(scope="session")
def beside(bundled: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-mlp with 8 and with 4 weight bits, side by side."""
    folder = tmp_path_factory.mktemp("beside")
    nd.save(nd.compile("digits-mlp", "loihi1", nd.Options(bits=4)), folder / "four.ndp")
    program = bundled["digits-mlp"].with_name("program.ndp")
    compare_files(program, folder / "four.ndp", nd.load_model("digits-mlp").test, folder / "versus.html")
    return folder / "versus.html"


def parsed(page: Path):  # type: ignore[no-untyped-def]
    """The page's tree; raises where HTML5 does not allow what it says."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page.read_text(encoding="utf-8"))
