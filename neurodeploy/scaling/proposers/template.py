"""The library of forms as a proposer."""

from __future__ import annotations

from collections.abc import Sequence

from neurodeploy.scaling.expression import PROPOSED_PARAMETERS
from neurodeploy.scaling.forms import FORMS
from neurodeploy.scaling.proposers.base import Scored, Summary


class TemplateProposer:
    """Proposes, once, all laws of the library, neither lines nor polynomials."""

    def propose(self, summary: Summary, history: Sequence[Scored]) -> list[str]:
        """See :class:`neurodeploy.scaling.proposers.Proposer`."""
        laws = [f for f in FORMS if f.family in ("law", "chance") and 0 < f.k <= PROPOSED_PARAMETERS]
        return [] if history else [form.expression.text for form in laws]
