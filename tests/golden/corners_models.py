"""Hand-made networks of the other neuron models and of graded messages, for corners that random ones seldom reach."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava_case import Case
from networks import Draft
from numpy.typing import NDArray

from neurodeploy.connections import Connection, Conv2d, Dense, Direct, Sparse

INT32 = 2**31


def model_corners() -> list[Case]:
    """All of them."""
    every = (_ternary, _sigma_delta, _wrapping_states, _encoders, _resonators, _zero_crossings, _vectors)
    return [make() for make in (*every, _graded_sums, _graded_kernels, _graded_spikes, _chain)]


def _fed(size: int, bits: int = 32) -> Draft:
    draft = Draft()
    draft.net.add_input("in", shape=size, message_bits=bits)
    return draft


def _add(draft: Draft, name: str, model: str, size: int = 1, **fields: Any) -> None:
    """A population that takes the input as it is."""
    draft.net.add_population(name, shape=size, model=model, **fields)
    draft.attach("in", name, Direct.between((size,), (size,)))


def _raster(*rows: Any) -> NDArray[np.int32]:
    """Messages (1, T, n) of steps; a number is the message of the only address."""
    return np.array([[np.atleast_1d(row) for row in rows]], np.int32)


def _dense(weights: Any) -> Dense:
    matrix = np.asarray(weights)
    return Dense(matrix, (matrix.shape[1],), (matrix.shape[0],))


def _ternary() -> Case:
    """v equal to, above and below both thresholds; negative spikes into graded and binary synapses."""
    draft = _fed(4, 0)
    fields = {"vth_hi": 2, "vth_lo": -3, "dv": 0}
    draft.net.add_population(
        "t", shape=8, model="ternary_lif", bias_mant=[128, 129, -192, -193, 127, -191, 0, 700], **fields
    )
    draft.attach("in", "t", _dense([[2, 0, 0, -2]] * 8), weight_exp=-1)
    draft.net.add_population("also", shape=3, model="ternary_lif", du=700, dv=40, vth_hi=30, vth_lo=10, u0=-900, v0=500)
    matrix = np.arange(-24, 24).reshape(3, 16)[:, ::2] * 5
    draft.attach("t", "also", _dense(matrix))
    draft.attach("t", "also", _dense(matrix // 3), message_bits=0, delay=1)
    spikes = (np.random.default_rng(21).random((1, 12, 4)) < 0.5).astype(np.uint8)
    return draft.case("ternary thresholds", {"in": spikes}, 14)


def _sigma_delta() -> Case:
    """Changes equal to the threshold and beside it, of both signs; messages that lose bits; both activations."""
    values = (100, -70, -5, 3, -100, 64, -64, 63, -63, 65, -1, 1, -128, 127, 129, -129, 0, 1000, -999, -1)
    draft = _fed(1)
    for state_exp in (0, 3, 6):
        for cum_error in (0, 1):
            for vth in (0, 64):
                fields = {"vth": vth, "state_exp": state_exp, "cum_error": cum_error}
                name = f"e{state_exp}c{cum_error}v{vth}"
                _add(draft, f"delta {name}", "delta", spike_exp=1, **fields)
                for relu in (0, 1):
                    _add(draft, f"sd {name}r{relu}", "sigma_delta", bias=-7, relu=relu, **fields)
    _add(draft, "sum", "sigma")
    return draft.case("sigma-delta thresholds", {"in": _raster(*values)}, 22)


def _wrapping_states() -> Case:
    """Everything of a sigma-delta neuron that can leave 32 bits, and the magnitude of -2^31."""
    values = (INT32 - 1, 5, -INT32, -INT32, 7, INT32 - 1, INT32 - 1, -3, 2**30, -(2**30), -INT32, 0, 1, -1, INT32 - 1)
    draft = _fed(1)
    for vth in (0, 1, INT32 - 1):
        for cum_error in (0, 1):
            for k, (state_exp, bias) in enumerate(((0, 0), (31, -1), (5, INT32 - 1), (4, -INT32))):
                fields = {"vth": vth, "state_exp": state_exp, "cum_error": cum_error}
                for relu in (0, 1):
                    _add(draft, f"sd{vth}c{cum_error}k{k}r{relu}", "sigma_delta", bias=bias, relu=relu, **fields)
                _add(draft, f"delta{vth}c{cum_error}k{k}", "delta", spike_exp=3 * k, **fields)
    _add(draft, "sum", "sigma")
    return draft.case("sigma-delta states that wrap", {"in": _raster(*values)}, 17)


def _encoders() -> Case:
    draft = _fed(1)
    for bits in (0, 1, 2, 8):
        for exponent in (0, 4):
            for vth in (0, 3 << exponent):
                fields = {"vth": vth, "spike_exp": exponent, "num_bits": bits}
                _add(draft, f"b{bits}e{exponent}v{vth}", "delta_encoder", **fields)
    values = (10, 10, 500, 500, 500, 0, 0, 0, 3, 5, 2, 4, -3, 2**24, -(2**24), 0, 0)
    return draft.case("delta encoders", {"in": _raster(*values)}, 19)


def _resonators() -> Case:
    """Small states that the rounding of each product shows; a threshold reached exactly; saturation."""
    rng = np.random.default_rng(22)
    draft = _fed(6)
    angle = 2 * np.pi / rng.uniform(2, 12, 6)
    for model in ("rf", "rf_iz"):
        for bits, state_exp, vth in ((12, 6, 96), (12, 0, 3), (4, 0, 5), (15, 9, 2000), (12, 31, 8388607), (1, 0, -1)):
            one = 0.96 * (1 << bits)
            rotation = {"sin": (one * np.sin(angle)).astype(int), "cos": (one * np.cos(angle)).astype(int)}
            name = f"{model} {bits} {state_exp} {vth}"
            fields = {"vth": vth, "state_exp": state_exp, "decay_bits": bits}
            draft.net.add_population(name, shape=6, model=model, **rotation, **fields)
            draft.attach("in", name, Direct.between((6,), (6,)), port="a_real")
            draft.attach("in", name, _dense(np.diag([2, -2, 4, -4, 6, 8])), port="a_imag", weight_exp=-1)
    values = rng.integers(-9, 10, (1, 24, 6)) * (rng.random((1, 24, 6)) < 0.4)
    values[0, 20:] *= 2**20
    return draft.case("resonators", {"in": values.astype(np.int32)}, 27)


def _zero_crossings() -> Case:
    """RFZero: floors of negative products; products that wrap 32 bits."""
    rng = np.random.default_rng(23)
    draft = _fed(6)
    angle, one = 2 * np.pi / rng.uniform(2, 12, 6), 0.97 * 2**15
    rotation = {"sin": (one * np.sin(angle)).astype(int), "cos": (one * np.cos(angle)).astype(int)}
    for uth in (-1, 0, 5, 40000):
        draft.net.add_population(f"z{uth}", shape=6, model="rf_zero", uth=uth, **rotation)
        draft.attach("in", f"z{uth}", Direct.between((6,), (6,)), port="u_in")
        draft.attach("in", f"z{uth}", _dense(np.diag([-2, 2, 4, -4, 2, 0])), port="v_in", delay=1)
    values = rng.integers(-30, 31, (1, 26, 6)) * (rng.random((1, 26, 6)) < 0.5)
    values[0, 18:] *= 2**14
    return draft.case("zero crossings", {"in": values.astype(np.int32)}, 29)


def _vectors() -> Case:
    """Inputs equal to the threshold and beside it; floors of negative products; squares and products that wrap."""
    values = (5, -5, 6, -6, 7, -7, 0, 46341, -46341, 65536, INT32 - 1, -INT32, -INT32 + 1, 3, -3, 1)
    draft = _fed(1)
    for vth in (0, 6, INT32 - 1):
        _add(draft, f"vec{vth}", "graded_vec", vth=vth)
        _add(draft, f"relu{vth}", "graded_relu_vec", vth=vth)
        for exponent in (0, 1, 3, 31):
            _add(draft, f"prod{vth}x{exponent}", "prod", vth=vth, exp=exponent)
            draft.attach("in", f"prod{vth}x{exponent}", _dense([[-2]]), port="a2", weight_exp=-1)
        _add(draft, f"norm{vth}", "norm_vec_delay", vth=vth)
        draft.attach("in", f"norm{vth}", _dense([[2]]), port="a2", delay=1)
        draft.net.add_population(f"squares{vth}", shape=1, model="sigma")
        draft.attach(f"norm{vth}.s2", f"squares{vth}", _dense([[-2]]), weight_exp=-3)
    return draft.case("graded vectors", {"in": _raster(*values)}, 20)


def _graded_sums() -> Case:
    """Products and sums of graded messages that wrap: otherwise in each class of synapse."""
    big = 2**23 - 1
    rows = np.array([[254, 254, 254], [-256, -256, -256], [254, -254, 2], [2, 4, -6], [-256, 2, 0]])
    draft = _fed(3)
    for kind, connection in (("d", _dense(rows)), ("s", Sparse.from_matrix(rows, (3,), (5,)))):
        for delay in (0, 1, np.where(rows > 0, 2, 0)):
            for exponent in (-4, 0, 5):
                name = f"{kind}{np.max(delay)}{'m' * np.ndim(delay)} {exponent}"
                draft.net.add_population(name, shape=5, model="graded_vec", vth=0)
                draft.attach("in", name, connection, weight_exp=exponent, delay=delay, num_weight_bits=9)
    rows_in = [(big, big, big), (-big, big, 0), (INT32 - 1,) * 3, (-INT32,) * 3, (1, -1, 2), (INT32 - 1, -INT32, 77)]
    return draft.case("graded sums that wrap", {"in": _raster(*rows_in)}, 10)


def _graded_kernels() -> Case:
    """Sums of a convolution beyond 24 bits; rectangular everything."""
    rng = np.random.default_rng(24)
    draft = Draft()
    draft.net.add_input("in", shape=(2, 3, 4), message_bits=24)
    for k, options in enumerate(({}, {"stride": (2, 1), "padding": (1, 2)}, {"groups": 2, "dilation": (1, 2)})):
        kernel = rng.integers(-256, 256, (2, 1 if "groups" in options else 2, 2, 2))
        conv: Connection = Conv2d.build(kernel, (2, 3, 4), where="golden files", **options)  # type: ignore[arg-type]
        draft.net.add_population(f"p{k}", shape=conv.target_shape, model="graded_vec", vth=0)
        draft.attach("in", f"p{k}", conv)
        draft.net.add_population(f"b{k}", shape=conv.target_shape, model="sigma")
        draft.attach("in", f"b{k}", conv, message_bits=0)
    values = np.concatenate([rng.integers(-32769, 32769, (1, 4, 24)), rng.integers(-9, 10, (1, 4, 24))], axis=1)
    return draft.case("graded kernels", {"in": values.astype(np.int32)}, 10)


def _graded_spikes() -> Case:
    """A binary synapse takes every message but 0 for one spike, negative ones too."""
    draft = _fed(3, 16)
    rows = np.array([[6, -4, 2], [-2, 8, 10]])
    for kind, connection in (("d", _dense(rows)), ("s", Sparse.from_matrix(rows, (3,), (2,)))):
        for delay in (0, 2):
            draft.net.add_population(f"{kind}{delay}", shape=2, du=3000, dv=100, vth=8)
            draft.attach("in", f"{kind}{delay}", connection, message_bits=0, delay=delay)
    rows_in = [(1, 0, -1), (-300, 5, 0), (0, 0, 0), (7, -7, 7), (0, -1, 0)]
    return draft.case("graded messages as spikes", {"in": _raster(*rows_in)}, 10)


def _chain() -> Case:
    """Direct connections in a row, which all happen in one step; fan-in of a synapse and a direct one; a late start."""
    draft = _fed(2, 16)
    _add(draft, "delta", "delta", 2, vth=4, spike_exp=2)
    for name, source in (("sum", "delta"), ("vec", "sum"), ("lif", "vec")):
        model = {"sum": "sigma", "vec": "graded_relu_vec", "lif": "cuba"}[name]
        options = {"du": 3000, "dv": 100, "vth": 90, "start": 2} if name == "lif" else {}
        draft.net.add_population(name, shape=2, model=model, **options)
        draft.attach(source, name, Direct.between((2,), (2,)))
    draft.attach("delta", "lif", _dense([[2, -4], [-6, 8]]))
    draft.attach("lif", "sum", _dense([[-2, 0], [0, 2]]))
    values = np.random.default_rng(25).integers(-40, 41, (1, 16, 2)) // 9
    return draft.case("direct connections", {"in": values.astype(np.int32)}, 18)
