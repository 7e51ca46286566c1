"""Float Network to integer ChipNetwork, with the scales chosen from the target's field widths."""

from neurodeploy.quantize.network import quantize
from neurodeploy.quantize.report import PopulationReport, ProjectionReport, QuantizationReport

__all__ = ["PopulationReport", "ProjectionReport", "QuantizationReport", "quantize"]
