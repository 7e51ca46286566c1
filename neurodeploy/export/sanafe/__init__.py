"""SANA-FE 2.2.9: the mapped network with the spikes of a run, to be replayed there."""

from neurodeploy.export.sanafe.write import export_sanafe

__all__ = ["export_sanafe"]
