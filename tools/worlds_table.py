"""Spiking policies in small worlds, whole and degraded, without and with homeostasis: the tables of docs/worlds.md.

Prints them; ``--page`` writes them into docs/worlds.md, ``--study OUT.html`` a page with charts. Everything is seeded.
Each degradation is drawn with ten seeds; of one seed, the faults and the episodes are the same without and with
homeostasis. With it, the network first acts in some episodes that are not scored, holding its rates, and is then scored
with the thresholds and biases that this has led to.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from worlds_page import study, tables, verdict

import neurodeploy as nd
from neurodeploy import adapt, faults
from neurodeploy.adapt.rules import LEAST_RATE
from neurodeploy.connections.base import frozen
from neurodeploy.report.study import markdown_table, write_study
from neurodeploy.worlds import (
    BundledPolicy,
    FiringRates,
    ObstacleWorld,
    PendulumWorld,
    SwingUpExpert,
    Tallied,
    VelocityObstacleExpert,
    chip_counts,
    firing_rates,
    float_counts,
    load_policy,
    run_episodes,
)

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "worlds.md"
START, END = "<!-- table: tools/worlds_table.py -->\n", "<!-- end -->\n"
COMMAND = "python tools/worlds_table.py --page"
SEEDS = range(10)
BURN_IN_SEED, CLEAN_SEED = 500, 600
"""Of episodes that are not scored: of adapting (plus the fault's seed), and of measuring nominal rates."""


@dataclass(frozen=True)
class Condition:
    """A degradation.

    Attributes:
        name: In the table.
        faults: For :func:`neurodeploy.faults.inject`.
        sensors: Fields of the lidar, or of the pendulum, that differ.
        bits: Of the weights.
        rules: Fields of :class:`neurodeploy.adapt.Adaptation` that differ from its defaults.
        replayed: Adapt on what an undisturbed policy was shown, in random order, instead of in episodes.
    """

    name: str
    faults: str = ""
    sensors: Mapping[str, Any] = field(default_factory=dict)
    bits: int = 8
    rules: Mapping[str, Any] = field(default_factory=dict)
    replayed: bool = False


NETWORK = (
    Condition("none"),
    Condition("30 % of weights lost", "weight_loss=0.3"),
    Condition("weight noise, sigma = 24 units", "weight_noise=24"),
    Condition("threshold drift, sigma = 30 %", "threshold_drift=0.3"),
)
LIDAR = (
    Condition("weights of 4 bits", bits=4),
    Condition("lidar noise, sigma = 0.5 m", sensors={"noise_std_m": 0.5}),
    Condition("30 % of lidar readings lost", sensors={"dropout": 0.3}),
    Condition("3 of 12 rays stuck at 0.2 m", sensors={"stuck_rays": (2, 6, 10), "stuck_at_m": 0.2}),
)
SLOW = {"eta": 0.005, "trace_shift": 8, "moment_shift": 8}
"""Traces over 256 decisions instead of 16: decisions that follow one another are alike."""
SLOWLY = (
    Condition("none; slow homeostasis", rules=SLOW),
    Condition("30 % of weights lost; slow homeostasis", "weight_loss=0.3", rules=SLOW),
    Condition("weight noise; slow homeostasis", "weight_noise=24", rules=SLOW),
)
REPLAYED = (
    Condition("none; replayed in random order", replayed=True),
    Condition("30 % of weights lost; replayed", "weight_loss=0.3", replayed=True),
    Condition("weight noise; replayed", "weight_noise=24", replayed=True),
)
SENSORS = (Condition("angle noise, sigma = 0.1 rad", sensors={"angle_noise_std_rad": 0.1}),)


@dataclass(frozen=True, eq=False)
class Task:
    """A world, its expert and its degradations."""

    name: str
    world: Any
    expert: Callable[[Any], np.ndarray]
    conditions: tuple[Condition, ...]
    episodes: int
    burn_in: int

    @cached_property
    def policy(self) -> BundledPolicy:
        """The trained one."""
        return load_policy(self.name)

    @cache  # noqa: B019 (tasks live as long as the program)
    def program(self, bits: int) -> nd.Program:
        """On loihi2."""
        return self.policy.program("loihi2", nd.Options(bits=bits))

    def degraded(self, sensors: Mapping[str, Any]) -> Any:
        """The world with other sensors."""
        if isinstance(self.world, ObstacleWorld):
            return replace(self.world, lidar=replace(self.world.lidar, **sensors))
        return replace(self.world, **sensors)

    @cached_property
    def clean_spikes(self) -> np.ndarray:
        """What the deployed policy is shown in its own undisturbed episodes (N, T, inputs)."""
        seen: list[np.ndarray] = []
        acting = self.policy.acting(self.world, chip_counts(self.program(8)))

        def watched(state: Any) -> np.ndarray:
            seen.append(self.world.observe(state))
            return acting(state)

        run_episodes(self.world, watched, self.burn_in, seed=CLEAN_SEED)
        return nd.encode.rate(np.concatenate(seen), self.policy.steps)

    @cached_property
    def nominal(self) -> adapt.Nominal:
        """Rates of the deployed network without faults, on its integers."""
        return adapt.measure(self.program(8), self.clean_spikes)


TASKS = (
    Task(
        "obstacles",
        ObstacleWorld(),
        VelocityObstacleExpert(ObstacleWorld()),
        NETWORK + LIDAR + SLOWLY + REPLAYED,
        100,
        8,
    ),
    Task("pendulum", PendulumWorld(), SwingUpExpert(PendulumWorld()), NETWORK + SENSORS + SLOWLY + REPLAYED, 40, 2),
)


@dataclass(frozen=True)
class Score:
    """Of the episodes of one seed."""

    success: float
    mean_return: float
    rates: FiringRates | None


def scored(task: Task, world: Any, policy: Callable[[Any], np.ndarray], seed: int) -> Score:
    """A policy of states, or a spiking one, whose rates are then taken."""
    acting = Tallied(policy, task.episodes) if hasattr(policy, "decide") else policy
    result = run_episodes(world, acting, task.episodes, seed=seed)
    rates = firing_rates(acting.rates) if isinstance(acting, Tallied) else None
    return Score(result.success_rate, float(result.returns.mean()), rates)


def held(net: nd.ChipNetwork, registers: Mapping[str, Mapping[str, np.ndarray]]) -> nd.ChipNetwork:
    """The network with these registers for good."""
    changed = {
        name: replace(net.populations[name], fields={**net.populations[name].fields, **_frozen(values)})
        for name, values in registers.items()
    }
    return replace(net, populations={**net.populations, **changed})


def _frozen(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: frozen(np.asarray(array, np.int64)) for name, array in values.items()}


def adapted(task: Task, world: Any, program: nd.Program, condition: Condition, seed: int) -> nd.ChipNetwork:
    """The network after it has held its rates in ``burn_in`` episodes of this world, or over as many decisions."""
    running = adapt.Adaptive(program, adapt.Adaptation("homeo_gain", **condition.rules), nominal=task.nominal)

    def count(spikes: np.ndarray) -> Mapping[str, np.ndarray]:
        return running.run(spikes, counted=False).counts

    if condition.replayed:
        count(np.random.default_rng(BURN_IN_SEED + seed).permutation(task.clean_spikes))
    else:
        run_episodes(world, task.policy.acting(world, count), task.burn_in, seed=BURN_IN_SEED + seed)
    return held(program.net, running.registers)


def pair(task: Task, condition: Condition, seed: int) -> tuple[Score, Score]:
    """Without and with homeostasis."""
    world = task.degraded({**condition.sensors, **_seeded(task, condition, seed)})
    spec = faults.parse(condition.faults) if condition.faults else ()
    program, _ = faults.inject(task.program(condition.bits), spec, seed)
    nets = program.net, adapted(task, world, program, condition, seed)
    off, on = (scored(task, world, task.policy.acting(world, chip_counts(net)), seed) for net in nets)
    return off, on


def _seeded(task: Task, condition: Condition, seed: int) -> dict[str, int]:
    name = "seed" if isinstance(task.world, ObstacleWorld) else "sensor_seed"
    return {name: seed} if condition.sensors else {}


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and the 95 % interval of Student's t over seeds."""
    mean, half = float(np.mean(values)), 0.0
    if len(values) > 1:
        half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def columns(name: str, values: Sequence[float], within: tuple[float, float] = (-np.inf, np.inf)) -> dict[str, float]:
    """A mean and its interval, cut off at what is possible, as keys of a row."""
    ends = np.clip(interval(values), *within).tolist()
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))


def plain_rows(task: Task) -> Iterator[dict[str, Any]]:
    """The expert, the float policy and the deployed one, undisturbed."""
    program = task.program(8)
    policies = {
        "expert, told the true state": task.expert,
        "spiking policy, float": task.policy.acting(task.world, float_counts(task.policy.network())),
        "spiking policy, loihi2, 8 bits": task.policy.acting(task.world, chip_counts(program)),
    }
    for name, policy in policies.items():
        scores = [scored(task, task.world, policy, seed) for seed in SEEDS]
        success, returns = ([getattr(s, key) for s in scores] for key in ("success", "mean_return"))
        yield {
            "world": task.name,
            "policy": name,
            "episodes": task.episodes * len(SEEDS),
            **columns("success", success, (0, 1)),
            **columns("mean_return", returns),
        }


def cost_row(task: Task) -> dict[str, Any]:
    """One decision of the deployed policy, on what it is shown in undisturbed episodes."""
    program = task.program(8)
    costs = nd.estimate(nd.simulate(program, task.clean_spikes), program)
    hidden = np.concatenate([task.nominal.rates[name] for name in ("lif1", "lif2")]) / (256 * task.nominal.steps)
    return {
        "world": task.name,
        "neurons": program.net.neurons,
        "synapses": program.net.synapses,
        "cores": costs.cores,
        "spikes": costs.spikes,
        "syn_ops": costs.syn_ops,
        "quiet": float(np.mean(hidden < LEAST_RATE)),
        **dict(zip(("energy_j", "energy_low", "energy_high"), _range(costs.energy), strict=True)),
        **dict(zip(("latency_s", "latency_low", "latency_high"), _range(costs.latency), strict=True)),
    }


def _range(quantity: Any) -> tuple[float, float, float]:
    return quantity.value, quantity.low, quantity.high


def fault_row(task: Task, condition: Condition) -> dict[str, Any]:
    """One degradation, without and with homeostasis."""
    pairs = [pair(task, condition, seed) for seed in SEEDS]
    row: dict[str, Any] = {"world": task.name, "condition": condition.name}
    for key in ("success", "mean_return"):
        off, on = ([getattr(score, key) for score in side] for side in zip(*pairs, strict=True))
        within = (0.0, 1.0) if key == "success" else (-np.inf, np.inf)
        row |= columns(f"{key}_off", off, within) | columns(f"{key}_on", on, within)
        row |= columns(f"{key}_gain", [b - a for a, b in zip(off, on, strict=True)])
    for side, name in enumerate(("off", "on")):
        for measure in ("mean", "std_mean", "std_std"):
            row[f"fr_{measure}_{name}"] = float(np.mean([getattr(p[side].rates, measure) for p in pairs]))
    return row


def kept(folder: Path | None, task: Task, name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes, or made before with the same policy, as JSON in ``folder``."""
    if folder is None:
        return make()
    sha = task.policy.card["sha256"]["policy.nir"][:12]
    words = "-".join(re.findall(r"[a-z0-9.]+", name))
    file = folder / f"{task.name}-{words}-{sha}-{len(SEEDS)}.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(make()), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))


def main() -> None:
    """Print the tables; write them where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep rows there, and take those that are there")
    parser.add_argument("--world", choices=[task.name for task in TASKS], help="only make the rows of this one")
    parser.add_argument("--page", action="store_true", help=f"write them into {DOCS.relative_to(ROOT)}")
    parser.add_argument("--study", type=Path, metavar="OUT.html", help="write a page with charts")
    options = parser.parse_args()
    plain: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    faulty: list[dict[str, Any]] = []
    for task in TASKS:
        if options.world in (None, task.name):
            plain += kept(options.keep, task, "plain", lambda task=task: list(plain_rows(task)))
            costs.append(kept(options.keep, task, "costs", lambda task=task: cost_row(task)))
            for c in task.conditions:
                faulty.append(kept(options.keep, task, c.name, lambda task=task, c=c: fault_row(task, c)))
                print(c.name, f"{time.process_time():.0f} s", file=sys.stderr, flush=True)
    if options.world:
        return
    found = tables(plain, costs, faulty, len(SEEDS))
    text = verdict(faulty) + "\n\n" + "\n".join(f"**{t.title}.** {t.note}\n\n{markdown_table(t)}" for t in found)
    print(text)
    if options.page:
        page = DOCS.read_text(encoding="utf-8")
        head, rest = page.split(START)
        DOCS.write_text(head + START + text + END + rest.split(END, 1)[1], encoding="utf-8")
    if options.study:
        write_study(study(found, faulty, COMMAND, [*SEEDS, BURN_IN_SEED, CLEAN_SEED]), options.study)


if __name__ == "__main__":
    main()
