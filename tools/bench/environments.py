"""Makes the peers' environments, one per framework, under the cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from peers import Unavailable

HERE = Path(__file__).resolve().parent
LISTS = HERE / "requirements"
LAVA_LISTS = HERE.parent.parent / "neurodeploy" / "export" / "lava" / "requirements"

TORCH = ("-r", "torch.txt")
STEPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "torch": (TORCH, ("-r", "numpy.txt")),
    "snntorch": (TORCH, ("-r", "numpy.txt"), ("-r", "snntorch.txt")),
    "norse": (TORCH, ("-r", "norse-dependencies.txt"), ("--no-deps", "-r", "norse.txt")),
    "spikingjelly": (
        TORCH,
        ("-r", "spikingjelly-dependencies.txt"),
        ("--no-deps", "-r", "spikingjelly.txt"),
    ),
    "brian2": (("-r", "brian2.txt"),),
    "nest": (("-r", "nest.txt"),),
    "nengo-loihi": (("-r", "nengo-loihi.txt"),),
    # Lava's metadata wants Python 3.10; its dependencies come first, for the flag must not reach them.
    "lava": (("-r", "lava-dependencies.txt"), ("--no-deps", "--ignore-requires-python", "-r", "lava.txt")),
}
TAIL = 400


def environment(name: str, cache: Path, python: Path | None = None) -> Path:
    """The interpreter of a peer's environment, made where it is not there or its lists have changed.

    Args:
        name: A key of ``STEPS``.
        cache: Where environments are kept.
        python: Makes it; default the running one.

    Raises:
        Unavailable: It cannot be made; holds the end of what pip says.
    """
    with (cache / f"venv-{name}.lock").open("w") as lock:  # another run of the benchmark may be at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made(name, cache / f"venv-{name}", Path(python or sys.executable).resolve())


def _made(name: str, folder: Path, base: Path) -> Path:
    text = "".join(_list_of(word).read_text() for step in STEPS[name] for word in step if word.endswith(".txt"))
    version = subprocess.run([base, "--version"], capture_output=True, text=True).stdout.split()[-1]
    wanted = hashlib.sha256(repr((STEPS[name], text, str(base), version)).encode()).hexdigest()
    stamp, interpreter = folder / "made-from", folder / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == wanted and interpreter.exists():
        return interpreter
    print(f"bench: making the environment of {name}", file=sys.stderr, flush=True)
    _run([str(base), "-m", "venv", "--clear", str(folder)], name)
    for step in STEPS[name]:
        arguments = [str(_list_of(word)) if word.endswith(".txt") else word for word in step]
        _run([str(interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments], name)
    stamp.write_text(wanted)
    return interpreter


def _list_of(name: str) -> Path:
    return LISTS / name if (LISTS / name).is_file() else LAVA_LISTS / name


def _run(command: list[str], name: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise Unavailable(f"the environment of {name} cannot be made: {' '.join(done.stdout[-TAIL:].split())}")
