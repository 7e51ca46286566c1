"""From a trained torch module to a chip, in the few lines of the README; what is proven and what refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from framework_cases import louder

import neurodeploy as nd
from neurodeploy.compare import compare_models
from neurodeploy.errors import ModelError, UnsupportedFeature

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
snn = pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")

SPIKES = (np.random.default_rng(0).random((6, 60, 20)) < 0.3).astype(np.uint8)


def snntorch_net(**options: Any) -> Any:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(20, 30), snn.Leaky(beta=0.9, init_hidden=True, **options)]
    return louder(
        torch.nn.Sequential(*layers, torch.nn.Linear(30, 10), snn.Leaky(beta=0.8, init_hidden=True, **options))
    )


SAMPLES = {"drawn": None, "numpy": SPIKES, "torch": torch.tensor(SPIKES, dtype=torch.float32)}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_snntorch_with_its_defaults(target: str, sample: Any) -> None:
    """reset_mechanism='subtract' with reset_delay, on both chips."""
    net = snntorch_net()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    program = nd.compile(net, target, sample=sample)
    proof: Any = program.provenance["proof"]
    assert proof["framework"].startswith("snntorch") and proof["void"] == []
    assert proof["mismatching"] == proof["ties"] and all(row["rate"] > 0.01 for row in proof["layers"])
    assert (proof["input"] == "given") == (sample is not None)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    facts = compare_models(net, program, SPIKES).to_dict()
    assert all(row["mismatching"] / row["bits"] < 0.06 for row in facts["layers"])


def test_norse_reaches_a_chip() -> None:
    norse = pytest.importorskip("norse.torch", reason="needs norse: python3 tools/test.py installs it")
    torch.manual_seed(0)
    layers = [torch.nn.Linear(20, 30), norse.LIFCell(), torch.nn.Linear(30, 10), norse.LIFCell()]
    net = norse.SequentialState(*layers)
    for p in net.parameters():
        p.data *= 8
    program = nd.compile(net, "loihi2", sample=SPIKES)
    proof: Any = program.provenance["proof"]
    assert proof["framework"].startswith("norse") and proof["void"] == [] and proof["mismatching"] == proof["ties"]
    facts = compare_models(net, program, SPIKES).to_dict()
    assert all(row["mismatching"] / row["bits"] < 0.06 for row in facts["layers"])


def test_what_a_chip_lacks_names_the_layer_and_the_alternative() -> None:
    with pytest.raises(UnsupportedFeature, match="doubles") as caught:
        nd.compile(snntorch_net(reset_delay=False), sample=SPIKES)
    assert "layer '1'" in caught.value.where and "reset_delay=True" in caught.value.remedy


def test_a_module_without_neurons_is_refused() -> None:
    with pytest.raises(ModelError, match="no layer of a framework") as caught:
        nd.compile(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()))
    assert "snntorch" in caught.value.remedy


def test_a_sample_of_another_width_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        nd.compile(snntorch_net(), sample=SPIKES[:, :, :7])
    assert caught.value.where and caught.value.remedy
