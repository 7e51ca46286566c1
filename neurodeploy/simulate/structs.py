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


class Raster(ctypes.Structure):
    """``nd_raster``."""

    _fields_ = [*_pointers("values"), *_int32("size", "graded", "steps"), *_int64("sent")]


class Population(ctypes.Structure):
    """``nd_population``."""

    _fields_ = [
        *_pointers("step"),
        *_int32("size", "n_ports", "n_outputs", "first_raster", "n_registers", "n_state"),
        *_int32("first", "last", "reset_interval", "reset_offset"),
        *_int32("component", "is_recurrent", "fits32", "is_tiled", "is_regular"),
        *_pointers("fields", "initial", "constant", "traces"),
        *_int64("active", "syn_ops", "wraps", "saturations"),
    ]


class Projection(ctypes.Structure):
    """``nd_projection``."""

    _fields_ = [
        *_int32("kind", "source", "target", "port", "weight_exp", "latency", "graded", "products_wrap"),
        *_int32("n_source", "n_target"),
        *_pointers("weights", "indptr", "indices", "fan_out", "tiles", "small", "short_indices", "packed"),
        *_int32("weight_shift", "tile_limit"),
        *_pointers("meets_y", "meets_x"),
        *_int32("c_in", "h_in", "w_in", "c_out", "h_out", "w_out", "kh", "kw", "groups"),
    ]
