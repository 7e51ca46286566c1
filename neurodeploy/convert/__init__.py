"""Exact compilers: what is not a trained spiking network becomes one, proven equal to a model without any spikes."""

from neurodeploy.convert.functions import SpikeFunction
from neurodeploy.convert.functions import spike_function as function
from neurodeploy.convert.qcfs import QcfsNetwork, qcfs
from neurodeploy.convert.ttfs import Ttfs, ttfs

__all__ = ["QcfsNetwork", "SpikeFunction", "Ttfs", "function", "qcfs", "ttfs"]
