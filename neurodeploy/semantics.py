"""What a network file cannot say about itself: time step, reset, gain and initial state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from neurodeploy.errors import AmbiguousSemantics, did_you_mean
from neurodeploy.profiles import PROFILES, Profile

SPIKE_READOUTS = ("count", "first_spike", "s_last")
MEMBRANE_READOUTS = ("v_last", "v_sum", "v_max")

CHOICES: dict[str, tuple[str, ...]] = {
    "reset": ("value", "subtract", "none", "subtract_late", "subtract_gated", "zero_late"),
    "spike": ("gt", "ge", "multi_trunc"),
    "if_gain": ("auto", "unit", "r_dt"),
    "decay": ("euler", "exp"),
    "input_gain": ("nir", "unit", "decayed"),
    "v_init": ("zero", "v_leak", "v_reset"),
    "input_amplitude": ("held", "impulse"),
    "readout": SPIKE_READOUTS + MEMBRANE_READOUTS,
    "profile": tuple(PROFILES),
}

EXPLAIN: dict[str, str] = {
    "dt_s": "the time step in seconds, > 0 (snnTorch's exporter means 1e-4, Norse's default is 1e-3)",
    "reset": "'value': v becomes v_reset on a spike (snnTorch 'zero', Norse default), "
    "'subtract': v loses the threshold, 'none': v stays; snnTorch's own: 'subtract_late' (its default: the threshold "
    "goes one step after the spike), 'subtract_gated' (its subtract without delay), 'zero_late' (its zero with delay: "
    "the step after a spike makes 0)",
    "spike": "'gt': fires where v > threshold, 'ge': where v >= threshold, "
    "'multi_trunc': sends trunc(v / threshold) spikes at once",
    "if_gain": "'unit': an IF node integrates its input as it is, 'r_dt': times r*dt, "
    "'auto': where all r*dt or all r are 1",
    "decay": "'euler': factor 1 - dt/tau, 'exp': factor exp(-dt/tau) with matching gains",
    "input_gain": "'nir': LIF, LI and Cuba nodes scale their input by r and w_in as NIR's equations say, "
    "'unit': not at all, 'decayed': by their decay factor (Rockpool)",
    "v_init": "membrane at the start of a sample",
    "v_min": "lower bound of the membrane, applied after the reset (Sinabs); default: none",
    "recurrent_bias_t0": "whether a bias on a feedback path already counts in the first step (snnTorch: yes, nets run "
    "by nirtorch: no)",
    "input_amplitude": "'held': a spike is 1 for a step, 'impulse': it has unit area, so 1/dt",
    "readout": "'count': spikes of the output, 'first_spike': who fires first, 's_last': spikes of the last step, "
    "'v_last': its membrane after the last step, 'v_sum': summed over the steps, 'v_max': its maximum",
    "latency_steps": "steps from a spike to its arrival at the next layer and the output, 0 or 1 (Spyx: 1)",
    "profile": "defaults for files that this framework exported itself; what the file or an option says goes before",
}

NODE_FIELDS = frozenset(
    {"reset", "spike", "if_gain", "decay", "input_gain", "v_init", "v_min", "recurrent_bias_t0", "max_spikes"}
)
"""Conventions that a node may have of its own; ``max_spikes`` bounds those of one step under ``multi_trunc``."""

NOTES = frozenset({"producer", "schema", "requires", "T"})
"""Entries of a file's metadata that change no meaning: who wrote it; the version of these entries; with commas between
them, features without which a reader must not run the file; the steps of a sample that it was trained on."""

FEATURES = frozenset({"v0", "layer_start"})
"""What a file may require: initial potentials, and layers that begin with their first input."""
SCHEMA = 1


@dataclass(frozen=True)
class Semantics:
    """The discrete-time meaning of a continuous-time graph (``reference``: forward Euler by default).

    Attributes:
        dt_s: Time step in seconds, > 0.
        reset: What a spike does to the membrane.
        spike: When a neuron fires.
        if_gain: Gain of NIR's ``IF`` nodes.
        decay: How time constants become factors per step.
        input_gain: What r and w_in mean.
        v_init: Initial membrane of each sample.
        v_min: Lower bound of the membrane after the reset.
        recurrent_bias_t0: Whether biases on feedback paths count in the first step, before any spike came back.
        input_amplitude: What a spike is to the equations: 1 during its step, or an impulse of unit area.
        latency_steps: Steps from a spike to its arrival, 0 or 1.
        readout: How a class is read off the output population; argmax, ties to the lowest index.
        profile: The framework whose defaults were taken, if any.
    """

    dt_s: float
    reset: str
    spike: str = "gt"
    if_gain: str = "auto"
    decay: str = "euler"
    input_gain: str = "nir"
    v_init: str = "zero"
    v_min: float | None = None
    recurrent_bias_t0: bool = True
    input_amplitude: str = "held"
    latency_steps: int = 0
    readout: str = "count"
    profile: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain values, as stored in a Program."""
        return asdict(self)

    @classmethod
    def resolve(
        cls,
        *,
        where: str,
        recorded: Mapping[str, object],
        options: Mapping[str, object],
        required: frozenset[str],
        relevant: frozenset[str] = frozenset(),
        defaults: Mapping[str, object] | None = None,
    ) -> Semantics:
        """Combine what a file records with what the user says; guess nothing.

        Args:
            where: The file, for messages.
            recorded: Values found in the file's own metadata.
            options: The user's values; None means not given.
            required: Fields without which this graph has no meaning.
            relevant: Fields that matter to this graph; required too where a profile leaves them open.
            defaults: Values where nothing else says them.

        Raises:
            AmbiguousSemantics: A required field is missing, a value is unknown, or file and option disagree.
        """
        names = {f.name for f in fields(cls)}
        for name in (n for n in recorded if n not in names | NOTES):  # in order, so that all processes name the same
            raise AmbiguousSemantics(
                f"the file's metadata record '{name}', which means nothing here",
                where=where,
                remedy=f"correct the name or upgrade neurodeploy-snn; {did_you_mean(name, names)}",
            )
        _check_notes(recorded, where)
        given = {k: v for k, v in options.items() if v is not None}
        for name in (n for n in given if n in recorded):
            if not _equal(given[name], recorded[name]):
                raise AmbiguousSemantics(
                    f"the file records {name} = {recorded[name]!r}, the option says {given[name]!r}",
                    where=where,
                    remedy=f"drop the option, or remove '{name}' from the file's metadata if it is wrong",
                )
        known = {k: v for k, v in (defaults or {}).items() if k in names and v is not None}
        values = known | {k: v for k, v in recorded.items() if k in names} | given
        profile = PROFILES.get(str(values.get("profile")), Profile({}))
        values = {**profile.defaults, **values}
        for name, value in values.items():
            if not _legal(name, value):
                raise AmbiguousSemantics(
                    f"{name} = {value!r} is not supported",
                    where=where,
                    remedy=f"{_where(name, given)}{_choices(name)}; {EXPLAIN[name]}",
                )
        missing = sorted((required | relevant & profile.open) - values.keys())
        if missing:
            raise AmbiguousSemantics(
                f"the file does not say what it means: {', '.join(missing)} unknown",
                where=where,
                remedy="; ".join(f"give {_flag(n)}: {EXPLAIN[n]}{_choices(n)}" for n in missing),
            )
        values.setdefault("dt_s", 1.0)
        values.setdefault("reset", "value")
        return cls(**{**values, "dt_s": float(values["dt_s"])})  # type: ignore[arg-type]


def _check_notes(recorded: Mapping[str, object], where: str) -> None:
    required = [word.strip() for word in str(recorded.get("requires", "")).split(",") if word.strip()]
    schema, steps = recorded.get("schema", SCHEMA), recorded.get("T", 1)
    lacking = [f"'{word}'" for word in required if word not in FEATURES]
    if schema != SCHEMA:
        lacking.append(f"schema {schema!r} of its metadata")
    if lacking:
        raise AmbiguousSemantics(
            f"the file requires {', '.join(lacking)}, which is not known here",
            where=where,
            remedy="upgrade neurodeploy-snn, or export the file again",
        )
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise AmbiguousSemantics(f"the file records T = {steps!r}", where=where, remedy="give a number of steps >= 1")


def _legal(name: str, value: object) -> bool:
    if name in CHOICES:
        return value in CHOICES[name]
    if name == "recurrent_bias_t0":
        return isinstance(value, bool)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return False
    return value in (0, 1) if name == "latency_steps" else name != "dt_s" or value > 0


def _equal(option: object, recorded: object) -> bool:
    """Numbers may have been stored in single precision."""
    if isinstance(option, float) and isinstance(recorded, (int, float)):
        return math.isclose(option, recorded, rel_tol=1e-6)
    return option == recorded


def _where(name: str, given: Mapping[str, object]) -> str:
    return f"choose {_flag(name)}" if name in given else f"correct '{name}' in the file's metadata"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choices(name: str) -> str:
    return f" (choices: {', '.join(CHOICES[name])})" if name in CHOICES else ""
