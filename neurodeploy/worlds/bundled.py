"""The trained policies that come with the package."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from neurodeploy.bundled import list_policies, policy_folder
from neurodeploy.compilation import Options
from neurodeploy.errors import UnknownModel, did_you_mean
from neurodeploy.network import Network
from neurodeploy.pipeline import compile_model, run_passes
from neurodeploy.program import Program
from neurodeploy.target import Target
from neurodeploy.worlds.policy import Counter, SpikingPolicy
from neurodeploy.worlds.readout import MostSpikes, PushPull, Readout


@dataclass(frozen=True)
class BundledPolicy:
    """A trained network and what turns it into a policy.

    Attributes:
        name: That of its world, too.
        nir: The network's file.
        card: Origin, training and results.
        output: The population that is read out.
        readout: From its spike counts to actions.
        steps: Chip steps of one decision's rate code.
    """

    name: str
    nir: Path
    card: Mapping[str, Any]
    output: str
    readout: Readout
    steps: int

    def program(self, target: str | Target = "loihi2", options: Options | None = None) -> Program:
        """The network, compiled."""
        return compile_model(self.nir, target, options)

    def network(self) -> Network:
        """The network in float."""
        network = run_passes(self.nir, "loihi2", stop_after="lower").network
        assert network is not None
        return network

    def acting(self, world: Any, count: Counter) -> SpikingPolicy[Any]:
        """The policy in a world (its own kind, perhaps degraded), run by ``count``; see :class:`SpikingPolicy`."""
        return SpikingPolicy(world, count, self.output, self.readout, self.steps)


def load_policy(name: str) -> BundledPolicy:
    """A bundled policy: ``obstacles`` or ``pendulum``.

    Raises:
        UnknownModel: None of that name.
    """
    known = list_policies()
    if name not in known:
        raise UnknownModel(f"no bundled policy '{name}'", where="load_policy", remedy=did_you_mean(name, known))
    folder = policy_folder(name)
    card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    readout, steps = card["readout"], card["encoding"]["steps"]
    return BundledPolicy(name, folder / "policy.nir", card, readout["output"], _readout(readout), steps)


def _readout(table: Mapping[str, Any]) -> Readout:
    if table["kind"] == "most_spikes":
        return MostSpikes(tuple(tuple(group) for group in table["values"]))
    return PushPull(table["span"], table["neurons"], table["full_rate"])
