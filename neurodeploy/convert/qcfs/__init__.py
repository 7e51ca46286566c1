"""Networks with QCFS activations as integrate-and-fire neurons whose spike counts equal them, layer by layer.

Method: "PASCAL: Precise and Efficient ANN-SNN Conversion using Spike Accumulation and Adaptive Layerwise Activation"
(Ramesh, Srinivasan, TMLR 2025, arXiv 2505.01730). ``defer``, the gates and the search for levels are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.convert.qcfs.certificate import Certificate, promises
from neurodeploy.convert.qcfs.check import compare, random_counts, trains
from neurodeploy.convert.qcfs.golden import IntegerNet
from neurodeploy.convert.qcfs.integers import quantised
from neurodeploy.convert.qcfs.layers import OUTPUT, Branch, Coding, Layer, QcfsModel
from neurodeploy.convert.qcfs.lower import lowered
from neurodeploy.convert.qcfs.schedule import MODES, Schedule, scheduled
from neurodeploy.convert.qcfs.thermometer import thermometer as copied
from neurodeploy.errors import ModelError, UnsupportedFeature, did_you_mean
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.program import Program
from neurodeploy.quantize import Bits
from neurodeploy.quantize.bits import BITS_DEFAULT
from neurodeploy.quantize.features import check_features
from neurodeploy.target import Target, load_target
from neurodeploy.version import installed_version

if TYPE_CHECKING:
    from neurodeploy.convert.qcfs.activation import QCFS
    from neurodeploy.convert.qcfs.relu import calibrate
    from neurodeploy.convert.qcfs.search import adapt_levels
    from neurodeploy.convert.qcfs.tracing import from_torch

__all__ = [
    "QCFS",
    "Branch",
    "Certificate",
    "Coding",
    "IntegerNet",
    "Layer",
    "QcfsModel",
    "QcfsNetwork",
    "adapt_levels",
    "calibrate",
    "from_torch",
    "qcfs",
]
_IN = {"QCFS": "activation", "calibrate": "relu", "from_torch": "tracing", "adapt_levels": "search"}

GATES = ("window", "neurons")


@dataclass(frozen=True, eq=False)
class QcfsNetwork:
    """A quantised network on a chip.

    Attributes:
        program: Runs, costs and reports like any other; input ``in``, output ``out``, read out by ``v_last``.
        golden: What it equals: ``golden.counts(counts)``.
        coding: Of the input.
        schedule: When which layer fires.
        certificate: What is promised.
    """

    program: Program
    golden: IntegerNet
    coding: Coding
    schedule: Schedule
    certificate: Certificate

    def encode(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Numbers (N, *input_shape) as input spikes (N, T0, *input_shape)."""
        return trains(self.coding.counts(values), self.coding.levels)

    def compare(self, counts: NDArray[np.int64], **how: Any) -> dict[str, NDArray[np.int64]]:
        """As :func:`neurodeploy.convert.qcfs.check.compare`, of this network."""
        return compare(self.program.net, self.golden, self.schedule, counts, **how)


def qcfs(
    model: QcfsModel | Any,
    *,
    input_shape: tuple[int, ...] | None = None,
    input_levels: int | None = None,
    input_step: float = 1.0,
    target: str | Target = "loihi2",
    mode: str = "defer",
    gate: str | None = None,
    thermometer: bool = False,
    bits: Bits = BITS_DEFAULT,
    samples: int = 64,
    seed: int = 0,
    name: str | None = None,
) -> QcfsNetwork:
    """Compile a network with QCFS activations into neurons whose counts equal the quantised network's.

    Args:
        model: A torch module, see :func:`from_torch`, or a :class:`QcfsModel`; the next three are for a module.
        input_shape: Without batch.
        input_levels: T0, where the module does not begin with a QCFS: inputs are 0 .. T0 times ``input_step``.
        input_step: Real value of one input spike.
        target: A target, its name, or the path of a ``.toml`` file.
        mode: ``defer``: a layer accumulates, then fires; ``pascal``: the published neuron.
        gate: What opens and closes the layers of ``defer``: ``window`` or ``neurons``; default what the target has.
        thermometer: L copies of each neuron that spike once, for targets without the reset ``subtract``.
        bits: Of the weights, 2..9 (9: where the target holds odd weights of either sign), or by layer.
        samples: Random inputs, half of them in shuffled order, on which chip and golden model are compared.
        seed: Of those.
        name: Of a module, for provenance; default its class.

    Raises:
        ModelError: Not such a network.
        QuantizeError: A threshold below 2, or a membrane that could leave its register.
        UnsupportedFeature: The target's neurons cannot do it; says what limits.
        DoesNotFit: It needs more cores than there are.
    """
    chip = target if isinstance(target, Target) else load_target(target)
    if mode not in MODES:
        raise ModelError(f"no mode '{mode}'", where="qcfs", remedy=did_you_mean(mode, MODES))
    if not isinstance(model, QcfsModel):
        from neurodeploy.convert.qcfs.tracing import from_torch

        if input_shape is None:
            raise ModelError("a module without the shape of its input", where="qcfs", remedy="give input_shape")
        model = from_torch(model, input_shape, input_levels=input_levels, input_step=input_step, name=name)
    how = _gate(chip, mode, gate, thermometer)
    net = quantised(model, bits, _theta_most(chip, model, thermometer))
    schedule = scheduled(net, mode, spikes_at_once=thermometer)
    made = copied(net, chip, schedule, how) if thermometer else lowered(net, chip, schedule, mode, how)
    check_features(made, chip)
    mapping = map_network(made, chip)
    check_mapping(made, mapping, chip)
    certificate = Certificate(
        model=model.name,
        mode="thermometer" if thermometer else mode,
        gate=how,
        input_step=model.coding.step,
        neurons=made.neurons,
        synapses=made.synapses,
        state_writes=sum(int(np.count_nonzero(p.full("v0"))) for p in made.populations.values()),
        checked=_compared(made, net, schedule, samples, seed),
        **promises(net, chip, schedule),
    )
    provenance = {
        "model": model.name,
        "target": chip.name,
        "neurodeploy": installed_version(),
        "qcfs": certificate.to_dict(),
    }
    program = Program(made, mapping, chip, {OUTPUT: OUTPUT}, "v_last", {}, {}, provenance)
    return QcfsNetwork(program, net, model.coding, schedule, certificate)


def _gate(target: Target, mode: str, gate: str | None, thermometer: bool) -> str:
    """How layers are opened and closed; UnsupportedFeature where the target cannot run the network."""
    c = target.compartment
    if gate is not None and gate not in GATES:
        raise ModelError(f"no gate '{gate}'", where="qcfs", remedy=did_you_mean(gate, GATES))
    if thermometer and mode == "pascal":
        raise ModelError("pascal neurons as thermometers", where="qcfs", remedy="drop one of them")
    if mode == "pascal":
        if gate is not None:
            raise ModelError("a gate for neurons that keep their own time", where="qcfs", remedy="drop gate")
        if not c.programmable.value:
            raise UnsupportedFeature(
                f"target '{target.name}' has no programmable neurons, which count and spike with a sign",
                where="qcfs compiler",
                remedy="use mode defer, or choose another target (loihi2)",
            )
        return "model"
    if not thermometer and "subtract" not in c.resets.value:
        raise UnsupportedFeature(
            f"target '{target.name}' resets the membrane to {' or '.join(c.resets.value)} on a spike, which loses the "
            "rest that the next spikes are counted from; it needs the reset 'subtract'",
            where="qcfs compiler",
            remedy="choose another target (loihi2), or ask for L copies of each neuron: thermometer (--thermometer)",
        )
    return gate or ("window" if c.firing_window.value else "neurons")


def _theta_most(target: Target, model: QcfsModel, thermometer: bool) -> int:
    """Largest threshold of the golden model whose double, and that of the last copy, the chip holds."""
    copies = max((layer.levels for layer in model.hidden), default=1) if thermometer else 1
    return int(target.compartment.vth_mantissa_max.value // (2 * copies))


def _compared(made: ChipNetwork, net: IntegerNet, schedule: Schedule, samples: int, seed: int) -> str:
    if not samples:
        return "nothing"
    rng = np.random.default_rng(seed)
    counts = random_counts(rng, samples, net)
    spikes = trains(counts, net.input_levels)
    shuffled = trains(counts, net.input_levels, rng)
    spikes[samples // 2 :] = shuffled[samples // 2 :]
    compare(made, net, schedule, counts, spikes)
    return f"{samples:,} random inputs (seed {seed}), half of them with their spikes in another order: all trains equal"


def __getattr__(name: str) -> Any:
    """What needs torch, imported when it is asked for."""
    if name in _IN:
        return getattr(import_module(f"{__name__}.{_IN[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
