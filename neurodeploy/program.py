"""Program: everything that runs on the chip, in one object and one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurodeploy.chipmap import Mapping as ChipMapping
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.target import Target

ADAPTATION = "adaptation"
"""Entry of the provenance with nominal rates and, under ``rule``, what writes registers while the program runs."""


@dataclass(frozen=True, eq=False)
class Program:
    """The deliverable of a compilation; loads and runs without torch, nir or lava.

    Attributes:
        net: The integers.
        mapping: Where they sit.
        target: The chip.
        outputs: Population that each output of the model reads.
        readout: How a class is read off an output, see :mod:`neurodeploy.simulate.readout`.
        semantics: The conventions the model was read with.
        quantization: What quantisation chose, as plain values.
        provenance: Source, its sha256, options, versions, date.
    """

    net: ChipNetwork
    mapping: ChipMapping
    target: Target
    outputs: Mapping[str, str]
    readout: str
    semantics: Mapping[str, object]
    quantization: Mapping[str, object]
    provenance: Mapping[str, object]
