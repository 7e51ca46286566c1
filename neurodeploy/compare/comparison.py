"""What a comparison found, as arrays; plain values for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.agreement import Divergence
from neurodeploy.simulate.readout import classify

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LISTED = 20
"""Most neurons or samples that JSON lists by number; there is always a count of all."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over all samples, and over all neurons (arrays are (T,)) or all steps (arrays are (n,)).

    Attributes:
        mismatching: Spikes that differ.
        made_here: Those that still differ where the second's layer is driven by the first one's spikes; None where
            that was not run.
        spikes_first: Spikes of the first.
        spikes_second: Of the second.
        error_power: Squared difference of the membranes, second less first; None where one of them is not known.
        error_power_made_here: The same where the layer is driven by the first one's spikes.
    """

    mismatching: Ints
    made_here: Ints | None
    spikes_first: Ints
    spikes_second: Ints
    error_power: Floats | None
    error_power_made_here: Floats | None


@dataclass(frozen=True, eq=False)
class LayerComparison:
    """One layer on all samples.

    Attributes:
        layer: The first one's name.
        samples: Number of samples, B.
        spiking: Neurons that have a threshold, (n,).
        threshold: Median of their thresholds in the first, in float units; None for a layer that never fires.
        per_step: Sums by step, (T,).
        per_neuron: Sums by neuron, (n,).
        wraps: Registers and sums of the second that wrapped.
        saturations: Values of v of the second that were clipped.
    """

    layer: str
    samples: int
    spiking: NDArray[np.bool_]
    threshold: float | None
    per_step: Sums
    per_neuron: Sums
    wraps: int
    saturations: int

    @property
    def neurons(self) -> int:
        """Its size."""
        return len(self.spiking)

    @property
    def steps(self) -> int:
        """Steps of a sample."""
        return len(self.per_step.mismatching)

    @property
    def bits(self) -> int:
        """Values compared."""
        return self.samples * self.steps * self.neurons

    @property
    def mismatching(self) -> int:
        """Spikes that differ."""
        return int(self.per_step.mismatching.sum())

    @property
    def made_here(self) -> int | None:
        """Spikes that differ although the layer is driven by the first one's spikes."""
        return None if self.per_step.made_here is None else int(self.per_step.made_here.sum())

    @property
    def rates(self) -> tuple[float, float]:
        """Spikes per neuron and step of the first and the second."""
        return float(self.per_step.spikes_first.sum() / self.bits), float(self.per_step.spikes_second.sum() / self.bits)

    @property
    def rate_errors(self) -> Floats:
        """Rate of the second less that of the first by neuron, spikes per step, (n,)."""
        difference = self.per_neuron.spikes_second - self.per_neuron.spikes_first
        return np.asarray(difference / (self.samples * self.steps), np.float64)

    @property
    def membrane_rms(self) -> float | None:
        """RMS difference of the membranes in float units."""
        return self._rms(self.per_step.error_power)

    @property
    def membrane_rms_made_here(self) -> float | None:
        """The same where the layer is driven by the first one's spikes."""
        return self._rms(self.per_step.error_power_made_here)

    def _rms(self, power: Floats | None) -> float | None:
        return None if power is None else float((power.sum() / self.bits) ** 0.5)

    @property
    def silenced(self) -> Ints:
        """Neurons that fire in the first and never in the second."""
        return np.flatnonzero((self.per_neuron.spikes_first > 0) & (self.per_neuron.spikes_second == 0))

    @property
    def woken(self) -> Ints:
        """Neurons that fire in the second and never in the first."""
        return np.flatnonzero((self.per_neuron.spikes_first == 0) & (self.per_neuron.spikes_second > 0))

    @property
    def dead(self) -> Ints:
        """Neurons with a threshold that fire in neither."""
        silent = (self.per_neuron.spikes_first == 0) & (self.per_neuron.spikes_second == 0)
        return np.flatnonzero(self.spiking & silent)

    @property
    def saturated_first(self) -> Ints:
        """Neurons of the first that fire in every step of every sample."""
        return np.flatnonzero(self.spiking & (self.per_neuron.spikes_first >= self.samples * self.steps))

    @property
    def saturated_second(self) -> Ints:
        """Neurons of the second that fire in every step of every sample."""
        return np.flatnonzero(self.spiking & (self.per_neuron.spikes_second >= self.samples * self.steps))

    @property
    def void(self) -> bool:
        """Whether neither has a spike, so that their equality proves nothing."""
        return not (self.per_step.spikes_first.any() or self.per_step.spikes_second.any())

    def to_dict(self) -> dict[str, Any]:
        """Plain values; arrays by neuron are left out, and neurons listed up to ``LISTED``."""
        listed = ("silenced", "woken", "dead", "saturated_first", "saturated_second")
        return {
            "layer": self.layer,
            "neurons": self.neurons,
            "bits": self.bits,
            "mismatching": self.mismatching,
            "made_here": self.made_here,
            "rate_first": self.rates[0],
            "rate_second": self.rates[1],
            "rate_error_max": float(np.abs(self.rate_errors).max()),
            "threshold": self.threshold,
            "membrane_rms": self.membrane_rms,
            "membrane_rms_made_here": self.membrane_rms_made_here,
            **{name: {"count": len(found), "first": found[:LISTED].tolist()} for name, found in self._listed(listed)},
            "wraps": self.wraps,
            "saturations": self.saturations,
            "void": self.void,
            "per_step": {
                f.name: None if (values := getattr(self.per_step, f.name)) is None else values.tolist()
                for f in fields(Sums)
            },
        }

    def _listed(self, names: tuple[str, ...]) -> list[tuple[str, Ints]]:
        return [(name, getattr(self, name)) for name in names]


@dataclass(frozen=True, eq=False)
class Decisions:
    """What the read-outs say, by sample.

    Attributes:
        first: Classes (N,) by the first's scores.
        second: By the second's.
        labels: True classes (N,), or None.
    """

    first: Ints
    second: Ints
    labels: Ints | None

    @classmethod
    def of(cls, first: Floats, second: Floats, labels: Ints | None) -> Decisions:
        """From scores (N, classes)."""
        return cls(classify(first), classify(second), labels)

    @cached_property
    def flips(self) -> Ints:
        """Samples on which the two decide differently."""
        return np.flatnonzero(self.first != self.second)

    def to_dict(self) -> dict[str, Any]:
        """Counts and the first flips; accuracies, and samples that became wrong and right, where labels are known."""
        facts: dict[str, Any] = {
            "flips": len(self.flips),
            "first_flips": [
                {"sample": int(i), "first": int(self.first[i]), "second": int(self.second[i])}
                for i in self.flips[:LISTED]
            ],
        }
        if self.labels is not None:
            before, after = self.first == self.labels, self.second == self.labels
            facts |= {
                "accuracy_first": float(before.mean()),
                "accuracy_second": float(after.mean()),
                "became_wrong": int((before & ~after).sum()),
                "became_right": int((~before & after).sum()),
            }
        return facts


@dataclass(frozen=True)
class Trial:
    """A remedy that was tried on some of the samples.

    Attributes:
        change: What was done.
        samples: How many samples, the first ones.
        made_here_before: Mismatching spikes made in the layer, without it.
        made_here: With it.
        silenced_before: Neurons of the layer that fire in the first and not in the second, given the first's spikes.
        silenced: With it.
        mismatching_before: Mismatching spikes of all layers of a free run, without it.
        mismatching: With it.
        flips_before: Decisions that differ from the first's, without it; None where nothing is decided.
        flips: With it.
    """

    change: str
    samples: int
    made_here_before: int
    made_here: int
    silenced_before: int
    silenced: int
    mismatching_before: int
    mismatching: int
    flips_before: int | None
    flips: int | None


@dataclass(frozen=True)
class Finding:
    """Something that deserves a look, and what to do about it.

    Attributes:
        kind: ``silenced``, ``dead``, ``woken``, ``saturated``, ``overflow``, ``made_here``, ``inherited``, ``rate`` or
            ``flips``.
        layer: Where, or ``decision``.
        what: In numbers.
        remedy: What to try.
        tried: Remedies that were tried here.
    """

    kind: str
    layer: str
    what: str
    remedy: str
    tried: tuple[Trial, ...] = ()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two models on the same spikes.

    Attributes:
        first: Name and kind (``float`` or ``chip``) of the first.
        second: Of the second.
        samples: Number of samples, N.
        steps: Steps of each, T.
        matched_by: ``name``, or ``order`` where the two share no name and have the same sizes.
        layers: Of the layers that both have, by the first one's names, those that feed others first.
        only_first: Layers that only the first has.
        only_second: Layers that only the second has.
        first_divergence: The first spike that differs, with what both compared with their thresholds; or None.
        decisions: Where both have one output and its read-out can be taken.
        findings: What deserves a look, the gravest first.
    """

    first: dict[str, str]
    second: dict[str, str]
    samples: int
    steps: int
    matched_by: str
    layers: tuple[LayerComparison, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    first_divergence: Divergence | None
    decisions: Decisions | None
    findings: tuple[Finding, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether all spikes are equal."""
        return not any(layer.mismatching for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "first": dict(self.first),
            "second": dict(self.second),
            "samples": self.samples,
            "steps": self.steps,
            "equal": self.equal,
            "matched_by": self.matched_by,
            "layers": [layer.to_dict() for layer in self.layers],
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
            "first_divergence": None if self.first_divergence is None else self.first_divergence.to_dict(),
            "decisions": None if self.decisions is None else self.decisions.to_dict(),
            "findings": [asdict(finding) for finding in self.findings],
        }
