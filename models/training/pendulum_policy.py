"""Train and write models/policies/pendulum: a spiking policy that swings a pendulum up and holds it."""

import numpy as np
import torch

from neurodeploy.worlds import PendulumState, PendulumWorld, PushPull, SwingUpExpert

from .cloning import Cloning, run

WORLD = PendulumWorld()
EXPERT = SwingUpExpert(WORLD)
READOUT = PushPull(span=WORLD.most_torque_nm, neurons=20, full_rate=0.4)
STEPS = 16


def label(state: PendulumState) -> np.ndarray:
    """The expert's torque (E, 1) as a share of the motor's."""
    return (EXPERT(state) / WORLD.most_torque_nm).astype(np.float32)


def loss(counts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Huber loss of the torque before it is limited; more than full is right where full is wanted."""
    push, pull = counts.chunk(2, dim=1)
    half = READOUT.neurons // 2
    share = (push.sum(1) - pull.sum(1)) / (READOUT.full_rate * STEPS * half)
    wanted = labels[:, 0]
    error = share - wanted
    beyond = (wanted.abs() > 0.999) & (error * wanted > 0)
    return torch.nn.functional.huber_loss(error.masked_fill(beyond, 0.0), torch.zeros_like(error), delta=0.3)


TASK = Cloning(
    name="pendulum",
    title="Swinging up a pendulum and holding it",
    world=WORLD,
    expert=EXPERT,
    label=label,
    loss=loss,
    readout=READOUT,
    readout_table={
        "kind": "push_pull",
        "span": READOUT.span,
        "neurons": READOUT.neurons,
        "full_rate": READOUT.full_rate,
    },
    observations="Of PendulumWorld.observe: units for the angle, denser near upright, and for the velocity.",
    steps=STEPS,
    rate_rounds=5,
    rate_epochs=15,
    episodes=15,
)

if __name__ == "__main__":
    run(TASK)
