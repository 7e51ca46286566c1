"""Two models on the same spikes, layer by layer: a float network against a Program, or two float networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.agreement import Divergence, LayerAgreement, agreement, first_divergence
from neurodeploy.compilation import Options
from neurodeploy.errors import ModelError, SimulationError, did_you_mean
from neurodeploy.evaluate import load_samples
from neurodeploy.network import Network
from neurodeploy.pipeline import run_passes
from neurodeploy.program import Program
from neurodeploy.semantics import Semantics
from neurodeploy.simulate import simulate
from neurodeploy.simulate.float_reference import simulate_float
from neurodeploy.storage import load

PART_BYTES = 256 * 2**20
"""Memory for the rasters and membranes of one part of a data set."""

Traces = tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]
"""Spikes and membranes, (B, T, n) by layer; a chip's latency is taken out, its membranes are in float units."""


@dataclass(frozen=True)
class Side:
    """A model to be compared.

    Attributes:
        name: For messages and tables.
        kind: ``float`` or ``chip``.
        sizes: Neurons of every layer, layers that feed others first.
        inputs: Shape by input name.
        thresholds: Of the spiking layers of a float model, (n,) each.
        run: Spikes and membranes of every layer.
    """

    name: str
    kind: str
    sizes: Mapping[str, int]
    inputs: Mapping[str, tuple[int, ...]]
    thresholds: Mapping[str, NDArray[Any]]
    run: Callable[[NDArray[Any]], Traces]


def float_side(network: Network, name: str) -> Side:
    """A float network, computed in float64."""
    layers = tuple(network.populations)

    def run(spikes: NDArray[Any]) -> Traces:
        made = simulate_float(network, {next(iter(network.inputs)): spikes}, membranes=layers)
        return dict(made.spikes), dict(made.membranes)

    thresholds = {n: p.dynamics.theta for n, p in network.populations.items() if p.spiking}
    return Side(name, "float", {n: p.size for n, p in network.populations.items()}, network.inputs, thresholds, run)


def chip_side(program: Program, name: str) -> Side:
    """A Program on the fast engine; layer n is looked at from its first live step on."""
    net = program.net
    sizes = {n: p.size for n, p in net.populations.items()}

    def run(spikes: NDArray[Any]) -> Traces:
        record = {n: ("v",) for n, p in net.populations.items() if p.scale is not None}
        made = simulate(program, spikes, record=record)
        steps = spikes.shape[1]

        def window(values: NDArray[Any], layer: str) -> NDArray[Any]:
            start = net.populations[layer].start
            return values.reshape(len(spikes), made.steps, -1)[:, start : start + steps]

        membranes = {}
        for layer in record:
            scale = net.populations[layer].scale
            assert scale is not None  # recorded for that reason
            membranes[layer] = window(made.states[layer]["v"], layer) / scale + net.populations[layer].offset
        return {n: window(made.spikes[n], n) for n in sizes}, membranes

    return Side(name, "chip", sizes, {i.name: i.shape for i in net.inputs.values()}, {}, run)


def compare_models(
    first: Any,
    second: Any,
    spikes: NDArray[Any],
    options: Options | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Run both on a data set.

    Args:
        first: A model, see :func:`neurodeploy.pipeline.run_passes`; its float network is run.
        second: A :class:`Program`, or another model.
        spikes: (N, T, *shape).
        options: For reading the models; what they leave open is taken from the Program.
        progress: Told samples done and samples in all.

    Returns:
        ``first`` and ``second`` (name and kind), ``samples``, ``steps``, ``equal``, ``matched_by`` (``name``, or
        ``order`` where the two share no name and have the same sizes), ``layers`` (rows of :class:`LayerAgreement`, of
        the layers that both have, by the first one's names), ``only_first`` and ``only_second`` (layers of one), and
        ``first_divergence`` or None.

    Raises:
        ModelError: The two have no layer in common, or one of different sizes.
        SimulationError: The data do not fit an input.
    """
    options = options or Options()
    if isinstance(second, Program):
        known = {k: v for k, v in second.semantics.items() if k in Semantics.__dataclass_fields__ and k != "profile"}
        options = replace(options, defaults={**known, **options.defaults})
        sides = (_read(first, options), chip_side(second, str(second.provenance.get("model", "program"))))
    else:
        sides = (_read(first, options), _read(second, options))
    return compare_sides(*sides, spikes, progress=progress)


def _read(model: Any, options: Options) -> Side:
    state = run_passes(model, "loihi2", options, stop_after="lower")
    if state.network is None:
        raise ModelError(
            "a model of integers has no float reference",
            where=str(model),
            remedy="compile it and use 'neurodeploy verify', which compares engines",
        )
    return float_side(state.network, str(state.model))


def compare_sides(
    first: Side,
    second: Side,
    spikes: NDArray[Any],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """See :func:`compare_models`."""
    pairs = _pairs(first, second)
    common = list(pairs)
    for side in (first, second):
        _check_data(side, spikes)
    total, part = len(spikes), _part(first, second, spikes)
    rows: dict[str, list[LayerAgreement]] = {n: [] for n in common}
    divergence: Divergence | None = None
    for start in range(0, total, part):
        some = spikes[start : start + part]
        (found, v_found), (expected, v_expected) = first.run(some), _renamed(second.run(some), pairs)
        for name in common:
            rows[name].append(agreement(name, found[name], expected[name]))
        if divergence is None:
            differ = {n: found[n] != expected[n] for n in common}
            divergence = first_divergence(
                common,
                differ,
                found,
                expected,
                membranes_found=v_found,
                membranes_expected=v_expected,
                thresholds=first.thresholds,
            )
            divergence = divergence and replace(divergence, sample=divergence.sample + start)
        progress(start + len(some), total)
    layers = [_total(parts) for parts in rows.values()]
    return {
        "first": {"model": first.name, "kind": first.kind},
        "second": {"model": second.name, "kind": second.kind},
        "samples": total,
        "steps": int(spikes.shape[1]),
        "equal": not any(layer.mismatching for layer in layers),
        "matched_by": "name" if all(a == b for a, b in pairs.items()) else "order",
        "layers": [asdict(layer) for layer in layers],
        "only_first": [n for n in first.sizes if n not in common],
        "only_second": [n for n in second.sizes if n not in pairs.values()],
        "first_divergence": None if divergence is None else divergence.to_dict(),
    }


def _pairs(first: Side, second: Side) -> dict[str, str]:
    """The second one's layer for each of the first one's that both have."""
    common = [n for n in first.sizes if n in second.sizes]
    if not common and list(first.sizes.values()) == list(second.sizes.values()):
        return dict(zip(first.sizes, second.sizes, strict=True))
    if not common:
        remedy = f"compare models of one network; {did_you_mean(next(iter(first.sizes)), second.sizes)}"
        raise ModelError(
            "the two share neither names nor sizes of layers", where=f"{first.name} and {second.name}", remedy=remedy
        )
    for name in common:
        if first.sizes[name] != second.sizes[name]:
            raise ModelError(
                f"layer '{name}' has {first.sizes[name]} neurons in one and {second.sizes[name]} in the other",
                where=f"{first.name} and {second.name}",
                remedy="compare models of the same network",
            )
    return dict(zip(common, common, strict=True))


def _renamed(traces: Traces, pairs: Mapping[str, str]) -> Traces:
    spikes, membranes = traces
    return (
        {a: spikes[b] for a, b in pairs.items()},
        {a: membranes[b] for a, b in pairs.items() if b in membranes},
    )


def _check_data(side: Side, spikes: NDArray[Any]) -> None:
    if len(side.inputs) != 1:
        raise SimulationError(
            f"the model has {len(side.inputs)} inputs, a data set feeds one",
            where=side.name,
            remedy="call simulate_float and simulate from Python with a dict of spikes",
        )
    ((name, shape),) = side.inputs.items()
    if not len(spikes) or np.prod(spikes.shape[2:]) != np.prod(shape):
        raise SimulationError(
            f"the data have shape {spikes.shape}, the input takes (samples, steps, {', '.join(map(str, shape))})",
            where=f"{side.name}, input '{name}'",
            remedy="give spikes of that shape, one sample at least",
        )
    if not np.all((spikes == 0) | (spikes == 1)):
        raise SimulationError(
            "the data hold other values than 0 and 1",
            where=f"{side.name}, input '{name}'",
            remedy="encode real values into spikes",
        )


def _part(first: Side, second: Side, spikes: NDArray[Any]) -> int:
    per_sample = spikes.shape[1] * sum(20 * n for side in (first, second) for n in side.sizes.values())
    return max(1, min(len(spikes), PART_BYTES // max(1, int(per_sample))))


def _total(parts: Sequence[LayerAgreement]) -> LayerAgreement:
    bits = sum(p.bits for p in parts)
    return replace(
        parts[0],
        bits=bits,
        mismatching=sum(p.mismatching for p in parts),
        rate_found=sum(p.rate_found * p.bits for p in parts) / bits,
        rate_expected=sum(p.rate_expected * p.bits for p in parts) / bits,
        void=all(p.void for p in parts),
    )


def compare_files(first: str, second: str, data: Path, options: Options, **more: Any) -> dict[str, Any]:
    """:func:`compare_models` of what a user names: models, or a ``.ndp`` file as the second, on ``DATA.npz``."""
    if Path(first).suffix.lower() == ".ndp":
        raise ModelError(
            "a program comes second", where=str(first), remedy="name the model first, then the program made from it"
        )
    other = load(second) if Path(second).suffix.lower() == ".ndp" else second
    return compare_models(first, other, load_samples(data).spikes, options, **more)
