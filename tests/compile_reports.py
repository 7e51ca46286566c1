"""The utilisation tables that Intel's compiler printed in lava-dl's notebooks (BSD-3), layer by layer.

Shared by the tests of the Loihi 2 model and ``tools/mapping_bench/published.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from mapping_networks import MNIST_MLP, PILOTNET, YOLO_KP, Layer, network

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.target import load_target
from neurodeploy.target_schema import Quantity, Target

DENOMINATORS = {"axon_in": 16000, "neurons": 4095, "syn_mem": 16000, "axon_map": 16000, "axon_mem": 16000}
"""Words of each register of a core; ``syn_mem`` 12,000 in the reports of 2022-23."""
POOL = 20000


class Share(NamedTuple):
    """Percent of each register on a core of a layer, and of the pool of ``POOL`` words; cores; neurons of a core."""

    axon_in: float
    groups: float
    neurons: float
    syn_mem: float
    axon_map: float
    axon_mem: float
    pool: float
    cores: int
    patch: tuple[int, ...]

    def words(self, register: str) -> float:
        """Of a register, as far as the percent are printed."""
        share: float = getattr(self, register)
        return share / 100 * DENOMINATORS[register]


class Words(NamedTuple):
    """Words of each register on a core of a layer; cores; neurons of a core, for maps (x, y, c)."""

    axon_in: int
    neurons: int
    syn_mem: int
    axon_map: int
    axon_mem: int
    cores: int
    patch: tuple[int, ...]


class Report(NamedTuple):
    """A network, what its compiler printed from the last layer to the first, and the limit of synapse memory there."""

    name: str
    shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    cores: int
    synapse_words: int
    rows: tuple[Share, ...] | tuple[Words, ...]

    def network(self) -> ChipNetwork:
        """Its shapes."""
        return network(self.shape, self.layers)

    def target(self) -> Target:
        """Loihi 2 under the limits of the report."""
        chip = load_target("loihi2")
        limit = Quantity(self.synapse_words, "published", "the denominator of this report's SynMem column")
        return msgspec.structs.replace(chip, core=msgspec.structs.replace(chip.core, synapse_words=limit))


REPORTS = (
    Report(
        "PilotNet SDNN",
        (3, 66, 200),
        PILOTNET,
        61,
        12000,
        (
            Words(10, 1, 10, 1, 0, 1, (1,)),
            Words(50, 10, 150, 10, 0, 1, (10,)),
            Words(100, 50, 1500, 50, 0, 1, (50,)),
            Words(2560, 8, 7253, 8, 0, 12, (100,)),  # a mean over its cores
            Words(1, 2048, 2880, 1280, 0, 2, (16, 2, 64)),
            Words(1, 2048, 2592, 29, 9, 3, (8, 4, 64)),
            Words(2, 2688, 1620, 112, 46, 3, (8, 7, 48)),
            Words(2, 2160, 864, 113, 32, 13, (4, 15, 36)),
            Words(2, 3072, 81, 253, 93, 25, (4, 32, 24)),
        ),
    ),
    Report(
        "MNIST MLP",
        (784,),
        MNIST_MLP,
        5,
        16000,
        (
            Share(0.40, 12.5, 0.24, 1.60, 0.06, 0, 1.71, 1, (10,)),
            Share(0.80, 12.5, 1.56, 16.80, 0.40, 0, 14.72, 1, (64,)),
            Share(4.90, 12.5, 1.22, 78.40, 0.31, 0, 67.14, 3, (50,)),
        ),
    ),
    Report(
        "YOLO-KP",
        (3, 448, 448),
        YOLO_KP,
        574,
        16000,
        (
            Share(0.01, 25.0, 65.64, 19.20, 16.80, 0, 42.26, 4, (4, 14, 48)),
            Share(0.01, 12.5, 87.52, 86.40, 0.35, 0.17, 87.47, 32, (8, 7, 64)),
            Share(0.01, 12.5, 87.52, 67.20, 0.09, 0.35, 72.04, 14, (2, 7, 256)),
            Share(0.01, 12.5, 87.52, 86.40, 0.35, 0.35, 87.61, 32, (8, 7, 64)),
            Share(0.01, 12.5, 87.52, 72.00, 0.35, 2.80, 78.05, 16, (8, 7, 64)),
            Share(0.01, 12.5, 87.52, 79.20, 0.17, 0.17, 81.57, 56, (4, 7, 128)),
            Share(0.01, 12.5, 87.52, 39.60, 0.17, 0.35, 50.03, 28, (4, 7, 128)),
            Share(0.01, 12.5, 87.52, 10.80, 0.35, 0.17, 26.99, 56, (4, 14, 64)),
            Share(0.01, 12.5, 87.52, 3.60, 0.70, 0.35, 21.65, 112, (8, 14, 32)),
            Share(0.01, 12.5, 87.52, 0.34, 1.40, 0.70, 19.88, 224, (8, 28, 16)),
        ),
    ),
)
