"""Whether two engines did the same."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from neurodeploy.simulate.plan import Outcome, WholeOutcome


def assert_same(found: Outcome, expected: Outcome) -> None:
    for field in fields(WholeOutcome):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            if field.name != "states":
                np.testing.assert_array_equal(ours[name], theirs[name], err_msg=f"{field.name} of {name}")
                assert np.asarray(ours[name]).dtype == np.asarray(theirs[name]).dtype
                continue
            for register in theirs[name]:
                np.testing.assert_array_equal(
                    ours[name][register], theirs[name][register], err_msg=f"{name}.{register}"
                )
