"""Deterministic spike encodings: the same value always gives the same spikes."""

import numpy as np


def rate_code(levels: np.ndarray, steps: int) -> np.ndarray:
    """Evenly spaced spikes, one whenever the running sum of the level passes another whole number.

    Args:
      levels: (N, *shape), spikes per step in 0..1.
      steps: number of time steps.

    Returns:
      uint8 (N, steps, *shape).
    """
    return accumulate_and_fire(np.repeat(levels[:, None], steps, axis=1))


def accumulate_and_fire(activity: np.ndarray) -> np.ndarray:
    """Turn activity (N, T, *shape), spikes per step in 0..1, into uint8 spikes of the same shape."""
    passed = np.floor(np.cumsum(activity, axis=1) + 0.5)
    return np.diff(passed, axis=1, prepend=0.0).astype(np.uint8)


def population_centres(frames: np.ndarray, units: int) -> np.ndarray:
    """Centres (channels, units): evenly spaced quantiles of each channel of (N, F, channels), NaN ignored."""
    quantiles = np.linspace(0.02, 0.98, units)
    return np.nanquantile(frames.reshape(-1, frames.shape[-1]), quantiles, axis=0).T


def population_code(frames: np.ndarray, centres: np.ndarray, steps_per_frame: int) -> np.ndarray:
    """Code each channel by a population of triangular receptive fields, then accumulate and fire.

    The activities of a channel's units add up to one spike per step: a value on a centre drives one
    unit, a value between two centres shares it. Missing frames (NaN) are silent.

    Args:
      frames: (N, F, channels).
      centres: (channels, units), ascending.
      steps_per_frame: time steps that each frame lasts.

    Returns:
      uint8 (N, F * steps_per_frame, channels * units).
    """
    low, high = centres[:, 0], centres[:, -1]
    value = np.clip(frames, low, high)[..., None]
    ramps = np.clip((value - centres[:, :-1]) / np.diff(centres, axis=1), 0.0, 1.0)
    ones, zeros = np.ones_like(ramps[..., :1]), np.zeros_like(ramps[..., :1])
    activity = np.concatenate([ones, ramps], axis=-1) - np.concatenate([ramps, zeros], axis=-1)
    activity = np.where(np.isnan(value), 0.0, activity).reshape(*frames.shape[:2], -1)
    return accumulate_and_fire(np.repeat(activity, steps_per_frame, axis=1))
