"""A fault sweep over worker processes: the rows of one here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.errors import InvalidFault
from neurodeploy.robustness import Case, cells_of, sweep
from neurodeploy.robustness.cases import digest_of


def test_the_rows_and_the_table_are_those_of_a_sweep_here(
    local: nd.cluster.Cluster, slow_case: tuple[nd.Program, np.ndarray], tmp_path: Path
) -> None:
    program, spikes = slow_case
    case = Case("m", program, spikes[:6], np.arange(6) % 3, digest_of(program), "d")
    cells = cells_of(["weight_loss", "input_noise", "dead=0.3"], (0.2, 0.5), 2)
    here = sweep([case], cells, table=tmp_path / "here.csv")
    assert sweep([case], cells, table=tmp_path / "there.csv", cluster=local) == here
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()
    assert len({row["spikes"] for row in here}) > 5
    with pytest.raises(InvalidFault, match="not a population"):
        sweep([case], cells_of(["dead=0.1@nobody"], (), 1), cluster=local)
