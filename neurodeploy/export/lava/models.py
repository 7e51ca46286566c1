"""Which Lava process a population is, and with which arguments; Lava's names as text, nothing of it imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodeploy.chipnet import ChipPopulation
from neurodeploy.neurons import MODELS

Value = Any
"""bool, int, float, or an array of one value per neuron."""


@dataclass(frozen=True, eq=False)
class LavaProcess:
    """One population as Lava builds it.

    Attributes:
        module: Where the process class is.
        name: The process class.
        arguments: Of its constructor, beside ``shape``.
        initial: Vars that no argument can give exactly, set after construction as ``process.<var>.init``.
        ports: Lava's input port of each of our ports.
        outputs: Lava's output port of each of our outputs.
        registers: Lava's Var of each of our registers; ``s_out_buf`` of DeltaEncoder is no Var.
    """

    module: str
    name: str
    arguments: Mapping[str, Value]
    initial: Mapping[str, Value] = field(default_factory=dict)
    ports: Mapping[str, str] = field(default_factory=lambda: {"a": "a_in"})
    outputs: Mapping[str, str] = field(default_factory=lambda: {"s": "s_out"})
    registers: Mapping[str, str] = field(default_factory=dict)


def lava_process(population: ChipPopulation) -> LavaProcess:
    """The process that computes the same, of a population in which :mod:`.limits` finds no fault."""
    return _BUILDERS[population.model](population)


def _each(p: ChipPopulation, name: str) -> Value:
    """An integer per neuron."""
    return p.full(name).astype(np.int32)


def _either(p: ChipPopulation, name: str) -> Value:
    """A Python integer, or an integer per neuron: Lava passes these on as they are."""
    values = p.fields[name]
    return values.astype(np.int32) if values.ndim else int(values)


def _unscaled(p: ChipPopulation, name: str, bits: int) -> Value:
    """What Lava multiplies by 2^bits to get the register's value: integers where possible, else exact floats."""
    values = p.fields[name]
    if np.all(values % (1 << bits) == 0):
        wholes = values // (1 << bits)
        return wholes if wholes.ndim else int(wholes)
    parts = values / 2.0**bits
    return parts if parts.ndim else float(parts)


def _lif(p: ChipPopulation) -> dict[str, Value]:
    both = {name: _either(p, name) for name in ("du", "dv")}
    each = {name: _each(p, field) for name, field in (("u", "u0"), ("v", "v0"))}
    return both | each | {name: _each(p, name) for name in ("bias_mant", "bias_exp")}


UV = {"u": "u", "v": "v"}


def _cuba(p: ChipPopulation) -> LavaProcess:
    arguments = _lif(p) | {"vth": _either(p, "vth")}
    if p.reset_interval:
        schedule = {"reset_interval": p.reset_interval, "reset_offset": p.reset_offset}
        return LavaProcess("lava.proc.lif.process", "LIFReset", arguments | schedule, registers=UV)
    return LavaProcess("lava.proc.lif.process", "LIF", arguments, registers=UV)


def _ternary_lif(p: ChipPopulation) -> LavaProcess:
    high, low = int(p.fields["vth_hi"]), int(p.fields["vth_lo"])
    arguments, initial = _lif(p), {"vth_hi": high, "vth_lo": low}
    if low <= high:  # else the constructor refuses, although the model computes
        arguments, initial = arguments | initial, {}
    return LavaProcess("lava.proc.lif.process", "TernaryLIF", arguments, initial, registers=UV)


def _sigma(p: ChipPopulation) -> LavaProcess:
    return LavaProcess("lava.proc.sdn.process", "Sigma", {}, registers={"sigma": "sigma"})


DELTA = {"act": "act", "residue": "residue", "err": "error"}


def _delta(p: ChipPopulation) -> LavaProcess:
    spike_exp, state_exp = int(p.fields["spike_exp"]), int(p.fields["state_exp"])
    arguments = {
        "vth": _unscaled(p, "vth", spike_exp + state_exp),
        "spike_exp": spike_exp,
        "state_exp": state_exp,
        "cum_error": bool(p.fields["cum_error"]),
    }
    return LavaProcess("lava.proc.sdn.process", "Delta", arguments, registers=DELTA)


def _sigma_delta(p: ChipPopulation) -> LavaProcess:
    state_exp = int(p.fields["state_exp"])
    arguments = {
        "vth": _unscaled(p, "vth", state_exp),
        "bias": _unscaled(p, "bias", state_exp),
        "act_mode": int(p.fields["relu"]),
        "cum_error": bool(p.fields["cum_error"]),
        "spike_exp": 0,  # scales vth and bias only
        "state_exp": state_exp,
    }
    return LavaProcess("lava.proc.sdn.process", "SigmaDelta", arguments, registers={"sigma": "sigma", **DELTA})


def _delta_encoder(p: ChipPopulation) -> LavaProcess:
    spike_exp, bits = int(p.fields["spike_exp"]), int(p.fields["num_bits"])
    arguments = {"vth": _unscaled(p, "vth", spike_exp), "spike_exp": spike_exp} | ({"num_bits": bits} if bits else {})
    registers = {"act": "act", "residue": "residue", "pending": "s_out_buf"}
    return LavaProcess("lava.proc.io.encoder", "DeltaEncoder", arguments, registers=registers)


def _resonator(module: str, name: str) -> Callable[[ChipPopulation], LavaProcess]:
    def build(p: ChipPopulation) -> LavaProcess:
        arguments = {
            "period": 4.0,  # any: the integers that it makes of period and alpha are given themselves
            "alpha": 0.0,
            "state_exp": int(p.fields["state_exp"]),
            "decay_bits": int(p.fields["decay_bits"]),
        }
        initial = {"sin_decay": _either(p, "sin"), "cos_decay": _either(p, "cos"), "vth": int(p.fields["vth"])}
        ports = {"a_real": "a_real_in", "a_imag": "a_imag_in"}
        return LavaProcess(module, name, arguments, initial, ports, registers={"re": "real", "im": "imag"})

    return build


def _rf_zero(p: ChipPopulation) -> LavaProcess:
    # any frequency and time constant: the integers that it makes of them are given themselves
    arguments = {"freqs": np.zeros(p.size), "decay_tau": np.ones(p.size), "uth": int(p.fields["uth"])}
    initial = {"lst": _each(p, "sin"), "lct": _each(p, "cos")}
    ports = {"u_in": "u_in", "v_in": "v_in"}
    return LavaProcess("lava.proc.resfire.process", "RFZero", arguments, initial, ports, registers=UV)


def _graded(module: str, name: str, **more: Mapping[str, str]) -> Callable[[ChipPopulation], LavaProcess]:
    def build(p: ChipPopulation) -> LavaProcess:
        return LavaProcess(module, name, {f: int(values) for f, values in p.fields.items()}, **more)

    return build


TWO = {"a1": "a_in1", "a2": "a_in2"}

_BUILDERS: dict[str, Callable[[ChipPopulation], LavaProcess]] = {
    "cuba": _cuba,
    "ternary_lif": _ternary_lif,
    "sigma": _sigma,
    "delta": _delta,
    "sigma_delta": _sigma_delta,
    "delta_encoder": _delta_encoder,
    "rf": _resonator("lava.proc.rf.process", "RF"),
    "rf_iz": _resonator("lava.proc.rf_iz.process", "RF_IZ"),
    "rf_zero": _rf_zero,
    "graded_vec": _graded("lava.proc.graded.process", "GradedVec"),
    "graded_relu_vec": _graded("lava.proc.graded.process", "GradedReluVec"),
    "prod": _graded("lava.proc.prodneuron.process", "ProdNeuron", ports=TWO),
    "norm_vec_delay": _graded(
        "lava.proc.graded.process",
        "NormVecDelay",
        ports=TWO,
        outputs={"s": "s_out", "s2": "s2_out"},
        registers={"v": "v"},
    ),
}
MODELS_OF_LAVA = tuple(model.name for model in MODELS if model.name in _BUILDERS)
