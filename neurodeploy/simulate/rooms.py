"""Memory for what a call keeps."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

Room = NDArray[np.uint64]

MOST_WORDS = 2**23
"""Of a room that is kept, 64 MiB."""
UNUSED = 3
"""References to the last room if nobody but this module has any, with that of the question."""

_last: Room = np.empty(0, np.uint64)


def room(words: int) -> Room:
    """An array of so many words; the last call's, if nobody can look at that any more.

    New pages of memory take longer to get than what is written to them.
    """
    global _last
    last = _last
    if last.size != words or sys.getrefcount(last) > UNUSED:
        last = np.empty(words, np.uint64)
        if words <= MOST_WORDS:
            _last = last
    return last
