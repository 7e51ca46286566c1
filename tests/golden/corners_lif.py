"""Hand-made networks of current-based neurons for corners that random ones seldom reach."""

from __future__ import annotations

from typing import Any

import numpy as np
from networks import MODES, Draft
from numpy.typing import NDArray

from neurodeploy.connections import Conv2d, Dense, Sparse

EDGE = 2**23
NEVER = 131072


def lif_corners() -> list[Any]:
    """All of them."""
    modes = [_weight_table(mode) for mode in MODES]
    rest = (_single_sign_rows, _off_the_grid, _floors, _delays, _decays, _decays_from_the_edges, _limits)
    more = (_equality, _wide_input, _biases, _kernels, _kernels_of_24_bits, _fan_in, _schedules, _delays_of_synapses)
    return [*modes, *(make() for make in (*rest, *more))]


def _one_each(n: int) -> NDArray[np.uint8]:
    """Input k spikes at step k + 1 alone; then all together."""
    return np.concatenate([np.eye(n, dtype=np.uint8), np.ones((1, n), np.uint8)])[None]


def _source(size: int) -> Any:
    draft = Draft()
    draft.net.add_input("in", shape=size)
    return draft


def _dense(weights: Any) -> Dense:
    matrix = np.asarray(weights)
    return Dense(matrix, (matrix.shape[1],), (matrix.shape[0],))


def _passive(draft: Any, name: str, size: Any, **fields: Any) -> None:
    """No memory and no spikes: u is 64 times the input."""
    draft.net.add_population(name, shape=size, **{"du": 4095, "dv": 4096, "vth": NEVER} | fields)


def _weight_table(mode: str) -> Any:
    """Every number of weight bits; u shows what became of each weight."""
    low, high = MODES[mode]
    rng = np.random.default_rng(11)
    weights = np.concatenate([[low, low + 1, low + 2, high - 1, high - 2], rng.integers(low, high, 15)])
    draft = _source(1)
    for bits in range(1, 10 if mode == "mixed" else 9):
        _passive(draft, f"bits{bits}", weights.size)
        draft.attach("in", f"bits{bits}", _dense(weights[:, None]), num_weight_bits=bits, sign_mode=mode)
    return draft.case(f"weights, {mode}", {"in": _one_each(1)}, 4)


def _single_sign_rows() -> Any:
    """The mode belongs to the matrix: rows and columns of one sign lose their last bit too."""
    weights = np.array([[3, 5, 7], [-3, -5, -7], [3, -5, 255], [1, 1, 1], [-1, -1, -1]])
    draft = _source(3)
    for k, matrix in enumerate((weights, np.abs(weights), Sparse.from_matrix(weights, (3,), (5,)))):
        connection = matrix if isinstance(matrix, Sparse) else _dense(matrix)
        for bits in (8, 5):
            _passive(draft, name := f"p{k}b{bits}", 5)
            draft.attach("in", name, connection, num_weight_bits=bits, sign_mode="mixed")
    return draft.case("rows of one sign in a mixed matrix", {"in": _one_each(3)}, 6)


def _off_the_grid() -> Any:
    """Negative weights that the grid does not hold, few bits, and what neurons make of them."""
    rng = np.random.default_rng(12)
    draft = _source(6)
    for k, (mode, low, high) in enumerate((("mixed", -99, 60), ("inhibitory", -255, 0), ("excitatory", 0, 255))):
        draft.net.add_population(f"p{k}", shape=9, du=700, dv=90, vth=60, bias_mant=rng.integers(-9, 90, 9))
        for bits in (3, 6):
            weights = _dense(rng.integers(low, high, (9, 6)))
            draft.attach("in", f"p{k}", weights, num_weight_bits=bits, sign_mode=mode, weight_exp=-1)
    return draft.case("weights off the grid", {"in": (rng.random((1, 20, 6)) < 0.4).astype(np.uint8)}, 22)


def _floors() -> Any:
    """Negative sums under every kind of negative exponent: one floor, after the sum."""
    weights = np.array([[2, 4, -2], [-2, -4, 2], [-6, 2, -10], [254, -256, -4], [-2, 0, 0]])
    draft = _source(3)
    for k, exponent in enumerate((-1, -2, -3, -5, -9, -16)):
        for sparse in (False, True):
            _passive(draft, name := f"p{k}{'s' if sparse else 'd'}", 5)
            connection = Sparse.from_matrix(weights, (3,), (5,)) if sparse else _dense(weights)
            draft.attach("in", name, connection, weight_exp=exponent, delay=2 * (k % 2))
    return draft.case("floors of negative sums", {"in": _one_each(3)}, 8)


def _delays() -> Any:
    draft = _source(2)
    weights = np.array([[6, -4], [-10, 8]])
    for delay in (0, 1, 2, 7, 62):
        for kind, connection in (("d", _dense(weights)), ("s", Sparse.from_matrix(weights, (2,), (2,)))):
            _passive(draft, f"{kind}{delay}", 2, du=2000, vth=1)
            draft.attach("in", f"{kind}{delay}", connection, delay=delay, weight_exp=-2)
    _passive(draft, "twice", 2)
    draft.attach("in", "twice", _dense(weights), delay=1, weight_exp=-2)
    draft.attach("in", "twice", _dense(weights), delay=3, weight_exp=-2)
    draft.attach("d1", "d1", _dense(weights), delay=3)
    return draft.case("delays", {"in": np.array([[[1, 0], [1, 1], [0, 0], [0, 1], [1, 0]]], np.uint8)}, 72)


def _decays() -> Any:
    """Small values of both signs die toward zero."""
    start = np.concatenate([np.arange(-20, 21), [-4096, 4096, -5000, 5000, -123456, 123456]])
    draft = _source(1)
    for k, (du, dv) in enumerate(((-1, 0), (0, 1), (1, 4096), (2048, 2048), (4094, 4095), (4095, 0))):
        draft.net.add_population(f"p{k}", shape=start.size, du=du, dv=dv, vth=NEVER, u0=start, v0=start[::-1])
    draft.attach("in", "p0", _dense(np.full((start.size, 1), 2)))
    for k in range(1, 6):
        draft.attach("p0", f"p{k}", _dense(np.full((start.size, start.size), 2)))
    return draft.case("decays of small values", {"in": np.zeros((1, 1, 1), np.uint8)}, 9)


def _decays_from_the_edges() -> Any:
    """u from both ends of its range, into v at both ends of its own; one u stays at +2^23."""
    ends = np.array([EDGE, EDGE - 1, EDGE - 2, -EDGE + 1, -EDGE + 2, EDGE, -EDGE + 1, 0])
    v0 = np.array([0, EDGE - 1, -EDGE + 1, -EDGE + 1, EDGE - 1, -EDGE + 1, -EDGE + 1, -EDGE + 1])
    draft = _source(1)
    for k, (du, dv) in enumerate(((-1, 0), (0, 0), (3, 7), (2000, 4096))):
        fields = {"du": du, "dv": dv, "u0": ends, "v0": v0, "vth": [131071] * 4 + [NEVER] * 4}
        draft.net.add_population(f"p{k}", shape=8, **fields)
        draft.attach("in", f"p{k}", _dense([[2], [-2], [4], [-4], [2], [-2], [-2], [-2]]))
    return draft.case("decays from the edges", {"in": np.array([[[1], [0], [1], [1]]], np.uint8)}, 9)


def _limits() -> Any:
    """U at, below and above +-2^23 and +-3 * 2^23; a sum that wraps 32 bits before u sees it."""
    draft = _source(4)
    weights = [[64, 0, 2, 0], [-64, 0, -2, 0], [64, 64, 64, 2], [-64, -64, -64, -2], [-64, 0, 2, 0]]
    for k, exponent in enumerate((11, 12, 16)):
        for du, v0 in ((4095, 0), (-1, -EDGE + 1), (300, EDGE - 1)):
            draft.net.add_population(name := f"p{k}u{du + 1}", shape=5, du=du, dv=0, vth=131071, v0=v0)
            draft.attach("in", name, _dense(weights), weight_exp=exponent, num_weight_bits=9)
            fine = [[0, 0, 0, 1], [0, 0, 0, -1], [0, 1, 0, 0], [0, -1, 0, 0], [0, 0, 0, -1]]
            draft.attach("in", name, _dense(fine), num_weight_bits=9)
    rows = [[1, 0, 0, 0], [1, 0, 0, 1], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0]]
    return draft.case("limits of u", {"in": np.array([rows], np.uint8)}, 10)


def _equality() -> Any:
    """v equal to the threshold, one below and one above, for thresholds of both signs."""
    vth = np.array([10, 10, 10, 0, 0, 0, -1, -1, -1, -7, -7, 131071, 131071])
    beside = np.array([0, -1, 1, 0, -1, 1, 0, -1, 1, 0, 1, 0, -1])
    draft = _source(1)
    draft.net.add_population("v", shape=13, dv=0, vth=vth, v0=np.clip(vth * 64 + beside, -EDGE, EDGE - 1))
    draft.net.add_population("u", shape=13, du=-1, dv=4096, vth=vth, u0=np.clip(vth * 64 + beside, -EDGE, EDGE - 1))
    steps = np.array([[2], [4], [-2], [-4], [2], [2], [2], [2], [2], [2], [2], [2], [2]])
    draft.attach("in", "v", _dense(steps))
    draft.attach("v", "u", _dense(np.diag([2, 4, -2, -4, 6, 2, 2, 2, -2, -2, 2, 2, 4])))
    return draft.case("v equal to the threshold", {"in": np.array([[[0], [0], [1], [1]]], np.uint8)}, 8)


def _wide_input() -> Any:
    """Sums that wrap 32 bits: in one projection, over two projections, and in the shift by six."""
    n = 140
    draft = _source(n)
    half = np.arange(n) < 100
    rows = np.array([[254] * n, [-256] * n, 254 * half, -256 * half, 2 * half, -4 * half])
    for k, du in enumerate((4095, 10)):
        draft.net.add_population(f"p{k}", shape=len(rows), du=du, dv=du, vth=131071)
        for weights in (_dense(rows), Sparse.from_matrix(rows, (n,), (len(rows),))):
            draft.attach("in", f"p{k}", weights, weight_exp=16)
    ramp = np.arange(n) < np.array([1, 5, 33, 65, 100, 140, 0, 128, 70])[:, None]
    return draft.case("sums that wrap 32 bits", {"in": ramp[None].astype(np.uint8)}, 11)


def _biases() -> Any:
    """Every exponent; mantissas of both signs; the effective bias wraps 32 bits."""
    exponents = np.arange(-31, 32)
    draft = _source(1)
    for mantissa in (1, -1, 641, -641, 32767, -32768, -4095):
        fields = {"bias_mant": mantissa, "bias_exp": exponents, "dv": 300, "vth": 1000}
        draft.net.add_population(f"m{mantissa}", shape=63, **fields)
        draft.attach("in", f"m{mantissa}", _dense(np.full((63, 1), -2)))
    return draft.case("biases", {"in": np.ones((1, 1, 1), np.uint8)}, 4)


def _kernels() -> Any:
    """Everything of a convolution that has two axes, unequal on both."""
    rng = np.random.default_rng(13)
    draft = Draft()
    draft.net.add_input("in", shape=(2, 6, 6))
    options: tuple[dict[str, Any], ...] = (
        {"k": (1, 2, 3, 3)},
        {"k": (2, 2, 2, 3), "stride": (2, 1), "padding": (0, 2)},
        {"k": (4, 1, 3, 2), "groups": 2, "padding": (1, 1), "dilation": (1, 2)},
        {"k": (2, 1, 3, 3), "groups": 2, "dilation": (2, 1), "padding": (2, 0), "stride": (1, 2)},
    )
    for k, geometry in enumerate(options):
        weights = rng.integers(-255, 256, geometry.pop("k")) | 1
        conv = Conv2d.build(weights, (2, 6, 6), where="golden files", **geometry)
        draft.net.add_population(f"p{k}", shape=conv.target_shape, du=2000, dv=500, vth=300)
        draft.attach("in", f"p{k}", conv)
    conv = Conv2d.build(rng.integers(-255, 256, (4, 2, 2, 1)), (4, 6, 6), groups=2, where="golden files")
    draft.net.add_population("late", shape=conv.target_shape, du=100, dv=50, vth=200)
    draft.attach("p2", "late", conv)
    return draft.case("kernels", {"in": (rng.random((1, 7, 72)) < 0.25).astype(np.uint8)}, 9)


def _kernels_of_24_bits() -> Any:
    """Sums of a convolution beyond 24 bits wrap there."""
    weights = [EDGE - 1, EDGE, EDGE + 1, -EDGE, -EDGE - 1, 2 * EDGE, 3 * EDGE + 5, -(2**30), 2**30 + 77]
    draft = Draft()
    draft.net.add_input("in", shape=(1, 1, 2))
    for k, weight in enumerate(weights):
        conv = Conv2d.build(np.array([[[[weight]]], [[[weight // 64]]]]), (1, 1, 2), where="golden files")
        draft.net.add_population(f"p{k}", shape=(2, 1, 2), du=4095, dv=0, vth=131071)
        draft.attach("in", f"p{k}", conv)
    return draft.case("kernels beyond 24 bits", {"in": np.array([[[1, 0], [0, 1], [1, 1]]], np.uint8)}, 6)


def _fan_in() -> Any:
    """Several inputs, several projections between the same two, a skip, a loop of one and a loop of two."""
    rng = np.random.default_rng(14)
    draft = _source(4)
    draft.net.add_input("too", shape=3)
    sizes = {"in": 4, "too": 3, "a": 7, "b": 5}
    for name in "ab":
        draft.net.add_population(name, shape=sizes[name], du=1500, dv=200, vth=rng.integers(20, 90, sizes[name]))
    for pair in ("in a", "in a", "too a", "a a", "a b", "in b", "too b", "b a", "b b"):
        source, target = pair.split()
        weights = rng.integers(-256, 256, (sizes[target], sizes[source]))
        options = {"weight_exp": int(rng.integers(-3, 1)), "delay": int(rng.integers(0, 4))}
        draft.attach(source, target, _dense(weights), num_weight_bits=int(rng.integers(5, 9)), **options)
    spikes = {name: (rng.random((2, 20, sizes[name])) < 0.3).astype(np.uint8) for name in ("in", "too")}
    return draft.case("fan-in and loops", spikes, 24)


def _schedules() -> Any:
    """Resets every few steps at every offset, and populations that start late and stop."""
    draft = _source(2)
    for interval, offset in ((1, 0), (4, 0), (4, 2), (4, 7), (5, 4), (3, 1)):
        fields = {"du": 500, "dv": 0, "vth": 4, "bias_mant": 5, "u0": 900, "v0": -300}
        schedule = {"reset_interval": interval, "reset_offset": offset}
        draft.net.add_population(f"every{interval}at{offset}", shape=2, **fields, **schedule)
        draft.attach("in", f"every{interval}at{offset}", _dense([[2, 4], [-2, 6]]))
    for start in (1, 2, 5):
        fields = {"du": 500, "dv": 90, "vth": 4, "bias_mant": 5, "u0": 900, "v0": -300}
        draft.net.add_population(f"late{start}", shape=2, start=start, reset_interval=4, reset_offset=1, **fields)
        draft.attach("in", f"late{start}", _dense([[2, 4], [-2, 6]]), delay=start % 2)
        draft.attach(f"late{start}", f"late{start}", _dense([[-4, 2], [2, -4]]))
    spikes = (np.random.default_rng(15).random((2, 14, 2)) < 0.4).astype(np.uint8)
    return draft.case("schedules", {"in": spikes}, 16, 11)


def _delays_of_synapses() -> Any:
    """Floors per delay, not after their sum; synapses of one row with different delays; a loop of them."""
    rng = np.random.default_rng(16)
    draft = _source(4)
    weights = np.array([[6, 6, 6, 6], [-6, -6, 2, 10], [2, -2, 2, -2], [254, -256, 254, -256]])
    delays = np.array([[0, 0, 1, 1], [0, 1, 2, 3], [5, 5, 5, 0], [0, 62, 7, 62]])
    for kind, connection in (("d", _dense(weights)), ("s", Sparse.from_matrix(weights, (4,), (4,)))):
        for exponent in (-2, -5, 0, 3):
            _passive(draft, name := f"{kind}{exponent}", 4, du=3000, vth=1)
            draft.attach("in", name, connection, weight_exp=exponent, delay=delays)
            draft.attach(name, name, connection, weight_exp=-3, delay=delays.T)
    return draft.case("a delay for each synapse", {"in": (rng.random((1, 12, 4)) < 0.5).astype(np.uint8)}, 72)
