"""Programs as ``.ndp`` files: HDF5 behind a block with version and checksum; no pickle."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from neurodeploy.atomic import replacing
from neurodeploy.chipmap import Mapping as ChipMapping
from neurodeploy.chipnet import ChipInput, ChipNetwork, ChipPopulation, ChipProjection
from neurodeploy.connections import CONNECTIONS
from neurodeploy.connections.base import frozen
from neurodeploy.errors import UnreadableFile
from neurodeploy.program import Program
from neurodeploy.target import Target

if TYPE_CHECKING:
    import h5py

FORMAT = "neurodeploy-program"
VERSION = 3
"""1 had neither graded messages nor input ports nor further outputs; 2 no firing windows and no length of a sample."""
PROJECTION_SETTINGS = (
    "weight_exp",
    "num_weight_bits",
    "sign_mode",
    "delay",
    "altered_weights",
    "message_bits",
    "port",
    "products_wrap",
)
BLOCK = 512
"""Size of HDF5's user block, bytes in front that libhdf5 skips: ours holds format, version and checksum."""


def save(program: Program, path: str | Path) -> None:
    """Write a program; an existing file is replaced only by a complete one."""
    import h5py

    with replacing(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=BLOCK) as file:
            _write(program, file)
        with temporary.open("r+b") as raw:
            raw.seek(BLOCK)
            block = _block(VERSION, raw.read())
            raw.seek(0)
            raw.write(block)


def load(path: str | Path) -> Program:
    """Read a program and check that it is whole.

    Raises:
        UnreadableFile: Missing, not a program, damaged, or written by a newer version.
    """
    import h5py

    path, where = Path(path), str(path)
    if not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "no such file"
        raise UnreadableFile(what, where=where, remedy="compile the model: neurodeploy compile MODEL -o FILE")
    # before libhdf5 sees it: a damaged file can crash that
    _check(path.read_bytes(), where)
    try:
        with h5py.File(path, "r") as file:
            return _read(file)
    except Exception as error:  # a file with a valid checksum that we did not write
        raise UnreadableFile(
            f"not a readable program: {type(error).__name__}: {error}", where=where, remedy=_AGAIN
        ) from error


def is_program(path: str | Path) -> bool:
    """Whether there is a file that begins as programs do."""
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(len(FORMAT)) == FORMAT.encode()


_AGAIN = "the file is damaged: copy it again, or compile the model again"


def _block(version: int, contents: bytes) -> bytes:
    text = f"{FORMAT} {version}\nsha256 {hashlib.sha256(contents).hexdigest()}\n"
    return text.encode().ljust(BLOCK, b"\0")


def _check(data: bytes, where: str) -> None:
    head = re.match(rb"%s (\d{1,9})\n" % FORMAT.encode(), data)
    if head is None:
        what = "HDF5 but not a neurodeploy program" if data.startswith(b"\x89HDF") else "not a neurodeploy program"
        raise UnreadableFile(
            f"the file is {what}", where=where, remedy="give a file written by 'neurodeploy compile' (.ndp)"
        )
    if int(head[1]) > VERSION:
        raise UnreadableFile(
            f"the file has format version {int(head[1])}, this neurodeploy reads up to {VERSION}",
            where=where,
            remedy="upgrade: pip install --upgrade neurodeploy-snn",
        )
    if data[:BLOCK] != _block(VERSION, data[BLOCK:]):
        raise UnreadableFile("the contents do not match their checksum", where=where, remedy=_AGAIN)


def _write(program: Program, file: h5py.File) -> None:
    document = {
        "target": msgspec.to_builtins(program.target),
        "sample_steps": program.net.sample_steps,
        "outputs": dict(program.outputs),
        "readout": program.readout,
        "semantics": dict(program.semantics),
        "quantization": program.quantization,
        "provenance": dict(program.provenance),
        "inputs": [
            {"name": i.name, "shape": i.shape, "message_bits": i.message_bits} for i in program.net.inputs.values()
        ],
        "populations": [
            {
                "name": p.name,
                "shape": p.shape,
                "model": p.model,
                "reset": p.reset,
                "start": p.start,
                "reset_interval": p.reset_interval,
                "reset_offset": p.reset_offset,
                "window": p.window,
            }
            for p in program.net.populations.values()
        ],
        "projections": [
            {
                "source": p.source,
                "target": p.target,
                "kind": p.connection.kind,
                "geometry": dict(p.connection.geometry()),
                "source_shape": p.connection.source_shape,
                "target_shape": p.connection.target_shape,
                **{name: getattr(p, name) for name in PROJECTION_SETTINGS},
            }
            for p in program.net.projections
        ],
    }
    file.create_dataset("document", data=np.frombuffer(json.dumps(document).encode(), np.uint8))
    for k, population in enumerate(program.net.populations.values()):
        group = file.create_group(f"populations/{k}")
        for name, values in sorted(population.fields.items()):
            _put(group, f"fields/{name}", values)
        _put(group, "offset", population.offset)
        if population.scale is not None:
            _put(group, "scale", population.scale)
        _put(group, "core", program.mapping.core_of[population.name])
    for k, projection in enumerate(program.net.projections):
        for name, values in sorted(projection.connection.arrays().items()):
            _put(file, f"projections/{k}/{name}", values)
        if projection.delays is not None:
            _put(file, f"delays/{k}", projection.delays)
    _put(file, "mapping/chip", program.mapping.chip_of)
    _put(file, "mapping/core_on_chip", program.mapping.core_on_chip)


def _read(file: h5py.File) -> Program:
    document = json.loads(file["document"][()].tobytes())
    net = ChipNetwork(sample_steps=document.get("sample_steps", 0))
    for entry in document["inputs"]:
        net.inputs[entry["name"]] = ChipInput(entry["name"], tuple(entry["shape"]), entry.get("message_bits", 0))
    core_of = {}
    for k, entry in enumerate(document["populations"]):
        group, name = file[f"populations/{k}"], entry["name"]
        fields = {f: frozen(v[()]) for f, v in group["fields"].items()} if "fields" in group else {}
        net.populations[name] = ChipPopulation(
            name,
            tuple(entry["shape"]),
            entry["model"],
            fields,
            entry["reset"],
            entry["start"],
            frozen(group["scale"][()]) if "scale" in group else None,
            frozen(group["offset"][()]),
            entry["reset_interval"],
            entry["reset_offset"],
            tuple(entry["window"]) if entry.get("window") else None,
        )
        core_of[name] = frozen(group["core"][()])
    kinds = {c.kind: c for c in CONNECTIONS}
    for k, entry in enumerate(document["projections"]):
        arrays: dict[str, Any] = {name: frozen(v[()]) for name, v in file[f"projections/{k}"].items()}
        settings: dict[str, Any] = {g: tuple(v) for g, v in entry["geometry"].items()}
        if "groups" in settings:
            (settings["groups"],) = settings["groups"]
        settings["source_shape"], settings["target_shape"] = (tuple(entry[k]) for k in ("source_shape", "target_shape"))
        connection = kinds[entry["kind"]](**arrays, **settings)
        delays = frozen(file[f"delays/{k}"][()]) if f"delays/{k}" in file else None
        rest = {n: entry[n] for n in PROJECTION_SETTINGS if n in entry}
        net.projections.append(ChipProjection(entry["source"], entry["target"], connection, **rest, delays=delays))
    mapping = ChipMapping(core_of, frozen(file["mapping/chip"][()]), frozen(file["mapping/core_on_chip"][()]))
    return Program(
        net,
        mapping,
        msgspec.convert(document["target"], Target),
        document["outputs"],
        document["readout"],
        document["semantics"],
        document["quantization"],
        document["provenance"],
    )


def _put(group: Any, name: str, values: NDArray[Any]) -> None:
    compression = {"compression": "gzip", "shuffle": True} if values.ndim and values.size > 64 else {}
    group.create_dataset(name, data=values, **compression)
