"""Golden files: networks as given, their input, and Lava's u, v and spikes of every population at every step.

One ``.npz`` holds a group of cases in three arrays: ``document`` (JSON as bytes), ``integers`` (int32, little-endian)
and ``bits`` (spikes, eight to a byte). The document gives every array as its offset and shape in one of the two.
Weights are stored as the user gave them, so whoever rebuilds a network prepares them again. ``manifest.json`` says
what made the files, and the hash of each.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from lava_case import Case
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.connections import CONNECTIONS
from neurodeploy.export.lava import LavaOutcome
from neurodeploy.neurons import model_named
from neurodeploy.simulate.plan import Plan

FOLDER = Path(__file__).resolve().parent
REGISTERS = ("u", "v")
FIELDS = ("du", "dv", "vth", "bias_mant", "bias_exp", "u0", "v0")
SETTINGS = ("weight_exp", "num_weight_bits", "sign_mode", "delay")
Keep = Callable[[NDArray[Any]], list[int]]


def pack(cases: Sequence[Any]) -> bytes:
    """The ``.npz`` of answered cases: the same bytes whenever the values are the same."""
    integers: list[NDArray[Any]] = [np.zeros(0, "<i4")]
    bits: list[NDArray[Any]] = [np.zeros(0, np.uint8)]

    def keep(values: NDArray[Any]) -> list[int]:
        place = [sum(a.size for a in integers), *np.shape(values)]
        integers.append(np.ravel(values).astype("<i4"))
        if not np.array_equal(integers[-1], np.ravel(values)):
            raise ValueError("a value does not fit 32 bits")
        return place

    def keep_bits(values: NDArray[Any]) -> list[int]:
        place = [sum(a.size for a in bits), *np.shape(values)]
        if np.any((values != 0) & (values != 1)):
            raise ValueError("a spike is neither 0 nor 1")
        bits.append(np.packbits(np.ravel(values)))
        return place

    document = [_described(case, keep, keep_bits) for case in cases]
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        document=np.frombuffer(text, np.uint8),
        # bytes of equal weight side by side compress better
        integers=np.concatenate(integers).view(np.uint8).reshape(-1, 4).T,
        bits=np.concatenate(bits),
    )
    return buffer.getvalue()


def _described(case: Any, keep: Keep, keep_bits: Keep) -> dict[str, Any]:
    plan, lava = case.unprepared, case.answer()
    _refuse_more_than_is_stored(plan)
    return {
        "label": case.label,
        "steps": plan.steps,
        "inputs": [[n, i.shape, keep_bits(plan.inputs[n])] for n, i in plan.net.inputs.items()],
        "populations": [
            {
                "name": name,
                "shape": p.shape,
                "fields": {f: keep(v) if v.ndim else int(v) for f, v in p.fields.items() if _matters(p.model, f, v)},
                "s": keep_bits(lava.spikes[name]),
                **{r: keep(lava.states[name][r]) for r in REGISTERS},
            }
            for name, p in plan.net.populations.items()
        ],
        "projections": [
            {
                "ends": [p.source, p.target],
                "kind": p.connection.kind,
                "arrays": {a: keep(v) for a, v in p.connection.arrays().items()},
                "geometry": {g: v if g != "groups" else v[0] for g, v in p.connection.geometry().items()},
                "shapes": [p.connection.source_shape, p.connection.target_shape],
                "settings": {s: getattr(p, s) for s in SETTINGS},
            }
            for p in plan.net.projections
        ],
    }


def _matters(model: str, field: str, values: NDArray[np.int64]) -> bool:
    """A field that models got later is stored only where it is used, so that older files stay what they are."""
    defaults = {f.name: f.default for f in model_named(model).fields}
    return field in FIELDS or bool(np.any(values != defaults[field]))


def _refuse_more_than_is_stored(plan: Plan) -> None:
    """ValueError where a network has what the format has no place for, rather than a file that forgets it."""
    for p in plan.net.populations.values():
        if (p.model, p.reset, p.start, getattr(p, "reset_interval", 0)) != ("cuba", "zero", 0, 0):
            raise ValueError(f"no place for model, reset, start or schedule of population '{p.name}'")
    for q in plan.net.projections:
        if getattr(q, "delays", None) is not None:
            raise ValueError(f"no place for delays of single synapses: '{q.source}' -> '{q.target}'")


def unpack(data: bytes) -> list[Case]:
    """The cases of one file, every network built anew from what its user gave."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        document = json.loads(archive["document"].tobytes())
        integers = np.ascontiguousarray(archive["integers"].T).view("<i4")[:, 0]
        bits = archive["bits"]

    def take(place: Any) -> Any:
        if isinstance(place, int):
            return place
        offset, *shape = place
        return integers[offset : offset + math.prod(shape)].reshape(shape)

    def take_bits(place: list[int]) -> NDArray[np.uint8]:
        offset, *shape = place
        size = math.prod(shape)
        return np.unpackbits(bits[offset : offset + (size + 7) // 8], count=size).reshape(shape)

    return [_rebuilt(entry, take, take_bits) for entry in document]


def _rebuilt(entry: Mapping[str, Any], take: Callable[[Any], Any], take_bits: Callable[[Any], Any]) -> Case:
    kinds: dict[str, Any] = {c.kind: c for c in CONNECTIONS}
    net = ChipNetwork()
    for name, shape, _ in entry["inputs"]:
        net.add_input(name, shape=tuple(shape))
    for p in entry["populations"]:
        net.add_population(p["name"], shape=tuple(p["shape"]), **{f: take(v) for f, v in p["fields"].items()})
    given = []
    for p in entry["projections"]:
        arrays: dict[str, Any] = {name: take(place) for name, place in p["arrays"].items()}
        if "indptr" in arrays:
            arrays["indptr"] = arrays["indptr"].astype(np.int64)
        geometry = {name: tuple(v) if isinstance(v, list) else v for name, v in p["geometry"].items()}
        ends = dict(zip(("source_shape", "target_shape"), map(tuple, p["shapes"]), strict=True))
        given.append(kinds[p["kind"]](**arrays, **ends, **geometry))
        source, target = p["ends"]
        net.attach(source, target, given[-1], **p["settings"])
    inputs = {name: take_bits(place) for name, _, place in entry["inputs"]}
    lava = LavaOutcome(
        {p["name"]: take_bits(p["s"]) for p in entry["populations"]},
        {p["name"]: {r: take(p[r]) for r in REGISTERS} for p in entry["populations"]},
    )
    plan, unprepared = plans_of(net, given, inputs, entry["steps"])
    return Case(entry["label"], plan, unprepared, lava)


def plans_of(
    net: ChipNetwork, given: Sequence[Any], inputs: Mapping[str, NDArray[np.uint8]], steps: int
) -> tuple[Plan, Plan]:
    """The plan of a network, and the one with its connections as given; both record u and v everywhere."""
    pairs = zip(net.projections, given, strict=True)
    raw = ChipNetwork(net.inputs, net.populations, [replace(p, connection=c) for p, c in pairs])
    registers = dict.fromkeys(net.populations, REGISTERS)
    prepared, unprepared = (Plan(n, inputs, steps, steps, registers, False) for n in (net, raw))
    return prepared, unprepared


def manifest(folder: Path = FOLDER) -> dict[str, Any]:
    """What made the files, and their hashes."""
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return content


def sha256(data: bytes) -> str:
    """As ``sha256sum`` prints it."""
    return hashlib.sha256(data).hexdigest()


def load(folder: Path = FOLDER) -> dict[str, Case]:
    """Every case of every file of the manifest, by label."""
    cases = [case for name in manifest(folder)["files"] for case in unpack((folder / name).read_bytes())]
    return {case.label: case for case in cases}


def compare(case: Any, found: Any) -> tuple[dict[str, int], str | None]:
    """How many values of each register differ from Lava's, and the first divergence in words."""
    wrong, places, lava = dict.fromkeys("uvs", 0), [], case.answer()
    for name in case.plan.net.populations:
        pairs = {"s": (lava.spikes[name], found.spikes[name])}
        pairs |= {r: (lava.states[name][r], found.states[name][r]) for r in REGISTERS}
        for register, (theirs, ours) in pairs.items():
            if theirs.shape != ours.shape:
                raise ValueError(f"{case.label}: '{name}' has shape {ours.shape}, Lava's {theirs.shape}")
            differs = np.argwhere(theirs != ours)
            wrong[register] += len(differs)
            if len(differs):
                sample, step, neuron = differs[differs[:, 1].argmin()]
                values = f"Lava {theirs[sample, step, neuron]}, here {ours[sample, step, neuron]}"
                where = f"population '{name}', register {register}, sample {sample}, neuron {neuron}: {values}"
                places.append((int(step) + 1, f"{case.label}: step {step + 1}, {where}"))
    return wrong, min(places)[1] if places else None
