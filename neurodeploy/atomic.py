"""Files are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurodeploy.errors import UnreadableFile


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block succeeds and vanishes when it fails.

    Raises:
        UnreadableFile: The folder does not exist or cannot be written.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise UnreadableFile(
            f"cannot write: {error.strerror}", where=str(path), remedy="create the folder, or choose another one"
        ) from error
    os.close(handle)
    temporary = Path(name)
    umask = os.umask(0)
    os.umask(umask)
    try:
        yield temporary
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise UnreadableFile(f"cannot write: {error}", where=str(path), remedy="check space and permissions") from error
    finally:
        temporary.unlink(missing_ok=True)
