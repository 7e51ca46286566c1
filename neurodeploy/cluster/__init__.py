"""Data sets and sweeps over many processes or machines, by Dask distributed: the bits of one local run, sooner.

``address`` is ``local`` (worker processes on this machine, one per usable CPU), ``local:4`` (so many), or that of a
running Dask scheduler, such as ``tcp://host:8786``; with ``tls://host:8786`` Dask's own configuration names the
certificates. The scheduler and its workers must have this version of neurodeploy.

What travels: a program as the bytes of its ``.ndp`` file, once to each worker; samples in shards, spikes as bits;
results as arrays, numbers and text. Dask pickles these values and the names of the functions in
:mod:`neurodeploy.cluster.tasks`; no object of ours is pickled. Whoever can talk to a scheduler can run code on its
workers and on its clients: use only those you trust.
"""

from neurodeploy.cluster.connection import Cluster, connect
from neurodeploy.cluster.dataset import run_program
from neurodeploy.cluster.errors import ClusterError
from neurodeploy.cluster.sweep import sweep

__all__ = ["Cluster", "ClusterError", "connect", "run_program", "sweep"]
