"""``neurodeploy adapt``: nominal rates, a rule that holds them, and what it does on a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurodeploy import cli_print as show
from neurodeploy.adapt.settings import RULES, SPREADS
from neurodeploy.cli_options import Choice, as_json, profile_option

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("program", type=FILE)
@click.option("--clean", type=FILE, help="DATA.npz on which nominal rates are measured; default: the PROGRAM's own.")
@click.option("--input", "data", type=FILE, help="DATA.npz, run as a stream: with the rule, and once without.")
@click.option("--rule", type=Choice(RULES), help="Default: the PROGRAM's own, else homeo_gain.")
@click.option("--eta", type=click.FloatRange(0, 1), help="Step; default: the rule's.")
@click.option("--zeta", type=click.FloatRange(0, 256), help="Factor of the coefficient of variation; default 1.")
@click.option("--cv", type=Choice(SPREADS), help="What it is taken over, layer or time; one: none. Default layer.")
@click.option("--weight-limit", type=click.FloatRange(0, 1024), help="Thresholds that bcm_add may move a weight by.")
@click.option("--layer", "layers", multiple=True, help="A layer to adapt; repeat for more. Default: all but outputs.")
@click.option("--seed", type=click.IntRange(min=0), help="Of stochastic rounding; default 0.")
@click.option("--burn-in", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Share scored apart.")
@profile_option
@click.option("-o", "--out", type=FILE, help="The PROGRAM with rates and rule (.ndp).")
@as_json
def adapt(
    program: Path,
    clean: Path | None,
    data: Path | None,
    burn_in: float,
    energy_profile: str | None,
    out: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Hold the rates of PROGRAM's neurons while it runs, by thresholds and biases (docs/adaptation.md)."""
    from neurodeploy.adapt_job import adapt_job

    if data is None and out is None:
        raise click.UsageError("nothing to do: give --input DATA.npz to run a stream, -o FILE to write, or both.")
    given = {name: value for name, value in values.items() if value not in (None, ())}
    with show.bar("samples") as progress:
        facts = adapt_job(
            program,
            given,
            clean=clean,
            data=data,
            out=out,
            burn_in=burn_in,
            energy_profile=energy_profile,
            progress=progress,
        )
    if as_json:
        show.json_out(facts)
    else:
        _print(facts)


def _print(facts: dict[str, Any]) -> None:
    rule = facts["rule"]
    print(f"rule {rule['rule']}, eta {rule['eta']:g}, cv over {rule['cv']}")
    if "rows" in facts:
        show.rows(facts["rows"], title=f"{facts['samples']:,} samples as a stream")
        if facts["layers"]:
            show.rows(facts["layers"], title="second half of the stream, spikes per step; gains at its end")
        for layer in facts["runaway"]:
            print(f"only its limits hold layer {layer}: take a smaller --eta")
        print()
        show.costs(facts["costs"])
    if "result" in facts:
        print(f"written: {facts['result']}")
