"""Tables for people, JSON for programs; progress on stderr and only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from neurodeploy import cli_fields
from neurodeploy.errors import NeurodeployError
from neurodeploy.units import si as si

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def json_out(value: Any) -> None:
    """Standard JSON on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False, default=_plain))


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def error(fault: NeurodeployError, as_json: bool) -> int:
    """A user's mistake; returns its exit code."""
    if as_json:
        json_out(fault.to_dict())
    else:
        click.echo(f"error: {fault}", err=True)
    return fault.exit_code


def usage_error(fault: click.ClickException, as_json: bool) -> int:
    """A command line that means nothing; the same fields in JSON as other errors."""
    if as_json:
        context = getattr(fault, "ctx", None)
        where = context.command_path if context else "neurodeploy"
        what, name = fault.format_message(), type(fault).__name__
        json_out(
            {"error": name, "what": what, "where": where, "remedy": f"{where} --help", "exit_code": fault.exit_code}
        )
    else:
        fault.show()
    return fault.exit_code


def interrupted(as_json: bool) -> int:
    """Ctrl-C: no result, no traceback."""
    if as_json:
        fields = {"what": "stopped by the user", "where": "keyboard", "remedy": "run it again"}
        json_out({"error": "Interrupted", **fields, "exit_code": INTERRUPTED})
    else:
        click.echo("interrupted: nothing more was written", err=True)
    return INTERRUPTED


def band(value: Mapping[str, float], unit: str) -> str:
    """A quantity with its range."""
    return f"{si(value['value'], unit)} ({si(value['low'], unit)} .. {si(value['high'], unit)})"


def rows(values: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Any list of equal dictionaries as a table."""
    heading = None if title is None else escape(title)
    table = Table(title=heading, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in values[0] if values else ():
        numeric = all(isinstance(v[column], (int, float)) for v in values)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for value in values:
        table.add_row(*(escape(_cell(v)) for v in value.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def demo(results: Sequence[Mapping[str, Any]], out: Path | None) -> None:
    """The table of ``neurodeploy demo``."""
    rows(
        [
            {
                "model": r["model"],
                "target": r["target"],
                "float acc.": f"{100 * r['float_accuracy']:.2f} %",
                "chip acc.": f"{100 * r['integer_accuracy']:.2f} %",
                "samples": r["samples"],
                "cores": r["cores"],
                "spikes": round(r["spikes"]),
                "SynOps": round(r["synops"]),
                "energy (est.)": si(r["energy_j"], "J"),
                "range": f"{si(r['energy_low_j'], 'J')} .. {si(r['energy_high_j'], 'J')}",
                "latency (est.)": si(r["latency_s"], "s"),
                "bound": r["bound"],
            }
            for r in results
        ],
        title="Real test data, per inference. Simulated bit for bit on this CPU; energy and latency are estimates.",
    )
    profile = results[0]["energy_profile"]
    print(
        f"\nEnergy: mesh and leakage, constants '{profile}'; sources: neurodeploy targets show {results[0]['target']}"
    )
    if out is not None:
        print(f"Programs, costs and per-layer tables: {out}")


def inspection(facts: Mapping[str, Any]) -> None:
    """The tables of ``neurodeploy inspect``."""
    rows(facts["layers"], title=f"{facts['model']}: {facts['neurons']:,} neurons, {facts['synapses']:,} synapses")
    semantics("semantics", facts["semantics"])
    print(f"latency: the output lags the input by {facts['latency_steps']} steps on the chip")
    if "quantization" in facts:
        quantization(facts["quantization"])
    if facts["problems"]:
        print(f"\n{facts['target']} cannot run it:")
        for p in facts["problems"]:
            print(f"  - {p['layer']}: {p['what']}\n    try: {p['remedy']}")
    else:
        print(f"\n{facts['target']}: fits on {facts['cores']} cores of {facts['chips']} chip(s)")


def semantics(title: str, values: Mapping[str, Any]) -> None:
    """What the model was taken to mean, layers with conventions of their own line by line."""
    common = {k: v for k, v in values.items() if k not in ("layers", "notes") and v is not None}
    print(f"\n{title}: {', '.join(f'{k} = {v}' for k, v in common.items())}")
    for layer, own in values.get("layers", {}).items():
        words = [f"{k} = {v}" for k, v in own.items() if k != "factors"]
        factors = [f"factors {', '.join(own['factors'])} from the module"] if "factors" in own else []
        print(f"  {layer}: {'; '.join([', '.join(words)] * bool(words) + factors)}")


def quantization(facts: Mapping[str, Any]) -> None:
    """Chosen fields, errors and headroom per layer."""
    for title, values in cli_fields.tables(facts):
        print()
        rows(values, title=title)
    for line in cli_fields.lines(facts):
        print(line)


def compilation(facts: Mapping[str, Any]) -> None:
    """The summary of ``neurodeploy compile``."""
    if "quantization" in facts:
        quantization(facts["quantization"])
    if "utilisation" in facts:
        print()
        rows([_core(c) for c in facts["utilisation"]["cores"]], title="cores")
    if "proof" in facts:
        proof(facts["proof"])
    if "semantics" in facts:
        semantics("read as", facts["semantics"])
    parts = [f"{facts[k]:,} {k}" for k in ("neurons", "synapses", "cores", "chips") if k in facts]
    print(f"{facts['model']} on {facts['target']}: {', '.join(parts)}")
    if "program" in facts:
        print(f"written: {facts['program']}")


def _core(use: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "core": use["core"],
        "chip": use["chip"],
        "holds": ", ".join(f"{name}: {count}" for name, count in use["populations"].items()),
        "fullest resource": use["binding"],
        "used": f"{100 * use['share']:.1f} %",
    }


def run(facts: Mapping[str, Any]) -> None:
    """The summary of ``neurodeploy run``."""
    rows([{"population": n, **c} for n, c in facts["populations"].items()], title="counts over all samples")
    print(
        f"\n{facts['samples']} samples on {facts['target']}, engine {facts['engine']}; simulated {facts['simulated']}"
    )
    if facts["accuracy"] is not None:
        print(f"accuracy: {100 * facts['accuracy']:.2f} %")
    print()
    costs(facts["costs"])
    if "result" in facts:
        print(f"written: {facts['result']}")


def costs(found: Mapping[str, Any]) -> None:
    """What an inference costs."""
    print(f"per inference (estimates, constants '{found['profile']}'; {found['not_included']}):")
    if found["missing"]:
        print(f"  these constants have no {', '.join(found['missing'])}: counted as 0")
    print(f"  spikes {found['spikes']:,.1f}   SynOps {found['syn_ops']:,.1f}   steps {found['steps']}")
    busiest = "   ".join(f"{name} {value:,.1f}" for name, value in found["core_max"].items())
    print(f"  cores {found['cores']} on {found['chips']} chips, busiest: {busiest}")
    if (host := found["adaptation"]) is not None:
        print(f"  adaptation        {band(host['energy_j'], 'J')} of E1, {band(host['latency_s'], 's')} of L1:")
        print(f"    {host['reads']:,.1f} reads   {host['writes']:,.1f} writes   {host['operations']:,.1f} operations")
    print(f"  E1 mesh           {band(found['mesh_energy_j'], 'J')}")
    print(f"  E2 + leakage      {band(found['energy_j'], 'J')}")
    print(f"  E3 + embedded x86 {band(found['total_energy_j'], 'J')}")
    print(f"  L1 free-running   {band(found['latency_s'], 's')}, bound by: {found['bound']}")
    if found["host_latency_s"] is not None:
        print(f"  L2 host-streamed  {band(found['host_latency_s'], 's')}, bound by: {found['host_bound']}")
        print(f"  E3 over L2        {band(found['host_total_energy_j'], 'J')}")
        if found["host_bound"] == "io":
            print("  a host-streamed run waits for its input: a board would measure E3 over L2, and E1 be lost in it")
    print()
    rows([_layer(layer) for layer in found["layers"]], title="per layer and inference (synapses and neurons)")
    rows([_baseline(b) for b in found["baselines"]], title="the same inference elsewhere; the chip's E2 is ...")


def calibration(facts: Mapping[str, Any]) -> None:
    """What a calibration found, and how well it fits."""
    for name, value in facts["fitted"].items():
        print(f"{name:16} {si(value, name[-1].upper() if name[-1] in 'wj' else name[-1])}")
    for what in ("energy", "time"):
        if facts[f"residuals_{what}"]:
            worst = max(map(abs, facts[f"residuals_{what}"]))
            print(f"{what}: off by {100 * facts[f'rms_relative_{what}']:.2g} % (rms), {100 * worst:.2g} % at worst")
    print(f"written: {facts['result']}, from {facts['runs']} runs; use it as a target")


def _baseline(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "elsewhere": found["name"],
        "operations": found["operations"],
        "bytes moved": found["bytes_moved"],
        "energy (est.)": band(found["energy"], "J"),
        "chip's E2": found["than_mesh"],
    }


def _layer(costs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "layer": costs["name"],
        "neurons": costs["neurons"],
        "cores": costs["cores"],
        "spikes": costs["spikes"],
        "SynOps": costs["syn_ops"],
        "energy (est.)": band(costs["energy"], "J"),
    }


def export(facts: Mapping[str, Any]) -> None:
    """What ``neurodeploy export`` wrote, and how to use it."""
    for note in facts["notes"]:
        print(f"note: {note}")
    print(f"written: {facts['result']}")
    if "load" in facts:
        print(f"load it with: {facts['load']}")


def verification(facts: Mapping[str, Any]) -> None:
    """The counts of ``neurodeploy verify``; a divergence is an error and printed as such."""
    rows(facts["registers"], title=f"{facts['engine']} against {facts['against']}")
    if facts["equal"]:
        total = sum(row["matched"] for row in facts["registers"])
        print(f"\nequal: all {total:,} values of {facts['samples']} samples and {facts['steps']} steps")


def proof(facts: Mapping[str, Any]) -> None:
    """How a module's spikes compare with those of the network read from it."""
    print()
    rows(
        [{**layer, "void": layer["void"] or "-"} for layer in facts["layers"]],
        title=f"{facts['framework']} against what was read: {facts['samples']} samples of {facts['steps']} steps "
        f"({facts['input']})",
    )
    if facts["ties"]:
        print(f"{facts['ties']:,} bits are ties: rounding in single precision decides")


def lava(facts: Mapping[str, str], as_json: bool) -> None:
    """An environment with Lava that works."""
    if as_json:
        json_out(facts)
        return
    print(f"Lava {facts['lava-nc']} works (Python {facts['python']}, NumPy {facts['numpy']}; {facts['state']})")
    print(facts["interpreter"])


def note(text: str) -> None:
    """A line of progress."""
    click.echo(f"neurodeploy: {text}", err=True)


def doctor(findings: Sequence[Mapping[str, Any]]) -> None:
    """One line per check."""
    for f in findings:
        print(f"{'ok  ' if f['ok'] else 'FAIL'}  {f['name']}: {f['detail']}")
        if f["remedy"]:
            print(f"      try: {f['remedy']}")


@contextmanager
def status() -> Iterator[Callable[[str], None]]:
    """A spinner with the current activity."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    with console.status("starting") as spinner:
        yield lambda text: spinner.update(text)


@contextmanager
def bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar over a known total."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(unit), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(unit, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
