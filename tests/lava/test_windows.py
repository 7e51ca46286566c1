"""Late starts by nothing but Lava: its own LIF, whose bias is set when the population starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.bundled import load_model
from neurodeploy.evaluate import load_samples
from neurodeploy.export.lava import client, shim

SAMPLES = 3

PLAIN_LAVA = """
import sys
import numpy as np
from pathlib import Path
folder = Path(sys.argv[1])
sys.path.insert(0, str(np.load(folder / "given.npz")["shim"]))
import shim
shim.install()
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.extractor import Extractor, PyLoihiExtractorModel
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF
from lava.utils.weightutils import SignMode

given = np.load(folder / "given.npz")
steps, layers, results = int(given["steps"]), int(given["layers"]), {}
for sample, spikes in enumerate(given["spikes"]):
    before, lifs, readers = RingBuffer(data=spikes.astype(np.int32)), [], []
    for k in range(layers):
        weights, exponent = given[f"weights{k}"].astype(np.int32), int(given[f"exponent{k}"])
        synapse = Dense(weights=weights, weight_exp=exponent, num_message_bits=0, sign_mode=SignMode.MIXED)
        n = len(weights)
        du, dv, vth, exponent = (int(given[f"{name}{k}"]) for name in ("du", "dv", "vth", "bias_exp"))
        zeros = np.zeros(n, np.int32)
        lif = LIF(shape=(n,), du=du, dv=dv, vth=vth, bias_mant=zeros, bias_exp=np.full(n, exponent, np.int32))
        readers.append(Extractor(shape=(n,), buffer_size=steps + 1))
        before.s_out.connect(synapse.s_in)
        synapse.a_out.connect(lif.a_in)
        lif.s_out.connect(readers[-1].in_port)
        lifs.append(lif)
        before = lif
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={Extractor: PyLoihiExtractorModel})
    for k in range(layers + 1):
        lifs[0].run(condition=RunSteps(num_steps=1 if k < layers else steps - layers), run_cfg=config)
        lifs[0].wait()
        if k < layers:  # layer k starts after k + 1 steps
            lifs[k].bias_mant.set(given[f"bias{k}"].astype(np.int32))
    for k, reader in enumerate(readers):
        results[f"s{sample}_{k}"] = np.stack([reader.receive() for _ in range(steps)])
    lifs[0].stop()
np.savez(folder / "results.npz", **results)
"""


@pytest.mark.slow
def test_a_model_with_biases(lava_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = nd.compile("digits-mlp", "loihi2").net
    spikes = load_samples(load_model("digits-mlp").test).spikes[:SAMPLES]
    run = nd.simulate(net, spikes)
    padded = np.pad(spikes.transpose(0, 2, 1), ((0, 0), (0, 0), (0, run.steps - spikes.shape[1])))
    given = {
        "shim": str(Path(shim.__file__).parent),
        "spikes": padded,
        "steps": run.steps,
        "layers": len(net.projections),
    }
    for k, (population, projection) in enumerate(zip(net.populations.values(), net.projections, strict=True)):
        assert population.start == k + 1 and np.any(population.fields["bias_mant"])
        given |= {f"{name}{k}": population.fields[name] for name in ("du", "dv", "vth", "bias_exp")}
        given |= {f"bias{k}": population.full("bias_mant")}
        given |= {f"weights{k}": projection.connection.weights, f"exponent{k}": projection.weight_exp}
    np.savez(tmp_path / "given.npz", **given)
    (tmp_path / "plain.py").write_text(PLAIN_LAVA)
    monkeypatch.setattr(client, "WORKER", tmp_path / "plain.py")
    client._run_worker(lava_python, tmp_path, 1, 120)  # for its cleaning up
    with np.load(tmp_path / "results.npz") as found:
        for k, population in enumerate(net.populations.values()):
            last = population.start + spikes.shape[1]  # Lava's goes on after that
            for sample in range(SAMPLES):
                expected = run.spikes[population.name][sample, :last]
                np.testing.assert_array_equal(found[f"s{sample}_{k}"][:last], expected)
                assert expected.any() and not expected[: population.start].any()
