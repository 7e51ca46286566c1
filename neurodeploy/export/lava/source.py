"""The text of the script that builds a program with Lava's own classes, and the arrays beside it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork, ChipProjection
from neurodeploy.connections import Conv2d, Sparse
from neurodeploy.export.lava import shim
from neurodeploy.export.lava.job import lava_ports
from neurodeploy.export.lava.late import Start
from neurodeploy.export.lava.limits import CONV_LIMIT, conv_extents
from neurodeploy.export.lava.models import lava_process
from neurodeploy.export.lava.template import HEAD, NUMPY_1, RUN
from neurodeploy.program import Program
from neurodeploy.version import installed_version

Arrays = dict[str, NDArray[Any]]
IMPORTS = {
    "Dense": "lava.proc.dense.process",
    "DelayDense": "lava.proc.dense.process",
    "Sparse": "lava.proc.sparse.process",
    "DelaySparse": "lava.proc.sparse.process",
    "Conv": "lava.proc.conv.process",
    "ActivationMode": "lava.proc.sdn.process",
    "SignMode": "lava.utils.weightutils",
    "csr_matrix": "scipy.sparse",
    "PyDeltaEncoderModelDense": "lava.proc.io.encoder",
}


def source_text(program: Program, starts: Mapping[str, Start]) -> tuple[str, Arrays, int]:
    """The script, its arrays, and how many Lava processes it makes."""
    net = program.net
    writer = _Writer()
    for name, port in net.inputs.items():
        writer.lines.append(f"    p[{name!r}] = RingBuffer(data=time_last(inputs[{name!r}], steps))  # {port.shape}")
    late = {}
    for name, start in starts.items():
        writer.population(name, start)
        if start.values:
            keys = {var: writer.array(f"{name}.{var} at its start", values) for var, values in start.values.items()}
            late[name] = (start.population.start, keys)
    for projection in net.projections:
        writer.projection(net, projection)
    readers = {}
    for name in dict.fromkeys(program.outputs.values()):
        population = net.populations[name]
        readers[name] = (population.shape, population.start)
    wide = [c for p in net.projections if isinstance(c := p.connection, Conv2d) and max(conv_extents(c)) > CONV_LIMIT]
    facts = {
        "VERSION": installed_version(),
        "NUMPY": NUMPY_1 if wide else "",
        "SHIM": inspect.getsource(shim.install).replace("def install", "def repair_lava"),
        "FAULTY": repr(shim.FAULTY_MODULE),
        "IMPORTS": writer.imports(),
        "ENCODER": "DeltaEncoder: PyDeltaEncoderModelDense, " if "DeltaEncoder" in writer.used else "",
        "LATENCY": str(net.latency_steps),
        "INPUTS": _table({name: port.shape for name, port in net.inputs.items()}),
        "OUTPUTS": _table(readers),
        "READOUT": repr(_readout(program, writer)),
        "LATE": _table(late),
        "FIRST": repr(next(iter(net.populations))),
        "BUILD": "\n".join(writer.lines),
    }
    text = re.sub(r"<<(\w+)>>", lambda found: facts[found[1]], HEAD + RUN)
    processes = len(net.inputs) + len(net.populations) + len(readers)
    return text, writer.arrays, processes + sum(p.connection.kind != "direct" for p in net.projections)


def _table(entries: Mapping[str, Any]) -> str:
    """A dict with an entry in each line."""
    return "{" + "".join(f"\n    {name!r}: {value!r}," for name, value in entries.items()) + "\n" * bool(entries) + "}"


def _readout(program: Program, writer: _Writer) -> tuple[str, ...] | None:
    """The kind, of v also the arrays of scale and offset; None where several outputs are left to the reader."""
    if len(set(program.outputs.values())) != 1:
        return None
    (name,) = set(program.outputs.values())
    if not program.readout.startswith("v"):
        return (program.readout,)
    population = program.net.populations[name]
    scale = np.ones(()) if population.scale is None else population.scale
    return program.readout, writer.array(f"{name}.scale", scale), writer.array(f"{name}.offset", population.offset)


class _Writer:
    """Collects lines of the script, arrays and names to import."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.arrays: Arrays = {}
        self.used: dict[str, str] = {}

    def imports(self) -> str:
        """Import lines of all that is used."""
        modules: dict[str, list[str]] = {}
        for name, module in self.used.items():
            modules.setdefault(module, []).append(name)
        return "\n".join(f"from {m} import {', '.join(sorted(names))}" for m, names in sorted(modules.items()))

    def array(self, name: str, values: NDArray[Any]) -> str:
        """Keep an array under a name that every file system and Python can hold."""
        key = plain = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)
        number = 1
        while key in self.arrays:
            number += 1
            key = f"{plain}.{number}"
        self.arrays[key] = values
        return key

    def use(self, name: str, module: str | None = None) -> str:
        self.used[name] = module or IMPORTS[name]
        return name

    def value(self, name: str, key: str, value: Any) -> str:
        """A value in Python: a number, or the array that holds it."""
        if name == "act_mode":
            return f"{self.use('ActivationMode')}.{'RELU' if value else 'UNIT'}"
        if isinstance(value, np.ndarray):
            if value.size and np.all(value == value.flat[0]):
                return repr(value.flat[0].item())
            return f"A[{self.array(key, value)!r}]"
        return repr(value)

    def call(self, name: str, arguments: Mapping[str, str]) -> str:
        """A call with an argument in each line."""
        return f"{name}(\n" + "".join(f"        {key}={text},\n" for key, text in arguments.items()) + "    )"

    def population(self, name: str, start: Start) -> None:
        """A neuron process."""
        process = lava_process(start.population)
        self.use(process.name, process.module)
        if process.name == "DeltaEncoder":
            self.use("PyDeltaEncoderModelDense")
        values = {key: self.value(key, f"{name}.{key}", value) for key, value in process.arguments.items()}
        call = self.call(process.name, {"shape": repr((start.population.size,)), **values})
        self.lines.append(f"\n    # population {name!r} of shape {start.population.shape}")
        if start.values:
            self.lines.append(
                f"    # its {', '.join(start.values)} act from step {start.population.start + 1} on: LATE"
            )
        self.lines.append(f"    p[{name!r}] = {call}")
        for var, value in process.initial.items():
            text = self.value(var, f"{name}.{var}", value)
            self.lines.append(f"    p[{name!r}].{var}.init = {text}  # the integers that Lava makes of its parameters")

    def projection(self, net: ChipNetwork, p: ChipProjection) -> None:
        """A synapse process between two ports, or the two ports connected."""
        ports = lava_ports(net, p)
        sender, receiver = f"p[{net.sender_of(p.source)!r}].{ports['out']}", f"p[{p.target!r}].{ports['in']}"
        key = f"{p.source} to {p.target}"
        self.lines.append(f"\n    # {p.source!r} -> {p.target!r}")
        c = p.connection
        if c.kind == "direct":
            self.lines.append(f"    {sender}.connect({receiver})")
        elif isinstance(c, Conv2d):
            self.lines.append("    # Lava's order is (x, y, channel), and its kernel is flipped")
            self.lines.append(f"    synapse = {self._conv(p, c, key)}")
            self.lines.append(f"    {sender}.reshape({c.source_shape}).transpose((2, 1, 0)).connect(synapse.s_in)")
            self.lines.append(f"    synapse.a_out.transpose((2, 1, 0)).flatten().connect({receiver})")
        else:
            self.lines.append(f"    synapse = {self._matrix(p, key)}")
            self.lines.append(f"    {sender}.connect(synapse.s_in)")
            self.lines.append(f"    synapse.a_out.connect({receiver})")

    def _conv(self, p: ChipProjection, c: Conv2d, key: str) -> str:
        flipped = np.ascontiguousarray(c.weights[:, :, ::-1, ::-1].transpose(0, 3, 2, 1), dtype=np.int32)
        pairs = {"stride": c.stride, "padding": c.padding, "dilation": c.dilation}
        arguments = {
            "weight": f"A[{self.array(f'{key}.weight', flipped)!r}]",
            "input_shape": repr(c.source_shape[::-1]),
            **{name: repr(pair[::-1]) for name, pair in pairs.items()},
            "groups": repr(c.groups),
            "num_message_bits": repr(p.message_bits),
        }
        return self.call(self.use("Conv"), arguments)

    def _matrix(self, p: ChipProjection, key: str) -> str:
        c = p.connection

        def matrix(name: str, values: NDArray[Any]) -> str:
            held = f"A[{self.array(f'{key}.{name}', values)!r}]"
            if not isinstance(c, Sparse):
                return held
            self.use("csr_matrix")
            return f"csr_matrix(({held}, A[{wires[0]!r}], A[{wires[1]!r}]), shape={(c.n_target, c.n_source)})"

        wires = []
        if isinstance(c, Sparse):
            c = c.by_target()
            wires = [self.array(f"{key}.{n}", values) for n, values in (("indices", c.indices), ("indptr", c.indptr))]
        arguments = {"weights": matrix("weights", c.weights.astype(np.int32))}
        if p.delay:
            delays = np.full(c.weights.shape, p.delay) if p.delays is None else p.delays.reshape(c.weights.shape)
            arguments["delays"] = matrix("delays", delays.astype(np.int64))
        arguments |= {
            "weight_exp": repr(p.weight_exp),
            "num_weight_bits": repr(p.num_weight_bits),
            "sign_mode": f"{self.use('SignMode')}.{p.sign_mode.upper()}",
            "num_message_bits": repr(p.message_bits),
        }
        kind = "Sparse" if isinstance(c, Sparse) else "Dense"
        return self.call(self.use(f"Delay{kind}" if p.delay else kind), arguments)
