"""Give a stored program nominal rates and a rule, and run it on a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodeploy.adapt import Adaptation, Adaptive, Stream, rule_of, with_nominal, with_rule
from neurodeploy.atomic import check_writable
from neurodeploy.estimate.model import costs_of
from neurodeploy.estimate_job import profiled
from neurodeploy.evaluate import read_samples
from neurodeploy.program import Program
from neurodeploy.storage import load, save


def adapt_job(
    program_path: Path,
    changes: Mapping[str, Any],
    *,
    clean: Path | None = None,
    data: Path | None = None,
    out: Path | None = None,
    burn_in: float = 0.5,
    energy_profile: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measure, run, write; whatever was asked for.

    Args:
        program_path: A ``.ndp`` file.
        changes: Fields of :class:`Adaptation` other than those of the program's rule, or of the defaults.
        clean: ``DATA.npz`` on which nominal rates are measured; default: those that the program holds.
        data: ``DATA.npz``, a stream that is run with the rule, and once without it for comparison.
        out: The program with rates and rule.
        burn_in: Share of the stream that is scored apart.
        energy_profile: Whose energies and times.
        progress: Told samples done and samples in all, of both runs.
    """
    if out is not None:
        check_writable(out, keep=tuple(p for p in (clean, data) if p is not None))
    program = load(program_path)
    held = rule_of(program)
    if held is None or changes.get("rule", held.rule) != held.rule:
        held = Adaptation()
    rules = replace(held, **changes)
    if clean is not None:
        program = with_nominal(program, read_samples(clean)[0])
    program = with_rule(program, rules)
    facts: dict[str, Any] = {"program": str(program_path), "rule": rules.to_dict(), "burn_in": burn_in}
    if data is not None:
        spikes, labels = read_samples(data)
        costed, done = profiled(program, energy_profile), 0

        def advance(samples: int) -> None:
            nonlocal done
            done += samples
            progress(done, 2 * len(spikes))

        facts |= {"input": str(data), "samples": len(spikes), "rows": []}
        first = int(burn_in * len(spikes))
        nominal = None
        for chosen in (rules, Adaptation("off")) if rules.is_on else (rules,):
            adaptive = Adaptive(costed, chosen, nominal=nominal)
            stream = adaptive.run(spikes, progress=advance)
            nominal = stream.nominal
            facts["rows"].append(_row(stream, chosen, labels, first))
            if chosen is rules:
                facts |= _found(stream, adaptive, costed)
    if out is not None:
        save(program, out)
        facts["result"] = str(out)
    return facts


def _row(stream: Stream, rules: Adaptation, labels: Any, first: int) -> dict[str, Any]:
    """Accuracy and rates before and after the burn-in."""
    row: dict[str, Any] = {"rule": rules.rule}
    for name, chosen in (("burn-in", slice(0, first)), ("after it", slice(first, None))):
        known = labels is not None and stream.scores is not None and len(stream.writes[chosen])
        row[f"accuracy {name}"] = stream.accuracy(labels, chosen) if known else None
    return row | {"writes per inference": float(stream.writes.mean())}


def _found(stream: Stream, adaptive: Adaptive, program: Program) -> dict[str, Any]:
    """What the rule did."""
    assert stream.counters is not None
    nominal = stream.nominal
    layers = [
        {
            "layer": name,
            "nominal rate": None if nominal is None else float(nominal.rates[name].mean()) / 256 / stream.steps,
            "rate": float(stream.counts[name][len(stream.writes) // 2 :].mean()) / stream.steps,
            "mean |rate - nominal|": stream.rate_error(name, slice(len(stream.writes) // 2, None)),
            "smallest gain": float(adaptive.gains[name].min()) if name in adaptive.gains else None,
            "largest gain": float(adaptive.gains[name].max()) if name in adaptive.gains else None,
            "at a limit": share,
        }
        for name, share in stream.at_limit.items()
    ]
    return {
        "layers": layers,
        "runaway": list(stream.runaway),
        "target": program.target.name,
        "costs": costs_of(stream.counters, program).to_dict(),
    }
