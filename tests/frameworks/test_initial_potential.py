"""Trained initial potentials and the losses that go with them: formulas, gradients, frameworks, down to the chip."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from layerwise import layer_synchronous, on_the_chip
from numpy.typing import NDArray

import neurodeploy as nd
from neurodeploy.errors import ModelError, ShapeMismatch, SimulationError, UnsupportedFeature, UnsupportedNode
from neurodeploy.evaluate import run_program
from neurodeploy.export.nir import LossyExport
from neurodeploy.quantize.last_step import last_step_only
from neurodeploy.simulate.readout import classify

torch = pytest.importorskip("torch", reason="needs torch: python3 tools/test.py installs it")
from torch import nn  # noqa: E402

losses, functional = nd.train.losses, torch.nn.functional
STEPS, SAMPLES, N_IN = 6, 10, 12
BY_MEMBRANE = nd.Options({"readout": "v_sum"})


def spikes(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return (np.random.default_rng(seed).random((SAMPLES, STEPS, *shape)) < 0.4).astype(np.uint8)


def louder(net: Any, gain: float = 4.0) -> Any:
    for p in net.parameters():
        if p.ndim > 1 and p.shape[0] > 1:
            p.data *= gain
    return net


def stack(**options: Any) -> Any:
    """Two layers of neurons and a read-out without memory."""
    return louder(
        nn.Sequential(
            nn.Linear(N_IN, 14),
            nd.train.LIF(14, **options),
            nn.Linear(14, 9),
            nd.train.IF(9, **options),
            nn.Linear(9, 4),
        )
    )


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def outputs() -> tuple[Any, Any]:
    return 2 * torch.randn(7, STEPS, 5, dtype=torch.float64), torch.randint(0, 5, (7,))


def cross_entropy(logits: Any, target: Any) -> Any:
    """Of (K,) logits and (K,) probabilities, from its definition."""
    return -(target * (logits - logits.exp().sum().log())).sum()


def test_losses_are_their_definitions(outputs: tuple[Any, Any]) -> None:
    o, y = outputs
    one_hot = functional.one_hot(y, 5).double()
    per_step = [[cross_entropy(o[b, t], one_hot[b]) for t in range(STEPS)] for b in range(7)]
    mean = torch.tensor(per_step).mean()
    assert losses.sdt(o, y).item() == pytest.approx(
        torch.stack([cross_entropy(o[b].mean(0), one_hot[b]) for b in range(7)]).mean().item(), abs=1e-12
    )
    assert losses.tet(o, y).item() == pytest.approx(mean.item(), abs=1e-12)
    drawn = ((o - 0.5) ** 2).mean()
    assert losses.tet(o, y, lam=0.05, phi=0.5).item() == pytest.approx((0.95 * mean + 0.05 * drawn).item(), abs=1e-12)
    smooth = 0.9 * one_hot + 0.1 / 5
    soft = torch.stack([cross_entropy(o[b, t], smooth[b]) for b in range(7) for t in range(STEPS)]).mean()
    assert losses.tet_smooth(o, y, alpha=0.1).item() == pytest.approx(soft.item(), abs=1e-12)
    assert losses.tet_smooth(o, y, alpha=0.0).item() == pytest.approx(mean.item(), abs=1e-12)
    last = torch.tensor([row[-1] for row in per_step]).mean()
    assert losses.lts(o, y).item() == pytest.approx(last.item(), abs=1e-12)
    assert len({round(loss(o, y).item(), 6) for loss in (losses.sdt, losses.tet, losses.tet_smooth, losses.lts)}) == 4


def test_smooth_tet_is_cross_entropy_with_label_smoothing(outputs: tuple[Any, Any]) -> None:
    o, y = outputs
    rows = torch.cat([o[:, t] for t in range(STEPS)]), y.repeat(STEPS)
    expected = functional.cross_entropy(*rows, label_smoothing=0.01)
    assert abs(losses.tet_smooth(o, y) - expected).item() < 1e-6


def test_the_mean_trains_like_every_step_only_where_all_steps_are_equal(outputs: tuple[Any, Any]) -> None:
    o, y = outputs
    still = o[:, :1].expand(-1, STEPS, -1)
    assert losses.sdt(still, y).item() == pytest.approx(losses.tet(still, y).item(), abs=1e-12)
    assert losses.sdt(o, y).item() < losses.tet(o, y).item() - 0.1


def test_predictions(outputs: tuple[Any, Any]) -> None:
    o, _ = outputs
    for name in ("sdt", "tet", "tet_smooth"):
        assert torch.equal(losses.predict(name, o), o.mean(1).argmax(1))
    assert torch.equal(losses.predict("lts", o), o[:, -1].argmax(1))
    assert not torch.equal(losses.predict("lts", o), losses.predict("sdt", o))


def test_losses_refuse() -> None:
    o, y = torch.zeros(3, 2, 4), torch.zeros(3, dtype=torch.int64)
    for loss in (losses.sdt, losses.tet, losses.tet_smooth, losses.lts):
        for wrong in ((o[0], y), (o[:, :0], y), (o, y[:2])):
            with pytest.raises(ShapeMismatch):
                loss(*wrong)
    with pytest.raises(SimulationError, match="lam"):
        losses.tet(o, y, lam=2.0)
    with pytest.raises(SimulationError, match="alpha"):
        losses.tet_smooth(o, y, alpha=-0.1)
    with pytest.raises(SimulationError, match="no loss"):
        losses.predict("mse", o)


@pytest.mark.parametrize("granularity", ["neuron", "channel"])
@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_gradient_of_v0_is_that_of_the_smoothed_model(reset: str, granularity: str) -> None:
    """With a smooth function for the spikes, autograd against central differences, through two layers and all steps."""
    options = {"v0": granularity, "reset": reset, "detach_reset": False, "spikes": lambda x: torch.sigmoid(4 * x)}
    net = nn.Sequential(
        nd.train.LIF((3, 2, 2), **options), nn.Flatten(2), nn.Linear(12, 5), nd.train.IF(5, **options), nn.Linear(5, 3)
    ).double()
    x, y = torch.rand(4, STEPS, 3, 2, 2, dtype=torch.float64), torch.tensor([0, 1, 2, 1])
    losses.sdt(net(x), y).backward()
    for layer in (net[0], net[3]):
        for k in range(layer.v0.numel()):
            found = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    layer.v0.view(-1)[k] += step
                    found.append(losses.sdt(net(x), y).item())
                    layer.v0.view(-1)[k] -= step
            expected = (found[0] - found[1]) / 2e-5
            assert layer.v0.grad.view(-1)[k].item() == pytest.approx(expected, rel=1e-5, abs=1e-9)
        assert (layer.v0.grad.abs() > 1e-4).any()


def test_surrogate_gradients_reach_v0() -> None:
    """One neuron, one step: d spike / d v0 is beta times the surrogate at ``beta v0 + x - threshold``."""
    for surrogate in (nd.train.neuron.arctan, nd.train.neuron.triangle):
        layer = nd.train.LIF(1, beta=0.5, v0=[0.4], surrogate=surrogate)
        layer(torch.full((1, 1, 1), 0.6)).sum().backward()
        assert layer.v0.grad.item() == pytest.approx(0.5 * surrogate(torch.tensor(-0.2)).item(), abs=1e-6)


def test_v0_is_not_decayed() -> None:
    net = nn.Sequential(stack(v0="neuron"), nd.train.LIF(4, v0="channel"))
    net[0][2].bias.requires_grad_(False)
    decayed, starts = nd.train.parameter_groups(net, 1e-2)
    assert decayed["weight_decay"] == 1e-2 and starts["weight_decay"] == 0
    assert [id(p) for p in starts["params"]] == [id(m.v0) for m in (net[0][1], net[0][3], net[1])]
    every = {id(p) for p in net.parameters() if p.requires_grad}
    assert {id(p) for p in decayed["params"]} == every - {id(p) for p in starts["params"]}
    optimiser = torch.optim.AdamW(nd.train.parameter_groups(net, 0.5), lr=0.1)
    before, weight = net[0][1].v0.detach().clone(), net[0][0].weight.detach().clone()
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimiser.step()
    assert torch.equal(net[0][1].v0, before) and not torch.equal(net[0][0].weight, weight)
    assert len(nd.train.parameter_groups(stack(), 0.1)) == 1


def test_shapes_and_draws() -> None:
    assert nd.train.LIF(5).v0 is None
    assert nd.train.LIF((3, 2, 2), v0="neuron").v0.shape == (3, 2, 2)
    assert nd.train.LIF((3, 2, 2), v0="channel").v0.shape == (3, 1, 1)
    given = nd.train.LIF((3, 2, 2), v0=np.full((3, 1, 1), 0.25))
    assert given.v0.requires_grad and torch.equal(given.v0, torch.full((3, 1, 1), 0.25))
    drawn = nd.train.LIF(4000, v0="neuron", spread=(0.4, 0.6)).v0
    assert 0.4 <= drawn.min() < 0.41 and 0.59 < drawn.max() <= 0.6


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"v0": "random"}, ModelError),
        ({"v0": [0.1, 0.2]}, ShapeMismatch),
        ({"v0": [float("nan")]}, ModelError),
        ({"reset": "value"}, ModelError),
        ({"fires": ">"}, ModelError),
        ({"beta": 1.1}, ModelError),
        ({"threshold": 0.0}, ModelError),
    ],
)
def test_layers_refuse(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        nd.train.LIF(3, **options)
    with pytest.raises(ShapeMismatch):
        nd.train.LIF(3)(torch.zeros(2, 4, 5))


def test_every_sample_starts_anew() -> None:
    net, x = stack(v0="neuron", spread=(-1.0, 1.5)), torch.as_tensor(spikes(N_IN)).float()
    order = torch.randperm(SAMPLES)
    assert torch.equal(net(x)[order], net(x[order]))
    assert torch.equal(net(x), net(x))
    torch.testing.assert_close(torch.cat([net(x[b : b + 1]) for b in range(SAMPLES)]), net(x))


@pytest.mark.parametrize("fires", ["gt", "ge"])
@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_down_to_the_chip(reset: str, fires: str) -> None:
    """Proven against the module, and every integer that of the layers alone."""
    leak = {"beta": 1.0} if (reset, fires) == ("subtract", "ge") else {}  # else synapses stand for the reset
    net, x = stack(v0="neuron", spread=(-1.0, 1.5), reset=reset, fires=fires, **leak), spikes(N_IN)
    program = nd.compile(net, "loihi2", BY_MEMBRANE, sample=x)
    proof: Any = program.provenance["proof"]
    assert proof["mismatching"] == proof["ties"] and proof["void"] == []
    run = nd.simulate(program.net, x, record=dict.fromkeys(program.net.populations, ("v",)))
    for name, golden in layer_synchronous(program.net, x).items():
        for found, expected in zip(on_the_chip(program.net, run, STEPS)[name], golden, strict=True):
            np.testing.assert_array_equal(found, expected)
    assert all(
        (np.sign(program.net.populations[n].full("v0")) == np.sign(net[int(n)].v0.numpy(force=True))).all()
        for n in ("1", "3")
    )


def test_maps_with_a_potential_per_channel() -> None:
    class Maps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fire = nn.Conv2d(2, 3, 3, padding=1), nd.train.LIF((3, 4, 4), v0="channel", spread=(-1, 1))
            self.last = nn.Linear(48, 5)

        def forward(self, x: Any) -> Any:
            maps = self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            return self.last(self.fire(maps).flatten(2))

    net, x = louder(Maps(), 3.0), spikes(2, 4, 4)
    program = nd.compile(net, "loihi2", nd.Options({"readout": "v_sum"}, input_shape=(2, 4, 4)), sample=x)
    registers = program.net.populations["fire"].full("v0").reshape(3, 16)
    assert (registers == registers[:, :1]).all() and len(set(registers[:, 0])) == 3


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    net, x = stack(v0="neuron", spread=(-1.0, 1.5)), spikes(N_IN)
    with pytest.raises(LossyExport) as refused:
        nd.export_nir(net, tmp_path / "a.nir", BY_MEMBRANE, sample=x)
    assert len(refused.value.lost) == 2
    assert all(f"{n}: membrane at the start" in line for n, line in zip("13", refused.value.lost, strict=True))
    with pytest.warns(UserWarning, match="membrane at the start"):
        nd.export_nir(net, tmp_path / "a.nir", BY_MEMBRANE, sample=x, allow_lossy=True)
    direct, read = nd.compile(net, "loihi2", BY_MEMBRANE, sample=x), nd.compile(tmp_path / "a.nir", "loihi2")
    for name, population in direct.net.populations.items():
        for field, values in population.fields.items():
            np.testing.assert_array_equal(read.net.populations[name].fields[field], values, err_msg=f"{name}, {field}")
    assert np.any(direct.net.populations["1"].fields["v0"])
    nd.save(read, tmp_path / "a.ndp")
    stored = nd.load(tmp_path / "a.ndp")
    ours, theirs = (nd.simulate(p, x).spikes for p in (stored, direct))
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_zeros_go_out_without_a_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k, start in enumerate(({}, {"v0": [0.0]})):
            facts = nd.export_nir(stack(**start), tmp_path / f"{k}.nir", BY_MEMBRANE, sample=spikes(N_IN))
            assert facts["losses"] == []


def test_a_chip_that_cannot_preload() -> None:
    """It is given the potentials as input, by a neuron of its own; or the layer is refused by name."""
    chip: Any = nd.load_target("loihi2")
    lacking = msgspec.structs.replace(chip.compartment.v0_preload, value=False)
    chip = msgspec.structs.replace(chip, compartment=msgspec.structs.replace(chip.compartment, v0_preload=lacking))
    net, x = stack(v0="neuron", spread=(-1.0, 1.5)), spikes(N_IN)
    program = nd.compile(net, chip, BY_MEMBRANE, sample=x)
    assert list(program.net.populations) == ["starter", "1", "3", "output"]
    loaded = nd.simulate(nd.compile(net, "loihi2", BY_MEMBRANE, sample=x), x).spikes["3"]
    given = nd.simulate(program, x).spikes["3"]
    assert (loaded != given).mean() < 0.01 < given.mean()
    strict = nn.Sequential(nn.Linear(N_IN, 8), nd.train.IF(8, v0="neuron", reset="subtract", fires="ge"))
    with pytest.raises(UnsupportedFeature, match="1: an initial membrane"):
        nd.compile(louder(strict), chip, sample=x)


def test_a_smoothed_layer_is_not_deployed() -> None:
    with pytest.raises(UnsupportedNode, match="function of its own"):
        nd.compile(stack(spikes=torch.sigmoid), "loihi2", BY_MEMBRANE, sample=spikes(N_IN))


def lines(net: Any, x: NDArray[np.uint8], readout: str = "v_last", **options: Any) -> Any:
    return nd.compile(net, "loihi2", nd.Options({"readout": readout}, **options), sample=x)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_read_out_of_the_last_step_alone(engine: str) -> None:
    """The same membranes in every bit, and of the read-out's synaptic events those of one step."""
    net = stack(v0="neuron", spread=(-1.0, 1.5))
    x = np.repeat(spikes(N_IN)[:, :1], STEPS, axis=1)  # the same in every step
    programs = [lines(net, x), lines(net, x, last_step=STEPS)]
    runs, found = zip(*(run_program(p, x, engine=engine, keep=tuple(p.net.populations)) for p in programs), strict=True)
    np.testing.assert_array_equal(found[0], found[1])
    expected = losses.predict("lts", net(torch.as_tensor(x).float())).numpy()
    assert (classify(found[1]) == expected).mean() > 0.8
    hidden = [run.spikes["3"][:, 2 : 2 + STEPS] for run in runs]
    np.testing.assert_array_equal(hidden[0], hidden[1])
    events = [run.counters.populations["output"].syn_ops for run in runs]
    assert events == [4 * int(hidden[0].sum()), 4 * int(hidden[0][:, -1].sum())]
    assert 0 < events[1] < events[0]
    with pytest.raises(UnsupportedFeature, match="3_last: a firing window"):
        nd.compile(net, "loihi1", nd.Options({"readout": "v_last"}, last_step=STEPS), sample=x)


def test_the_last_step_alone_is_refused_where_earlier_ones_count() -> None:
    x, net = spikes(N_IN), stack()
    with pytest.raises(ModelError, match="reads all steps"):
        lines(net, x, "v_sum", last_step=STEPS)
    with pytest.raises(ModelError, match="keeps a membrane"):
        lines(net[:4], x, "s_last", last_step=STEPS)
    with pytest.raises(ModelError, match="0 steps"):
        lines(net, x, last_step=0)
    hand_made = nd.ChipNetwork()
    hand_made.add_input("in", shape=3)
    for name in ("a", "b", "out"):
        hand_made.add_population(name, shape=3, dv=4096)
    for source, target in (("in", "a"), ("in", "b"), ("a", "out")):
        hand_made.connect(source, target, 2 * np.eye(3, dtype=np.int64))
    assert "a_last" in last_step_only(hand_made, "out", "v_last", STEPS).populations
    with pytest.raises(ModelError, match="but to in"):
        last_step_only(hand_made, "a", "v_last", STEPS)
    hand_made.connect("b", "out", 2 * np.eye(3, dtype=np.int64))
    with pytest.raises(ModelError, match="but to a, b"):
        last_step_only(hand_made, "out", "v_last", STEPS)
