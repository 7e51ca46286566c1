"""Command line: parse, call, print. No logic."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import neurodeploy
from neurodeploy import cli_print as show
from neurodeploy.atomic import check_writable
from neurodeploy.cli_adapt import adapt
from neurodeploy.cli_compare import compare
from neurodeploy.cli_conformance import conformance
from neurodeploy.cli_convert import convert
from neurodeploy.cli_estimate import calibrate, estimate
from neurodeploy.cli_faults import faults
from neurodeploy.cli_options import (
    MODEL,
    TARGET,
    Choice,
    Group,
    Shape,
    as_json,
    chosen_options,
    cluster_option,
    compile_options,
    describe,
    encode_options,
    engine_option,
    lava_options,
    lava_python,
    profile_option,
    semantics_options,
)
from neurodeploy.cli_quantise import budget_options, check_budget, choose_bits, precision
from neurodeploy.cli_report import report
from neurodeploy.cli_targets import compare_command, targets
from neurodeploy.encode_job import CODES
from neurodeploy.errors import NeurodeployError, SimulationError
from neurodeploy.export.formats import FORMATS
from neurodeploy.pipeline import PASSES
from neurodeploy.simulate.run import ENGINES
from neurodeploy.verify import AGAINST


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(neurodeploy.__version__, prog_name="neurodeploy")
def app() -> None:
    """Trained spiking networks onto Loihi-class chips, and what they cost, without a chip.

    Start with: neurodeploy demo
    """


@app.command()
@click.option("--target", type=TARGET, default="loihi2", show_default=True)
@click.option("--model", "models", type=MODEL, multiple=True, help="A bundled model; repeat for more. Default: all.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for programs and tables.")
@engine_option
@profile_option
@as_json
def demo(target: str, models: tuple[str, ...], out: Path | None, as_json: bool, **values: Any) -> None:
    """Compile, run and cost the bundled models on their real test data."""
    from neurodeploy.demo import run_demo

    with show.status() as progress:
        rows = run_demo(target, models, out, progress=progress, **values)
    if as_json:
        show.json_out(rows)
    else:
        show.demo(rows, out)


@app.command()
@click.argument("model", type=MODEL)
@click.option("--target", type=TARGET, default="loihi2", show_default=True)
@semantics_options
@compile_options
@as_json
def inspect(model: str, target: str, as_json: bool, **values: Any) -> None:
    """Layers, neurons, synapses and timing of MODEL, and what the target lacks."""
    from neurodeploy.inspection import inspect_model

    facts = inspect_model(model, target, chosen_options(values))
    if as_json:
        show.json_out(facts)
    else:
        show.inspection(facts)


@app.command("compile")
@click.argument("model", type=MODEL)
@click.option("--target", type=TARGET, required=True)
@click.option("-o", "--out", "path", type=click.Path(dir_okay=False, path_type=Path), help="Program file (.ndp).")
@click.option("--stop-after", type=Choice([name for name, _ in PASSES]), help="Last pass to run.")
@click.option("--output", help="Output node to read out, where the model has several.")
@click.option("--traffic", type=click.Path(dir_okay=False, path_type=Path), help="DATA.npz that mapping is to suit.")
@budget_options
@semantics_options
@compile_options
@as_json
def compile_command(
    model: str,
    target: str,
    path: Path | None,
    stop_after: str | None,
    traffic: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Compile MODEL (a .nir or .net file, or a bundled name) for a target."""
    from neurodeploy.evaluate import load_samples
    from neurodeploy.pipeline import finish, run_passes
    from neurodeploy.storage import save
    from neurodeploy.summary import summarise

    if path is None and stop_after is None:
        raise click.UsageError("Missing option '-o' / '--out': where to write the program (or give --stop-after).")
    if path is not None:
        if stop_after not in (None, PASSES[-1][0]):
            raise click.UsageError(f"There is no program to write (-o) if you --stop-after {stop_after}.")
        check_writable(path, keep=(model, target))
    check_budget(values, stop_after)
    if traffic is not None and values["budget"] is not None:
        raise click.UsageError("--traffic and --budget at once: compile with the --bits that the budget chose.")
    sent = None if traffic is None else load_samples(traffic).spikes
    found = None
    with show.status() as progress:
        if values["budget"] is not None:
            found = choose_bits(model, target, values, progress)
            state = found.compilation
        else:
            options = chosen_options(values)
            state = run_passes(model, target, options, stop_after=stop_after, progress=progress, traffic=sent)
    facts = summarise(state)
    if found:
        facts["precision"] = found.to_dict()
    if path is not None:
        save(finish(state), path)
        facts["program"] = str(path)
    if as_json:
        show.json_out(facts)
    else:
        if found:
            precision(facts["precision"])
        show.compilation(facts)


@app.command("encode")
@click.argument("values", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--code", type=Choice(list(CODES)), required=True, help="How; see docs/encoding.md.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="DATA.npz to write.")
@encode_options
@as_json
def encode_command(values: Path, code: str, out: Path, as_json: bool, **options: Any) -> None:
    """Turn the real VALUES of an .npz (values (N, *shape), labels) into spikes, the same bits as nd.train.encode."""
    from neurodeploy.encode_job import encode_file

    facts = encode_file(values, code, out, options)
    if as_json:
        show.json_out(facts)
    else:
        show.rows([facts])


@app.command()
@click.argument("program", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--input", "data", type=click.Path(dir_okay=False, path_type=Path), required=True, help="DATA.npz")
@click.option("--steps", type=click.IntRange(min=1), help="Chip steps per sample; default: all of them.")
@click.option(
    "--engine",
    type=Choice((*ENGINES, "lava")),
    default="fast",
    show_default=True,
    help="lava: also on Lava 0.10.0, every value compared.",
)
@cluster_option
@lava_options
@profile_option
@click.option("-o", "--out", "path", type=click.Path(dir_okay=False, path_type=Path), help="Result file (.npz).")
@as_json
def run(program: Path, data: Path, path: Path | None, as_json: bool, lava_timeout: float, **values: Any) -> None:
    """Run a PROGRAM on spikes, bit for bit as the chip would, and cost it."""
    from neurodeploy.job import run_job

    if values["cluster"] and values["engine"] == "lava":
        raise click.UsageError("--engine lava runs on this machine: drop --cluster.")
    with show.bar("samples") as progress:
        facts = run_job(program, data, out=path, timeout_s=lava_timeout, progress=progress, **values)
    if as_json:
        show.json_out(facts)
    else:
        show.run(facts)


@app.command()
@click.argument("program", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--input", "data", type=click.Path(dir_okay=False, path_type=Path), required=True, help="DATA.npz")
@click.option("--against", type=Choice(AGAINST), required=True, help="The engine to compare the fast one with.")
@click.option("--samples", type=click.IntRange(min=1), help="Only the first so many; default: all.")
@lava_options
@as_json
def verify(program: Path, data: Path, against: str, as_json: bool, lava_timeout: float, **values: Any) -> None:
    """Compare u, v and spikes of every neuron at every step on two engines; exit code 8 where they differ."""
    from neurodeploy.verify import EnginesDiffer, verify_files

    with show.bar("samples") as progress:
        facts = verify_files(program, data, against, timeout_s=lava_timeout, progress=progress, **values)
    if as_json and facts["equal"]:
        show.json_out(facts)
    elif not as_json:
        show.verification(facts)
    if not facts["equal"]:
        raise EnginesDiffer(facts)


@app.command()
@click.argument("source", metavar="PROGRAM|MODEL", type=MODEL)
@click.option("--to", "name", type=Choice(list(FORMATS)), required=True, help=describe(FORMATS))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The file or folder to write.")
@click.option("--run", type=click.Path(dir_okay=False, path_type=Path), help="For sanafe: the RUN.npz to replay.")
@click.option("--allow-lossy", is_flag=True, help="For nir: write also what other tools would run differently.")
@semantics_options
@click.option("--input-shape", type=Shape(), metavar="C,H,W", help="Of a torch module that does not say it.")
@as_json
def export(
    source: str, name: str, out: Path, run: Path | None, allow_lossy: bool, as_json: bool, **values: Any
) -> None:
    """Write a PROGRAM, or for nir a MODEL, in another format, or say all that keeps it from being written."""
    from neurodeploy.export.formats import export_file

    options = chosen_options(values) if any(value is not None for value in values.values()) else None
    facts = export_file(source, name, out, options, allow_lossy=allow_lossy, run=run)
    if as_json:
        show.json_out(facts)
    else:
        show.export(facts)


@app.group(cls=Group)
def lava() -> None:
    """Intel's Lava 0.10.0, in an environment of its own, to compare with."""


@lava.command("setup")
@click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="Where; default: user's data.")
@click.option("--again", is_flag=True, help="Make it anew even if it is there and works.")
@as_json
def lava_setup(folder: Path | None, again: bool, as_json: bool) -> None:
    """Make the environment with this Python: about 320 MB, once."""
    from neurodeploy.lava_env import set_up

    show.lava(set_up(folder, again=again, note=show.note), as_json)


@lava.command("check")
@lava_python
@as_json
def lava_check(lava_python: Path | None, as_json: bool) -> None:
    """Import Lava as a run would, and say what was found."""
    from neurodeploy.lava_env import check

    show.lava(check(lava_python), as_json)


app.add_command(adapt)
app.add_command(conformance)
app.add_command(compare)
app.add_command(report)
app.add_command(estimate)
app.add_command(calibrate)
app.add_command(convert)
app.add_command(faults)
app.add_command(targets)
targets.add_command(compare_command(chosen_options))


@app.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say what works on this machine, and how to mend what does not."""
    from neurodeploy.doctor import examine

    findings = [vars(f) for f in examine()]
    if as_json:
        show.json_out(findings)
    else:
        show.doctor(findings)
    if not all(f["ok"] for f in findings):
        raise click.exceptions.Exit(1)


def main(args: Sequence[str] | None = None) -> None:
    """Entry point: errors are text on stderr, or JSON on stdout with ``--json``; the exit code is the error's."""
    given = list(sys.argv[1:] if args is None else args)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_args, **_kwargs: click.echo(f"warning: {message}", err=True)
        sys.exit(_exit_code(given))


def _exit_code(args: list[str]) -> int:
    as_json = "--json" in args
    try:
        code = app.main(args, prog_name="neurodeploy", standalone_mode=False)
    except NeurodeployError as error:
        return show.error(error, as_json)
    except MemoryError:
        remedy = "run fewer steps or fewer samples at a time"
        return show.error(SimulationError("not enough memory", where="this machine", remedy=remedy), as_json)
    except click.ClickException as error:
        return show.usage_error(error, as_json)
    except click.Abort:
        return show.interrupted(as_json)
    return code if isinstance(code, int) else 0
