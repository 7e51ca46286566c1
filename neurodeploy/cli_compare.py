"""``neurodeploy compare``: two models layer by layer, what deserves a look, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from neurodeploy import cli_print as show
from neurodeploy.agreement import Divergence
from neurodeploy.cli_options import MODEL, Shape, as_json, chosen_options, semantics_options


@click.command()
@click.argument("model", type=MODEL)
@click.argument("other", type=MODEL)
@click.option("--input", "data", type=click.Path(dir_okay=False, path_type=Path), required=True, help="DATA.npz")
@semantics_options
@click.option("--input-shape", type=Shape(), metavar="C,H,W", help="Of a torch module that does not say it.")
@click.option("--try/--no-try", "try_remedies", default=True, help="Try remedies on some samples; default: try them.")
@click.option("--by-step", is_flag=True, help="Also print the share of spikes that differ, step by step.")
@as_json
def compare(
    model: str, other: str, data: Path, as_json: bool, try_remedies: bool, by_step: bool, **values: Any
) -> None:
    """Run MODEL's float network beside a program (OTHER.ndp) or another model, and compare them layer by layer.

    For a program it also tells the errors that a layer makes from those that it inherits, and tries what would help.
    """
    from neurodeploy.compare import compare_files

    with show.bar("samples") as progress:
        options = chosen_options(values)
        found = compare_files(model, other, data, options, try_remedies=try_remedies, progress=progress)
    facts = found.to_dict()
    if as_json:
        show.json_out(facts)
        return
    comparison(facts)
    if by_step:
        steps(facts)


def comparison(facts: Mapping[str, Any]) -> None:
    """Layers, the first divergence, decisions and findings."""
    first, second = (f"{facts[k]['model']} ({facts[k]['kind']})" for k in ("first", "second"))
    title = f"{first} against {second}: {facts['samples']} samples, {facts['steps']} steps"
    show.rows([_layer(layer) for layer in facts["layers"]], title=title)
    if facts["matched_by"] == "order":
        print("layers have no names in common and were matched in order")
    for key, name in (("only_first", first), ("only_second", second)):
        if facts[key]:
            print(f"only in {name}: {', '.join(facts[key])}")
    if facts["first_divergence"] is not None:
        print(f"\nfirst divergence: {Divergence(**facts['first_divergence'])}")
    else:
        print("\nequal in every bit")
    if (decisions := facts["decisions"]) is not None:
        _decisions(decisions, facts["samples"])
    if facts["findings"]:
        _findings(facts["findings"])


def _layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    """A row; columns that say nothing of a comparison of two float networks are left out there."""
    row = {
        "layer": layer["layer"],
        "neurons": layer["neurons"],
        "mismatching": f"{layer['mismatching']:,} ({_share(layer['mismatching'], layer['bits'])})",
    }
    if layer["made_here"] is not None:
        row["made here"] = f"{layer['made_here']:,} ({_share(layer['made_here'], layer['bits'])})"
    row |= {"rate": layer["rate_first"], "rate of the other": layer["rate_second"]}
    if layer["membrane_rms"] is not None:
        row["membrane error"] = layer["membrane_rms"]
    if layer["membrane_rms_made_here"] is not None:
        row["made here "] = layer["membrane_rms_made_here"]
    names = ("silenced", "woken", "dead")
    notes = [f"{layer[name]['count']} {name}" for name in names if layer[name]["count"]]
    if (saturated := layer["saturated_second"]["count"]) > 0:
        notes.append(f"{saturated} saturated")
    if layer["wraps"] or layer["saturations"]:
        notes.append(f"{layer['wraps']:,} wraps, {layer['saturations']:,} clips")
    row["note"] = "void: no spike in either" if layer["void"] else ", ".join(notes)
    return row


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.3g} %"


def _decisions(facts: Mapping[str, Any], samples: int) -> None:
    print(f"decisions: {facts['flips']} of {samples} differ", end="")
    if "accuracy_first" in facts:
        first, second = (100 * facts[key] for key in ("accuracy_first", "accuracy_second"))
        print(f"; accuracy {first:.2f} % and {second:.2f} %", end="")
    print()


def _findings(findings: list[Mapping[str, Any]]) -> None:
    print("\nfindings:")
    for finding in findings:
        print(f"  - {finding['layer']}, {finding['kind'].replace('_', ' ')}: {finding['what']}")
        print(f"    try: {finding['remedy']}")
    trials = {trial["change"]: trial for finding in findings for trial in finding["tried"]}
    if trials:
        print()
        show.rows([_trial(trial) for trial in trials.values()], title="tried")


def _trial(trial: Mapping[str, Any]) -> dict[str, Any]:
    row = {
        "change": trial["change"],
        "samples": trial["samples"],
        "made in the layer": f"{trial['made_here_before']:,} -> {trial['made_here']:,}",
        "silenced there": f"{trial['silenced_before']} -> {trial['silenced']}",
        "mismatching, all layers": f"{trial['mismatching_before']:,} -> {trial['mismatching']:,}",
    }
    if trial["flips"] is not None:
        row["decisions that differ"] = f"{trial['flips_before']} -> {trial['flips']}"
    return row


def steps(facts: Mapping[str, Any]) -> None:
    """Shares of spikes that differ, a row for each step and a column for each layer."""
    rows = []
    for step in range(facts["steps"]):
        row: dict[str, Any] = {"step": step}
        for layer in facts["layers"]:
            values = layer["bits"] // facts["steps"]
            row[layer["layer"]] = _share(layer["per_step"]["mismatching"][step], values)
            if layer["made_here"] is not None:
                row[f"{layer['layer']}, made here"] = _share(layer["per_step"]["made_here"][step], values)
        rows.append(row)
    print()
    show.rows(rows, title="spikes that differ, by step")
