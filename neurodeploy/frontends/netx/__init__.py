"""lava-dl's ``.net`` files (netx HDF5) as integer networks, just as ``lava.lib.dl.netx`` 0.6.0 would build them.

Where netx computes something else than the file says (a few weight matrices, see :mod:`.weights`; exponents of delayed
recurrent layers), the file's weights are deployed, and a note says so. What netx drops or cannot run is refused, unless
it changes nothing.
"""

from neurodeploy.frontends.netx.build import NetxModel, read_netx

__all__ = ["NetxModel", "read_netx"]
