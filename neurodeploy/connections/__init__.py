"""Linear maps from one population's spikes to another's inputs; one file per kind.

The same classes hold float weights in a :class:`neurodeploy.network.Network` and integers in a
:class:`neurodeploy.chipnet.ChipNetwork`.
"""

from neurodeploy.connections.base import Connection
from neurodeploy.connections.conv import Conv2d
from neurodeploy.connections.dense import Dense
from neurodeploy.connections.direct import Direct
from neurodeploy.connections.sparse import Sparse

CONNECTIONS: tuple[type[Connection], ...] = (Dense, Sparse, Conv2d, Direct)

__all__ = ["CONNECTIONS", "Connection", "Conv2d", "Dense", "Direct", "Sparse"]
