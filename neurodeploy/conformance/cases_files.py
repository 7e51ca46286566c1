"""Files that are odd but mean something, and files that must be refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nir
import numpy as np

from neurodeploy.conformance.build import OFF, Builder, chain, eye, full
from neurodeploy.conformance.case import Case, eighths, random_spikes

SIZE, FAN = (5,), (4,)


def cases(b: Builder) -> list[Case]:
    """All of them."""
    return [*files(b), *refusals(b)]


def files(b: Builder) -> list[Case]:
    def case(name: str, about: str, edit: Callable[[Any], None] | None = None, last: str = "n", **more: Any) -> Case:
        nodes = {"fc": nir.Linear(weight=eighths(name, (*SIZE, *FAN))), last: more.pop("node", None) or b.lif(SIZE)}
        return Case(
            f"file/{name}", about, chain(nodes, FAN, SIZE), {"input": random_spikes(name, FAN)}, edit=edit, **more
        )

    def without(*paths: str) -> Callable[[Any], None]:
        def edit(file: Any) -> None:
            for path in paths:
                del file[path]

        return edit

    def recast(path: str, dtype: str) -> Callable[[Any], None]:
        def edit(file: Any) -> None:
            values = file[path][()]
            del file[path]
            file[path] = values.astype(dtype)

        return edit

    def notes(file: Any) -> None:
        file.create_group("node/metadata/somebody")["note"] = "means nothing to you"
        file.create_group("node/nodes/n/metadata")["colour"] = 3

    ten = {
        f"{k}": node for k, node in enumerate([part for _ in range(6) for part in (eye(2, 1.25), b.lif((2,)))], start=1)
    }
    whole = {"fc": nir.Linear(weight=np.array([[2, -1, 1, 0], [1, 1, -3, 2]], np.int8)), "n": b.lif((2,))}
    whole["n"].v_threshold = full((2,), 0.75 * OFF)
    return [
        case("dots", "A name with dots, which stand for no sub-graph", last="blocks.0.n"),
        Case(
            "file/order",
            "Names 1 to 12: the order of a file is 1, 10, 11, ...",
            chain(ten, (2,), (2,)),
            {"input": random_spikes("order", (2,))},
        ),
        case("metadata", "Metadata of somebody else, on the graph and on a node", notes),
        case("version", "A version of long ago; it is for information only", recast_version),
        case("no-version", "No version at all", without("version")),
        case("no-v-reset", "LIF without v_reset, as before nir 1.0.6: 0", without("node/nodes/n/v_reset")),
        case(
            "no-w-in",
            "CubaLIF without w_in, as files of old: 1",
            without("node/nodes/n/w_in"),
            node=b.cuba_fire(SIZE, w_in=1, theta=OFF / 2),
        ),
        case("single", "Thresholds in single precision", recast("node/nodes/n/v_threshold", "f4")),
        case("half", "Weights in half precision", recast("node/nodes/fc/weight", "f2")),
        Case(
            "file/int8",
            "Weights that are 8-bit integers",
            chain(whole, FAN, (2,)),
            {"input": random_spikes("int8", FAN)},
        ),
        case("plain", "Arrays without compression", recast("node/nodes/n/r", "f8")),
    ]


def recast_version(file: Any) -> None:
    del file["version"]
    file["version"] = "0.0.1.dev3+g0123456"


def refusals(b: Builder) -> list[Case]:
    def case(name: str, why: str, edit: Callable[[Any], None]) -> Case:
        nodes = {"fc": nir.Affine(weight=eighths(name, (*SIZE, *FAN)), bias=np.zeros(5, np.float32)), "n": b.lif(SIZE)}
        made = chain(nodes, FAN, SIZE)
        return Case(
            f"refuse/{name}", f"Must not load: {why}", made, {"input": random_spikes(name, FAN)}, refuse=why, edit=edit
        )

    def put(path: str, value: Any) -> Callable[[Any], None]:
        def edit(file: Any) -> None:
            if path in file:
                del file[path]
            file[path] = value

        return edit

    def spoil(path: str, value: float) -> Callable[[Any], None]:
        def edit(file: Any) -> None:
            values = file[path][()]
            values.flat[1] = value
            del file[path]
            file[path] = values

        return edit

    def edges(*pairs: tuple[str, str]) -> Callable[[Any], None]:
        def edit(file: Any) -> None:
            old = [(a.decode(), c.decode()) for a, c in file["node/edges"][()]]
            del file["node/edges"]
            file["node/edges"] = np.array([*old, *pairs], dtype="S")

        return edit

    def slash(file: Any) -> None:
        file.move("node/nodes/n", "node/nodes/block/n")
        del file["node/edges"]
        pairs = [("input", "fc"), ("fc", "block/n"), ("block/n", "output")]
        file["node/edges"] = np.array(pairs, dtype="S")

    def loop(file: Any) -> None:
        file.copy("node/nodes/fc", "node/nodes/back")
        for name, shape in (("weight", (4, 5)), ("bias", (4,))):
            del file[f"node/nodes/back/{name}"]
            file[f"node/nodes/back/{name}"] = np.ones(shape)
        edges(("fc", "back"), ("back", "fc"))(file)

    def missing(file: Any) -> None:
        del file["node/nodes/n/v_threshold"]

    n, w = "node/nodes/n", "node/nodes/fc/weight"
    return [
        case("unknown-type", "a node type that NIR does not have", put(f"{n}/type", "Frobnicator")),
        case("nan-weight", "a weight is NaN", spoil(w, np.nan)),
        case("nan-threshold", "a threshold is NaN", spoil(f"{n}/v_threshold", np.nan)),
        case("infinite-weight", "a weight is infinite", spoil(w, np.inf)),
        case("tau-zero", "a time constant is 0", spoil(f"{n}/tau", 0.0)),
        case("tau-negative", "a time constant is negative", spoil(f"{n}/tau", -b.dt_s)),
        case("dangling-edge", "an edge goes to a node that is not there", edges(("fc", "nowhere"))),
        case("slash", "a name holds '/', which makes the file a tree", slash),
        case("weight-shape", "a weight does not fit the input", put(w, np.ones((5, 7), np.float32))),
        case(
            "bias-shape", "a bias has another length than its layer", put("node/nodes/fc/bias", np.ones(3, np.float32))
        ),
        case("neuron-shape", "a threshold has another length than its layer", put(f"{n}/v_threshold", np.ones(3))),
        case("no-threshold", "a LIF has no threshold", missing),
        case("loop", "a cycle has no neuron in it", loop),
        case("empty", "there is nothing in the file", empty),
    ]


def empty(file: Any) -> None:
    del file["node"]
