"""Two programs on the same data, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from neurodeploy.report.evidence import Evidence
from neurodeploy.report.figures.bands import BandRow, bands
from neurodeploy.report.figures.scales import quantity
from neurodeploy.report.page import STANDING, render
from neurodeploy.report.parts import Answer, Figure, Page, Section, Table, counted, percent, words
from neurodeploy.report.record import FORMAT, layer_rows, record, resource_rows
from neurodeploy.report.sections.cores import cores, resources
from neurodeploy.report.sections.energy import energy
from neurodeploy.report.sections.network import MOST
from neurodeploy.report.sections.spikes import spikes
from neurodeploy.report.sections.time import time, time_parts

LAYER_COLUMNS = ("neurons", "cores", "spikes", "syn_ops", "energy_j", "rate_per_step", "mismatching_share")
"""Of ``layers.csv``, compared layer by layer."""


def names(a: Evidence, b: Evidence) -> tuple[str, str]:
    """What to call the two: their files, or A and B where those have one name."""
    found = [e.files.get("program", {}).get("name", e.name) for e in (a, b)]
    return (found[0], found[1]) if found[0] != found[1] else (f"A, {found[0]}", f"B, {found[1]}")


def comparison_record(a: Evidence, b: Evidence) -> dict[str, Any]:
    """Both reports as plain values, and what differs."""
    return {
        "format": FORMAT,
        "kind": "two programs on the same data",
        "differences": [{"quantity": name, "first": x, "second": y} for name, x, y, _ in _quantities(a, b) if x != y],
        "first": record(a),
        "second": record(b),
    }


def comparison_page(a: Evidence, b: Evidence) -> str:
    """HTML of the two."""
    first, second = names(a, b)
    differ = sum(x != y for _, x, y, _ in _quantities(a, b))
    page = Page(
        f"{first} beside {second}",
        f"Two programs on the same {a.samples:,} samples",
        STANDING,
        _answers(a, b),
        [_layers(a, b), _settings(a, b), *_pairs(a, b)],
        (_levels(a, b), _latencies(a, b)),
        (_summary(a, b),),
        (f"{differ} quantities differ; they are marked.",),
    )
    return render(page)


def _quantities(a: Evidence, b: Evidence) -> list[tuple[str, Any, Any, Callable[[Any], str]]]:
    """Name, both values, and how to write them."""

    def joule(v: float) -> str:
        return quantity(v, "J")

    def share(v: float | None) -> str:
        return "not known" if v is None else percent(v, 2)

    rows: list[tuple[str, Callable[[Evidence], Any], Callable[[Any], str]]] = [
        ("target", lambda e: e.program.target.title, str),
        ("accuracy on the chip", lambda e: e.accuracy, share),
        ("accuracy in float", lambda e: e.float_accuracy, share),
        ("neurons", lambda e: e.program.net.neurons, counted),
        ("synapses", lambda e: e.program.net.synapses, counted),
        ("cores", lambda e: e.costs.cores, counted),
        ("chips", lambda e: e.costs.chips, counted),
        ("resource that binds", lambda e: words(resource_rows(e)[0]["resource"]), str),
        ("its use on the fullest core", lambda e: resource_rows(e)[0]["max_share"], share),
        ("spikes per inference", lambda e: e.costs.spikes, counted),
        ("SynOps per inference", lambda e: e.costs.syn_ops, counted),
        ("packets per inference", lambda e: e.costs.packets, counted),
        ("tile hops per inference", lambda e: e.costs.hops, counted),
        ("energy, mesh (estimate)", lambda e: e.costs.mesh_energy.value, joule),
        ("energy with leakage (estimate)", lambda e: e.costs.energy.value, joule),
        ("energy with processors (estimate)", lambda e: e.costs.total_energy.value, joule),
        ("time (estimate)", lambda e: e.costs.latency.value, lambda v: quantity(v, "s")),
        ("steps", lambda e: e.costs.steps, counted),
        ("what limits the speed", lambda e: e.costs.bound, str),
        ("registers that wrapped or saturated", _overflows, counted),
    ]
    return [(name, get(a), get(b), text) for name, get, text in rows]


def _overflows(e: Evidence) -> int:
    counters = e.run.counters.populations
    return sum(counters[n].wraps + counters[n].saturations for n in e.program.net.populations)


def _summary(a: Evidence, b: Evidence) -> Table:
    rows, marked = [], set()
    for k, (name, x, y, text) in enumerate(_quantities(a, b)):
        rows.append((name, text(x), text(y), _change(name, x, y)))
        if x != y:
            marked |= {(k, 1), (k, 2)}
    heads = ("Quantity", *names(a, b), "Second to first")
    return Table("versus", "Both programs", heads, rows, frozenset({1, 2, 3}), marked=frozenset(marked))


def _change(name: str, x: Any, y: Any) -> str:
    """The second against the first: points of percent for shares, else a factor."""
    if x == y:
        return "equal"
    if isinstance(x, str) or x is None or y is None:
        return "differs"
    if "accuracy" in name or "use on" in name:
        return f"{100 * (y - x):+.2f} points"
    return f"× {y / x:.3g}" if x else f"{y - x:+,.0f}"


def _answers(a: Evidence, b: Evidence) -> list[Answer]:
    def pair(
        question: str, get: Callable[[Evidence], float | None], text: Callable[[float], str], section: str
    ) -> Answer:
        x, y = get(a), get(b)
        if x is None or y is None:
            return Answer(question, "Not known", "No accuracy without labels.", section)
        if x == y:
            return Answer(question, "No difference", f"Both {text(x)}.", section)
        which = names(a, b)[int(x > y)]
        return Answer(question, which, f"{text(min(x, y))}, the other {text(max(x, y))}.", section)

    def accuracy_answer() -> Answer:
        found = pair(
            "Which is more accurate?",
            lambda e: None if e.accuracy is None else -e.accuracy,
            lambda v: percent(-v, 2),
            "layers-section",
        )
        return found

    return [
        pair("Which takes fewer cores?", lambda e: e.costs.cores, lambda v: f"{v:,.0f} cores", "cores"),
        accuracy_answer(),
        pair(
            "Which takes less energy?",
            lambda e: e.costs.energy.value,
            lambda v: f"{quantity(v, 'J')} (estimate)",
            "energy",
        ),
        pair("Which is faster?", lambda e: e.costs.latency.value, lambda v: f"{quantity(v, 's')} (estimate)", "time"),
    ]


def _levels(a: Evidence, b: Evidence) -> Figure:
    rows = [
        BandRow(f"{name}: {level}", band.value, band.low, band.high)
        for level in ("mesh_energy", "energy", "total_energy")
        for name, band in zip("AB", (getattr(e.costs, level) for e in (a, b)), strict=True)
    ]
    titles = {"mesh_energy": "mesh", "energy": "with leakage", "total_energy": "with processors"}
    rows = [replace(row, name=f"{row.name[0]}: {titles[row.name[3:]]}") for row in rows]
    return _bands("levels", "Energy per inference (estimate)", rows, "J", a, b)


def _latencies(a: Evidence, b: Evidence) -> Figure:
    rows = [
        BandRow(f"{name}: {e.costs.steps:,} steps", e.costs.latency.value, e.costs.latency.low, e.costs.latency.high)
        for name, e in zip("AB", (a, b), strict=True)
    ]
    return _bands("latencies", "Time per inference (estimate)", rows, "s", a, b)


def _bands(ident: str, title: str, rows: Sequence[BandRow], unit: str, a: Evidence, b: Evidence) -> Figure:
    first, second = names(a, b)
    return Figure(
        ident,
        title,
        f"A is {first.removeprefix('A, ')}, B is {second.removeprefix('B, ')}. Dot: the estimate; bar: the range that "
        "the sources leave open; where two bars overlap, the sources do not tell which is better.",
        bands(rows, unit),
        "; ".join(f"{r.name}: {quantity(r.value, unit)}" for r in rows),
    )


def _layers(a: Evidence, b: Evidence) -> Section:
    left, right = ({row["layer"]: row for row in layer_rows(e)} for e in (a, b))
    every = [*left, *(name for name in right if name not in left)]
    rows: list[tuple[str, ...]] = []
    marked: set[tuple[int, int]] = set()
    for name in every[:MOST]:
        cells = [name]
        for column in LAYER_COLUMNS:
            values = [side.get(name, {}).get(column) for side in (left, right)]
            if values[0] != values[1]:
                marked |= {(len(rows), len(cells)), (len(rows), len(cells) + 1)}
            cells += [_cell(column, v) for v in values]
        rows.append(tuple(cells))
    titles = {
        "syn_ops": "SynOps",
        "energy_j": "energy",
        "rate_per_step": "firing rate",
        "mismatching_share": "differs from float",
    }
    heads = ["Layer"] + [
        f"{titles.get(c, c).capitalize() if c != 'syn_ops' else 'SynOps'}, {s}" for c in LAYER_COLUMNS for s in "AB"
    ]
    table = Table(
        "versus-layers", "Layers, per inference", heads, rows, frozenset(range(1, len(heads))), marked=frozenset(marked)
    )
    return Section(
        "layers-section", "Layer by layer", "Layers are matched by name; what differs is marked.", tables=(table,)
    )


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column == "energy_j":
        return quantity(value, "J")
    return percent(value, 2) if column in ("rate_per_step", "mismatching_share") else counted(value)


def _settings(a: Evidence, b: Evidence) -> Section:
    """Fields of quantisation, and what was compiled how."""
    rows: list[tuple[str, str, str]] = []
    marked: set[tuple[int, int]] = set()

    def add(name: str, x: object, y: object) -> None:
        if x != y:
            marked.update({(len(rows), 1), (len(rows), 2)})
        rows.append((name, _plain(x), _plain(y)))

    for key in ("model", "model_sha256", "target", "bits", "max_neurons_per_core", "neurodeploy", "date"):
        add(words(key), a.program.provenance.get(key), b.program.provenance.get(key))
    for key in sorted(a.program.semantics.keys() | b.program.semantics.keys()):
        if key not in ("layers", "notes"):
            add(words(key), a.program.semantics.get(key), b.program.semantics.get(key))
    fields = [_fields(e.program.quantization) for e in (a, b)]
    for key in [*fields[0], *(k for k in fields[1] if k not in fields[0])][: 4 * MOST]:
        add(key, fields[0].get(key), fields[1].get(key))
    table = Table("versus-settings", "Settings and fields", ("Setting", *names(a, b)), rows, marked=frozenset(marked))
    return Section(
        "settings", "Settings and fields", "How each was compiled, and what quantisation chose.", tables=(table,)
    )


def _fields(quantization: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {}
    for row in quantization.get("populations", []):
        found[f"{row['name']}: threshold"] = row["vth"]
        found[f"{row['name']}: scale"] = row["scale"]
    for row in quantization.get("projections", []):
        pair = f"{row['source']} to {row['target']}"
        found[f"{pair}: bits"] = row["num_weight_bits"]
        found[f"{pair}: RMS error of weights"] = row["error_rms"]
    return found


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _pairs(a: Evidence, b: Evidence) -> list[Section]:
    """The figures of both that are worth seeing beside each other, in pairs."""
    sections = []
    makers = (
        (energy, "Energy", ()),
        (time, "Time", (time_parts,)),
        (cores, "Cores and placement", (resources,)),
        (spikes, "Spikes", ()),
    )
    for make, title, first in makers:
        both, figures = (make(a), make(b)), []
        own = [[*(extra(e) for extra in first), *section.figures] for e, section in zip((a, b), both, strict=True)]
        by_ident = [{f.ident: f for f in found} for found in own]
        for ident in [*by_ident[0], *(i for i in by_ident[1] if i not in by_ident[0])]:
            for letter, known in zip("AB", by_ident, strict=True):
                if ident in known:
                    old = known[ident]
                    figures.append(replace(old, ident=f"{ident}-{letter.lower()}", title=f"{letter}: {old.title}"))
        notes = [f"{letter}: {section.lead}" for letter, section in zip("AB", both, strict=True)]
        sections.append(Section(both[0].ident, title, " ".join(notes), figures, paired=True))
    return sections
