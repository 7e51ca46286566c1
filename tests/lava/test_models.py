"""Other neuron models on Lava: overflow class by class, ``verify``, and what Lava computes in more bits than the chip.

Random networks of all models are in test_against_lava.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lava_networks import messages, resonator_network, sigma_delta_network
from programs import program_of

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import SimulationError
from neurodeploy.export.lava import run_lava, run_lava_many
from neurodeploy.neurons import model_named
from neurodeploy.simulate.engine import run_fast
from neurodeploy.simulate.plan import Plan
from neurodeploy.simulate.reference import run_reference
from neurodeploy.verify import verify

TIMEOUT_S = 300.0


def overflowing(kind: str, delayed: bool, exp: int) -> Plan:
    """Section 11: three weights of 254 on messages of 2^23 - 1, so that the sum leaves 32 bits before its shift."""
    net = ChipNetwork()
    net.add_input("in", shape=3, message_bits=24)
    net.add_population("out", shape=1, model="graded_vec", vth=0)
    net.add_population("single", shape=1, model="graded_vec", vth=0)
    net.connect("in", "out", [[254] * 3], kind=kind, weight_exp=exp, delays=1 if delayed else None)
    net.add_input("in32", shape=3, message_bits=32)  # here each product leaves 32 bits
    net.connect(
        "in32", "single", [[254, -256, 130]], kind=kind, weight_exp=exp, delays=[[1, 0, 1]] if delayed else None
    )
    net.connect("out", "single", [[2]], weight_exp=-1, kind="sparse")
    single = np.zeros((1, 4, 3), np.int32)
    both = {"in": single.copy(), "in32": single}
    both["in"][:, 0], both["in32"][:, 0] = 2**23 - 1, [2**31 - 1, -(2**31), 2**30 + 12345]
    return Plan(net, both, 5, 5, dict.fromkeys(net.populations, ()), False)


@pytest.mark.slow
def test_overflow_of_products_and_sums(lava_python: Path) -> None:
    cases = {(k, d, e): overflowing(k, d, e) for k in ("dense", "sparse") for d in (False, True) for e in (-4, 0)}
    outcomes = run_lava_many(list(cases.values()), python=lava_python, timeout_s=TIMEOUT_S)
    for (key, plan), lava in zip(cases.items(), outcomes, strict=True):
        expected = 2097151238 if key[2] == 0 else 399507408 if key[:2] == ("dense", True) else 131071952
        assert lava.spikes["out"][0, 2 if key[1] else 1, 0] == expected, key
        assert lava.spikes["single"].any(), key
        for engine in (run_reference, run_fast):
            ours = engine(plan)
            for name, values in lava.spikes.items():
                np.testing.assert_array_equal(ours.spikes[name], values, err_msg=f"{key} {name}")


@pytest.mark.slow
@pytest.mark.parametrize("net", [sigma_delta_network(), resonator_network()], ids=["sigma-delta", "resonators"])
def test_verify_against_lava(net: ChipNetwork, lava_python: Path) -> None:
    facts = verify(program_of(net), messages(net), "lava", lava_python=lava_python)
    registers = {(n, r) for n, p in net.populations.items() for r in model_named(p.model).registers}
    outputs = {(n, s) for n, p in net.populations.items() for s in model_named(p.model).outputs}
    assert (
        facts["equal"] and {(row["population"], row["register"]) for row in facts["registers"]} == registers | outputs
    )


@pytest.mark.slow
def test_values_beyond_32_bits_are_an_error(lava_python: Path) -> None:
    net = ChipNetwork()
    net.add_input("in", shape=1, message_bits=32)
    net.add_population("encoder", shape=1, model="delta_encoder", spike_exp=4)
    net.connect("in", "encoder", kind="direct")
    plan = Plan(net, {"in": np.full((1, 3, 1), 2**28, np.int32)}, 4, 4, {}, False)
    with pytest.raises(SimulationError, match=r"not 32-bit integers; DeltaEncoder"):
        run_lava(plan, python=lava_python, timeout_s=60)
