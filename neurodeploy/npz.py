"""Reading ``.npz`` files that anybody may have written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import UnreadableFile


def read_arrays(path: Path, names: Sequence[str] | None, how: str) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Those of the named arrays (None: all) that an ``.npz`` holds, and the names of all that it holds.

    Raises:
        UnreadableFile: Missing, or not an ``.npz``; ``how`` says how to write one.
    """
    where = str(path)
    if not path.is_file():
        what = "a folder, not a file" if path.is_dir() else "no such file"
        raise UnreadableFile(what, where=where, remedy="check the path")
    if not is_zipfile(path):
        raise UnreadableFile("not an .npz file", where=where, remedy=f"write it with {how}")
    try:
        with np.load(path, allow_pickle=False) as file:
            found = sorted(file.files)
            return {
                name: np.asarray(file[name]) for name in (found if names is None else names) if name in found
            }, found
    except Exception as error:  # numpy raises whatever a damaged archive makes it meet
        raise UnreadableFile(
            f"not a readable .npz file: {type(error).__name__}: {error}", where=where, remedy=f"write it with {how}"
        ) from error
