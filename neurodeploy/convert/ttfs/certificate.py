"""What a network of first spikes promises, counted from the integers themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.ttfs.code import Code
from neurodeploy.convert.ttfs.stages import Stage


@dataclass(frozen=True)
class Certificate:
    """Of a network on a chip; thresholds and weights in the golden network's units, which the chip doubles.

    Attributes:
        widths: n_0, n_1, ..., n_L of the ReLU network.
        layers: Of first-spike neurons, inputs apart: 2 L - 1.
        neurons: (n_0 + 1) + 2 (n_1 + 1) + ... + n_L: inputs and references counted, each reference once.
        compartments: On the chip: without the inputs, with all reference neurons that share a weight.
        synapses: On the chip.
        t_in, t_out, horizon: Ticks, see :class:`neurodeploy.convert.ttfs.code.Code`.
        windows: ``worst case``, or on how many samples they were calibrated.
        largest_threshold: Of any neuron.
        largest_reference_weight: What a neuron hears of its reference, at most, in magnitude.
        fire_once: ``feature`` of the target, or ``synapse`` to itself.
        checked: Inputs on which the chip's integers were compared with the golden network.
    """

    widths: tuple[int, ...]
    layers: int
    neurons: int
    compartments: int
    synapses: int
    t_in: int
    t_out: int
    horizon: int
    windows: str
    largest_threshold: int
    largest_reference_weight: int
    fire_once: str
    checked: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"widths": list(self.widths)}


def certify(
    widths: Sequence[int], stages: Sequence[Stage], net: ChipNetwork, code: Code, windows: str, once: str, checked: str
) -> Certificate:
    """The certificate of a lowered network."""
    return Certificate(
        tuple(widths),
        len(stages),
        widths[0] + 1 + sum(stage.neurons for stage in stages),
        net.neurons,
        net.synapses,
        code.t_in,
        code.t_out,
        code.horizon,
        windows,
        int(max(stage.theta.max() for stage in stages)),
        int(max(abs(stage.weights[:, [-1]]).max() for stage in stages)),
        once,
        checked,
    )
