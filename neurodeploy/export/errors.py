"""What a format cannot hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from neurodeploy.errors import ModelError
from neurodeploy.program import ADAPTATION, Program


@dataclass(frozen=True)
class Obstacle:
    """One thing that a format cannot hold.

    Attributes:
        layer: The population, or ``network``.
        what: What it is, and why not.
        remedy: What to do instead.
    """

    layer: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.what}; try: {self.remedy}"


class CannotExport(ModelError):
    """A program that a format cannot hold; carries **all** obstacles found, in the order of the layers."""

    def __init__(self, form: str, obstacles: Sequence[Obstacle]) -> None:
        self.obstacles = tuple(obstacles)
        lines = "\n".join(f"  - {o}" for o in self.obstacles)
        count = f"{len(self.obstacles)} obstacle{'s' * (len(self.obstacles) > 1)}"
        super().__init__(
            f"a {form} file cannot hold this program ({count}):\n{lines}",
            where=f"layer '{self.obstacles[0].layer}'",
            remedy=self.obstacles[0].remedy,
        )

    def to_dict(self) -> dict[str, object]:
        """The fields of the base class and the obstacles."""
        return super().to_dict() | {"obstacles": [asdict(o) for o in self.obstacles]}


def refuse_adapting(program: Program, form: str) -> None:
    """CannotExport for a program with a rule that writes registers while it runs: no format holds that.

    Lava 0.10.0 would run it without a word: its fixed_pt models read the threshold once.
    """
    record = program.provenance.get(ADAPTATION)
    if isinstance(record, Mapping) and record.get("rule"):
        what = f"it adapts while it runs (rule '{record['rule']['rule']}'), and needs {record['requires']}"
        remedy = "export the static network: `neurodeploy adapt PROGRAM --rule off -o STATIC.ndp`"
        raise CannotExport(form, [Obstacle("network", what, remedy)])
