"""``neurodeploy convert``: exact compilers."""

from __future__ import annotations

from pathlib import Path

import click

from neurodeploy import cli_print as show
from neurodeploy.atomic import check_writable
from neurodeploy.cli_convert_qcfs import qcfs
from neurodeploy.cli_convert_ttfs import ttfs
from neurodeploy.cli_options import TARGET, Choice, Group, as_json
from neurodeploy.convert.functions.strategies import STRATEGIES


@click.group(cls=Group)
def convert() -> None:
    """Turn what is not a spiking network into one that equals it."""


convert.add_command(qcfs)
convert.add_command(ttfs)


@convert.command()
@click.argument("expression", required=False)
@click.option(
    "--table", help="A truth table instead: 2^(inputs * memory) digits 0 and 1, f(0) first; or a file of them."
)
@click.option("--inputs", type=click.IntRange(min=1), default=1, show_default=True, help="Number of input trains.")
@click.option("--memory", type=click.IntRange(min=1), help="Ticks of the table's window.")
@click.option("--strategy", type=Choice(STRATEGIES), help="Of a table; default: that of the fewest neurons.")
@click.option("--clock", type=click.IntRange(min=0), help="An input that spikes in every tick.")
@click.option("--samples", type=click.IntRange(min=0), default=500, show_default=True, help="Random trains to try.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of those trains.")
@click.option("--target", type=TARGET, default="loihi2", show_default=True)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Program file (.ndp).")
@as_json
def function(
    expression: str | None,
    table: str | None,
    inputs: int,
    memory: int | None,
    strategy: str | None,
    clock: int | None,
    samples: int,
    seed: int,
    target: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Compile a function of spike trains, such as 'count(x[0], 4) >= 3 & ~x[1]', and try it on the chip's integers.

    The language: x[i], prev(e, k), & | ^ ~, count(e, m) >= k, within(a, b, k), seq(a, b, ...), every(e, m), and
    table("0110", m, ...); see docs/functions.md.
    """
    from neurodeploy.convert.functions import spike_function
    from neurodeploy.convert.functions.table import read_table
    from neurodeploy.storage import save

    if (expression is None) == (table is None):
        raise click.UsageError("Give either an EXPRESSION or --table.")
    if out is not None:
        check_writable(out)
    with show.status() as progress:
        progress("function")
        made = spike_function(
            expression if table is None else read_table(table),
            inputs=inputs,
            memory=memory if table is None else memory or 1,
            target=target,
            strategy=strategy,
            clock=clock,
            samples=samples,
            seed=seed,
        )
    facts = {"target": made.program.target.name, "cores": made.program.mapping.cores} | made.certificate.to_dict()
    if out is not None:
        save(made.program, out)
        facts["program"] = str(out)
    if as_json:
        show.json_out(facts)
    else:
        show.rows(
            [{"fact": name.replace("_", " "), "value": value} for name, value in facts.items() if value is not None]
        )
