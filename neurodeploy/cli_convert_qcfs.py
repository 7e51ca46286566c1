"""``neurodeploy convert qcfs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from neurodeploy import cli_print as show
from neurodeploy.atomic import check_writable, replacing
from neurodeploy.cli_options import TARGET, Choice, Shape, WeightBits, as_json
from neurodeploy.convert.qcfs import GATES
from neurodeploy.convert.qcfs.schedule import MODES
from neurodeploy.quantize.bits import BITS_DEFAULT, Bits

SAVE = "numpy.savez_compressed(path, values=..., labels=...), values (N, *shape) as the module takes them"
METHODS = ("mse", "percentile")  # as in convert.qcfs.relu, which needs torch


@click.command()
@click.argument("model", metavar="PACKAGE.MODULE:FACTORY")
@click.option(
    "--data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="values (N, *shape) as the module takes them, and labels: the chip is compared with the integers on them.",
)
@click.option("--input-shape", type=Shape(), metavar="C,H,W", help="Of one input; default: that of --data.")
@click.option(
    "--input-levels",
    type=click.IntRange(min=1),
    help="Inputs are 0 .. so many, each a count of spikes; not where the module begins with a QCFS.",
)
@click.option(
    "--input-step",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Real value of one input spike.",
)
@click.option(
    "--levels",
    type=click.IntRange(min=1),
    help="Make the module's ReLUs QCFS activations of so many levels, by --data.",
)
@click.option("--calibration", type=Choice(METHODS), default="mse", show_default=True, help="How --levels chooses.")
@click.option(
    "--mode",
    type=Choice(MODES),
    default="defer",
    show_default=True,
    help="defer: a layer accumulates, then fires; pascal: the published neuron, which needs a programmable one.",
)
@click.option("--gate", type=Choice(GATES), help="What opens and closes layers of defer; default: what the target has.")
@click.option("--thermometer", is_flag=True, help="L copies of each neuron, for targets without subtractive reset.")
@click.option(
    "--bits",
    type=WeightBits(),
    metavar="N|LAYER=N,...",
    default=str(BITS_DEFAULT),
    show_default=True,
    help="Weight bits: of all layers, or of the weights into those named.",
)
@click.option("--samples", type=click.IntRange(min=0), default=64, show_default=True, help="Random inputs to try, too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of those inputs.")
@click.option("--target", type=TARGET, default="loihi2", show_default=True)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Program file (.ndp).")
@click.option(
    "--spikes", type=click.Path(dir_okay=False, path_type=Path), help="Write --data as spikes (.npz), for `run`."
)
@as_json
def qcfs(
    model: str,
    data: Path | None,
    input_shape: tuple[int, ...] | None,
    input_levels: int | None,
    input_step: float,
    levels: int | None,
    calibration: str,
    mode: str,
    gate: str | None,
    thermometer: bool,
    bits: Bits,
    samples: int,
    seed: int,
    target: str,
    out: Path | None,
    spikes: Path | None,
    as_json: bool,
) -> None:
    """Compile a torch network with QCFS activations into neurons whose spike counts equal it, layer by layer.

    The factory returns a module of linear layers, convolutions, batch norms, average poolings and sums between QCFS
    activations; see docs/qcfs.md.
    """
    from neurodeploy.convert import qcfs as convert
    from neurodeploy.frontends.modules import from_factory
    from neurodeploy.storage import save

    if data is None and (levels is not None or spikes is not None or input_shape is None):
        raise click.UsageError("Give --data; without it, --input-shape, and neither --levels nor --spikes.")
    for path in (out, spikes):
        if path is not None:
            check_writable(path)
    inputs, labels = (None, None) if data is None else _data(data)
    with show.status() as progress:
        progress("read")
        module = from_factory(model).module
        if levels is not None:
            from neurodeploy.convert.qcfs.relu import calibrate

            progress("calibrate")
            module = calibrate(module, inputs, levels, method=calibration)
        progress("convert")
        made = convert(
            module,
            input_shape=input_shape if inputs is None else inputs.shape[1:],
            input_levels=input_levels,
            input_step=input_step,
            target=target,
            mode=mode,
            gate=gate,
            thermometer=thermometer,
            bits=bits,
            samples=samples,
            seed=seed,
            name=model,
        )
        facts: dict[str, Any] = {"target": made.program.target.name, "cores": made.program.mapping.cores}
        facts |= made.certificate.to_dict()
        if inputs is not None:
            progress("compare")
            found = made.compare(made.coding.counts(inputs))["out"]
            facts["samples equal"] = len(found)
            if labels is not None:
                facts["accuracy"] = float(np.mean(found.argmax(axis=1) == labels))
    if out is not None:
        save(made.program, out)
        facts["program"] = str(out)
    if spikes is not None and inputs is not None:
        arrays = {"spikes": made.encode(inputs)} | ({} if labels is None else {"labels": labels})
        with replacing(spikes) as path, path.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stubs: any keyword may be theirs
        facts["spikes"] = str(spikes)
    if as_json:
        show.json_out(facts)
    else:
        show.rows([{"fact": name.replace("_", " "), "value": value} for name, value in facts.items()])


def _data(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    """Inputs, and labels where there are any; UnreadableFile otherwise."""
    from neurodeploy.errors import UnreadableFile
    from neurodeploy.evaluate import check_labels
    from neurodeploy.npz import read_arrays

    arrays, found = read_arrays(path, ("values", "labels"), SAVE)
    values = arrays.get("values")
    if values is None or values.ndim < 2 or not values.size or values.dtype.kind not in "buif":
        what = f"found {found}" if values is None else f"values are {values.dtype} of shape {values.shape}"
        raise UnreadableFile(what, where=str(path), remedy=f"write it with {SAVE}")
    if not np.isfinite(values).all():
        raise UnreadableFile("values that are not finite", where=str(path), remedy="remove them")
    labels = arrays.get("labels")
    check_labels(labels, len(values), str(path))
    return values.astype(np.float64), None if labels is None else labels.astype(np.int64)
