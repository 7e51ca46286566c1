"""A compilation under way: what the user decides, and what the passes have made so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from neurodeploy.chipmap import Mapping as ChipMapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.frontends.imported import Imported
from neurodeploy.frontends.modules import ModuleModel
from neurodeploy.graph import Graph
from neurodeploy.network import Network
from neurodeploy.quantize import BITS_DEFAULT, Bits, QuantizationReport
from neurodeploy.semantics import Semantics
from neurodeploy.target import Target


@dataclass(frozen=True)
class Options:
    """What the user decides; None leaves it to the file, whose silence is then an error.

    Attributes:
        semantics: Values for :class:`Semantics` fields.
        bits: Weight bits, or by the population that the weights act on; ``*`` stands for all that are not named,
            which else get 8.
        calibrate: Data on which scales, clipping and rounding are chosen: an array of spikes (N, T, *shape), or
            anything with ``spikes`` and perhaps ``labels``. None: by rule.
        calibration: How, one of :data:`neurodeploy.calibration.METHODS`; None: ``mse``.
        per_channel: Neurons get scales of their own; the search may choose so for itself.
        output: Output node to read out, where the model has several.
        last_step: Steps of every sample, where only the last is read out: the read-out's synapses then see that one
            alone. None: all steps reach them, and samples may have any length.
        max_neurons_per_core: Forces a finer split.
        objective: What mapping looks for first, see :func:`neurodeploy.mapping.map_network`.
        seed: Of the mapping's choices, and of what calibration draws.
        input_shape: Of one step of a torch module's input where its layers do not say it; (C, H, W) of a ``.net``
            file that does not say it.
        input_message_bits: Of the input of a ``.net`` file without input neurons: 0 for spikes, else graded.
        frontend: Arguments for the frontend of a torch module, see its ``from_module``, e.g. ``{"time_axis": 0}``.
        tolerance_bits: How many spikes of a torch module may differ from those of the network read from it, beside
            ties of rounding.
        defaults: Values for :class:`Semantics` fields that neither the model nor ``semantics`` says.
    """

    semantics: Mapping[str, object] = field(default_factory=dict)
    bits: Bits = BITS_DEFAULT
    calibrate: Any = None
    calibration: str | None = None
    per_channel: bool = False
    output: str | None = None
    last_step: int | None = None
    max_neurons_per_core: int | None = None
    objective: str = "cores"
    seed: int = 0
    input_shape: tuple[int, ...] | None = None
    input_message_bits: int | None = None
    frontend: Mapping[str, object] = field(default_factory=dict)
    tolerance_bits: int = 0
    defaults: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Compilation:
    """A compilation under way; each pass fills in what it makes.

    Attributes:
        model: The file or module.
        target: The chip.
        options: The user's.
        traffic: Messages (samples, steps, *shape) on which mapping measures how often each neuron sends.
        imported: What a module's frontend returned.
        graph: The float model as read.
        semantics: What it means.
        network: The float model as populations and projections.
        proof: How the module's spikes compare with the network's, see :func:`neurodeploy.proof.prove`.
        quantization: What its integers cost.
        conventions: How the file was read, in plain values.
        outputs: Population that each output of the model reads.
        readout: How.
        net: The integers.
        mapping: Where they sit.
    """

    model: Path | ModuleModel
    target: Target
    options: Options
    traffic: Any = None
    imported: Imported | None = None
    graph: Graph | None = None
    semantics: Semantics | None = None
    network: Network | None = None
    proof: Mapping[str, Any] = field(default_factory=dict)
    quantization: QuantizationReport | None = None
    conventions: Mapping[str, object] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    readout: str = ""
    net: ChipNetwork | None = None
    mapping: ChipMapping | None = None


Pass = Callable[[Compilation], Compilation]

T = TypeVar("T")


def made(value: T | None) -> T:
    """What an earlier pass made; a pass that runs too early is a bug in PASSES."""
    if value is None:
        raise RuntimeError("a pass ran before the one that makes its input")
    return value
