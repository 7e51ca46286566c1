"""Adapters of other frameworks' importers: what they do well comes out exact, what they are known to lose is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurodeploy.conformance.judge import try_case
from neurodeploy.conformance.suite import load_suite, write_suite

pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "conformance"
KNOWN = {
    "norse": {
        "node/lif": "exact",
        "node/cubalif-per-neuron": "exact",
        "topology/two-layers~shuffled": "exact",
        "node/lif-unit": "WRONG",  # r is ignored
        "node/li": "WRONG",  # unknown nodes cut the network off
        "topology/skip": "WRONG",  # executed in the order of the edges
        "refuse/nan-weight": "ACCEPTED",
        "refuse/dangling-edge": "rejected",
    },
    "snntorch": {
        "node/lif-unit": "exact",
        "node/cubalif": "exact",
        "layer/conv2d-same-dilated": "exact",
        "topology/skip~reversed": "exact",
        "node/lif-v-reset": "WRONG",  # v_reset is ignored
        "node/if": "refused",
        "node/lif-subtract": "n/a",
    },
    "spikingjelly": {
        "node/tie-ge": "exact",
        "node/cubalif": "exact",
        "topology/recurrent~shuffled": "exact",
        "topology/nested": "exact",
        "time/reset-v": "exact",
        "layer/flatten-linear": "exact",
        "layer/pool-sum-padding": "WRONG",  # the padding is dropped
        "node/li": "refused",
        "node/tie-gt": "n/a",
    },
    "sinabs": {
        "integrate/two-layers": "exact",
        "integrate/conv2d-stride": "exact",
        "integrate/skip": "WRONG",  # executed in the order of the edges
        "node/lif": "n/a",
    },
    "rockpool": {
        "rounding/exp-cubalif": "WRONG",  # its r and w_in are not NIR's
        "integrate/affine": "refused",
        "refuse/empty": "rejected",
    },
}


@pytest.mark.filterwarnings("ignore")  # of the importers
@pytest.mark.parametrize("framework", KNOWN)
def test_an_importer(framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(framework, reason=f"needs {framework}: python3 tools/test.py installs it", exc_type=ImportError)
    monkeypatch.syspath_prepend(str(TOOLS))
    import importers

    backend = getattr(importers, framework)()
    write_suite(tmp_path, backend.declaration.dt_s, KNOWN[framework])
    found = {entry.name: try_case(backend, entry).status for entry in load_suite(tmp_path)}
    assert found == KNOWN[framework]
