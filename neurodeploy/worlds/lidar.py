"""A planar lidar and what can go wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import SimulationError
from neurodeploy.worlds.draws import sensor_generators
from neurodeploy.worlds.world import Floats


@dataclass(frozen=True)
class Lidar:
    """Rays at equal angles, the first straight ahead, the others counter-clockwise.

    Faults act in this order: noise, dropout, stuck rays. Readings are kept within 0..range_m.

    Attributes:
        rays: How many.
        range_m: Longest distance that is measured; also the reading where nothing is hit.
        noise_std_m: Standard deviation of normal noise on every reading.
        dropout: Probability that a reading is lost, each on its own; it then reads ``range_m``.
        stuck_rays: Rays, from 0, that always read ``stuck_at_m``.
        stuck_at_m: See there.
        seed: Of noise and dropout.
    """

    rays: int = 12
    range_m: float = 4.0
    noise_std_m: float = 0.0
    dropout: float = 0.0
    stuck_rays: tuple[int, ...] = ()
    stuck_at_m: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        legal = {
            "rays": self.rays >= 1,
            "range_m": self.range_m > 0,
            "noise_std_m": self.noise_std_m >= 0,
            "dropout": 0 <= self.dropout <= 1,
            "stuck_rays": all(0 <= ray < self.rays for ray in self.stuck_rays),
            "stuck_at_m": 0 <= self.stuck_at_m <= self.range_m,
            "seed": 0 <= self.seed < 2**64,
        }
        for name, holds in legal.items():
            if not holds:
                raise SimulationError(
                    f"{name} = {getattr(self, name)!r}",
                    where="Lidar",
                    remedy="give at least one ray, a positive range, noise of at least 0, a probability of dropout, "
                    "and stuck rays and their reading within the lidar's own",
                )

    def directions_rad(self, heading_rad: Floats) -> Floats:
        """Angles (E, rays) of the rays for headings (E,)."""
        return heading_rad[:, None] + 2 * np.pi * np.arange(self.rays) / self.rays

    def degraded(self, true_m: Floats, episodes: NDArray[np.int64], steps: NDArray[np.int64]) -> Floats:
        """What it reads where (E, rays) is true, in these episodes (E,) at these steps (E,)."""
        read_m = true_m.copy()
        if self.noise_std_m or self.dropout:
            for row, numbers in enumerate(sensor_generators(self.seed, episodes, steps)):
                read_m[row] += self.noise_std_m * numbers.standard_normal(self.rays)
                read_m[row, numbers.random(self.rays) < self.dropout] = self.range_m
        read_m[:, list(self.stuck_rays)] = self.stuck_at_m
        return np.clip(read_m, 0.0, self.range_m)


def ray_disc_distances_m(
    origin_m: Floats, direction_rad: Floats, centre_m: Floats, radius_m: Floats, most_m: float
) -> Floats:
    """Distance along each ray to the nearest disc.

    A ray meets a disc where the centre is ahead, ``along > 0``, and the ray passes within its radius,
    ``|across| <= r``: first at ``along - sqrt(r^2 - across^2)``. Within a disc the distance is 0.

    Args:
        origin_m: (E, 2).
        direction_rad: (E, R) angles.
        centre_m: (E, D, 2).
        radius_m: (E, D).
        most_m: The result where a ray meets nothing nearer.

    Returns:
        (E, R).
    """
    to_disc = (centre_m - origin_m[:, None])[:, None]
    cos, sin = np.cos(direction_rad)[..., None], np.sin(direction_rad)[..., None]
    along = to_disc[..., 0] * cos + to_disc[..., 1] * sin
    across = to_disc[..., 1] * cos - to_disc[..., 0] * sin
    radius = radius_m[:, None]
    half_chord = np.sqrt(np.maximum(radius**2 - across**2, 0.0))
    inside = along**2 + across**2 <= radius**2
    distance = np.where((along > 0) & (np.abs(across) <= radius), along - half_chord, most_m)
    nearest: Floats = np.where(inside, 0.0, distance).min(axis=-1, initial=most_m)
    return nearest
