"""The structures of kernels/nd.h for ctypes: keep the two in step."""

from __future__ import annotations

import ctypes
from typing import Any


def _int32(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_int32) for name in names]


def _int64(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_int64) for name in names]


def _pointers(*names: str) -> list[tuple[str, Any]]:
    return [(name, ctypes.c_void_p) for name in names]


BITS, MESSAGES, FLAGS, EVENTS = range(4)
"""Forms of a raster."""
WORD = 64
"""``ND_WORD``: neurons per word of a raster; arrays of neurons are filled up with zeros to a multiple of it."""


class Raster(ctypes.Structure):
    """``nd_raster``."""

    _fields_ = [*_pointers("values", "starts"), *_int32("size", "form", "steps"), *_int64("sent")]


class Population(ctypes.Structure):
    """``nd_population``."""

    _fields_ = [
        *_pointers("step"),
        *_int32("size", "n_ports", "n_outputs", "first_raster", "first_projection", "n_projections"),
        *_int32("n_registers", "n_state", "first", "last"),
        *_int32("fires_from", "fires_until", "is_quiet", "reset_interval", "reset_offset"),
        *_int32("component", "is_recurrent", "fits32", "is_narrow", "input_exp"),
        *_int32("is_tiled", "is_regular", "is_plain", "parts", "has_bias", "v_is_bound"),
        *_pointers("fields"),
        ("lanes", ctypes.c_void_p * 4),
        ("lane_masks", ctypes.c_int32 * 4),
        *_pointers("initial", "constant", "map_at", "traces"),
        *_int64("active", "syn_ops", "wraps", "saturations"),
    ]


class Projection(ctypes.Structure):
    """``nd_projection``."""

    _fields_ = [
        *_int32("kind", "source", "target", "port", "weight_exp", "latency", "graded", "products_wrap"),
        *_int32("n_source", "n_target"),
        *_pointers("weights", "indptr", "cuts", "indices", "fan_out", "tiles", "dots"),
        *_pointers("small", "short_indices", "packed", "delays"),
        *_int32("ring", "weight_shift", "tile_limit"),
        *_pointers("taps", "base", "tap", "vector_at", "at"),
        *_int32("vectors", "map_size"),
        *_pointers("meets_y", "meets_x"),
        *_int32("c_in", "h_in", "w_in", "c_out", "h_out", "w_out", "kh", "kw", "groups", "channels_last"),
    ]
