"""What a framework's neurons put in place of a spike's derivative, as the user chose it."""

from __future__ import annotations

from typing import Any

from neurodeploy.errors import UnsupportedNode
from neurodeploy.train.qat.registers import Surrogate

FRAMEWORKS = ("snntorch", "norse")


def check_framework(framework: str, where: str) -> None:
    """Refuse the frameworks whose neurons are not trained here.

    Raises:
        UnsupportedNode: Names it.
    """
    if framework.partition(" ")[0] not in FRAMEWORKS:
        raise UnsupportedNode(
            f"quantisation-aware training of neurons of {framework}",
            where=where,
            remedy=f"it takes those of {' and '.join(FRAMEWORKS)}; train in the framework itself, and quantise after",
        )


def surrogate_of(module: Any) -> Surrogate:
    """The surrogate of a neuron module of one of the frameworks.

    snnTorch lets gradients through a reset of the same step, and none through one that comes a step late; Norse lets
    them through all.
    """
    if hasattr(module, "spike_grad"):
        return Surrogate(module.spike_grad, through_reset=not getattr(module, "reset_delay", True))
    from norse.torch.functional.threshold import threshold

    p = module.p
    return Surrogate(lambda x: threshold(x, p.method, p.alpha), through_reset=True)
