"""snnTorch's own export, read by us, computes what the torch module computes (reset to zero)."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest

from neurodeploy import Options, load_target
from neurodeploy import compile as compile_model
from neurodeploy.pipeline import run_passes
from neurodeploy.simulate.float_reference import simulate_float

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
snn = pytest.importorskip("snntorch", reason="needs snntorch: python3 tools/test.py installs it")
from snntorch.export_nir import export_to_nir  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the exporters

SNNTORCH_DT_S = 1e-4
SEMANTICS = {"dt_s": SNNTORCH_DT_S, "reset": "value"}


def leaky(shape: tuple[int, ...], beta: float) -> torch.nn.Module:
    return snn.Leaky(
        beta=torch.full(shape, beta),
        threshold=torch.ones(shape),
        reset_mechanism="zero",
        reset_delay=False,
        init_hidden=True,
    )


def synaptic(shape: tuple[int, ...], alpha: float, beta: float) -> torch.nn.Module:
    return snn.Synaptic(
        alpha=torch.full(shape, alpha),
        beta=torch.full(shape, beta),
        threshold=torch.ones(shape),
        reset_mechanism="zero",
        reset_delay=False,
        init_hidden=True,
    )


def fully_connected() -> torch.nn.Sequential:
    layers = [torch.nn.Linear(20, 30), leaky((30,), 0.9), torch.nn.Linear(30, 10), leaky((10,), 0.8)]
    return torch.nn.Sequential(*layers)


def with_currents() -> torch.nn.Sequential:
    layers = [torch.nn.Linear(20, 30), synaptic((30,), 0.7, 0.9), torch.nn.Linear(30, 10), synaptic((10,), 0.5, 0.8)]
    return torch.nn.Sequential(*layers)


def convolutional() -> torch.nn.Sequential:
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        leaky((4, 8, 8), 0.9),
        torch.nn.AvgPool2d((2, 2)),
        torch.nn.Conv2d(4, 6, 3, stride=2),
        leaky((6, 1, 1), 0.8),
        torch.nn.Flatten(),
        torch.nn.Linear(6, 5),
        leaky((5,), 0.5),
    )


def modules(net: torch.nn.Sequential, x: np.ndarray) -> list[np.ndarray]:
    """Output spikes of every neuron layer, (B, T, n), from fresh states."""
    neurons = [m for m in net if isinstance(m, snn.SpikingNeuron)]
    for m in neurons:
        m.reset_mem() if hasattr(m, "reset_mem") else None
    steps: list[list[np.ndarray]] = []
    for t in range(x.shape[1]):
        value, out = torch.tensor(x[:, t], dtype=torch.float32), []
        for m in net:
            value = m(value)
            if m in neurons:
                out.append(value.detach().numpy().reshape(len(x), -1))
        steps.append(out)
    return [np.stack(layer, axis=1) for layer in zip(*steps, strict=True)]


@pytest.mark.parametrize(
    ("build", "shape"), [(fully_connected, (20,)), (with_currents, (20,)), (convolutional, (1, 8, 8))]
)
def test_export_computes_the_same_spikes(tmp_path: Path, build, shape) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    net = build().eval()
    for layer in net:
        if hasattr(layer, "weight"):
            layer.weight.data *= 3
    x = (np.random.default_rng(0).random((8, 60, *shape)) < 0.4).astype(np.uint8)
    expected = modules(net, x)
    nir.write(tmp_path / "net.nir", export_to_nir(net, torch.zeros(1, *shape), ignore_dims=[0]))
    state = run_passes(tmp_path / "net.nir", load_target("loihi2"), Options(SEMANTICS), stop_after="lower")
    assert state.network is not None
    run = simulate_float(state.network, {next(iter(state.network.inputs)): x})
    found = [run.spikes[name] for name in state.network.populations]
    assert len(found) == len(expected)
    for layer, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert theirs.any(), f"layer {layer} is silent: the comparison would prove nothing"
        np.testing.assert_array_equal(ours, theirs)
    program = compile_model(tmp_path / "net.nir", "loihi1", Options(SEMANTICS))
    assert program.net.neurons == sum(s.shape[-1] for s in expected)
