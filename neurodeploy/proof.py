"""Proof at the door: a module and the network read from it, run on the same spikes and compared bit by bit.

The module computes in float32, as a rule, the reference in float64. The reference is run freely, and again along the
module's own spikes: every step of every neuron is then a question by itself, and a bit that differs is a *tie* if the
membrane lies within ``TIE_ULP`` units in the last place of its threshold, so that rounding decides. A module all of
whose differing bits are ties has done one of the runs that the network allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.agreement import Divergence, LayerAgreement, agreement, first_divergence
from neurodeploy.errors import ModelError
from neurodeploy.frontends.imported import Imported, Recording
from neurodeploy.network import Network, Population
from neurodeploy.simulate.float_reference import FloatRun, simulate_float

STEPS, BATCH, SEED = 100, 4, 0
DENSITIES = (0.1, 0.3, 0.5, 0.8, 1.0)
"""Of drawn spikes; the first at which every layer is busy, else that at which the least busy one is busiest."""
BUSY = 0.02
"""Least rate of spikes, and of their absence, per neuron and step of a layer."""
TIE_ULP = 64
"""Units in the last place, of the largest of threshold and membrane, within which rounding may decide."""
MEMBRANE_ULP = 2**12
"""The same for real values of neurons that never fire, of the layer's largest."""
PART_BYTES = 256 * 2**20
"""Memory for the rasters and membranes of one part of the samples."""
BYTES_PER_VALUE = 40

Spikes = Mapping[str, NDArray[Any]]


class SourceDiffers(ModelError):
    """A module and the network read from it send different spikes; carries the facts of :func:`prove`."""

    def __init__(self, facts: Mapping[str, Any], where: str, tolerance_bits: int) -> None:
        self.facts = facts
        unexplained = sum(row["mismatching"] - row["ties"] for row in facts["layers"])
        rows = "\n".join(
            f"  - {row['layer']}: {row['mismatching']:,} of {row['bits']:,} bits, of which {row['ties']:,} ties"
            for row in facts["layers"]
        )
        first = Divergence(**facts["first_divergence"])
        super().__init__(
            f"the module and the network read from it differ in {unexplained:,} bits ({tolerance_bits:,} allowed), "
            f"given the same past; first in {first} (of the network and the module):\n{rows}",
            where=where,
            remedy="report the module: it should have been refused or read exactly; "
            "--tolerance-bits N accepts N such bits",
        )

    def to_dict(self) -> dict[str, object]:
        """The fields of the base class and the facts."""
        return super().to_dict() | dict(self.facts)


@dataclass(frozen=True)
class LayerProof:
    """One layer of a proof.

    Attributes:
        layer: The node's name.
        neurons: Its size.
        bits: Values compared: spikes, or the membranes of neurons that never fire.
        free: Bits that differ between two free runs, consequences of earlier differences included.
        mismatching: Bits that differ given the module's past.
        ties: Those of them that rounding decides.
        rate: The module's spikes per neuron and step.
        void: Why the comparison proves nothing, or empty.
    """

    layer: str
    neurons: int
    bits: int
    free: int
    mismatching: int
    ties: int
    rate: float
    void: str = ""


def prove(
    imported: Imported,
    network: Network,
    spikes: Spikes | None,
    *,
    where: str,
    tolerance_bits: int = 0,
) -> dict[str, Any]:
    """Run both and compare.

    Args:
        imported: The module and what was read from it.
        network: That, lowered.
        spikes: (B, T, *shape) of 0 and 1 by input name, or None to draw some.
        where: The module, for messages.
        tolerance_bits: How many bits may differ beside ties, over all layers.

    Returns:
        ``framework``, ``samples``, ``steps``, ``input`` (``given``, or how it was drawn), ``layers`` (rows of
        :class:`LayerProof`), ``mismatching``, ``ties``, ``void`` (layers that prove nothing) and ``first_divergence``.

    Raises:
        SourceDiffers: More bits differ than allowed.
    """
    drawn: Recording | None = None
    given, how = spikes, "given"
    if given is None:
        given, drawn, how = _draw(imported, network)
    samples, steps = next(iter(given.values())).shape[:2]
    part = max(1, PART_BYTES // (steps * sum(BYTES_PER_VALUE * p.size for p in network.populations.values())))
    rows: list[LayerProof] = []
    first: Divergence | None = None
    for start in range(0, samples, part):
        some = {name: values[start : start + part] for name, values in given.items()}
        recording = drawn if drawn is not None and part >= samples else imported.source.run(some)
        found, divergence = _compare(network, some, recording, imported.precision)
        rows = [_joined(*pair) for pair in zip(rows, found, strict=True)] if rows else found
        if first is None and divergence is not None:
            first = replace(divergence, sample=divergence.sample + start)
    facts = {
        "framework": imported.framework,
        "samples": samples,
        "steps": steps,
        "input": how,
        "layers": [asdict(row) for row in rows],
        "mismatching": sum(row.mismatching for row in rows),
        "ties": sum(row.ties for row in rows),
        "void": [row.layer for row in rows if row.void],
        "first_divergence": None if first is None else first.to_dict(),
    }
    if facts["mismatching"] - facts["ties"] > tolerance_bits:
        raise SourceDiffers(facts, where, tolerance_bits)
    return facts


def _draw(imported: Imported, network: Network) -> tuple[Spikes, Recording, str]:
    """Spikes under which every layer of the module is busy, or as busy as can be."""
    best: tuple[float, Spikes, Recording, str] | None = None
    steps = getattr(imported.source, "steps", None) or STEPS
    for density in DENSITIES:
        rng = np.random.default_rng(SEED)
        spikes = {
            n: (rng.random((BATCH, steps, *shape)) < density).astype(np.uint8) for n, shape in network.inputs.items()
        }
        recording = imported.source.run(spikes)
        rates = [float(np.mean(s != 0)) for n, s in recording.spikes.items() if n in network.populations]
        busy = min((min(r, 1 - r) for r in rates), default=1.0)
        if best is None or busy > best[0]:
            best = (busy, spikes, recording, f"drawn: density {density}, seed {SEED}")
        if busy >= BUSY:
            break
    assert best is not None
    return best[1:]


def _compare(
    network: Network, spikes: Spikes, recording: Recording, precision: str
) -> tuple[list[LayerProof], Divergence | None]:
    ulp = float(np.finfo(precision).eps)
    layers = tuple(network.populations)
    theirs = {n: _flat(s) for n, s in recording.spikes.items() if n in network.populations}
    firing = tuple(n for n in layers if network.populations[n].spiking and n in theirs)
    real = tuple(n for n in layers if not network.populations[n].spiking and n in recording.membranes)
    free = simulate_float(network, spikes, membranes=real)
    agreements = {n: agreement(n, free.spikes[n], theirs[n]) for n in firing}
    run = free  # which is the module's run already, if no spike differs
    if any(a.mismatching for a in agreements.values()):
        run = simulate_float(network, spikes, membranes=(*firing, *real), potentials=firing, forced=theirs)
    differ = {n: run.spikes[n] != theirs[n] for n in firing}
    ties = {
        n: differ[n] & _ties(network.populations[n], run, theirs[n], TIE_ULP * ulp) for n in firing if differ[n].any()
    }
    apart = {n: _apart(run.membranes[n], _flat(recording.membranes[n]), MEMBRANE_ULP * ulp) for n in real}
    rows = []
    for name in layers:
        if name in agreements:
            rows.append(_spiking_row(agreements[name], differ[name], ties.get(name, differ[name])))
        else:
            rows.append(_real_row(network.populations[name], apart.get(name)))
    first = first_divergence(
        layers,
        {n: differ[n] & ~ties[n] for n in ties} | apart,
        run.spikes,
        {**run.spikes, **theirs},
        membranes_found={**run.membranes, **run.potentials},
        membranes_expected={n: _flat(v) for n, v in recording.membranes.items()},
        thresholds={n: network.populations[n].dynamics.theta for n in firing},
    )
    return rows, first


def _joined(a: LayerProof, b: LayerProof) -> LayerProof:
    """Of two parts of the samples; a layer is void if no part proves anything."""
    bits = a.bits + b.bits
    return replace(
        a,
        bits=bits,
        free=a.free + b.free,
        mismatching=a.mismatching + b.mismatching,
        ties=a.ties + b.ties,
        rate=(a.rate * a.bits + b.rate * b.bits) / max(1, bits),
        void=a.void if b.void else "",
    )


def _spiking_row(a: LayerAgreement, differ: NDArray[np.bool_], ties: NDArray[np.bool_]) -> LayerProof:
    void = "it sent no spike" if a.void else ""
    counts = (int(differ.sum()), int(ties.sum()))
    return LayerProof(a.layer, a.neurons, a.bits, a.mismatching, *counts, a.rate_expected, void)


def _real_row(population: Population, apart: NDArray[np.bool_] | None) -> LayerProof:
    if apart is None:
        return LayerProof(population.name, population.size, 0, 0, 0, 0, 0.0, "the module does not show it")
    wrong = int(apart.sum())
    return LayerProof(population.name, population.size, apart.size, wrong, wrong, 0, 0.0)


def _apart(found: NDArray[Any], expected: NDArray[Any], relative: float) -> NDArray[np.bool_]:
    """Real values that differ by more than rounding, or are none."""
    return np.asarray(~(np.abs(found - expected) <= relative * np.abs(expected).max(initial=0.0)))


def _ties(population: Population, run: FloatRun, theirs: NDArray[Any], relative: float) -> NDArray[np.bool_]:
    """Where rounding may decide over the number of spikes, (B, T, n).

    Not where the membrane equals the threshold in float64: there nothing was rounded, and ``>`` or ``>=`` decides.
    """
    name, theta, rules = population.name, population.dynamics.theta, population.rules
    potential, ours = run.potentials[name], run.spikes[name]
    near = relative * np.maximum(np.abs(theta), np.abs(potential).max(axis=(0, 1)))
    more = np.maximum(ours, theirs) if rules.spike == "multi_trunc" else 1
    distance = np.abs(potential - more * theta)
    tied = (distance > 0) & (distance <= near)
    if rules.spike == "multi_trunc":
        tied &= np.abs(ours.astype(np.int64) - theirs) == 1
    if rules.reset == "subtract_gated":  # what the stored membrane stands for is not among the spikes
        stored = np.abs(run.membranes[name] - theta) <= near
        tied[:, 1:] |= np.logical_or.accumulate(stored, axis=1)[:, :-1]
    return np.asarray(tied)


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(*values.shape[:2], -1)
