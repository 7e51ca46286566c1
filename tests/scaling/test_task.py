"""The generator of patterns, and the float networks."""

from __future__ import annotations

import numpy as np
import pytest

from neurodeploy.scaling import Protocol, ScalingError, SpikePatternTask, nearest_template
from neurodeploy.scaling.reservoir import (
    BETA,
    Hidden,
    draw_reservoir,
    features,
    ridge,
    ridge_accuracy,
    run_hidden,
)
from neurodeploy.scaling.study import check_control, control


def test_equal_seeds_give_equal_samples_and_others_do_not() -> None:
    one, two, other = (SpikePatternTask(5, 7, seed=s).draw() for s in (3, 3, 4))
    for name in ("templates", "spikes", "labels", "is_test"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.spikes != other.spikes).any() and (one.templates != other.templates).any()


def test_without_noise_samples_are_templates_and_the_nearest_one_is_always_right() -> None:
    task = SpikePatternTask(32, 16, p_del=0, p_ins=0, jitter=0)
    drawn = task.draw()
    assert len(np.unique(drawn.templates.reshape(32, -1), axis=0)) == 32
    np.testing.assert_array_equal(drawn.spikes, drawn.templates[drawn.labels])
    np.testing.assert_array_equal(nearest_template(drawn.templates, drawn.spikes), drawn.labels)


def test_nearest_template_by_hand() -> None:
    templates = np.array([[[1, 1, 0, 0]], [[0, 0, 1, 0]]], np.uint8)
    spikes = np.array([[[1, 1, 1, 0]], [[0, 0, 0, 0]], [[0, 1, 0, 0]]], np.uint8)
    assert nearest_template(templates, spikes).tolist() == [0, 1, 0]


def test_noise_has_the_rates_it_was_asked_for() -> None:
    """With all places of the templates taken, or none, losses and gains can be counted."""
    full = SpikePatternTask(4, 20, rate=1, jitter=0, p_ins=0, n_per_class=60).draw().spikes
    assert abs(full.mean() - 0.8) < 5 * np.sqrt(0.8 * 0.2 / full.size)
    empty = SpikePatternTask(4, 20, rate=0, n_per_class=60).draw().spikes
    assert abs(empty.mean() - 0.03) < 5 * np.sqrt(0.03 * 0.97 / empty.size)
    drawn = SpikePatternTask(50, 200, seed=1).draw()
    assert abs(drawn.templates.mean() - 0.15) < 5 * np.sqrt(0.15 * 0.85 / drawn.templates.size)


def test_jitter_moves_by_so_many_steps_equally_often_and_stays_in_the_window() -> None:
    task = SpikePatternTask(300, 1, steps=9, rate=0.02, jitter=2, p_del=0, p_ins=0, n_per_class=60, seed=2)
    drawn = task.draw()
    lone = (drawn.templates.sum(axis=(1, 2)) == 1) & (drawn.templates[:, 4, 0] == 1)
    landed = drawn.spikes.reshape(300, 60, 9)[lone]
    assert lone.sum() >= 3 and (landed.sum(axis=2) == 1).all()
    counts = landed.sum(axis=(0, 1))
    assert not counts[[0, 1, 7, 8]].any()
    expected = landed.sum() / 5
    assert (np.abs(counts[2:7] - expected) < 5 * np.sqrt(expected)).all()
    first = (drawn.templates.sum(axis=(1, 2)) == 1) & (drawn.templates[:, 0, 0] == 1)
    clipped = drawn.spikes.reshape(300, 60, 9)[first]
    assert first.any() and (clipped.sum(axis=2) == 1).all() and clipped[:, :, 0].mean() > 0.4


def test_every_third_sample_within_each_class_is_test_data() -> None:
    drawn = SpikePatternTask(3, 4, n_per_class=24).draw()
    assert drawn.is_test.reshape(3, 24)[:, 2::3].all() and drawn.is_test.sum() == 24
    assert np.bincount(drawn.labels[drawn.is_test]).tolist() == [8, 8, 8]


@pytest.mark.parametrize(
    "changes",
    [
        {"categories": 1},
        {"channels": 0},
        {"rate": 1.5},
        {"p_del": -0.1},
        {"jitter": -1},
        {"n_per_class": 2},
        {"steps": 2},
        {"channels": 10**6},
    ],
)
def test_what_no_task_can_be(changes: dict[str, float]) -> None:
    with pytest.raises(ScalingError):
        SpikePatternTask(**{"categories": 2, "channels": 1, **changes})  # type: ignore[arg-type]


def test_a_layer_equals_its_recursion_neuron_by_neuron() -> None:
    rng = np.random.default_rng(0)
    hidden = draw_reservoir(6, 4, (0,))
    assert hidden.w_rec is not None
    spikes = (rng.random((3, 20, 4)) < 0.4).astype(np.uint8)
    sent = run_hidden(hidden, spikes)
    for b in range(3):
        v, before = [0.0] * 6, [0] * 6
        for t in range(20):
            now = []
            for n in range(6):
                v[n] = BETA * v[n] + sum(spikes[b, t, s] * hidden.w_in[s, n] for s in range(4))
                v[n] += sum(before[m] * hidden.w_rec[m, n] for m in range(6))
                now.append(int(v[n] >= 1))
                v[n] = 0.0 if now[-1] else v[n]
            assert sent[b, t].tolist() == now
            before = now
    assert 0.02 < sent.mean() < 0.9


def test_a_neuron_fires_at_its_threshold() -> None:
    spikes = np.array([[[1], [0], [1]]], np.uint8)
    assert run_hidden(Hidden(np.array([[1.0]])), spikes).ravel().tolist() == [1, 0, 1]
    assert not run_hidden(Hidden(np.array([[np.nextafter(1, 0)]])), spikes[:, :2]).any()


def test_reservoirs_have_the_weights_of_the_specification() -> None:
    hidden = draw_reservoir(400, 16, (1, 2))
    assert hidden.w_rec is not None
    for weights, density, sigma in ((hidden.w_in, 0.5, 1.2 / np.sqrt(8)), (hidden.w_rec, 0.3, 0.4 / np.sqrt(120))):
        used = weights[weights != 0]
        assert abs(used.size / weights.size - density) < 0.03
        assert abs(used.std() / sigma - 1) < 0.05 and abs(used.mean()) < 0.05 * sigma


def test_features_by_hand() -> None:
    sent = np.zeros((1, 6, 1), np.uint8)
    sent[0, [0, 3], 0] = 1
    seen = features(sent)
    np.testing.assert_allclose(seen, [[0.9, 0.9**3 + 1, 0.9**5 + 0.9**2, 1]])
    assert features(np.zeros((2, 30, 5), np.uint8)).shape == (2, 16)


def test_ridge_minimises_what_it_says() -> None:
    rng = np.random.default_rng(0)
    seen, labels = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    weights = ridge(seen, labels, 3, penalty=2.0)
    gradient = seen.T @ (seen @ weights - np.eye(3)[labels]) + 2 * weights
    np.testing.assert_allclose(gradient, 0, atol=1e-10)


def test_shuffled_labels_stay_at_chance_and_true_ones_do_not() -> None:
    """Twenty draws for each of three K, pooled; and the check sees networks that are not at chance."""
    rows = {True: [], False: []}
    for shuffled, found in rows.items():
        for k in (2, 4, 8):
            for seed in range(20):
                drawn = SpikePatternTask(k, 8, seed=(k, seed), shuffled=shuffled).draw()
                sent = run_hidden(draw_reservoir(20, 8, (9, seed)), drawn.spikes)
                acc = ridge_accuracy(sent, drawn.labels, drawn.is_test, k)
                found.append({"K": k, "acc": acc, "n_test": int(drawn.is_test.sum())})
    check_control(rows[True])
    assert all(line["sigmas"] > 10 for line in control(rows[False]))
    with pytest.raises(ScalingError, match="sigma from chance"):
        check_control(rows[False])


def test_a_protocol_survives_json_and_names_its_cells() -> None:
    protocol = Protocol(neurons=(20, 10), channels=(4,), categories=(3, 2), seeds=2, target="loihi1")
    assert Protocol.from_dict(protocol.to_dict()) == protocol
    cells = list(protocol.cells())
    assert len(cells) == len(protocol) == 8 and cells == sorted(cells)
    assert protocol.task(cells[0]) != protocol.task(cells[1])
    assert protocol.digest != Protocol().digest


@pytest.mark.parametrize(
    "changes",
    [{"neurons": ()}, {"neurons": (10, 10)}, {"channels": (0,)}, {"seeds": 0}, {"categories": (1, 2)}, {"rate": 2.0}],
)
def test_what_no_protocol_can_be(changes: dict[str, object]) -> None:
    with pytest.raises(ScalingError):
        Protocol(**changes)  # type: ignore[arg-type]
    with pytest.raises(ScalingError, match="trained"):
        Protocol(network="trainde")
