"""Layer by layer into a ChipNetwork."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import Dense, Direct
from neurodeploy.connections.base import Shape
from neurodeploy.errors import AmbiguousSemantics, ShapeMismatch
from neurodeploy.frontends.netx.neurons import SPIKE_EXP, Neuron, is_fragile, read_neuron
from neurodeploy.frontends.netx.record import Record, read_records
from neurodeploy.frontends.netx.synapses import complex_synapses, delays_of, kernel_of, real_synapses
from neurodeploy.neurons.cuba import VTH_NEVER

GRADED_BITS = 24
INPUT = "input"
NOT_IN_NETX = {
    "pool": "write the pooling as a convolution with one group per channel",
    "convT": "netx has no transposed convolution: write the layer as dense, or replace it",
    "unpool": "netx has no unpooling: replace the layer",
    "average": "netx has no averaging layer: average the read-out yourself",
    "concat": "netx has no concatenation: use one path",
    "dense_comp": "store type 'dense' with weight/real and weight/imag, which netx loads",
}


@dataclass(frozen=True, eq=False)
class NetxModel:
    """What a ``.net`` file holds.

    Attributes:
        net: The integer network; populations are called ``layer0``, ``layer1``, ... by their number in the file.
        output: The last population.
        readout: How a class is read off it: ``count`` for spikes, and for changes, which sum up; ``v_last`` for neurons
            that never fire, whose v sums their input; ``s_last`` for a sigma output, whose message is the sum.
        conventions: How the file was read.
        notes: Where netx on Lava computes something else, or ignores a setting.
    """

    net: ChipNetwork
    output: str
    readout: str
    conventions: Mapping[str, object]
    notes: tuple[str, ...]


def read_netx(
    path: str | Path, *, input_shape: tuple[int, ...] | None = None, input_message_bits: int | None = None
) -> NetxModel:
    """Read a file; a UserWarning for each note.

    Args:
        path: The file.
        input_shape: (C, H, W), needed where the first layer is a convolution and the file has no input layer.
        input_message_bits: Of the input of a file without input neurons: 0 for spikes (default), else graded, as netx's
            argument of that name. Input neurons take integers of 24 bits (sigma-delta) or 16 (CUBA, which want
            ``weight * x + bias`` with the file's weight and bias).

    Raises:
        UnreadableFile: Missing, damaged, or not a ``.net`` file.
        UnsupportedNode: Something that netx cannot run or drops, or that is not deployed; says what instead.
        ShapeMismatch: Shapes that do not fit each other.
        AmbiguousSemantics: The input's shape is nowhere said.
    """
    path = Path(path)
    builder = _Builder(input_shape, input_message_bits)
    for layer in read_records(path):
        builder.add(layer)
    if not builder.net.populations:
        raise layer.fault("the file has no layer of neurons", "export a network with at least one")
    for note in builder.notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    return builder.finish()


@dataclass(eq=False)
class _Builder:
    """The network so far, and what the next layer needs to know.

    Attributes:
        input_shape: Of the input, as far as known.
        input_bits: Message bits of the input, as far as known.
        source: Who sends to the next layer.
        message_bits: What netx takes them for.
        flat: Whether a flatten layer came since the last dense one.
    """

    input_shape: Shape | None
    input_bits: int | None
    net: ChipNetwork = field(default_factory=ChipNetwork)
    notes: list[str] = field(default_factory=list)
    conventions: dict[str, object] = field(default_factory=lambda: {"format": "netx", "spike_exp": SPIKE_EXP})
    source: str = ""
    message_bits: int = 0
    flat: bool = False

    def add(self, layer: Record) -> None:
        """One layer of the file."""
        kind = layer.text("type")
        if kind in NOT_IN_NETX:
            raise layer.fault(f"netx cannot load a layer of type '{kind}'", NOT_IN_NETX[kind])
        steps = {
            "input": self._input,
            "flatten": self._flatten,
            "dense": self._dense,
            "dense_rec": self._dense,
            "conv": self._conv,
        }
        if kind not in steps:
            raise layer.fault(f"layer type '{kind}', which netx would skip without a word", f"use {', '.join(steps)}")
        if layer.has_neuron:
            self._note_ignored(layer)
        steps[kind](layer)

    def finish(self) -> NetxModel:
        """The whole."""
        output = list(self.net.populations)[-1]
        population = self.net.populations[output]
        passive = population.model == "cuba" and np.all(population.fields["vth"] >= VTH_NEVER)
        readout = "v_last" if passive else "s_last" if population.model == "sigma" else "count"
        conventions = self.conventions | {"readout": readout} | ({"notes": self.notes} if self.notes else {})
        return NetxModel(self.net, output, readout, conventions, tuple(self.notes))

    def _input(self, layer: Record) -> None:
        if layer.index:
            raise layer.fault("an input layer behind another layer", "make it the first")
        shape = layer.shape()
        if self.input_shape not in (None, shape):
            raise layer.fault(
                f"the file says the input has shape {shape}, the option says {self.input_shape}",
                "drop the option",
                AmbiguousSemantics,
            )
        self.input_shape = shape
        if not layer.has_neuron:
            return
        if self.input_bits is not None:
            raise layer.fault("message bits given for a file with input neurons", "drop the option", AmbiguousSemantics)
        neuron = read_neuron(layer, shape, is_input=True)
        if neuron.model == "cuba":
            scale = layer.integer("weight") if "weight" in layer.data else 64
            shift = layer.integer("bias") if "bias" in layer.data else 0
            self.conventions["input"] = f"bias of the first layer, {scale} * x + {shift}, as integers"
            self.input_bits = 16
        else:
            if {"weight", "bias"} & layer.data.keys():
                raise layer.fault(
                    "a weight or bias on sigma-delta input neurons, which netx does not apply",
                    "apply it to the data, and export the layer without it",
                )
            self.conventions["input"] = "values of the first layer's delta neurons, as integers"
            self.input_bits = GRADED_BITS
        self._start(shape)
        name = self._population(layer, shape, neuron)
        self.net.attach(INPUT, name, Direct.between(shape, shape))
        self._continue(name, neuron)

    def _flatten(self, layer: Record) -> None:
        if self.source and len(self.net.shape_of(self.source)) != 3:
            raise layer.fault("a flatten layer behind a flat one, which netx cannot transpose", "drop it")
        self.flat = True

    def _dense(self, layer: Record) -> None:
        shape = (int(np.prod(layer.shape())),)
        recurrent = layer.text("type") == "dense_rec"
        neuron = read_neuron(layer, shape)
        if "weight/imag" in layer.data or "weight/real" in layer.data:
            if recurrent or not neuron.model.startswith("rf"):
                raise layer.fault(
                    "complex weights, which netx takes for RF neurons in a plain dense layer", "use real weights"
                )
            synapses = complex_synapses(layer, shape[0])
        elif neuron.model.startswith("rf"):
            raise layer.fault(
                "RF neurons behind real weights: netx connects them to nothing",
                "store weight/real and weight/imag (zeros do not load: use at least one weight that is not zero)",
            )
        else:
            synapses = real_synapses(layer, shape[0], recurrent)
        source_shape = self._dense_source(layer, synapses[0].weights.shape[1])
        delays = delays_of(layer, synapses[0].weights.shape)
        if recurrent and delays is not None and synapses[0].weights.shape[1] != shape[0]:
            raise layer.fault(
                "a recurrent layer with delays whose input has another size: netx has one delay matrix for both",
                "drop the delays, or give the layer as many inputs as neurons",
                ShapeMismatch,
            )
        self.notes += [f"{layer.where}: {note}" for synapse in synapses for note in synapse.notes]
        name = self._population(layer, shape, neuron)
        for synapse in synapses:
            self.net.attach(
                name if synapse.recurrent else self.source,
                name,
                Dense(synapse.weights, shape if synapse.recurrent else source_shape, shape),
                weight_exp=synapse.weight_exp,
                num_weight_bits=synapse.num_weight_bits,
                sign_mode=synapse.sign_mode,
                delay=0 if delays is None else delays,
                message_bits=self.message_bits,  # the recurrent synapse, too, is told the width of the layer's input
                port=synapse.port,
            )
        self._continue(name, neuron)
        self.flat = False

    def _dense_source(self, layer: Record, inputs: int) -> Shape:
        if not self.source:
            known = self.input_shape
            self._start(known if known is not None else (inputs,))
        shape = self.net.shape_of(self.source)
        if int(np.prod(shape)) != inputs:
            raise layer.fault(f"the weights take {inputs} inputs, there are {shape}", kind=ShapeMismatch)
        if len(shape) > 1 and self.source != INPUT and not self.flat:
            raise layer.fault(
                f"a dense layer behind a map {shape}: netx needs a flatten layer between", "insert one", ShapeMismatch
            )
        return shape

    def _conv(self, layer: Record) -> None:
        if not self.source:
            if self.input_shape is None:
                raise layer.fault(
                    "the file begins with a convolution and does not say the shape of its input",
                    "give --input-shape C,H,W",
                    AmbiguousSemantics,
                )
            self._start(self.input_shape)
        source_shape = self.net.shape_of(self.source)
        connection = kernel_of(layer, source_shape)
        if connection.target_shape != layer.shape():
            raise layer.fault(
                f"the convolution makes {connection.target_shape}, the layer's shape is {layer.shape()}",
                kind=ShapeMismatch,
            )
        if "delay" in layer.data and np.any(layer.numbers("delay")):
            raise layer.fault("delays on a convolution, which netx does not read", "export this layer without delays")
        neuron = read_neuron(layer, connection.target_shape)
        if not layer.has_neuron or neuron.model.startswith("rf"):
            raise layer.fault("a convolution without neurons, or with RF neurons", "use CUBA or SDNN neurons")
        name = self._population(layer, connection.target_shape, neuron)
        self.net.attach(self.source, name, connection, message_bits=self.message_bits)
        self._continue(name, neuron)

    def _start(self, shape: Shape) -> None:
        self.source, self.message_bits = INPUT, self.input_bits or 0
        self.net.add_input(INPUT, shape=shape, message_bits=self.message_bits)

    def _population(self, layer: Record, shape: Shape, neuron: Neuron) -> str:
        name = f"layer{layer.index}"
        self.net.add_population(name, shape=shape, model=neuron.model, reset=neuron.reset, **neuron.fields)
        return name

    def _continue(self, name: str, neuron: Neuron) -> None:
        self.source, self.message_bits = name, neuron.message_bits

    def _note_ignored(self, layer: Record) -> None:
        """Settings that change the trained network and that netx does not read, or not as they are."""

        def note(text: str) -> None:
            self.notes.append(f"{layer.where}: {text}")

        data = layer.data
        if "neuron/refDelay" in data and np.any(layer.numbers("neuron/refDelay") > 1):
            note("refDelay is not read by netx: there is no refractory period")
        if "neuron/gradedSpike" in data and np.any(layer.numbers("neuron/gradedSpike")):
            note("gradedSpike is not read by netx: spikes are 0 or 1")
        if "neuron/wgtExp" in data and np.any(layer.numbers("neuron/wgtExp")):
            note("wgtExp is not read by netx: weights are taken as they are")
        if "neuron/activation" in data and layer.text("neuron/activation").lower() != "relu":
            note(f"activation '{layer.text('neuron/activation')}' is not read by netx: it is always ReLU")
        for name in ("sinDecay", "cosDecay"):
            if f"neuron/{name}" in data and is_fragile(layer.numbers(f"neuron/{name}")):
                note(f"netx on Lava may take {name} for one less, from float rounding; the file's is deployed")
        if "neuron/messageBits" in data:
            note("lava-dl 0.6.0 itself cannot run a file with messageBits")
