"""How well programs bear faults: sweeps over models, faults, severities and seeds; means, differences and yields."""

from neurodeploy.robustness.cases import Case, load_case
from neurodeploy.robustness.cell import Cell, measure
from neurodeploy.robustness.summary import Demand, summarise, yields
from neurodeploy.robustness.sweep import cells_of, sweep

__all__ = ["Case", "Cell", "Demand", "cells_of", "load_case", "measure", "summarise", "sweep", "yields"]
