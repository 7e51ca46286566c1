"""Programs as ``.net`` files, which lava-dl's netx loads and runs to the same spikes.

Equal are the messages of every layer at every step that the program computes. A layer that starts late is held still
here until its first input can arrive; in netx it is at rest by itself, and where it is not, the export is refused.
netx has no end either: its layers go on after the steps of the program's read-out.
"""

from neurodeploy.export.netx.write import export_netx

__all__ = ["export_netx"]
