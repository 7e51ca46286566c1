"""NIR files: HDF5 read by ourselves, tolerant of what is unambiguous, with an error for all else.

``hdf5`` takes the file apart, ``primitives`` knows the node types, ``flatten`` dissolves nested graphs, ``ends`` adds
missing Inputs and Outputs, ``settle`` makes the shapes consistent, ``recorded`` takes up what our own files say.
"""

from neurodeploy.frontends.nir.primitives import PRIMITIVES
from neurodeploy.frontends.nir.read import read_nir, with_defaults
from neurodeploy.frontends.nir.settle import settle

__all__ = ["PRIMITIVES", "read_nir", "settle", "with_defaults"]
