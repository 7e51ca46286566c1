"""Steps and samples, and long runs whose numbers are rounded."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.conformance.build import OFF, Builder, chain, eye, graph
from neurodeploy.conformance.case import Case, eighths, random_spikes

SIZE, FAN = (5,), (4,)


def cases(b: Builder) -> list[Case]:
    """All of them."""
    return [*time(b), *rounding(b)]


def time(b: Builder) -> list[Case]:
    once = np.zeros((2, 6, 1), np.uint8)
    once[0, 0], once[1, 3] = 1, 1
    three = {name: node for k in "abc" for name, node in ((f"f{k}", eye(1)), (k, b.lif((1,), theta=OFF / 4)))}
    load = np.ones((2, 6, 1), np.uint8)
    load[1] = 0
    bias = {"f": nir.Affine(weight=np.zeros((2, 1), np.float32), bias=np.array([0.75, 0.25], np.float32))}
    return [
        Case(
            "time/latency",
            "A spike passes three layers in the step that it comes",
            chain(three, (1,), (1,)),
            {"input": once},
        ),
        Case(
            "time/reset",
            "The second sample starts afresh: nothing left of membrane, current, delay or feedback",
            graph(
                {"d": b.delay([2.0]), "f": eye(1, 0.5), "n": b.cuba_fire((1,), theta=1.5 * OFF), "w": eye(1, 0.5)},
                [("input", "d"), ("d", "f"), ("f", "n"), ("n", "w"), ("w", "n"), ("n", "output")],
                {"input": (1,)},
                {"output": (1,)},
            ),
            {"input": load},
            delayed=(("n", "w"),),
            late=(("w", "n"),),
        ),
        Case(
            "time/reset-v",
            "The second sample starts at the initial membrane, not where the first one ended",
            chain({"f": eye(1, 0.375), "n": b.lif((1,), tau=4, theta=OFF / 4)}, (1,), (1,)),
            {"input": load},
        ),
        Case(
            "time/silence",
            "A bias alone: one neuron fires, the other never gets there",
            chain({**bias, "n": b.lif((2,))}, (1,), (2,)),
            {"input": np.zeros((2, 12, 1), np.uint8)},
        ),
        Case(
            "time/one-step",
            "A single step",
            chain({"f": nir.Linear(weight=eighths("one-step", (*SIZE, *FAN))), "n": b.lif(SIZE)}, FAN, SIZE),
            {"input": random_spikes("one-step", FAN, 1, 0.7)},
        ),
    ]


def rounding(b: Builder) -> list[Case]:
    """Numbers that no float holds; thresholds are missed by far more than they are rounded."""

    def case(name: str, about: str, node: Any, last: Any, **more: Any) -> Case:
        rng = np.random.default_rng(list(name.encode()))
        nodes = {
            "fa": nir.Affine(weight=rng.normal(0.1, 0.4, (20, 10)), bias=rng.normal(0, 0.05, 20)),
            "a": node,
            "fb": nir.Linear(weight=rng.normal(0.1, 0.4, (5, 20))),
            "b": last,
        }
        inputs = {"input": random_spikes(name, (10,), 100, 0.3)}
        return Case(f"rounding/{name}", about, chain(nodes, (10,), (5,)), inputs, tolerance=1e-4, **more)

    tau, short = np.linspace(2, 30, 20), np.linspace(3, 9, 20)
    first, last = b.lif((20,), tau, theta=0.21), b.lif((5,), 7, theta=0.33)
    unit = b.lif((20,), short, 1 / (1 - np.exp(-1 / short)), theta=1.3)
    exp = {"decay": "exp"}
    return [
        case("lif", "100 steps of LIF, two layers", first, last),
        case("cubalif", "100 steps of CubaLIF and LI", b.cuba_fire((20,), 3, tau, theta=1.7), b.li((5,), 11)),
        case(
            "lif-subtract",
            "100 steps of LIF with reset 'subtract'",
            first,
            last,
            conventions={"reset": "subtract"},
        ),
        case("exp", "Decay exp(-dt / tau), gains r (1 - exp(-dt / tau))", first, b.li((5,), 7), conventions=exp),
        case("exp-unit", "Decay exp(-dt / tau), r such that the gain is 1", unit, b.li((5,), 7), conventions=exp),
        case(
            "exp-cubalif",
            "CubaLIF with decays exp(-dt / tau), reset 'subtract' and spikes 'multi_trunc'",
            b.cuba_fire((20,), 3, 9, 1 / (1 - np.exp(-1 / 3)), 1 / (1 - np.exp(-1 / 9)), theta=1.77),
            b.cuba_fire((5,), 4, 7, 1 / (1 - np.exp(-1 / 4)), 1 / (1 - np.exp(-1 / 7)), theta=2.1),
            conventions=exp | {"reset": "subtract", "spike": "multi_trunc"},
        ),
        case(
            "exp-subtract",
            "The same with reset 'subtract' and spikes 'multi_trunc'",
            unit,
            b.lif((5,), 7, 1 / (1 - np.exp(-1 / 7)), theta=1.9),
            conventions=exp | {"reset": "subtract", "spike": "multi_trunc"},
        ),
    ]
