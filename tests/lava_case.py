"""One network to be compared with Lava, shared by the tests of the Lava backend and the golden files."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.export.lava import LavaOutcome
from neurodeploy.simulate.plan import Plan


@dataclass(eq=False, repr=False)
class Case:
    """A network, its input and Lava's answer.

    Attributes:
        label: Its name in messages.
        plan: With the weights as our builder prepared them.
        unprepared: With the weights as the user gave them, so that Lava clips and clears them by its own code.
        lava: What Lava computed, once it has.
    """

    label: str
    plan: Plan
    unprepared: Plan
    lava: LavaOutcome | None = None

    def __repr__(self) -> str:
        return f"<{self.label}>"

    def answer(self) -> LavaOutcome:
        """Lava's result."""
        assert self.lava is not None
        return self.lava

    @property
    def values(self) -> int:
        """Number of values that a comparison compares: messages and registers."""
        plan = self.plan
        columns = (
            p.size * (len(plan.outputs[name]) + len(plan.registers[name])) for name, p in plan.net.populations.items()
        )
        return plan.batch * plan.steps * sum(columns)
