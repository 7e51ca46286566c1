"""A module whose forward pass is the chip's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurodeploy.compilation import Compilation, Options, made
from neurodeploy.errors import QuantizeError, ShapeMismatch, SimulationError, UnsupportedNode
from neurodeploy.frontends.modules import ModuleModel, module_model
from neurodeploy.network import Network, Projection
from neurodeploy.pipeline import compile_model, lower_graph, quantize_network, run_passes
from neurodeploy.program import Program
from neurodeploy.quantize.expressible import expressible
from neurodeploy.reading import read
from neurodeploy.semantics import MEMBRANE_READOUTS
from neurodeploy.simulate import simulate
from neurodeploy.target import Target
from neurodeploy.train.qat import network as chip
from neurodeploy.train.qat.origins import Key, Origin, find_origins
from neurodeploy.train.qat.registers import Surrogate
from neurodeploy.train.qat.surrogates import check_framework, surrogate_of
from neurodeploy.train.qat.tensors import tensors_of

Tensor = torch.Tensor


@dataclass(frozen=True, eq=False)
class Activity:
    """What the network does on a batch.

    Attributes:
        spikes: (B, T, *shape) of 0 and 1 by layer, float32.
        membranes: After each step and its reset, float64, in the float network's units.
    """

    spikes: Mapping[str, Tensor]
    membranes: Mapping[str, Tensor]


@dataclass(frozen=True)
class Agreement:
    """How a layer's forward pass compares with the fast engine, see :meth:`QuantizedModule.check`.

    Attributes:
        layer: The population.
        bits: Spikes and their absences compared.
        mismatching: Those that differ.
        membranes: Values of v compared.
        membranes_mismatching: Those that differ, before they are scaled to float.
        spikes: How many spikes there were.
    """

    layer: str
    bits: int
    mismatching: int
    membranes: int
    membranes_mismatching: int
    spikes: int


class QuantizedModule(torch.nn.Module):
    """A module as the chip will run it; make it with :func:`neurodeploy.train.qat.prepare`.

    Its parameters are those of the user's module, in float, and training changes them there. Every forward pass reads
    the module and quantises it with the very passes of ``compile``, so that no integer is defined twice; those of the
    last pass are kept while the parameters stay what they are.

    Attributes:
        module: The user's.
        target: The chip.
        options: Of ``compile``, the bits included.
    """

    def __init__(self, state: Compilation, sample: Any) -> None:
        super().__init__()
        assert isinstance(state.model, ModuleModel)
        self.module = state.model.module
        self.target: Target = state.target
        self.options: Options = state.options
        self._where = str(state.model)
        self._surrogates = self._find_surrogates(state)
        self._state, self._sample = _with_known_layout(state), sample
        self.origins: Mapping[Key, tuple[Origin, ...]] = find_origins(
            self.module, lambda m: _in_chip_terms(self._read(m)), self._where
        )
        self._projections = _in_order(_in_chip_terms(state))
        self._seen: list[Tensor] = []
        self._current = state
        self.compilation()

    @property
    def readout(self) -> str:
        """How the output is read, one of the read-outs of :mod:`neurodeploy.train.readout`."""
        return self._state.readout

    @property
    def output(self) -> str:
        """The population that is read out.

        Raises:
            UnsupportedNode: There are several.
        """
        outputs = self._state.outputs
        if len(outputs) != 1:
            raise UnsupportedNode(
                f"the module has {len(outputs)} outputs",
                where=self._where,
                remedy=f"give options=Options(output=...), one of {', '.join(outputs)}",
            )
        return next(iter(outputs.values()))

    def compilation(self) -> Compilation:
        """The module as it is now: read, lowered and quantised by the compiler's passes."""
        values = [v for v in self.module.state_dict().values() if isinstance(v, Tensor)]
        if len(values) != len(self._seen) or not all(map(torch.equal, values, self._seen)):
            self._current = quantize_network(self._read(self.module))
            self._seen = [v.clone() for v in values]
        return self._current

    def program(self) -> Program:
        """What ``nd.compile`` makes of the module with the target and options that it was prepared for."""
        return compile_model(self.module, self.target, self.options, sample=self._sample)

    def forward(self, spikes: Any) -> Tensor:
        """What the output's read-out reads: spikes (B, T, n) of the output, or its membranes.

        Args:
            spikes: (B, T, *shape) of 0 and 1.
        """
        activity = self.run(spikes)
        kept = activity.membranes if self.readout in MEMBRANE_READOUTS else activity.spikes
        return kept[self.output].flatten(2)

    def scores(self, spikes: Any) -> Tensor:
        """Score of each class, float64 (B, n), by the module's read-out."""
        from neurodeploy.train.readout import scores

        values = self(spikes)
        return scores(self.readout, *((None, values) if self.readout in MEMBRANE_READOUTS else (values, None)))

    def run(self, spikes: Any) -> Activity:
        """Spikes and membranes of every layer.

        Args:
            spikes: (B, T, *shape) of 0 and 1.

        Raises:
            ShapeMismatch: They do not fit the module.
            SimulationError: They hold other numbers.
        """
        state = self.compilation()
        net = made(state.net)
        x = self._checked(spikes)
        values = dict(self.module.named_parameters())
        populations, wires = tensors_of(state, self._projections, self.origins, values, self._surrogates)
        done = chip.run(net, populations, wires, dict.fromkeys(net.inputs, x))
        shapes = {name: (x.shape[1], x.shape[0], *p.shape) for name, p in net.populations.items()}

        def of_user(values: Tensor, name: str) -> Tensor:
            return values.transpose(0, 1).reshape(shapes[name])

        spikes_sent = {name: of_user(s, name) for name, s in done.spikes.items()}
        membranes = {}
        for name, v in done.membranes.items():
            c = populations[name]
            membranes[name] = of_user(v / c.scale + c.offset, name)
        return Activity(spikes_sent, membranes)

    def check(self, spikes: NDArray[Any], *, batch: int = 64) -> tuple[Agreement, ...]:
        """Compare the forward pass with the fast engine on the network that ``compile`` makes, every spike and v.

        Args:
            spikes: (N, T, *shape) of 0 and 1.
            batch: Samples at a time.
        """
        net = self.program().net
        counts = {name: np.zeros(5, np.int64) for name in net.populations}
        for first in range(0, len(spikes), batch):
            some = np.asarray(spikes[first : first + batch])
            run = simulate(net, some, record={name: ("v",) for name in net.populations})
            with torch.no_grad():
                ours = self.run(some)
            for name, p in net.populations.items():
                live = slice(p.start, p.start + some.shape[1])
                sent, v = run.spikes[name][:, live], run.states[name]["v"][:, live]
                found = ours.spikes[name].numpy()
                scale = np.ones(()) if p.scale is None else p.scale
                membranes = v.reshape(*v.shape[:2], -1) / scale + p.offset
                apart = ours.membranes[name].numpy().reshape(membranes.shape) != membranes
                counts[name] += [sent.size, (sent != found).sum(), v.size, apart.sum(), sent.sum(dtype=np.int64)]
        return tuple(Agreement(name, *(int(n) for n in row)) for name, row in counts.items())

    def _read(self, module: Any) -> Compilation:
        """The compiler's first passes on a module; what there is to warn of was said by the first reading."""
        model = replace(self._state.model, module=module)  # type: ignore[type-var]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return lower_graph(read(replace(self._state, model=model)))

    def _find_surrogates(self, state: Compilation) -> Mapping[str, Surrogate]:
        network, imported = made(state.network), made(state.imported)
        check_framework(imported.framework, self._where)
        source: Any = imported.source
        modules = {n: source.module.get_submodule(path) for path, names in source.neurons.items() for n in names}
        found = {}
        for name, population in network.populations.items():
            if population.spiking and name not in modules:
                raise UnsupportedNode(
                    f"quantisation-aware training through '{name}', which pools by maximum",
                    where=self._where,
                    remedy="pool by average, or stride the convolution before it",
                )
            if population.spiking:
                found[name] = surrogate_of(modules[name])
        return found

    def _checked(self, spikes: Any) -> Tensor:
        """The input as (T, B, n), float32."""
        x = torch.as_tensor(spikes)
        (shape,) = made(self._state.network).inputs.values()
        if x.ndim < 3 or tuple(x.shape[2:]) != tuple(shape) or 0 in x.shape:
            raise ShapeMismatch(
                f"the spikes have shape {tuple(x.shape)}",
                where=self._where,
                remedy=f"give (samples, steps, {', '.join(map(str, shape))}), at least one of each",
            )
        if not bool(((x == 0) | (x == 1)).all()):
            raise SimulationError(
                "the input holds other numbers than 0 and 1",
                where=self._where,
                remedy="encode it into spikes (neurodeploy.train.encode)",
            )
        return x.transpose(0, 1).flatten(2).float().contiguous()


def prepare_module(module: Any, target: str | Target, options: Options, sample: Any) -> QuantizedModule:
    """See :func:`neurodeploy.train.qat.prepare`."""
    if isinstance(module, QuantizedModule):
        module = module.module
    model = module_model(module, sample)
    if getattr(options, "calibrate", None) is not None:
        raise QuantizeError(
            "calibration would choose the integers on its data anew at every forward pass",
            where=model.name,
            remedy="train by the rule, without calibrate; per_channel may stay",
        )
    state = run_passes(model.module, target, options, sample=sample)
    return QuantizedModule(state, sample)


def _with_known_layout(state: Compilation) -> Compilation:
    """The compilation for further readings, which need not find out again how the module takes time."""
    source: Any = made(state.imported).source
    frontend = {**state.options.frontend, "time_axis": source.layout.time_axis}
    return replace(state, options=replace(state.options, frontend=frontend))


def _in_chip_terms(state: Compilation) -> Network:
    """The network whose projections are the chip's."""
    return expressible(made(state.network), state.target)[0]


def _in_order(network: Network) -> tuple[tuple[int, Projection], ...]:
    """The projections with their numbers in the network, in the chip's order."""
    numbered = list(enumerate(network.projections))
    return tuple((i, p) for name in network.populations for i, p in numbered if p.target == name)
