"""Cloning an expert into a spiking policy: the expert labels the states that the policy itself gets into (DAgger).

Most of it is done on rates: a network of the same weights, in which each neuron is the smoothed rate of a leaky neuron
at constant input (Hunsberger and Eliasmith, 2015), costs a hundredth of a spiking one. The last rounds train spikes.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import neurodeploy as nd
from neurodeploy.worlds import SpikingPolicy, run_episodes

from . import card, graph, loop
from .main import MODELS
from .snntorch_stack import Stack, leaky

OUTPUT = "lif3"
TEST_SEED = 0
"""Episodes of small seeds are for tests and tables; training uses others."""
SMOOTH = 0.03
"""Current over which the corner of the rate is rounded."""


@dataclass(frozen=True)
class Cloning:
    """One policy to train.

    Attributes:
      name: of the folder and of the world.
      title: for the card.
      world: where.
      expert: state -> actions (E, n).
      label: state -> what the loss compares with, (E, k).
      loss: (spike counts (B, neurons), labels (B, k)) -> scalar.
      readout: spike counts -> actions.
      readout_table: the same for the card.
      observations: the observation in words, for the card.
      hidden: neurons of each of the two hidden layers.
      steps: chip steps of one decision.
      rate_rounds: of collecting and training with rates; in the first the expert acts, then the network of rates.
      rate_epochs: after each of them.
      spike_rounds: of the same with spikes.
      spike_epochs: after each of them.
      episodes: per round.
      seed: of everything random.
      batch, learning_rate, spike_cost: as in `loop.Recipe`; the learning rate is that of rates, that of spikes a third.
    """

    name: str
    title: str
    world: Any
    expert: Callable[[Any], np.ndarray]
    label: Callable[[Any], np.ndarray]
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    readout: Any
    readout_table: dict[str, Any]
    observations: str
    hidden: int = 64
    steps: int = 16
    rate_rounds: int = 8
    rate_epochs: int = 8
    spike_rounds: int = 1
    spike_epochs: int = 1
    episodes: int = 100
    seed: int = 1
    batch: int = 256
    learning_rate: float = 0.01
    spike_cost: float = 0.001


def run(task: Cloning) -> None:
    """Train, then write models/policies/NAME: policy.nir and card.toml."""
    options = _parse(task)
    task = replace(task, seed=options.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(task.seed)
    started = time.monotonic()
    inputs = task.world.observe(task.world.start(np.arange(1), TEST_SEED)).shape[1]
    model = network(inputs, task.hidden, task.readout.neurons)
    pairs = clone(task, model)
    loop.snap_weights(model)
    wall_s = round(time.monotonic() - started, 1)
    scores = run_episodes(task.world, policy(task, model), 200, seed=task.seed + 1_000_000)
    print(f"validation: success {scores.success_rate:.3f}, mean return {scores.returns.mean():.3f}", file=sys.stderr)
    training = {
        "command": shlex.join(["python", "-m", f"models.training.{task.name}_policy", "--seed", str(task.seed)]),
        "seed": task.seed,
        "pairs": pairs,
        "wall_s": wall_s,
        "date": date.today(),
    }
    deliver(options.out, task, model, inputs, training, scores)


def network(inputs: int, hidden: int, outputs: int) -> Stack:
    """Two hidden layers and an output layer of leaky neurons, membrane decays 1/8 a step.

    torch's initial weights are enlarged and the biases raised, so that neurons fire before they have learnt to.
    """
    model = Stack(
        {
            "fc1": nn.Linear(inputs, hidden),
            "lif1": leaky((hidden,), decay=512),
            "fc2": nn.Linear(hidden, hidden),
            "lif2": leaky((hidden,), decay=512),
            "fc3": nn.Linear(hidden, outputs),
            OUTPUT: leaky((outputs,), decay=512),
        }
    )
    with torch.no_grad():
        for layer in (model.layers["fc1"], model.layers["fc2"], model.layers["fc3"]):
            layer.weight *= 3
            layer.bias += 0.2
    return model


def policy(task: Cloning, model: Stack) -> SpikingPolicy:
    """The model in closed loop, in torch."""

    def count(spikes: np.ndarray) -> dict[str, np.ndarray]:
        return {name: sent.sum(axis=1, dtype=np.int64) for name, sent in loop.record(model, spikes).items()}

    return SpikingPolicy(task.world, count, OUTPUT, task.readout, task.steps)


def clone(task: Cloning, model: Stack) -> int:
    """Train in place and return how many labelled observations there were."""
    rng = np.random.default_rng(task.seed)
    seen: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for turn in range(task.rate_rounds + task.spike_rounds):
        spiking = turn >= task.rate_rounds
        acting = policy(task, model) if spiking else rate_policy(task, model) if turn else task.expert

        def watched(state: Any, acting: Any = acting) -> np.ndarray:
            seen.append(task.world.observe(state).astype(np.float32))
            labels.append(task.label(state))
            return acting(state)

        result = run_episodes(task.world, watched, task.episodes, seed=task.seed * 1000 + turn + 1)
        x, y = np.concatenate(seen), np.concatenate(labels)
        loss = fit(task, model, x, y, rng, spiking)
        print(
            f"round {turn + 1}, {'spikes' if spiking else 'rates'}: acting {result.success_rate:.3f} "
            f"({result.returns.mean():.2f}), {len(x)} pairs, loss {loss:.4f}, {time.process_time():.0f} s",
            file=sys.stderr,
        )
    return len(x)


def fit(task: Cloning, model: Stack, x: np.ndarray, y: np.ndarray, rng: np.random.Generator, spiking: bool) -> float:
    """Train in place on observations (N, n) and labels (N, k); the mean loss of the last epoch."""
    rate, epochs = (task.learning_rate / 3, task.spike_epochs) if spiking else (task.learning_rate, task.rate_epochs)
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, epochs * -(-len(x) // task.batch))
    total = 0.0
    for _ in range(epochs):
        total, order = 0.0, rng.permutation(len(x))
        for start in range(0, len(x), task.batch):
            chosen = order[start : start + task.batch]
            *inner, output = counts(task, model, x[chosen]) if spiking else rate_counts(task, model, x[chosen])
            loss = task.loss(output, torch.from_numpy(y[chosen]))
            optimiser.zero_grad()
            (loss + task.spike_cost * torch.stack([layer.mean() for layer in inner]).mean()).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            loop.clip_outliers(model, 4.0)
            total += loss.item() * len(chosen)
    return total / len(x)


def counts(task: Cloning, model: Stack, x: np.ndarray) -> list[torch.Tensor]:
    """Spike counts (B, neurons) of each layer."""
    return [sent.sum(1) for sent in model(torch.from_numpy(nd.encode.rate(x, task.steps)).float()).values()]


def rate_counts(task: Cloning, model: Stack, x: np.ndarray) -> list[torch.Tensor]:
    """What counts would be if each neuron had its rate at constant input."""
    value, found = torch.from_numpy(x).float(), []
    for layer in model.layers.values():
        if isinstance(layer, nn.Linear):
            value = layer(value)
        else:
            value = smooth_rate(value)
            found.append(task.steps * value)
    return found


def smooth_rate(current: torch.Tensor) -> torch.Tensor:
    """Spikes per step of `leaky(decay=512)` at constant input; the corner at its least current is rounded."""
    leak = 1 / 8
    above = leak + SMOOTH * nn.functional.softplus((current - leak) / SMOOTH)
    interval = torch.log1p(-leak / above.clamp(min=leak + 1e-5)) / np.log1p(-leak)
    return (1 / (interval + 0.5)).clamp(max=1.0)


def rate_policy(task: Cloning, model: Stack) -> Callable[[Any], np.ndarray]:
    """The network of rates in closed loop."""

    @torch.no_grad()
    def act(state: Any) -> np.ndarray:
        *_, output = rate_counts(task, model, task.world.observe(state))
        return task.readout.actions(output.numpy(), task.steps)

    return act


def deliver(folder: Path, task: Cloning, model: Stack, inputs: int, training: dict[str, Any], scores: Any) -> None:
    """Write the network and its card."""
    folder.mkdir(parents=True, exist_ok=True)
    chain = graph.chain(graph.stack_nodes(model, (inputs,)), (inputs,), task.readout.neurons, "snntorch")
    graph.write(folder / "policy.nir", chain)
    tables = {
        "name": task.name,
        "title": task.title,
        "architecture": f"{inputs} inputs - {task.hidden} LIF - {task.hidden} LIF - {task.readout.neurons} LIF; "
        "fully connected, biases",
        "framework": f"snntorch {version('snntorch')}",
        "versions": {name: version(name) for name in ("torch", "nir", "snntorch", "numpy")},
        "data": {
            "source": f"episodes of neurodeploy.worlds, labelled by {type(task.expert).__name__}; nothing else",
            "licence": "Apache-2.0, as the package",
        },
        "encoding": {
            "text": task.observations + f" Each is the rate of one input, by nd.encode.rate over {task.steps} steps.",
            "steps": task.steps,
            "dt_s": graph.DT_S,
            "shape": [inputs],
        },
        "readout": {"output": OUTPUT, **task.readout_table},
        "training": training,
        "result": {
            "validation_seed": training["seed"] + 1_000_000,
            "episodes": len(scores.outcome),
            "success_rate": scores.success_rate,
            "mean_return": float(scores.returns.mean()),
        },
        "sha256": {"policy.nir": sha256((folder / "policy.nir").read_bytes()).hexdigest()},
    }
    (folder / "card.toml").write_text(card.toml(tables), encoding="utf-8")


def _parse(task: Cloning) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m models.training.{task.name}_policy", description=task.title)
    parser.add_argument("--out", type=Path, default=MODELS / "policies" / task.name, help="folder to write to")
    parser.add_argument("--seed", type=int, default=task.seed, help="default: %(default)s")
    return parser.parse_args()
