"""Named conventions of frameworks, for graphs that these frameworks exported themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """What a framework's own NIR export means where the file does not say it.

    Attributes:
        defaults: Values of :class:`Semantics` fields; the file's metadata and the user's options go before them.
        open: Fields that the framework's export loses and that have no default there.
        note: What to know about it.
    """

    defaults: Mapping[str, object]
    open: frozenset[str] = frozenset()
    note: str = ""


PROFILES: dict[str, Profile] = {
    "snntorch": Profile(
        {"dt_s": 1e-4, "reset": "subtract_late", "spike": "gt", "v_init": "zero", "recurrent_bias_t0": True},
        note="snnTorch 1.0: reset_mechanism 'subtract' with reset_delay, its default",
    ),
    "norse": Profile(
        {"dt_s": 1e-3, "reset": "value", "spike": "gt", "v_init": "v_leak", "if_gain": "unit"},
        note="Norse 1.1: files of to_nir(..., dt=1), which holds the true time constants",
    ),
    "spikingjelly": Profile(
        {"dt_s": 1e-4, "reset": "value", "spike": "ge", "v_init": "v_reset"},
        note="SpikingJelly 2.0: dt is the argument of its export, 1e-4 by default",
    ),
    "sinabs": Profile(
        {"dt_s": 1.0, "decay": "exp", "reset": "subtract", "spike": "multi_trunc", "v_init": "zero", "if_gain": "unit"},
        open=frozenset({"input_gain"}),
        note="Sinabs 3.1: time constants in steps; input_gain 'nir' is norm_input=True, 'unit' is norm_input=False",
    ),
    "rockpool": Profile(
        {
            "dt_s": 1e-3,
            "decay": "exp",
            "reset": "subtract",
            "spike": "multi_trunc",
            "v_init": "zero",
            "input_gain": "decayed",
        },
        note="Rockpool 3.1: dt is the modules' dt, 1e-3 by default; biases and recurrence are not in its files",
    ),
    "spyx": Profile(
        {"dt_s": 1.0, "spike": "gt", "v_init": "zero", "if_gain": "unit", "input_gain": "unit", "latency_steps": 1},
        open=frozenset({"reset"}),
        note="Spyx 1.0: reset 'subtract_late' for LIF and IF, 'subtract' for CuBaLIF",
    ),
}
