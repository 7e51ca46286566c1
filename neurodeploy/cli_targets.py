"""``neurodeploy targets``: chips and systems, and one model on all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from neurodeploy import cli_print as show
from neurodeploy.cli_options import MODEL, TARGET, Group, as_json, compile_options, semantics_options
from neurodeploy.compilation import Options
from neurodeploy.target import usable_targets


@click.group(cls=Group)
def targets() -> None:
    """Chips and systems that can be compiled for."""


@targets.command("list")
@as_json
def targets_list(as_json: bool) -> None:
    """Names, titles, sizes and status."""
    rows = [
        {
            "name": n,
            "title": t.title,
            "chip": t.chip or n,
            "chips": t.mesh.chips.value,
            "cores_per_chip": t.mesh.cores_per_chip.value,
            "status": t.status,
        }
        for n, t in usable_targets().items()
    ]
    if as_json:
        show.json_out(rows)
    else:
        show.rows(rows)


@targets.command("show")
@click.argument("target", type=TARGET)
@as_json
def targets_show(target: str, as_json: bool) -> None:
    """Every number of TARGET with its source."""
    from neurodeploy.target import describe, load_target

    chip = load_target(target)
    rows = [row._asdict() for row in describe(chip)]
    if as_json:
        show.json_out({"name": chip.name, "status": chip.status, "description": chip.description, "facts": rows})
    else:
        click.echo(f"{chip.title} ({chip.status})\n{chip.description}\n")
        show.rows(rows)


@targets.command("check")
@click.argument("target", type=TARGET)
@as_json
def targets_check(target: str, as_json: bool) -> None:
    """Check a target file against the schema; exit code 4 with all problems if it is not valid."""
    from neurodeploy.errors import InvalidTarget
    from neurodeploy.target import check_target

    problems = check_target(target)
    if problems:
        lines = "\n".join(f"  - {p}" for p in problems)
        raise InvalidTarget(f"{len(problems)} problems:\n{lines}", where=problems[0].where, remedy=problems[0].remedy)
    if as_json:
        show.json_out({"target": target, "valid": True})
    else:
        click.echo(f"{target}: valid")


def compare_command(options_of: Callable[[dict[str, Any]], Options]) -> click.Command:
    """The command; ``options_of`` makes Options of its options, as for the other commands that compile."""

    @click.command("compare")
    @click.argument("model", type=MODEL)
    @click.option("--input", "data", type=click.Path(dir_okay=False, path_type=Path), help="DATA.npz, to be run.")
    @click.option("--samples", type=click.IntRange(min=1), default=32, show_default=True, help="Of DATA.npz.")
    @click.option("--target", "targets", type=TARGET, multiple=True, help="Repeat for more. Default: all but examples.")
    @click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one for each processor.")
    @click.option("--output", help="Output node to read out, where the model has several.")
    @semantics_options
    @compile_options
    @as_json
    def compare(
        model: str,
        data: Path | None,
        samples: int,
        targets: tuple[str, ...],
        workers: int | None,
        as_json: bool,
        **values: Any,
    ) -> None:
        """What MODEL needs of every target, what it would cost there, and why it does not fit the others."""
        from neurodeploy.what_if import compare_targets

        options = options_of(values)
        with show.bar("targets") as progress:
            rows = compare_targets(
                model, options, targets=targets, data=data, samples=samples, workers=workers, progress=progress
            )
        if as_json:
            show.json_out(rows)
            return
        show.rows([_shown(row) for row in rows])
        for row in rows:
            if not row["fits"]:
                click.echo(f"{row['target']} does not fit: {row['why']}")
        traffic = "one message of every axon" if data is None else f"a step, over {samples} samples at most of {data}"
        click.echo(f"\nkm1 (packets between cores), hops and busiest link: {traffic}. 'cores full' is the mean.")
        if data is None:
            click.echo("Energy, step time and accuracy: give --input DATA.npz")
        else:
            click.echo(
                "Energy (mesh and leakage, per inference) and step time are estimates: neurodeploy targets show T"
            )

    return compare


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """The columns for people."""

    def percent(name: str) -> str | None:
        return None if row[name] is None else f"{100 * row[name]:.1f} %"

    def estimated(name: str, unit: str) -> str | None:
        if row[f"{name}_{unit.lower()}"] is None:
            return None
        low, value, high = (row[f"{name}_{k}{unit.lower()}"] for k in ("low_", "", "high_"))
        return f"{show.si(value, unit)} ({show.si(low, unit)} .. {show.si(high, unit)})"

    return {
        "target": row["target"],
        "cores": row["cores"] if row["fits"] else "does not fit",
        "chips": row["chips"],
        "fullest core": None if row["binding"] is None else f"{percent('binding_share')} {row['binding']}",
        "cores full": percent("mean_share"),
        "km1": row["km1"],
        "hops": row["spike_hops"],
        "busiest link": row["link_max"],
        "energy": estimated("energy", "J"),
        "step": estimated("step", "s"),
        "accuracy": percent("accuracy"),
    }
