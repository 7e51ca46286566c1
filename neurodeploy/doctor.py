"""Says what works on this machine and how to mend what does not."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from neurodeploy import kernels
from neurodeploy.bundled import list_models
from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import NeurodeployError
from neurodeploy.export.lava import check_lava
from neurodeploy.lava_env import known_lava
from neurodeploy.simulate import simulate
from neurodeploy.target import check_target, list_targets


@dataclass(frozen=True)
class Finding:
    """One line of ``doctor``; ``remedy`` is empty where all is well."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Check Python, the packages, the C kernels (against the reference), targets and models."""
    found = [Finding("python", True, f"{platform.python_version()} on {sys.platform} {platform.machine()}")]
    for package in ("neurodeploy-snn", "numpy", "scipy", "nir", "h5py", "click", "rich", "msgspec"):
        try:
            found.append(Finding(package, True, version(package)))
        except PackageNotFoundError:
            found.append(Finding(package, False, "not installed", "pip install --force-reinstall neurodeploy-snn"))
    found += [_kernels(), _lava()]
    for name in list_targets():
        problems = check_target(name)
        remedy = problems[0].remedy if problems else ""
        found.append(Finding(f"target {name}", not problems, "; ".join(map(str, problems)) or "valid", remedy))
    models = list_models()
    found.append(
        Finding(
            "models",
            bool(models),
            ", ".join(models) or "none",
            "" if models else "pip install --force-reinstall neurodeploy-snn",
        )
    )
    return found


def _lava() -> Finding:
    """Lava is optional; one that is there must work."""
    python = known_lava()
    if python is None:
        return Finding("lava", True, "not set up (optional: neurodeploy lava setup)")
    try:
        facts = check_lava(python)
    except NeurodeployError as fault:
        return Finding("lava", False, fault.what, "neurodeploy lava setup --again")
    return Finding("lava", True, f"{facts['lava-nc']} on Python {facts['python']}, NumPy {facts['numpy']}, {python}")


def _kernels() -> Finding:
    """Load the library and compare one small network with the reference."""
    try:
        kernels.load()
    except kernels.KernelsUnavailable as missing:
        return Finding(
            "fast engine",
            False,
            f"{missing}; runs fall back to the slow reference engine",
            missing.remedy,
        )
    rng = np.random.default_rng(0)
    net = ChipNetwork()
    net.add_input("in", shape=20)
    net.add_population("out", shape=30, du=1000, dv=300, vth=50)
    net.connect("in", "out", rng.integers(-128, 128, (30, 20)) * 2)
    spikes = (rng.random((50, 20)) < 0.3).astype(np.uint8)
    runs = [simulate(net, spikes, record={"out": ("u", "v")}, engine=e) for e in ("fast", "reference")]
    equal = all(np.array_equal(runs[0].states["out"][r], runs[1].states["out"][r]) for r in ("u", "v"))
    levels = f"instruction set {kernels.level()} (installed: {', '.join(kernels.installed())})"
    detail = f"{levels}, {kernels.library_path()}, {'equals' if equal else 'DIFFERS FROM'} the reference"
    return Finding("fast engine", equal, detail, "" if equal else "report this machine; use --engine reference")
