"""Float Network to integer ChipNetwork, with the scales chosen from the target's field widths."""

from neurodeploy.quantize.bits import BITS_DEFAULT, Bits, parse_bits
from neurodeploy.quantize.network import quantize
from neurodeploy.quantize.report import PopulationReport, ProjectionReport, QuantizationReport

__all__ = [
    "BITS_DEFAULT",
    "Bits",
    "PopulationReport",
    "ProjectionReport",
    "QuantizationReport",
    "parse_bits",
    "quantize",
]
