"""From files and frameworks to a :class:`neurodeploy.graph.Graph`."""

from neurodeploy.frontends.nir import read_nir

__all__ = ["read_nir"]
