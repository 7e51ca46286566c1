"""What training shares with deployment, for torch tensors; torch is imported when a function is called."""

from neurodeploy.train import encode, qat, readout

__all__ = ["encode", "qat", "readout"]
