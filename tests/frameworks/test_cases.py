"""Every layer and option of every framework: the same bits as the module, or refused with the reason."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
from framework_cases import Case, check, frameworks  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the frameworks

ALL = [pytest.param(case, id=f"{name}: {case}") for name, cases in frameworks().items() for case in cases or ()]


@pytest.mark.parametrize("case", ALL)
def test_exact_or_refused(case: Case) -> None:
    outcome = check(case)
    assert outcome.verdict == ("refused" if case.refused else "exact"), outcome.reason
    if not case.refused:
        assert outcome.bits > 0
