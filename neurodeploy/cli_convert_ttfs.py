"""``neurodeploy convert ttfs``: a ReLU network as neurons that spike once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import TARGET, Choice, as_json
from neurodeploy.convert.ttfs.chip import ONCE

FILE = click.Path(dir_okay=False, path_type=Path)


def _shape(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        return tuple(int(n) for n in value.split(","))
    except ValueError:
        raise click.BadParameter("give sizes such as 1,8,8.") from None


@click.command()
@click.argument("model")
@click.option(
    "--data", type=FILE, required=True, help="Inputs to calibrate on: an .npz with values (N, *shape), of training."
)
@click.option("--test", type=FILE, help="Inputs to run, with labels where known: another such .npz.")
@click.option("--ticks", type=float, default=8, show_default=True, help="Of a unit of activation or output.")
@click.option("--input-ticks", type=float, help="Of a unit of input; default as --ticks.")
@click.option("--low", type=float, help="Of the inputs; default the smallest of --data.")
@click.option("--high", type=float, help="Of the inputs; default the largest of --data.")
@click.option("--fraction-bits", type=click.IntRange(0, 16), default=5, show_default=True, help="Of the weights.")
@click.option("--nearest", is_flag=True, help="Round hidden values to the nearest tick, not down.")
@click.option("--worst-case", is_flag=True, help="Windows for every input between low and high, not calibrated ones.")
@click.option(
    "--readout",
    type=Choice(("class", "values")),
    default="class",
    show_default=True,
    help="The first output spike is the class, or all of them are values.",
)
@click.option(
    "--horizon",
    type=Choice(("readout", "long")),
    default="readout",
    show_default=True,
    help="A sample lasts until the outputs have spiked, or until every neuron has.",
)
@click.option("--fire-once", type=Choice(ONCE), default="auto", show_default=True, help="How a neuron spikes once.")
@click.option("--input-shape", callback=_shape, help="Of a sample, e.g. 1,8,8; default that of --data.")
@click.option("--target", type=TARGET, default="loihi2", show_default=True)
@click.option("-o", "--out", type=FILE, help="Program file (.ndp).")
@click.option("--spikes", type=FILE, help="Write the test data as spikes, for `neurodeploy run`.")
@as_json
def ttfs(model: str, as_json: bool, **options: Any) -> None:
    """Compile the ReLU network that MODEL, a `package.module:factory`, returns, and compare it on the chip's integers.

    It then runs --test, each sample until the first output spike, and says how often that was right, and what it cost.
    """
    from neurodeploy.convert.ttfs.job import convert_file

    if options["spikes"] is not None and options["test"] is None:
        raise click.UsageError("--spikes writes the test data: give --test.")
    with show.status() as progress:
        facts = convert_file(model, progress=progress, **options)
    if as_json:
        show.json_out(facts)
        return
    bands = {name: value["value"] if isinstance(value, dict) else value for name, value in facts.items()}
    show.rows([{"fact": name.replace("_", " "), "value": value} for name, value in bands.items()])
