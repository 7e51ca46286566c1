"""Reports made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from studies import study

import neurodeploy as nd
from neurodeploy.evaluate import Samples, load_samples
from neurodeploy.report.evidence import Evidence, gather
from neurodeploy.report.study import write_study
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
def versus(bundled: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits-mlp with 8 weight bits on loihi1 and with 4 on loihi2, side by side."""
    folder = tmp_path_factory.mktemp("versus")
    nd.save(nd.compile("digits-mlp", "loihi2", nd.Options(bits=4)), folder / "four.ndp")
    program = bundled["digits-mlp"].with_name("program.ndp")
    compare_files(program, folder / "four.ndp", nd.load_model("digits-mlp").test, folder / "versus.html")
    return folder / "versus.html"


@pytest.fixture(scope="session")
def pages(bundled: dict[str, Path], versus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All of them by name, and a study."""
    path = tmp_path_factory.mktemp("study") / "study.html"
    write_study(study(), path)
    return bundled | {"versus": versus, "study": path}


@pytest.fixture(scope="session")
def conv() -> Evidence:
    """digits-conv on two cores of loihi1, on 12 samples, which are then all shown."""
    model = nd.load_model("digits-conv")
    samples = load_samples(model.test)
    assert samples.labels is not None
    return gather(nd.compile(model.nir, "loihi1"), Samples(samples.spikes[:12], samples.labels[:12]))
