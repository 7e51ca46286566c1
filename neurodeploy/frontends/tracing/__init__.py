"""From a torch module with any ``forward`` to a graph: it runs once under observation.

``recorder`` watches every torch function (a ``TorchFunctionMode``) and every call of a neuron; ``values``,
``functions``, ``layers`` and ``pooling`` say what each tensor holds; ``fold`` finds the step that all steps repeat;
``build`` makes it a graph; ``run`` keeps the module as the yardstick. What is not understood and reaches a neuron or
the result is refused by name.
A framework adds what its neurons are (``NeuronKind``, ``NeuronNodes``) and calls :func:`trace`.
"""

from neurodeploy.frontends.tracing.build import Neuron
from neurodeploy.frontends.tracing.layers import make_layer
from neurodeploy.frontends.tracing.recorder import NeuronCall
from neurodeploy.frontends.tracing.trace import trace

__all__ = ["Neuron", "NeuronCall", "make_layer", "trace"]
