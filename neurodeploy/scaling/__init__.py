"""Laws of scale: how accuracy and costs of small LIF networks depend on neurons N, input channels S and categories K.

The idea is that of Zhang, Han and Xia, "Power-Law Scaling in the Classification Performance of Small-Scale Spiking
Neural Networks" (arXiv 2601.14961v1, January 2026), which its authors withdrew in June 2026. What is known of it has
neither constants nor a protocol; task, networks, forms and rules here are our own. See docs/scaling.md.
"""

from neurodeploy.scaling.analysis import Analysis, analyse
from neurodeploy.scaling.cells import Cells, cells_of
from neurodeploy.scaling.contest import Contest, contest
from neurodeploy.scaling.errors import InvalidExpression, ProposerError, ScalingError, TooFewCells
from neurodeploy.scaling.expression import Expression, parse
from neurodeploy.scaling.fit import Fit, fit
from neurodeploy.scaling.forms import FORMS, Form
from neurodeploy.scaling.laws import PowerLaw, power_law
from neurodeploy.scaling.proposers import (
    CommandProposer,
    EvolutionProposer,
    GrammarProposer,
    Proposer,
    RecordedProposer,
    TemplateProposer,
    write_record,
)
from neurodeploy.scaling.protocol import Protocol
from neurodeploy.scaling.size import Size, smallest
from neurodeploy.scaling.sweep import sweep
from neurodeploy.scaling.table import Table, load_table
from neurodeploy.scaling.task import Patterns, SpikePatternTask, nearest_template

__all__ = [
    "FORMS",
    "Analysis",
    "Cells",
    "CommandProposer",
    "Contest",
    "EvolutionProposer",
    "Expression",
    "Fit",
    "Form",
    "GrammarProposer",
    "InvalidExpression",
    "Patterns",
    "PowerLaw",
    "ProposerError",
    "Proposer",
    "Protocol",
    "RecordedProposer",
    "ScalingError",
    "Size",
    "SpikePatternTask",
    "Table",
    "TemplateProposer",
    "TooFewCells",
    "analyse",
    "cells_of",
    "contest",
    "fit",
    "load_table",
    "nearest_template",
    "parse",
    "power_law",
    "smallest",
    "sweep",
    "write_record",
]
