"""From a model file to a Program: the passes, in order.

A model is read either as a float graph (NIR, or a torch module, whose spikes are then compared with the graph's), which
is lowered and quantised, or as an integer network (lava-dl's ``.net``), for which those passes have nothing to do.
"""

from __future__ import annotations

import datetime
import hashlib
import platform
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from neurodeploy.calibration import METHOD_DEFAULT, calibrate
from neurodeploy.compilation import Compilation, Options, Pass, made
from neurodeploy.errors import AmbiguousSemantics, ModelError, QuantizeError, did_you_mean
from neurodeploy.frontends.modules import ModuleModel, digest
from neurodeploy.lower import lower
from neurodeploy.mapping import check_mapping, map_network
from neurodeploy.mapping.bound import fewest_cores
from neurodeploy.populate import plain_conventions
from neurodeploy.program import Program
from neurodeploy.proof import prove
from neurodeploy.quantize import quantize
from neurodeploy.quantize.bits import bits_by_layer
from neurodeploy.quantize.choice import Choice
from neurodeploy.quantize.features import check_features
from neurodeploy.quantize.last_step import last_step_only
from neurodeploy.quantize.preload import by_synapses
from neurodeploy.quantize.skeleton import skeleton
from neurodeploy.reading import given_model, one_output, read
from neurodeploy.semantics import EXPLAIN, MEMBRANE_READOUTS, SPIKE_READOUTS
from neurodeploy.simulate.rates import mean_rates
from neurodeploy.target import Target, load_target
from neurodeploy.version import installed_version

EARLY_SYNAPSES = 10_000_000
"""From so many synapses on, quantising takes long enough to look first."""


def for_floats(transform: Pass) -> Pass:
    """A pass that a model of integers does without."""

    def where_needed(state: Compilation) -> Compilation:
        return transform(state) if state.graph is not None else state

    return where_needed


def lower_graph(state: Compilation) -> Compilation:
    """Nodes to populations and projections."""
    graph = made(state.graph)
    network = lower(graph, made(state.semantics))
    own = {name: plain_conventions(node) for name, node in graph.nodes.items() if node.conventions or node.exact}
    conventions = {**state.conventions, **({"layers": own} if own else {})}
    return one_output(replace(state, network=network, outputs=dict(network.outputs), conventions=conventions))


def prove_source(state: Compilation) -> Compilation:
    """Compare the network with the module that it was read from, on the module's sample or on drawn spikes."""
    if state.imported is None or not isinstance(state.model, ModuleModel):
        return state
    network, sample = made(state.network), state.model.sample
    spikes = None if sample is None else {name: sample for name in network.inputs}
    where, tolerance = str(state.model), state.options.tolerance_bits
    proof = prove(state.imported, network, spikes, where=where, tolerance_bits=tolerance)
    for layer in proof["void"]:
        reason = next(row["void"] for row in proof["layers"] if row["layer"] == layer)
        warnings.warn(f"{where}: nothing is proven of layer '{layer}': {reason}", UserWarning, stacklevel=2)
    return replace(state, proof=proof)


def refuse_early(state: Compilation) -> Compilation:
    """Refuse a large network that cannot fit before it is quantised, by mapping its bare wiring, which says all."""
    network, mesh = made(state.network), state.target.mesh
    if network.synapses >= EARLY_SYNAPSES:
        wiring = skeleton(network, bits_by_layer(state.options.bits, network, state.target))
        if fewest_cores(wiring, state.target) > mesh.chips.value * mesh.cores_per_chip.value:
            map_network(wiring, state.target, seed=state.options.seed)
    return state


def quantize_network(state: Compilation) -> Compilation:
    """Float to integer fields."""
    _check_readout(state)
    network, o = made(state.network), state.options
    if o.calibrate is None and o.calibration is not None:
        raise QuantizeError(
            f"calibration '{o.calibration}' without data",
            where="--calibration",
            remedy="give --calibrate DATA.npz, spikes of the training part",
        )
    if o.calibrate is None:
        choices = dict.fromkeys(network.populations, Choice(per_channel=o.per_channel))
        net, report = quantize(network, state.target, bits=o.bits, choices=choices)
    else:
        net, report = calibrate(
            network,
            state.target,
            o.calibrate,
            bits=o.bits,
            method=o.calibration or METHOD_DEFAULT,
            seed=o.seed,
            per_channel=o.per_channel,
        )
    return replace(state, net=net, quantization=report)


def _check_readout(state: Compilation) -> None:
    """Refuse to count the spikes of a single output that never fires: every class would score 0."""
    network = made(state.network)
    if len(state.outputs) == 1 and state.readout in SPIKE_READOUTS:
        (output, name), *_ = state.outputs.items()
        if not network.populations[name].spiking:
            raise AmbiguousSemantics(
                f"'{name}' never fires, so that the read-out '{state.readout}' finds nothing at the output '{output}'",
                where=made(state.graph).origin,
                remedy=f"give --readout {', '.join(MEMBRANE_READOUTS)}: {EXPLAIN['readout']}",
            )


def check_target_features(state: Compilation) -> Compilation:
    """Shut off steps that are not read out, give initial membranes to chips that load none; refuse what is lacking."""
    net, steps = made(state.net), state.options.last_step
    if steps is not None:
        if len(state.outputs) != 1:
            remedy = f"give output, one of {', '.join(state.outputs)}"
            raise ModelError(f"the last step of {len(state.outputs)} outputs", where="last_step", remedy=remedy)
        net = last_step_only(net, next(iter(state.outputs.values())), state.readout, steps)
        state = replace(state, conventions={**state.conventions, "last_step": steps})
    net = by_synapses(net, state.target)
    check_features(net, state.target)
    return replace(state, net=net)


def map_to_cores(state: Compilation) -> Compilation:
    """Partition and place."""
    net, options = made(state.net), state.options
    mapping = map_network(
        net,
        state.target,
        max_neurons_per_core=options.max_neurons_per_core,
        objective=options.objective,
        rates=None if state.traffic is None else mean_rates(net, state.traffic),
        seed=options.seed,
    )
    return replace(state, mapping=mapping)


def prove_mapping(state: Compilation) -> Compilation:
    """Have the independent checker walk the result."""
    check_mapping(made(state.net), made(state.mapping), state.target)
    return state


PASSES: tuple[tuple[str, Pass], ...] = (
    ("read", read),
    ("lower", for_floats(lower_graph)),
    ("prove", for_floats(prove_source)),
    ("fit", for_floats(refuse_early)),
    ("quantize", for_floats(quantize_network)),
    ("features", check_target_features),
    ("map", map_to_cores),
    ("check", prove_mapping),
)


def run_passes(
    model: Any,
    target: str | Target,
    options: Options | None = None,
    *,
    stop_after: str | None = None,
    progress: Callable[[str], None] = lambda name: None,
    sample: Any = None,
    traffic: Any = None,
) -> Compilation:
    """Run the passes in order, up to and including ``stop_after``.

    Args:
        model: A ``.nir`` or ``.net`` file, the name of a bundled model, a torch module, or ``package.module:factory``,
            a function that returns a module, or a module and a sample.
        target: A target, its name, or the path of a ``.toml`` file.
        options: See :class:`Options`.
        stop_after: Name of a pass in ``PASSES``.
        progress: Called with each pass's name before it runs.
        sample: Spikes (samples, steps, *shape) on which a module is compared with what was read from it.
        traffic: Messages (samples, steps, *shape) on which the quantised network runs before it is mapped, so that
            the mapping knows how often each neuron sends; default every neuron counts the same.
    """
    names = [name for name, _ in PASSES]
    if stop_after is not None and stop_after not in names:
        raise ModelError(f"no pass '{stop_after}'", where="--stop-after", remedy=did_you_mean(stop_after, names))
    chip = target if isinstance(target, Target) else load_target(target)
    state = Compilation(given_model(model, sample), chip, options or Options(), traffic)
    for name, transform in PASSES:
        progress(name)
        state = transform(state)
        if name == stop_after:
            break
    return state


def compile_model(
    model: Any,
    target: str | Target = "loihi2",
    options: Options | None = None,
    *,
    sample: Any = None,
    traffic: Any = None,
) -> Program:
    """Compile a model into a Program; raises a :class:`NeurodeployError` that says how to mend it.

    A torch module and the network that was read from it are first run on the same spikes, ``sample`` or drawn ones,
    and compared bit by bit. The result stands in the Program's provenance under ``proof``.

    Args:
        model: See :func:`run_passes`.
        target: A target, its name, or the path of a ``.toml`` file.
        options: See :class:`Options`.
        sample: (samples, steps, *shape) of 0 and 1, for a module.
        traffic: See :func:`run_passes`.
    """
    return finish(run_passes(model, target, options, sample=sample, traffic=traffic))


def finish(state: Compilation) -> Program:
    """The Program of a compilation that ran all passes."""
    provenance: dict[str, object] = {
        "model": state.model.name,
        "model_sha256": _digest(state),
        "target": state.target.name,
        "target_sha256": state.target.digest,
        "bits": bits if isinstance(bits := state.options.bits, int) else dict(bits),
        "max_neurons_per_core": state.options.max_neurons_per_core,
        "objective": state.options.objective,
        "traffic": "assumed: one message per neuron and step" if state.traffic is None else "measured",
        "seed": state.options.seed,
        "neurodeploy": installed_version(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    if state.proof:
        provenance["proof"] = dict(state.proof)
    return Program(
        made(state.net),
        made(state.mapping),
        state.target,
        dict(state.outputs),
        state.readout,
        dict(state.conventions),
        {} if state.quantization is None else state.quantization.to_dict(),
        provenance,
    )


def _digest(state: Compilation) -> str:
    """Of the file, or of everything that was read from the module."""
    if isinstance(state.model, ModuleModel):
        return digest(made(state.graph))
    return hashlib.sha256(state.model.read_bytes()).hexdigest()
