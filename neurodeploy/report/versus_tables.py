"""The tables of two programs: what differs is marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.scales import quantity
from neurodeploy.report.parts import Table, counted, percent, plural, words
from neurodeploy.report.record import layer_rows, resource_rows
from neurodeploy.report.sections.network import MOST

LAYER_COLUMNS = {
    "neurons": "Neurons",
    "cores": "Cores",
    "spikes": "Spikes",
    "syn_ops": "SynOps",
    "energy_j": "Energy",
    "rate_per_step": "Firing rate",
    "mismatching_share": "Differs from float",
}
"""Of ``layers.csv``, compared layer by layer, and their heads."""
SETTINGS = ("model", "model_sha256", "target", "target_sha256", "bits", "max_neurons_per_core", "neurodeploy")
"""Of a program's provenance."""


@dataclass(frozen=True)
class Both:
    """A quantity of two programs.

    Attributes:
        name: Of the quantity.
        first: Its value in the first; plain.
        second: In the second.
        text: How to write it.
    """

    name: str
    first: Any
    second: Any
    text: Callable[[Any], str]

    @property
    def differs(self) -> bool:
        """Whether the two do."""
        return bool(self.first != self.second)

    @property
    def change(self) -> str:
        """The second against the first: points for shares, percent for small changes, else a factor."""
        if not self.differs:
            return "equal"
        if not all(isinstance(v, (int, float)) for v in (self.first, self.second)):
            return "differs"
        if self.text is _share:
            return f"{100 * (self.second - self.first):+.2f} points"
        if not self.first:
            return f"+{self.text(self.second)}"
        ratio = self.second / self.first
        return f"{100 * (ratio - 1):+.1f} %" if 0.5 < ratio < 2 else f"× {ratio:.3g}"


def names(a: Evidence, b: Evidence) -> tuple[str, str]:
    """What to call the two: by their files, where they come from files."""
    first, second = (e.files.get("program", {}).get("name", e.name) for e in (a, b))
    return f"A: {first}", f"B: {second}"


def quantities(a: Evidence, b: Evidence) -> list[Both]:
    """What the summary compares."""
    rows: list[tuple[str, Callable[[Evidence], Any], Callable[[Any], str]]] = [
        ("target", lambda e: e.program.target.title, str),
        ("accuracy on the chip", lambda e: e.accuracy, _share),
        ("accuracy in float", lambda e: e.float_accuracy, _share),
        ("neurons", lambda e: e.program.net.neurons, counted),
        ("synapses", lambda e: e.program.net.synapses, counted),
        ("cores", lambda e: e.costs.cores, counted),
        ("chips", lambda e: e.costs.chips, counted),
        ("resource that binds", lambda e: words(resource_rows(e)[0]["resource"]), str),
        ("its use on the fullest core", lambda e: resource_rows(e)[0]["max_share"], _share),
        ("spikes per inference", lambda e: e.costs.spikes, counted),
        ("SynOps per inference", lambda e: e.costs.syn_ops, counted),
        ("packets per inference", lambda e: e.costs.packets, counted),
        ("tile hops per inference", lambda e: e.costs.hops, counted),
        ("energy, mesh (estimate)", lambda e: e.costs.mesh_energy.value, _joule),
        ("energy with leakage (estimate)", lambda e: e.costs.energy.value, _joule),
        ("energy with processors (estimate)", lambda e: e.costs.total_energy.value, _joule),
        ("time (estimate)", lambda e: e.costs.latency.value, lambda v: quantity(v, "s")),
        ("steps", lambda e: e.costs.steps, counted),
        ("what limits the speed", lambda e: e.costs.bound, str),
        ("registers that wrapped or saturated", _overflows, counted),
    ]
    return [Both(name, get(a), get(b), text) for name, get, text in rows]


def summary_table(a: Evidence, b: Evidence) -> Table:
    """All :func:`quantities`."""
    both = quantities(a, b)
    rows = [(q.name, q.text(q.first), q.text(q.second), q.change) for q in both]
    marked = frozenset((k, column) for k, q in enumerate(both) if q.differs for column in (1, 2))
    heads = ("Quantity", *names(a, b), "B against A")
    return Table("versus", "Both programs", heads, rows, frozenset({1, 2, 3}), marked=marked)


def layers_table(a: Evidence, b: Evidence) -> Table:
    """Layers by name, per inference."""
    sides = [{row["layer"]: row for row in layer_rows(e)} for e in (a, b)]
    every = [*sides[0], *(name for name in sides[1] if name not in sides[0])]
    rows: list[tuple[str, ...]] = []
    marked: set[tuple[int, int]] = set()
    for name in every[:MOST]:
        cells = [name]
        for column in LAYER_COLUMNS:
            values = [side.get(name, {}).get(column) for side in sides]
            if values[0] != values[1]:
                marked.add((len(rows), len(cells)))
            cells.append(" / ".join(_cell(column, v) for v in (values if values[0] != values[1] else values[:1])))
        rows.append(tuple(cells))
    heads = ("Layer", *LAYER_COLUMNS.values())
    note = "Where the two differ: A / B."
    note += f" {MOST} of {len(every)} layers; the JSON beside this page has all." if len(every) > MOST else ""
    right = frozenset(range(1, len(heads)))
    return Table(
        "versus-layers", "Layers, per inference; energies are estimates", heads, rows, right, note, frozenset(marked)
    )


def settings_table(a: Evidence, b: Evidence) -> Table:
    """Settings of the compilation and fields of quantisation that are not the same."""
    first, second = _settings(a), _settings(b)
    every = [*first, *(k for k in second if k not in first)]
    differ = [k for k in every if first.get(k) != second.get(k)]
    rows = [(k, _plain(first.get(k)), _plain(second.get(k))) for k in differ[: 4 * MOST]]
    note = f"{plural(len(every) - len(differ), 'other setting')} the same in both."
    marked = frozenset((k, column) for k in range(len(rows)) for column in (1, 2))
    heads = ("Setting", *names(a, b))
    return Table("versus-settings", "Settings and fields that differ", heads, rows, frozenset(), note, marked)


def _settings(e: Evidence) -> dict[str, object]:
    quantization: Mapping[str, Any] = e.program.quantization
    found = {words(key): e.program.provenance.get(key) for key in SETTINGS}
    found |= {words(k): v for k, v in e.program.semantics.items() if k not in ("layers", "notes", "exported")}
    for row in quantization.get("populations", []):
        found[f"{row['name']}: threshold"] = row["vth"]
        found[f"{row['name']}: scale"] = row["scale"]
    for row in quantization.get("projections", []):
        pair = f"{row['source']} to {row['target']}"
        found[f"{pair}: bits"] = row["num_weight_bits"]
        found[f"{pair}: RMS error of weights"] = row["error_rms"]
    return found


def _overflows(e: Evidence) -> int:
    counters = e.run.counters.populations
    return sum(counters[n].wraps + counters[n].saturations for n in e.program.net.populations)


def _share(value: float | None) -> str:
    return "not known" if value is None else percent(value, 2)


def _joule(value: float) -> str:
    return quantity(value, "J")


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column == "energy_j":
        return _joule(value)
    return percent(value, 2) if column in ("rate_per_step", "mismatching_share") else counted(value)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return str(value[0]) if len(set(value)) == 1 else " to ".join(map(str, value))
    return str(value)[:16]
