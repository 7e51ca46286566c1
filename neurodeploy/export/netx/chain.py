"""A program's populations as the one chain of layers that a ``.net`` file holds."""

from __future__ import annotations

from dataclasses import dataclass

from neurodeploy.chipnet import ChipInput, ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.export.errors import CannotExport, Obstacle
from neurodeploy.neurons import model_named

CHAIN = "export --to lava, which takes any wiring: a .net file is one chain of layers"


@dataclass(frozen=True, eq=False)
class Stage:
    """One layer.

    Attributes:
        population: Its neurons.
        forward: What comes from the stage before, in the order of the neurons' ports.
        recurrent: What comes from itself, if anything does.
    """

    population: ChipPopulation
    forward: tuple[ChipProjection, ...]
    recurrent: ChipProjection | None

    @property
    def is_direct(self) -> bool:
        """Whether no synapse lies before it."""
        return self.forward[0].connection.kind == "direct"

    @property
    def is_conv(self) -> bool:
        """Whether a convolution lies before it."""
        return self.forward[0].connection.kind == "conv2d"


def chain_of(net: ChipNetwork) -> tuple[ChipInput, list[Stage]]:
    """The input and the stages behind it.

    Raises:
        CannotExport: The network is not one chain.
    """
    if len(net.inputs) != 1 or not net.populations:
        raise _refused("network", f"{len(net.inputs)} inputs and {len(net.populations)} populations")
    (source,) = net.inputs.values()
    stages: list[Stage] = []
    sender = source.name
    while len(stages) < len(net.populations):
        targets = {p.target for p in net.projections if p.source == sender and p.target != sender}
        if len(targets) > 1:
            raise _refused(sender, f"a branch to {', '.join(sorted(targets))}")
        if not targets:
            done = [stage.population.name for stage in stages]
            missing = next(name for name in net.populations if name not in done)
            raise _refused(missing, f"no connection from {sender}, where the chain from the input ends")
        (name,) = targets
        stages.append(_stage(net, name, sender))
        sender = name
    return source, stages


def _stage(net: ChipNetwork, name: str, sender: str) -> Stage:
    population = net.populations[name]
    incoming = list(net.incoming(name))
    # this finds connections back to earlier stages, too
    others = sorted({p.source for p in incoming} - {sender, name})
    if others:
        raise _refused(name, f"input from {', '.join(others)} besides {sender}")
    ports = model_named(population.model).ports
    forward = sorted((p for p in incoming if p.source == sender), key=lambda p: ports.index(p.port))
    recurrent = [p for p in incoming if p.source == name]
    if len(recurrent) > 1 or [p.port for p in forward] != list(ports):
        raise _refused(name, f"{len(forward)} projections from {sender} and {len(recurrent)} from itself")
    return Stage(population, tuple(forward), recurrent[0] if recurrent else None)


def _refused(layer: str, what: str) -> CannotExport:
    return CannotExport(".net", [Obstacle(layer, what, CHAIN)])
