"""Everything that a report rests on: one program, run on one data set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.bundled import list_models, load_model
from neurodeploy.compare import Comparison, compare_models
from neurodeploy.errors import ModelError
from neurodeploy.estimate import Costs, estimate
from neurodeploy.evaluate import Samples, accuracy, run_program
from neurodeploy.mapping import Utilisation, check_mapping, utilisation
from neurodeploy.program import Program
from neurodeploy.report.figures.svg import colour
from neurodeploy.report.shown import Shown, show
from neurodeploy.simulate import Run


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was computed for a report.

    Attributes:
        name: Of the model.
        program: The program; its mapping has passed the independent checker.
        samples: How many were run.
        input_steps: Steps of each.
        run: Counts over all of them.
        costs: Estimates per inference.
        use: How full cores and chips are.
        shown: The samples of the pictures.
        accuracy: Share of right answers, None without labels or where the program has several outputs.
        comparison: With the float model on the same samples, None where that was not at hand.
        files: What was run, by kind (``program``, ``data``, ``model``): name and sha256, where it was a file.
        options: Of the command line, beside these files.
    """

    name: str
    program: Program
    samples: int
    input_steps: int
    run: Run
    costs: Costs
    use: Utilisation
    shown: Shown
    accuracy: float | None
    comparison: Comparison | None
    files: Mapping[str, Mapping[str, str]]
    options: Mapping[str, str]

    @property
    def float_accuracy(self) -> float | None:
        """Share of right answers of the float model, where it and the labels are known."""
        decisions = None if self.comparison is None else self.comparison.decisions
        if decisions is None or decisions.labels is None:
            return None
        return float(np.mean(decisions.first == decisions.labels))

    def colour(self, name: str) -> str:
        """Class of the colour that an input or layer has in all pictures."""
        return colour(list(self.shown.sent).index(name))


def layer_legend(e: Evidence, names: Sequence[str], most: int = 12) -> tuple[tuple[str, str], ...]:
    """Colours of inputs and layers; the first so many."""
    legend = tuple((e.colour(name), name) for name in names[:most])
    return legend + ((("", f"and {len(names) - most} more"),) if len(names) > most else ())


def gather(
    program: Program,
    samples: Samples,
    model: Any = None,
    *,
    files: Mapping[str, Path] | None = None,
    options: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Evidence:
    """Check the mapping again, run, cost, and compare with the float model.

    Args:
        program: The program.
        samples: The data set, its labels where they are known.
        model: The float model that the program was made of; by default the bundled one whose sha256 the program names,
            if there is one.
        files: Files that the arguments were read from, for their names and sha256.
        options: Of the command line, to be shown.
        progress: Told what is being done.

    Raises:
        MappingFault: The mapping is not legal.
        ModelError: The model is not the one that the program was made of.
        SimulationError: The data do not fit the program.
    """
    progress("check the mapping")
    check_mapping(program.net, program.mapping, program.target)
    progress("run all samples")
    run, scores = run_program(program, samples.spikes, keep=())
    found = None if scores is None or samples.labels is None else accuracy(scores, samples.labels)
    bundled = _bundled(program)
    source = model if model is not None or bundled is None else load_model(bundled).nir
    comparison = None
    if source is not None:
        progress("run the float model")
        _check_same(source, program)
        comparison = compare_models(source, program, samples.spikes, labels=samples.labels, try_remedies=False)
    progress("run the samples that are shown")
    return Evidence(
        bundled or Path(str(program.provenance.get("model", "program"))).stem,
        program,
        len(samples.spikes),
        samples.spikes.shape[1],
        run,
        estimate(run, program),
        utilisation(program.net, program.mapping, program.target),
        show(program, samples.spikes, run.steps),
        found,
        comparison,
        {kind: {"name": path.name, "sha256": _sha256(path)} for kind, path in (files or {}).items()},
        dict(options or {}),
    )


def _bundled(program: Program) -> str | None:
    """Name of the bundled model with the digest that the program's provenance has."""
    wanted = program.provenance.get("model_sha256")
    return next((name for name in list_models() if _sha256(load_model(name).nir) == wanted), None)


def _check_same(model: Any, program: Program) -> None:
    path = load_model(model).nir if model in list_models() else Path(str(model))
    known = program.provenance.get("model_sha256")
    if path.is_file() and known is not None and _sha256(path) != known:
        raise ModelError(
            "the program was not made of this model: their sha256 differ",
            where=str(model),
            remedy=f"give the file that was compiled ({program.provenance.get('model')}), or compile this one again",
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def interval(share: float, samples: int) -> tuple[float, float]:
    """The 95 % interval of a share seen in so many samples (E. B. Wilson 1927)."""
    z = 1.959964
    middle = (share + z * z / (2 * samples)) / (1 + z * z / samples)
    half = z / (1 + z * z / samples) * (share * (1 - share) / samples + z * z / (4 * samples**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def step_rates(sent: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Messages per neuron in each step, (steps,), of (samples, steps, size)."""
    rates: NDArray[np.float64] = sent.mean(axis=(0, 2))
    return rates
