"""Each node type alone: its equation, its parameters, and the points that NIR leaves open."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from neurodeploy.conformance.build import OFF, Builder, chain, full
from neurodeploy.conformance.case import Case, eighths, random_spikes

SIZE, FAN = (5,), (4,)


def weighted(name: str, about: str, node: Any, *, low: float = -0.5, steps: int = 12, **more: Any) -> Case:
    """Spikes through a layer of random weights into five neurons."""
    case, weights = f"node/{name}", eighths(name, (*SIZE, *FAN), low)
    nodes = {"fc": nir.Linear(weight=weights), "n": node}
    return Case(case, about, chain(nodes, FAN, SIZE), {"input": random_spikes(name, FAN, steps)}, **more)


def fed(name: str, about: str, node: Any, drive: list[float], **more: Any) -> Case:
    """One neuron that is given exactly this, step by step; the second sample gets it backwards.

    Each value is the weight of an input of its own that spikes in its step.
    """
    steps = len(drive)
    spikes = np.stack([np.eye(steps), np.eye(steps)[::-1]]).astype(np.uint8)
    nodes = {"fc": nir.Linear(weight=np.array([drive], np.float32)), "n": node}
    return Case(f"node/{name}", about, chain(nodes, (steps,), (1,)), {"input": spikes}, **more)


def cases(b: Builder) -> list[Case]:
    """All of them."""
    return [*stateless(b), *integrators(b), *lif(b), *conventions(b), *cuba(b)]


def stateless(b: Builder) -> list[Case]:
    one = b.lif(SIZE)
    bias = np.array([0.25, -0.125, 0, 0.5, 1.5], np.float32)
    spikes = {"input": random_spikes("stateless", FAN)}
    affine = {"fc": nir.Affine(weight=eighths("affine", (*SIZE, *FAN)), bias=bias), "n": one}
    scaled = {"fc": nir.Linear(weight=eighths("scale", (*SIZE, *FAN))), "s": nir.Scale(scale=np.abs(bias) + 0.5)}
    threshold = {
        "fc": nir.Linear(weight=eighths("threshold", (*SIZE, *FAN))),
        "n": nir.Threshold(threshold=full(SIZE, [0.5, 1, 0, 0.75, 1.25])),
    }
    tie = {
        "fc": nir.Linear(weight=np.array([[0.5], [0.625]], np.float32)),
        "n": nir.Threshold(threshold=full((2,), 0.5)),
    }
    waits = {
        "d": b.delay([0, 1, 3, 2]),
        "fc": nir.Linear(weight=eighths("delay", (*SIZE, *FAN))),
        "n": one,
    }
    planes = {
        "fc": nir.Affine(weight=eighths("planes", (2, 3, 4)), bias=eighths("planes-bias", (2, 3))),
        "n": b.lif((2, 3)),
    }
    return [
        weighted("linear", "Linear: y = W x", one),
        Case("node/affine", "Affine: y = W x + b, in every step", chain(affine, FAN, SIZE), spikes),
        Case(
            "node/affine-planes",
            "Affine with weight (2, 3, 4): a matrix for each leading index",
            chain(planes, (2, 4), (2, 3)),
            {"input": random_spikes("planes", (2, 4))},
        ),
        Case("node/scale", "Scale: elementwise", chain({**scaled, "n": one}, FAN, SIZE), spikes),
        Case("node/threshold", "Threshold: 1 where x > threshold", chain(threshold, FAN, SIZE), spikes),
        Case(
            "node/threshold-tie",
            "Threshold: 0 where x equals it",
            chain(tie, (1,), (2,)),
            {"input": random_spikes("tie", (1,))},
            tie=True,
        ),
        Case("node/delay", "Delay of 0, 1, 3 and 2 steps", chain(waits, FAN, SIZE), spikes),
    ]


def integrators(b: Builder) -> list[Case]:
    unit = {"if_gain": "unit"}
    return [
        weighted("i", "I: v gains r dt x and is sent", b.integrate(SIZE)),
        weighted("i-r", "I with r of its own for each neuron", b.integrate(SIZE, [1, 0.5, 2, 0.25, 4])),
        weighted("if", "IF with r = 1, meaning gain 1 per step", b.fire(SIZE, theta=1.5 * OFF), conventions=unit),
        weighted(
            "if-r-dt",
            "IF with r = 1 / dt: gain 1 by forward Euler",
            b.fire(SIZE, 1 / b.dt_s, 1.5 * OFF),
            conventions={"if_gain": "r_dt"},
        ),
        weighted(
            "if-half",
            "IF with r = 1 / (2 dt): gain 1/2 by forward Euler",
            b.fire(SIZE, 0.5 / b.dt_s),
            conventions={"if_gain": "r_dt"},
        ),
        weighted("if-v-reset", "IF that resets to -1/4", b.fire(SIZE, theta=1.5 * OFF, reset=-0.25), conventions=unit),
        weighted("li", "LI: v is sent", b.li(SIZE)),
        weighted("li-r", "LI with r = 1, so its input gains dt / tau", b.li(SIZE, tau=4, r=1), steps=9),
        weighted("li-leak", "LI with a leak potential, from v = 0", b.li(SIZE, leak=[1, -1, 0.5, 0, 2])),
        weighted(
            "li-start-leak",
            "LI that starts at its leak potential",
            b.li(SIZE, leak=[1, -1, 0.5, 0, 2]),
            conventions={"v_init": "v_leak"},
        ),
    ]


def lif(b: Builder) -> list[Case]:
    return [
        weighted("lif", "LIF with r = 1: its input gains dt / tau", b.lif(SIZE)),
        weighted("lif-unit", "LIF with r = tau / dt: its input gains 1", b.lif(SIZE, r=2, theta=OFF)),
        weighted("lif-tau-4", "LIF that keeps 3/4 in a step", b.lif(SIZE, tau=4, theta=OFF / 4), steps=8),
        weighted("lif-tau-dt", "LIF with tau = dt: keeps nothing", b.lif(SIZE, tau=1, theta=OFF)),
        weighted("lif-tau-1024", "LIF with tau = 1024 dt", b.lif(SIZE, 1024, 1024, OFF / 4), low=0.0, steps=6),
        weighted("lif-negative", "Mostly negative weights: v goes below 0 unhindered", b.lif(SIZE), low=-1.75),
        weighted(
            "lif-per-neuron",
            "LIF with tau, r, threshold and reset of its own for each neuron",
            b.lif(SIZE, [1, 2, 4, 2, 1], [1, 2, 2, 4, 0.5], [0.5, 1, 0.75, 2, 0.25], 0, [0, -0.5, 0.25, 0, 0.125]),
            steps=9,
        ),
        weighted(
            "lif-leak",
            "LIF with leak potentials, from v = 0",
            b.lif(SIZE, leak=[0.5, -1, 0.25, 0, 0.75], theta=0.75 * OFF),
        ),
        weighted(
            "lif-leak-fires", "LIF whose leak potential lies above its threshold", b.lif(SIZE, leak=1.5, theta=OFF)
        ),
        weighted("lif-v-reset", "LIF that resets to -1/2", b.lif(SIZE, reset=-0.5)),
        fed("lif-overshoot", "Five thresholds' worth of input in a step: one spike", b.lif((1,)), [5, 0, 0, 3, 0, 1.5]),
    ]


def conventions(b: Builder) -> list[Case]:
    tie = [1, 0.25, 0.75, 0.5, 0.5, 0, 1, 0]
    burst = [2.5, 0, 0.75, 0.5, 3.25, 0, 0, 1.25, 0.25]
    one = b.lif((1,), theta=0.5)
    start: dict[str, Any] = {"leak": [0.5, -1, 0.25, 0, 0.75], "reset": [0.25, 0, -0.5, 0.5, 0], "theta": 0.75 * OFF}
    made = [
        fed(
            "tie-gt",
            "v* equals the threshold and the neuron stays silent",
            one,
            tie,
            tie=True,
            conventions={"spike": "gt"},
        ),
        fed("tie-ge", "v* equals the threshold and the neuron fires", one, tie, tie=True, conventions={"spike": "ge"}),
    ]
    for how, means in {
        "value": "v becomes v_reset",
        "subtract": "v loses the threshold",
        "none": "v stays",
        "subtract_late": "v loses the threshold in the step after the spike",
        "subtract_gated": "as subtract, but a v still above threshold must reach twice of it to fire again",
        "zero_late": "the step after the spike gives v = 0, whatever arrives",
    }.items():
        name, given = how.replace("_", "-"), {"reset": how}
        made.append(fed(f"reset-{name}", f"Reset '{how}': {means}", one, burst, conventions=given))
        made.append(weighted(f"lif-{name}", f"LIF with reset '{how}'", b.lif(SIZE), conventions=given))
    for how in ("value", "subtract"):
        given = {"reset": how, "if_gain": "unit"}
        made.append(weighted(f"if-{how}", f"IF with reset '{how}'", b.fire(SIZE, theta=1.5 * OFF), conventions=given))
    for spike in ("ge", "multi_trunc"):
        given = {"reset": "subtract", "if_gain": "unit", "spike": spike}
        name, about = f"if-subtract-{spike.replace('_', '-')}", f"IF with reset 'subtract', spikes '{spike}'"
        made.append(weighted(name, about, b.fire(SIZE, theta=0.625 * OFF), conventions=given))
    low = {"reset": "subtract", "if_gain": "unit", "spike": "multi_trunc", "v_min": -1.0}
    made.append(weighted("if-v-min", "IF whose v stays at -1 or above", b.fire(SIZE, theta=1), low=-3, conventions=low))
    for how in ("zero", "v_leak", "v_reset"):
        node, name = b.lif(SIZE, **start), f"start-{how.replace('_', '-')}"
        made.append(weighted(name, f"LIF, v starts at {how}", node, conventions={"v_init": how}))
    return made


def cuba(b: Builder) -> list[Case]:
    own: dict[str, Any] = {"syn": [2, 4, 1, 2, 4], "mem": [2, 2, 2, 1, 1], "w_in": [2, 2, 1, 4, 0.5]}
    return [
        weighted("cubali", "CubaLI: v is sent", b.cuba(SIZE), steps=8),
        weighted("cubali-gains", "CubaLI with w_in = r = 1", b.cuba(SIZE, w_in=1, r=1), steps=8),
        weighted(
            "cubali-leak", "CubaLI with leak potentials, from v = 0", b.cuba(SIZE, leak=[1, -1, 0, 2, 0.5]), steps=8
        ),
        weighted("cubalif", "CubaLIF, both gains 1; the current acts in the step that it jumps", b.cuba_fire(SIZE)),
        weighted("cubalif-gains", "CubaLIF with w_in = r = 1", b.cuba_fire(SIZE, w_in=1, r=1, theta=OFF / 4)),
        weighted(
            "cubalif-per-neuron", "CubaLIF with its own constants for each neuron", b.cuba_fire(SIZE, **own), steps=9
        ),
        weighted("cubalif-leak", "CubaLIF with leak potentials", b.cuba_fire(SIZE, leak=[0.5, -1, 0.25, 0, 0.75])),
        weighted("cubalif-v-reset", "CubaLIF that resets v to -1/2 and not the current", b.cuba_fire(SIZE, reset=-0.5)),
        weighted("cubalif-tau-dt", "CubaLIF with both time constants dt", b.cuba_fire(SIZE, 1, 1)),
        weighted(
            "cubalif-subtract", "CubaLIF with reset 'subtract'", b.cuba_fire(SIZE), conventions={"reset": "subtract"}
        ),
    ]
