"""What a format cannot hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from neurodeploy.errors import ModelError


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
