"""Graphs of dyadic numbers: whatever order they are added in, single precision holds every sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

OFF = 1 + 2.0**-10
"""A threshold beside the grid of the weights, so that no membrane meets it exactly unless a case is about that."""

Shape = tuple[int, ...]
Nodes = Mapping[str, Any]


def full(shape: Shape, value: Any) -> NDArray[np.float64]:
    """One value, or one per neuron, for every neuron."""
    return np.array(np.broadcast_to(np.asarray(value, np.float64), shape))


class Builder:
    """Makes nodes for one time step; time constants are counted in steps.

    Args:
        dt_s: Time step in seconds.
    """

    def __init__(self, dt_s: float) -> None:
        self.dt_s = dt_s

    def lif(self, shape: Shape, tau: Any = 2, r: Any = 1, theta: Any = OFF / 2, leak: Any = 0, reset: Any = 0) -> Any:
        """``nir.LIF``; its input gains ``r dt / tau``, 1/2 unless given."""
        return nir.LIF(
            tau=full(shape, tau) * self.dt_s,
            r=full(shape, r),
            v_leak=full(shape, leak),
            v_threshold=full(shape, theta),
            v_reset=full(shape, reset),
        )

    def li(self, shape: Shape, tau: Any = 2, r: Any = None, leak: Any = 0) -> Any:
        """``nir.LI``."""
        r = full(shape, tau if r is None else r)
        return nir.LI(tau=full(shape, tau) * self.dt_s, r=r, v_leak=full(shape, leak))

    def integrate(self, shape: Shape, r: Any = 1) -> Any:
        """``nir.I`` that adds ``r`` times its input in a step."""
        return nir.I(r=full(shape, r) / self.dt_s)

    def fire(self, shape: Shape, r: Any = 1, theta: Any = OFF, reset: Any = 0) -> Any:
        """``nir.IF``."""
        return nir.IF(r=full(shape, r), v_threshold=full(shape, theta), v_reset=full(shape, reset))

    def cuba(self, shape: Shape, syn: Any = 2, mem: Any = 2, w_in: Any = None, r: Any = None, leak: Any = 0) -> Any:
        """``nir.CubaLI``; without ``w_in`` and ``r`` both stages gain 1."""
        return nir.CubaLI(**self._cuba(shape, syn, mem, w_in, r, leak))

    def cuba_fire(
        self,
        shape: Shape,
        syn: Any = 2,
        mem: Any = 2,
        w_in: Any = None,
        r: Any = None,
        leak: Any = 0,
        theta: Any = OFF,
        reset: Any = 0,
    ) -> Any:
        """``nir.CubaLIF``."""
        fields = self._cuba(shape, syn, mem, w_in, r, leak)
        return nir.CubaLIF(**fields, v_threshold=full(shape, theta), v_reset=full(shape, reset))

    def _cuba(self, shape: Shape, syn: Any, mem: Any, w_in: Any, r: Any, leak: Any) -> dict[str, Any]:
        return {
            "tau_syn": full(shape, syn) * self.dt_s,
            "tau_mem": full(shape, mem) * self.dt_s,
            "w_in": full(shape, syn if w_in is None else w_in),
            "r": full(shape, mem if r is None else r),
            "v_leak": full(shape, leak),
        }

    def delay(self, steps: Any) -> Any:
        """``nir.Delay``."""
        return nir.Delay(delay=np.asarray(steps, np.float64) * self.dt_s)


def eye(n: int, value: float = 1.0) -> Any:
    """A layer that passes on."""
    return nir.Linear(weight=(np.eye(n) * value).astype(np.float32))


def conv2d(weight: Any, size: tuple[int, int], **geometry: Any) -> Any:
    """``nir.Conv2d`` on maps of ``size``, without bias unless given."""
    settings = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(len(weight), np.float32)}
    return nir.Conv2d(input_shape=size, weight=weight, **(settings | geometry))


def conv1d(weight: Any, size: int, **geometry: Any) -> Any:
    """``nir.Conv1d``."""
    settings = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(len(weight), np.float32)}
    return nir.Conv1d(input_shape=size, weight=weight, **(settings | geometry))


def graph(
    nodes: Nodes, edges: Sequence[tuple[str, str]], inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]
) -> Any:
    """A graph with the Input and Output nodes of these shapes."""
    ends: dict[str, Any] = {name: nir.Input({"input": np.array(shape)}) for name, shape in inputs.items()}
    ends |= {name: nir.Output({"output": np.array(shape)}) for name, shape in outputs.items()}
    return nir.NIRGraph({**ends, **nodes}, list(edges), type_check=False)


def chain(nodes: Nodes, source: Shape, sink: Shape) -> Any:
    """The nodes one after the other, between ``input`` and ``output``."""
    names = ["input", *nodes, "output"]
    return graph(nodes, list(zip(names, names[1:], strict=False)), {"input": source}, {"output": sink})
