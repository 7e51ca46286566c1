"""What training shares with deployment, for torch tensors; torch is imported when a function is called."""

from neurodeploy.train import encode, readout

__all__ = ["encode", "readout"]
