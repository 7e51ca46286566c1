"""Integer networks in NIR files: graphs that say what NIR can say, and metadata for the rest, read back bit for bit.

``features`` names what of a network NIR cannot say, ``neurons`` makes NIR's nodes of a population, ``read`` makes the
network of a file again. Weights are read from the nodes; everything that stands twice in a file, in NIR's words and in
ours, must agree.
"""

from neurodeploy.frontends.exact.features import FEATURES, features_of
from neurodeploy.frontends.exact.neurons import Nodes, neuron_nodes
from neurodeploy.frontends.exact.read import ExactModel, exact_model, is_exact

__all__ = ["FEATURES", "ExactModel", "Nodes", "exact_model", "features_of", "is_exact", "neuron_nodes"]
