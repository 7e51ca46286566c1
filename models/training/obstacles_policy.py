"""Train and write models/policies/obstacles: a spiking policy that crosses a field of moving discs."""

import numpy as np
import torch
from torch import nn

from neurodeploy.worlds import MostSpikes, ObstacleState, ObstacleWorld, VelocityObstacleExpert

from .cloning import Cloning, run

WORLD = ObstacleWorld()
EXPERT = VelocityObstacleExpert(WORLD)
VALUES = tuple(map(tuple, EXPERT.actions.tolist()))
LOGIT_PER_SPIKE = 0.5
TEMPERATURE_MPS = 0.2


def label(state: ObstacleState) -> np.ndarray:
    """How good each choice is (E, choices), as a distribution: under doubt, costs average and best choices do not."""
    costs = EXPERT.costs(state)
    weights = np.exp((costs.min(axis=1, keepdims=True) - costs) / TEMPERATURE_MPS)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def loss(counts: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with the distribution."""
    return nn.functional.cross_entropy(LOGIT_PER_SPIKE * counts, labels)


TASK = Cloning(
    name="obstacles",
    title="Crossing a field of moving discs with a lidar of 12 rays",
    world=WORLD,
    expert=EXPERT,
    label=label,
    loss=loss,
    readout=MostSpikes(VALUES),
    readout_table={"kind": "most_spikes", "values": [list(group) for group in VALUES]},
    observations="Of ObstacleWorld.observe: nearness and closing speed by ray, bearing and nearness of the goal, own "
    "motion.",
)

if __name__ == "__main__":
    run(TASK)
