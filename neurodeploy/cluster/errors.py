"""What can be wrong with a cluster."""

from neurodeploy.errors import SimulationError


class ClusterError(SimulationError):
    """The scheduler cannot be reached, its workers cannot do the work, or they were lost on the way."""
