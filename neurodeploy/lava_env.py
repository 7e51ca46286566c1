"""An environment with Lava 0.10.0: where it is, how to make it, whether it works."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from neurodeploy.errors import MissingDependency, NeurodeployError, UnwritableFile
from neurodeploy.export.lava import check_lava

REQUIREMENTS = Path(__file__).parent / "export" / "lava" / "requirements"
# Lava's metadata wants Python 3.10. The flag must not reach the dependencies, for which pip would then pick releases
# that do not run here; so they come first.
STEPS = (
    ("-r", "lava-dependencies.txt"),
    ("--no-deps", "--ignore-requires-python", "-r", "lava.txt"),
)
MEASURED = ((3, 10), (3, 13))
OURS, DONE = "neurodeploy-lava", "made-from"
TAIL = 2000

Note = Callable[[str], None]


def default_folder() -> Path:
    """Where this user's environment lives."""
    if sys.platform == "win32":
        data = Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path.home() / ".local" / "share"
    return data / "neurodeploy" / "lava"


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def find_lava(given: Path | None = None) -> Path:
    """The interpreter to run Lava with: the one given, else that of :func:`set_up`, else this one if it has Lava.

    Raises:
        MissingDependency: There is none; says how to make one.
    """
    if given is not None:
        if not given.is_file():
            raise MissingDependency(
                "no such interpreter",
                where=f"--lava-python {given}",
                remedy="give the path of a Python that has lava-nc 0.10.0, or make one: neurodeploy lava setup",
            )
        return given
    found = known_lava()
    if found is None:
        raise MissingDependency(
            "Lava is not set up",
            where=str(default_folder()),
            remedy="neurodeploy lava setup, once; or name an interpreter that has lava-nc 0.10.0 with --lava-python",
        )
    return found


def known_lava() -> Path | None:
    """As :func:`find_lava` without a choice of the user's; None if there is none."""
    folder = default_folder()
    if (folder / DONE).is_file() and python_of(folder).exists():
        return python_of(folder)
    try:
        version("lava-nc")
    except PackageNotFoundError:
        return None
    return Path(sys.executable)


def set_up(folder: Path | None = None, *, again: bool = False, note: Note = lambda text: None) -> dict[str, str]:
    """Make an environment of the running Python with the measured versions, unless it is there and works.

    Args:
        folder: Where; default :func:`default_folder`. An existing folder must be empty or made by this function.
        again: Make it anew in any case.
        note: Told what is going on.

    Returns:
        ``python``, ``state`` (``made`` or ``was there``) and the versions of :func:`check_lava`.

    Raises:
        MissingDependency: A step failed; holds the command and the end of its output.
        UnwritableFile: The folder holds something else, or cannot be written.
    """
    folder = (folder or default_folder()).absolute()
    wanted = _digest()
    if not again and _text(folder / DONE) == wanted:
        note(f"trying the environment in {folder}")
        try:
            return _facts(python_of(folder), "was there")
        except NeurodeployError as fault:
            note(f"it does not work ({fault.what.splitlines()[0]}); making it again")
    this = sys.version_info[:2]
    if not MEASURED[0] <= this <= MEASURED[1]:
        raise MissingDependency(
            f"Lava is measured on Python 3.10 to 3.13, this is {platform.python_version()}",
            where=sys.executable,
            remedy="run `neurodeploy lava setup` with one of those, or name an interpreter that has lava-nc 0.10.0 "
            "with --lava-python",
        )
    _clear(folder)
    note(f"making an environment for Python {platform.python_version()} in {folder}")
    _run([sys.executable, "-m", "venv", str(folder)], folder, "the venv module may be missing (Debian: python3-venv)")
    for step, what in zip(STEPS, ("what Lava needs, some 300 MB in all", "Lava 0.10.0"), strict=True):
        note(f"installing {what}")
        words = [str(REQUIREMENTS / word) if word.endswith(".txt") else word for word in step]
        pip = [str(python_of(folder)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run([*pip, *words], folder, "the reason is above; with the network down, run it again later")
    note("trying it")
    facts = _facts(python_of(folder), "made")
    (folder / DONE).write_text(wanted, encoding="utf-8")
    if folder != default_folder():
        note(f"other commands find it with --lava-python {python_of(folder)}")
    return facts


def check(given: Path | None = None) -> dict[str, str]:
    """Whether Lava works at the interpreter that :func:`find_lava` finds; facts as of :func:`set_up`."""
    return _facts(find_lava(given), "was there")


def _facts(python: Path, state: str) -> dict[str, str]:
    return {"state": state, "interpreter": str(python)} | check_lava(python)


def _clear(folder: Path) -> None:
    """An empty folder with our mark, which later says that we may remove it."""
    try:
        if folder.is_dir() and any(folder.iterdir()) and not (folder / OURS).is_file():
            raise UnwritableFile(
                "the folder holds something that `neurodeploy lava setup` did not make",
                where=str(folder),
                remedy="give another folder with --dir, or remove this one",
            )
        if (folder / OURS).is_file():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / OURS).write_text("made by `neurodeploy lava setup`, which may remove this folder\n", encoding="utf-8")
    except OSError as error:
        raise UnwritableFile(
            f"cannot be written: {error.strerror}", where=str(folder), remedy="give another folder with --dir"
        ) from error


def _run(command: Sequence[str], folder: Path, hint: str) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
        )
        code, output = str(done.returncode), done.stdout.strip()[-TAIL:]
    except OSError as error:
        code, output = "not started", str(error)
    if code != "0":
        lines = "\n".join(part for part in (" ".join(command), output) if part)
        raise MissingDependency(
            f"setting up Lava failed (exit code {code}) at\n{lines}", where=str(folder), remedy=hint
        )


def _digest() -> str:
    """What an environment is made from: the lists, the interpreter, the machine."""
    total = hashlib.sha256("\0".join([repr(STEPS), sys.version, platform.machine()]).encode())
    for path in sorted(REQUIREMENTS.glob("*.txt")):
        total.update(b"\0" + path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
