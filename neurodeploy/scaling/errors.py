"""What can be wrong with a study of scaling."""

from neurodeploy.errors import SimulationError


class ScalingError(SimulationError):
    """A sweep, table or fit cannot be made or used."""


class InvalidExpression(ScalingError):
    """An expression is not one of the small language of :mod:`neurodeploy.scaling.expression`."""


class TooFewCells(ScalingError):
    """There are not enough cells for what is to be fitted."""


class ProposerError(ScalingError):
    """A proposer of expressions failed, hung, or answered something else than expressions."""
