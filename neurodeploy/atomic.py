"""Files are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from neurodeploy.errors import UnwritableFile


def check_writable(path: str | Path, keep: Iterable[str | Path] = ()) -> Path:
    """The file that ``path`` stands for, links followed. Called before long work, whose result would else be lost.

    Args:
        path: What is to be written.
        keep: Inputs of the same job, which it must not replace.

    Raises:
        UnwritableFile: It is an input, a folder or a device; or its folder does not exist or cannot be written.
    """
    real, where = Path(os.path.realpath(path)), str(path)
    if any(real == Path(os.path.realpath(other)) for other in keep):
        raise UnwritableFile("this would overwrite the input", where=where, remedy="choose another name")
    if real.exists() and not real.is_file():
        raise UnwritableFile("this is not a file but a folder or a device", where=where, remedy="give a file name")
    if not real.parent.is_dir():
        raise UnwritableFile(
            f"there is no folder '{real.parent}'", where=where, remedy="create the folder, or choose another one"
        )
    if not os.access(real if real.exists() else real.parent, os.W_OK):
        raise UnwritableFile("no permission to write", where=where, remedy="choose another folder or name")
    return real


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block succeeds and vanishes when it fails.

    A file that exists keeps its permission bits; a new one gets those that any new file gets.

    Raises:
        UnwritableFile: As :func:`check_writable`, or the disk is full.
    """
    real = check_writable(path)
    try:
        handle, name = tempfile.mkstemp(dir=real.parent, prefix=".neurodeploy-", suffix=".part")
    except OSError as error:
        raise UnwritableFile(
            f"cannot write: {error.strerror}", where=str(path), remedy="choose another folder"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(stat.S_IMODE(real.stat().st_mode) if real.exists() else 0o666 & ~_umask())
        temporary.replace(real)
    except OSError as error:
        raise UnwritableFile(f"cannot write: {error}", where=str(path), remedy="check space and permissions") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def making_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder that becomes ``path`` when the block succeeds and vanishes when it fails.

    Raises:
        UnwritableFile: There is something at ``path`` other than an empty folder, it cannot be made, or the disk is
            full.
    """
    real, where = Path(os.path.realpath(path)), str(path)
    if real.exists() and not (real.is_dir() and not any(real.iterdir())):
        what = "this folder is not empty" if real.is_dir() else "this is not a folder"
        raise UnwritableFile(what, where=where, remedy="choose another folder")
    try:
        temporary = Path(tempfile.mkdtemp(dir=real.parent, prefix=".neurodeploy-", suffix=".part"))
    except OSError as error:
        raise UnwritableFile(
            f"cannot make the folder: {error.strerror}", where=where, remedy="choose another folder"
        ) from error
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if real.exists():
            real.rmdir()
        temporary.replace(real)
    except OSError as error:
        raise UnwritableFile(f"cannot write: {error}", where=where, remedy="check space and permissions") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(path: Path) -> None:
    """Create a folder and its parents where missing; UnwritableFile if that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFile(
            f"cannot make the folder: {error.strerror}", where=str(path), remedy="choose another folder"
        ) from error


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
