"""What a framework's neurons put in place of a spike's derivative, as the user chose it."""

from __future__ import annotations

from typing import Any

from neurodeploy.errors import UnsupportedNode
from neurodeploy.train.qat.registers import Surrogate

FRAMEWORKS = ("snntorch", "norse")


def surrogate_of(module: Any, name: str, where: str) -> Surrogate:
    """The surrogate of a neuron module.

    snnTorch lets gradients through a reset of the same step, and none through one that comes a step late; Norse lets
    them through all.

    Raises:
        UnsupportedNode: A neuron of another framework.
    """
    packages = {base.__module__.partition(".")[0] for base in type(module).__mro__}
    if "snntorch" in packages:
        return Surrogate(module.spike_grad, through_reset=not getattr(module, "reset_delay", True))
    if "norse" in packages:
        from norse.torch.functional.threshold import threshold

        p = module.p
        return Surrogate(lambda x: threshold(x, p.method, p.alpha), through_reset=True)
    raise UnsupportedNode(
        f"quantisation-aware training of a {type(module).__name__}, layer '{name}'",
        where=where,
        remedy=f"it takes neurons of {' and '.join(FRAMEWORKS)}; train others in their framework, and quantise after",
    )
