"""Who proposes forms: lists, grammars, evolution, a user's program, or a record of any of them.

No proposer sees cells above the split of the extrapolation, nor how a form did there.
"""

from neurodeploy.scaling.proposers.base import Proposer, Scored, Summary
from neurodeploy.scaling.proposers.command import CommandProposer
from neurodeploy.scaling.proposers.evolution import EvolutionProposer, pareto_front
from neurodeploy.scaling.proposers.grammar import GrammarProposer
from neurodeploy.scaling.proposers.recorded import RecordedProposer, write_record
from neurodeploy.scaling.proposers.template import TemplateProposer

__all__ = [
    "CommandProposer",
    "EvolutionProposer",
    "GrammarProposer",
    "Proposer",
    "RecordedProposer",
    "Scored",
    "Summary",
    "TemplateProposer",
    "pareto_front",
    "write_record",
]
