"""The bits of every layer under a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from neurodeploy.compilation import Compilation, Options, made
from neurodeploy.errors import ModelError, QuantizeError
from neurodeploy.evaluate import Samples, check_labels
from neurodeploy.pipeline import finish, run_passes
from neurodeploy.precision.budget import Budget, parse_budget
from neurodeploy.precision.measure import METRICS, Meter, Point, Setting, compiled
from neurodeploy.precision.search import Search, best_of, pareto
from neurodeploy.program import Program
from neurodeploy.target import Target

SAMPLES = 256
"""Calibration samples that a search uses, drawn by its seed where there are more."""
MOST = 100
"""Settings measured around the best one, where there are too many to measure all."""


@dataclass(frozen=True, eq=False)
class MixedPrecision:
    """What a search found.

    Attributes:
        bits: Weight bits by layer: those of the point of least loss that keeps the budget.
        chosen: That point.
        frontier: Points that no other one beats in both cost and loss, cheapest first.
        uniform: The settings in which all layers have the same bits, narrowest first.
        points: All that were measured.
        budget: As given.
        limit: The budget in words, joules or cores.
        metric: What ``loss`` is.
        samples: Calibration samples used.
        seed: That drew them.
        float_accuracy: Of the float network on them, where labels are known.
        compilation: The network compiled with these bits.
    """

    bits: Mapping[str, int]
    chosen: Point
    frontier: tuple[Point, ...]
    uniform: tuple[Point, ...]
    points: tuple[Point, ...]
    budget: Budget
    limit: float
    metric: str
    samples: int
    seed: int
    float_accuracy: float | None
    compilation: Compilation

    @property
    def program(self) -> Program:
        """Ready to run."""
        return finish(self.compilation)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "budget": str(self.budget),
            "resource": self.budget.resource,
            "limit": self.limit,
            "metric": self.metric,
            "metric_means": METRICS[self.metric],
            "samples": self.samples,
            "seed": self.seed,
            "measured": len(self.points),
            "float_accuracy": self.float_accuracy,
            "bits": dict(self.bits),
            "chosen": asdict(self.chosen),
            "frontier": [asdict(point) for point in self.frontier],
            "uniform": [asdict(point) for point in self.uniform],
        }


def mixed_precision(
    model: Any,
    target: str | Target,
    *,
    budget: Budget | str,
    data: Any,
    labels: Any = None,
    options: Options | None = None,
    metric: str = "output",
    samples: int = SAMPLES,
    seed: int = 0,
    progress: Callable[[str], None] = lambda text: None,
) -> MixedPrecision:
    """Choose the weight bits of every layer so that a budget is kept and the network errs least.

    Every point is measured: compiled, mapped and run. All uniform settings are among them, so that the choice is never
    worse, by the metric and on the calibration data, than a uniform one that keeps the budget, and the frontier never
    worse than a uniform one of the same cost.

    Where ``options`` ask for calibration by ``search``, settings are measured with ``mse``, which takes seconds less;
    the chosen one is then calibrated by ``search``, and stays so if that is better by the metric, too.

    Args:
        model: See :func:`neurodeploy.pipeline.run_passes`.
        target: A target, its name, or the path of a ``.toml`` file.
        budget: See :func:`neurodeploy.precision.parse_budget`.
        data: Calibration spikes (N, T, *shape).
        labels: Their classes (N,), where known.
        options: Of the compiler; ``bits`` is what is searched for.
        metric: One of ``METRICS``.
        samples: How many calibration samples are used at most.
        seed: Draws them; the same seed gives the same result.
        progress: Told what is being measured.

    Raises:
        QuantizeError: No setting keeps the budget; says what the narrowest takes.
        NeurodeployError: As :func:`neurodeploy.pipeline.compile_model`.
    """
    wanted = parse_budget(budget) if isinstance(budget, str) else budget
    lowered = run_passes(model, target, options, stop_after="prove")
    if lowered.network is None:
        raise ModelError(
            "a model of integers has its bits already", where=str(lowered.model), remedy="compile it without --budget"
        )
    spikes = np.asarray(data)
    classes = None if labels is None else np.asarray(labels)
    check_labels(classes, len(spikes), "labels")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(spikes))[: max(1, samples)])
    used = Samples(spikes[chosen], None if classes is None else classes[chosen].astype(np.int64))
    asked = lowered
    if asked.options.calibrate is not None and asked.options.calibration == "search":
        lowered = replace(asked, options=replace(asked.options, calibration="mse"))
    meter = Meter(lowered, used, metric)

    def measure(setting: Setting) -> Point | None:
        progress(f"measuring {', '.join(f'{n}={b}' for n, b in zip(meter.names, setting, strict=True))}")
        return meter.measure(setting)

    chip = lowered.target
    limits: list[float] = []

    def keeps(point: Point) -> bool:
        return bool(limits) and point.cost(wanted.resource) <= limits[0] * (1 + 1e-12)

    def most_words() -> float:
        return limits[0] if limits and wanted.resource == "memory" else math.inf

    search = Search(made(lowered.network), chip, measure, keeps, most=MOST, words_limit=most_words)
    widest = search.at(search.uniform[-1])
    if widest is None and not wanted.unit:
        raise QuantizeError(
            f"{search.uniform[-1][0]}-bit weights do not fit the target, so that a share of them means nothing",
            where=f"--budget {wanted}",
            remedy="give an amount with a unit, such as memory=1200words",
        )
    limits.append(wanted.limit(0.0 if widest is None else widest.cost(wanted.resource), chip))
    points = search.run()
    best = best_of(points, keeps)
    if best is None:
        raise _too_small(wanted, limits[0], points)
    compilation = compiled(lowered, best.bits)
    if lowered is not asked:
        progress("calibrating the choice")
        last = Meter(asked, used, metric).measure(tuple(best.bits.values()))
        if last is not None and keeps(last) and (last.loss, last.output_loss) < (best.loss, best.output_loss):
            points, best, compilation = [*points, last], last, compiled(asked, last.bits)
    return MixedPrecision(
        best.bits,
        best,
        tuple(pareto(points, wanted.resource)),
        tuple(p for p in search.points if p.uniform is not None),
        tuple(points),
        wanted,
        limits[0],
        metric,
        len(used.spikes),
        seed,
        meter.float_accuracy,
        compilation,
    )


def _too_small(budget: Budget, limit: float, points: list[Point]) -> QuantizeError:
    least = min((p.cost(budget.resource) for p in points), default=None)
    if least is None:
        return QuantizeError(
            "no setting of the bits fits the target", where=f"--budget {budget}", remedy="see `neurodeploy inspect`"
        )
    unit = {"memory": "words", "energy": "J", "cores": "cores"}[budget.resource]
    return QuantizeError(
        f"no setting of the bits keeps {limit:.6g} {unit}: the cheapest of {len(points)} takes {least:.6g}",
        where=f"--budget {budget}",
        remedy=f"give --budget {budget.resource}={least:.6g}{unit} or more, or train a smaller network",
    )
