"""Lets Lava 0.10.0 be imported on Python 3.11 and newer.

Lava's ``var_model`` uses instances of the dataclass ``ByteEncoder`` as field defaults; since 3.11 defaults must be
hashable. That one class is made hashable while that one module is imported; no installed file is changed.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from typing import Any

FAULTY_MODULE = "lava.magma.compiler.var_model"


def install() -> None:
    """Import Lava's faulty module in a way that works; call before anything else of Lava is imported."""
    if sys.version_info < (3, 11):
        return
    original: Any = dataclasses.dataclass

    def hashable(cls: Any = None, /, **options: Any) -> Any:
        def decorate(found: Any) -> Any:
            if found.__name__ == "ByteEncoder" and found.__module__.startswith("lava."):
                return original(found, **(options | {"unsafe_hash": True}))
            return original(found, **options)

        return decorate if cls is None else decorate(cls)

    dataclasses.dataclass = hashable
    try:
        importlib.import_module(FAULTY_MODULE)
    finally:
        dataclasses.dataclass = original
