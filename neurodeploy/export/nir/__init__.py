"""Models as NIR files: what NIR can say for every tool, and the rest in metadata, which we read again.

``names`` and ``kernels`` make a graph fit for nir's own reader, ``nodes`` makes its objects, ``losses`` says what other
tools will not know, ``write`` writes float models and reads back, ``program`` the integers of programs.
"""

from neurodeploy.export.nir.losses import LossyExport, losses
from neurodeploy.export.nir.program import export_program
from neurodeploy.export.nir.write import export_nir, write_nir

__all__ = ["LossyExport", "export_nir", "export_program", "losses", "write_nir"]
