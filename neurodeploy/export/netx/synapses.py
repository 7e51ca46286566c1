"""A stage's projections as weights and delays, if netx's loader makes of them what the program holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipProjection
from neurodeploy.connections import Conv2d, Sparse
from neurodeploy.export.errors import Obstacle
from neurodeploy.export.netx.chain import Stage
from neurodeploy.export.netx.neurons import Datasets
from neurodeploy.frontends.netx.weights import Ints, Scaled, netx_scale

MOST_WEIGHTS = 10**8
EVEN = "quantise to even weights in -256..254, or to weights of one sign up to 255, with exponent 0"


def synapse_data(stage: Stage) -> tuple[Datasets, list[Obstacle]]:
    """Datasets of a layer with synapses, and what netx would make otherwise."""
    name = stage.population.name
    kinds = {p.connection.kind for p in (*stage.forward, *([stage.recurrent] if stage.recurrent else []))}
    if stage.is_conv:
        if len(kinds) > 1 or len(stage.forward) > 1 or stage.recurrent:
            return {}, [Obstacle(name, "a convolution beside another projection", "use dense projections")]
        return _conv(stage.forward[0])
    if not kinds <= {"dense", "sparse"}:
        return {}, [Obstacle(name, "a convolution or a direct connection beside another projection", "use dense ones")]
    if any(p.connection.n_target * p.connection.n_source > MOST_WEIGHTS for p in stage.forward):
        what = f"a matrix of more than {MOST_WEIGHTS:,} weights; netx has no sparse ones"
        return {}, [Obstacle(name, what, "export --to lava, or use a convolution")]
    if len(stage.forward) == 2:
        return _complex(stage)
    return _real(stage)


def _conv(projection: ChipProjection) -> tuple[Datasets, list[Obstacle]]:
    connection, found = projection.connection, []
    assert isinstance(connection, Conv2d)
    if projection.delay:
        found.append(Obstacle(projection.target, "a delay on a convolution, which netx does not read", "drop it"))
    geometry = {name: np.array(values) for name, values in connection.geometry().items()}
    return {"weight": connection.weights, **geometry, "groups": connection.groups}, found


def _real(stage: Stage) -> tuple[Datasets, list[Obstacle]]:
    (forward,), back = stage.forward, stage.recurrent
    projections = [forward] if back is None else [forward, back]
    matrices, found = [], []
    for p in projections:
        matrices.append(_file_weights(p))
        found += _integer_faults(p, matrices[-1])
    delays = [_delays(p) for p in projections]
    delayed = any(d is not None for d in delays)
    if back is not None and delayed and not _same_delays(delays, matrices):
        what = "a recurrent layer with two delay matrices; netx has one for both"
        found.append(Obstacle(forward.target, what, "use the same delays, or none"))
    if not found:
        scaled = netx_scale(np.hstack(matrices))
        cuts = np.cumsum([0, *(m.shape[1] for m in matrices)])
        for p, matrix, low, high in zip(projections, matrices, cuts, cuts[1:], strict=False):
            part = None if scaled is None else scaled.part(slice(int(low), int(high)))
            found += _loader_faults(p, matrix, part, drops_exponent=back is not None and delayed)
    data: Datasets = {"weight": matrices[0]}
    if back is not None:
        data["weight_rec"] = matrices[1]
    if delayed:
        data["delay"] = delays[0]
    return data, found


def _complex(stage: Stage) -> tuple[Datasets, list[Obstacle]]:
    found: list[Obstacle] = []
    if stage.recurrent is not None:
        found.append(Obstacle(stage.population.name, "recurrence of RF neurons", "drop it: netx has none"))
    data: Datasets = {}
    for p, part in zip(stage.forward, ("real", "imag"), strict=True):
        matrix = _file_weights(p)
        if p.delay:
            found.append(Obstacle(p.target, "a delay beside complex weights, which netx drops", "drop it"))
        faults = _integer_faults(p, matrix)
        found += faults or _loader_faults(p, matrix, netx_scale(matrix), drops_exponent=False)
        data[f"weight/{part}"] = matrix
    return data, found


def _file_weights(p: ChipProjection) -> Ints:
    """The integers that the weights with their exponent stand for, (n_out, n_in); rounded down where they are none."""
    weights = _matrix(p, p.connection.weights)
    return weights << p.weight_exp if p.weight_exp >= 0 else weights >> -p.weight_exp


def _integer_faults(p: ChipProjection, matrix: Ints) -> list[Obstacle]:
    if p.weight_exp >= 0 or np.array_equal(matrix << -p.weight_exp, _matrix(p, p.connection.weights)):
        return []
    what = f"weights times 2^{p.weight_exp} that are no integers; netx loads integers only"
    return [Obstacle(p.target, what, f"{EVEN}, or rescale them together with bias and threshold")]


def _loader_faults(p: ChipProjection, matrix: Ints, scaled: Scaled | None, *, drops_exponent: bool) -> list[Obstacle]:
    """Where the synapse that netx builds of ``matrix`` is another than the program's."""
    if scaled is None:
        return [Obstacle(p.target, "weights that are all zero, which netx cannot load", "drop the layer, or train it")]
    exponent = scaled.weight_exp
    low, high = matrix.min(), matrix.max()
    if drops_exponent and exponent:
        what = (
            f"weights in {low}..{high}, which netx makes {2**-exponent} times as large where delays and recurrence meet"
        )
        return [Obstacle(p.target, what, "drop the delays or the recurrence, or use a weight beyond -127..127")]
    if not scaled.holds(matrix):
        remedy = "another scale, so that the most negative weight is even and no power of two" if high <= 0 else EVEN
        return [Obstacle(p.target, f"weights in {low}..{high}, of which netx's loader makes others", remedy)]
    if not p.message_bits:
        return []
    if not np.array_equal(scaled.held, _matrix(p, p.connection.weights)):
        what = f"graded messages through weights that netx scales by 2^{-exponent}, where sums may wrap earlier"
        return [Obstacle(p.target, what, f"connect with weights times 2^{-exponent} and weight_exp {exponent}")]
    if p.delay and not p.products_wrap:
        return [Obstacle(p.target, "graded messages through a sparse matrix with delays", "connect with kind 'dense'")]
    return []


def _delays(p: ChipProjection) -> NDArray[np.int64] | None:
    if p.delays is not None:
        return _matrix(p, p.delays)
    return np.asarray(p.delay) if p.delay else None


def _same_delays(delays: list[NDArray[np.int64] | None], matrices: list[Ints]) -> bool:
    """Whether both synapses of a recurrent layer can share a delay matrix; where no weight is, none matters."""
    first, second = (np.zeros((), np.int64) if d is None else d for d in delays)
    forward, back = matrices
    return forward.shape == back.shape and np.array_equal(
        np.broadcast_to(first, forward.shape), np.broadcast_to(second, back.shape)
    )


def _matrix(p: ChipProjection, values: NDArray[np.int64]) -> Ints:
    """Values in the layout of the connection's weights as (n_out, n_in); 0 where no synapse is."""
    connection = p.connection
    if isinstance(connection, Sparse):
        return np.asarray(connection.with_weights(values).to_csr().toarray(), np.int64)
    return np.asarray(values, np.int64)
