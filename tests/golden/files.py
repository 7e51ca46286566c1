"""Golden files: networks as given, their input, and Lava's registers and messages of every population at every step.

One ``.npz`` holds a group of cases in three arrays: ``document`` (JSON as bytes), ``integers`` (int32, little-endian)
and ``bits`` (messages of 0 and 1, eight to a byte). The document gives every array as its offset and shape in one of
the two. Weights are stored as the user gave them, so whoever rebuilds a network prepares them again. ``manifest.json``
says what made the files, and the hash of each.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lava_case import Case
from networks import Draft
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipPopulation, ChipProjection
from neurodeploy.connections import CONNECTIONS, Sparse
from neurodeploy.export.lava import LavaOutcome
from neurodeploy.neurons import model_named

FOLDER = Path(__file__).resolve().parent
SCHEDULE = ("start", "reset_interval", "reset_offset")
SETTINGS = ("weight_exp", "num_weight_bits", "sign_mode", "message_bits", "port")
Place = list[Any]
Keep = Callable[[NDArray[Any]], Place]
Take = Callable[[Any], Any]


def pack(cases: Sequence[Any]) -> bytes:
    """The ``.npz`` of answered cases: the same bytes whenever the values are the same."""
    integers: list[NDArray[Any]] = [np.zeros(0, "<i4")]
    bits: list[NDArray[Any]] = [np.zeros(0, np.uint8)]

    def keep(values: NDArray[Any]) -> Place:
        if values.dtype == np.uint8:
            place = ["bits", sum(a.size for a in bits), *np.shape(values)]
            if np.any(values > 1):
                raise ValueError("a spike is neither 0 nor 1")
            bits.append(np.packbits(np.ravel(values)))
            return place
        place = ["integers", sum(a.size for a in integers), *np.shape(values)]
        integers.append(np.ravel(values).astype("<i4"))
        if not np.array_equal(integers[-1], np.ravel(values)):
            raise ValueError("a value does not fit 32 bits")
        return place

    document = [_described(case, keep) for case in cases]
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


def _described(case: Any, keep: Keep) -> dict[str, Any]:
    plan, lava = case.unprepared, case.answer()
    return {
        "label": case.label,
        "steps": [plan.steps, plan.live_steps],
        "inputs": [[n, i.shape, i.message_bits, keep(plan.inputs[n])] for n, i in plan.net.inputs.items()],
        "populations": [
            _population(p, keep)
            | {
                "s": [keep(lava.spikes[source]) for source in plan.outputs[name]],
                "states": {r: keep(v) for r, v in sorted(lava.states.get(name, {}).items())},
            }
            for name, p in plan.net.populations.items()
        ],
        "projections": [_projection(p, keep) for p in plan.net.projections],
    }


def _population(p: ChipPopulation, keep: Keep) -> dict[str, Any]:
    defaults = {f.name: f.default for f in model_named(p.model).fields}
    given = {f: v for f, v in p.fields.items() if v.ndim or v != defaults[f]}
    schedule = {s: getattr(p, s) for s in SCHEDULE if getattr(p, s)}
    fields = {f: keep(v) if v.ndim else int(v) for f, v in sorted(given.items())}
    return {"name": p.name, "shape": p.shape, "model": p.model, "reset": p.reset, **schedule, "fields": fields}


def _projection(p: ChipProjection, keep: Keep) -> dict[str, Any]:
    return {
        "ends": [p.source, p.target],
        "kind": p.connection.kind,
        "arrays": {a: keep(v) for a, v in sorted(p.connection.arrays().items())},
        "geometry": {g: v if g != "groups" else v[0] for g, v in p.connection.geometry().items()},
        "shapes": [p.connection.source_shape, p.connection.target_shape],
        "settings": {s: getattr(p, s) for s in SETTINGS},
        "delay": p.delay if p.delays is None else keep(p.delays),
    }


def unpack(data: bytes) -> list[Case]:
    """The cases of one file, every network built anew from what its user gave."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        document = json.loads(archive["document"].tobytes())
        integers = np.ascontiguousarray(archive["integers"].T).view("<i4")[:, 0]
        bits = archive["bits"]

    def take(place: Any) -> Any:
        if not isinstance(place, list):
            return place
        pool, offset, *shape = place
        size = math.prod(shape)
        if pool == "bits":
            return np.unpackbits(bits[offset : offset + (size + 7) // 8], count=size).reshape(shape)
        return integers[offset : offset + size].reshape(shape)

    return [_rebuilt(entry, take) for entry in document]


def _rebuilt(entry: Mapping[str, Any], take: Take) -> Case:
    kinds: dict[str, Any] = {c.kind: c for c in CONNECTIONS}
    draft = Draft()
    for name, shape, message_bits, _ in entry["inputs"]:
        draft.net.add_input(name, shape=tuple(shape), message_bits=message_bits)
    for p in entry["populations"]:
        rest = {key: p[key] for key in ("model", "reset", *SCHEDULE) if key in p}
        fields = {f: take(v) for f, v in p["fields"].items()}
        draft.net.add_population(p["name"], shape=tuple(p["shape"]), **rest, **fields)
    for p in entry["projections"]:
        arrays: dict[str, Any] = {name: take(place) for name, place in p["arrays"].items()}
        if "indptr" in arrays:
            arrays["indptr"] = arrays["indptr"].astype(np.int64)
        geometry = {name: tuple(v) if isinstance(v, list) else v for name, v in p["geometry"].items()}
        ends = dict(zip(("source_shape", "target_shape"), map(tuple, p["shapes"]), strict=True))
        connection = kinds[p["kind"]](**arrays, **ends, **geometry)
        delay = take(p["delay"])
        if isinstance(connection, Sparse) and np.ndim(delay):
            delay = connection.with_weights(delay).to_csr().toarray()
        draft.attach(*p["ends"], connection, **p["settings"], delay=delay)
    inputs = {name: take(place) for name, *_, place in entry["inputs"]}
    case = draft.case(entry["label"], inputs, *entry["steps"])
    spikes = {
        source: take(place)
        for p in entry["populations"]
        for source, place in zip(case.plan.outputs[p["name"]], p["s"], strict=True)
    }
    states = {p["name"]: {r: take(v) for r, v in p["states"].items()} for p in entry["populations"]}
    case.lava = LavaOutcome(spikes, states)
    return case


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


def compare(case: Any, found: Any) -> tuple[Counter[str], str | None]:
    """How many values of each register (``s``: messages) differ from Lava's, and the first divergence in words."""
    wrong, places, lava = Counter[str](), [], case.answer()
    for name in case.plan.net.populations:
        registers = case.plan.registers[name]
        pairs = [(r, lava.states[name][r], found.states[name][r]) for r in registers]
        pairs += [("s", lava.spikes[source], found.spikes[source]) for source in case.plan.outputs[name]]
        for register, theirs, ours in pairs:
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
