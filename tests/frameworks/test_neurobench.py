"""NeuroBench's metrics of a network on the chip equal NeuroBench's own of the same network in torch."""

from __future__ import annotations

import numpy as np
import pytest

import neurodeploy as nd
from neurodeploy.estimate.metrics import connection_sparsity, membrane_updates
from neurodeploy.mapping import map_network

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
snn = pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
pytest.importorskip("neurobench", reason="needs neurobench: python3 tools/test.py installs it")

THRESHOLD = 40
SIZES = (12, 15, 6)
STEPS = 25


def weights(rng: np.random.Generator, graded: bool) -> list[np.ndarray]:
    """Even integers, as mixed weights are, and a third of them zero."""
    largest = 4 if graded else 12
    return [
        2 * rng.integers(-largest, largest + 3, (n, m)) * (rng.random((n, m)) < 0.67)
        for m, n in zip(SIZES[:-1], SIZES[1:], strict=True)
    ]


def chip_run(given: list[np.ndarray], messages: np.ndarray, graded: bool) -> tuple[nd.Run, nd.Program]:
    """Compartments that keep all of v and none of u, as a Leaky of beta 1."""
    net = nd.ChipNetwork()
    net.add_input("in", shape=SIZES[0], message_bits=8 if graded else 0)
    for k, w in enumerate(given):
        name, source = f"l{k}", f"l{k - 1}" if k else "in"
        net.add_population(name, shape=SIZES[k + 1], du=4095, dv=0, vth=THRESHOLD, start=k + 1)
        net.connect(source, name, w)
    chip = nd.load_target("loihi2")
    program = nd.Program(net, map_network(net, chip), chip, {"out": "l1"}, "count", {}, {}, {})
    return nd.simulate(program, messages, record={f"l{k}": ("v",) for k in range(len(given))}), program


@pytest.mark.parametrize("graded", [False, True])
def test_metrics_equal_neurobench(graded: bool) -> None:
    from neurobench.hooks.layer import LayerHook
    from neurobench.hooks.neuron import NeuronHook
    from neurobench.metrics.static import ConnectionSparsity
    from neurobench.metrics.workload import ActivationSparsity, MembraneUpdates, SynapticOperations
    from neurobench.models import SNNTorchModel
    from torch import nn

    rng = np.random.default_rng(3)
    given = weights(rng, graded)
    messages = (rng.random((3, STEPS, SIZES[0])) < 0.4).astype(np.int32)
    if graded:
        messages *= rng.integers(-3, 6, messages.shape, dtype=np.int32)
        messages[:, :, 0] = 5  # NeuroBench takes a step's input for spikes if it has none but -1, 0 and 1
    run, program = chip_run(given, messages if graded else messages.astype(np.uint8), graded)

    layers = []
    for w in given:
        linear = nn.Linear(w.shape[1], w.shape[0], bias=False)
        linear.weight.data = torch.tensor(w, dtype=torch.float32)
        leaky = snn.Leaky(
            beta=1.0, threshold=THRESHOLD, reset_mechanism="zero", reset_delay=False, init_hidden=True, output=False
        )
        layers += [linear, leaky]
    layers[-1].output = True
    model = SNNTorchModel(nn.Sequential(*layers))
    model.connection_hooks = [LayerHook(layer) for layer in layers[::2]]
    model.activation_hooks = [NeuronHook(layer) for layer in layers[1::2]]
    found = model(torch.tensor(messages, dtype=torch.float32))
    live = run.spikes["l1"][:, 2 : 2 + STEPS]
    np.testing.assert_array_equal(live, found.detach().numpy().astype(np.uint8))
    assert 0.05 < live.mean() < 0.95

    data = (torch.tensor(messages), torch.zeros(3))
    metrics = nd.estimate(run, program).metrics
    theirs = SynapticOperations()(model, found, data)
    assert metrics["SynapticOperations"] == pytest.approx({name: float(n) for name, n in theirs.items()}, rel=1e-6)
    assert (metrics["SynapticOperations"]["Effective_MACs"] > 0) is graded
    assert metrics["ActivationSparsity"] == pytest.approx(ActivationSparsity()(model, found, data), rel=1e-12)
    assert metrics["ConnectionSparsity"] == connection_sparsity(program.net) == ConnectionSparsity()(model)
    assert membrane_updates(run, program.net) == pytest.approx(float(MembraneUpdates()(model, found, data)))
