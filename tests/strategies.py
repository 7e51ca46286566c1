"""Hypothesis strategies for integer networks: those of networks.py, by seed."""

from __future__ import annotations

from hypothesis import strategies as st
from lava_case import Case
from networks import REGIMES, random_case


@st.composite
def cases(draw: st.DrawFn, *, wide_kernels: bool = True) -> Case:
    """A random network with every model, kind, delay and loop that the builder has, and a batch of messages."""
    seed, regime = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(sorted(set(REGIMES))))
    return random_case(seed, regime, lava=False, wide_kernels=wide_kernels)
