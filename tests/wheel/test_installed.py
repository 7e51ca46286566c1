"""What only an installed package can get wrong.

Run from outside the repository: ``cd SOMEWHERE && python -m pytest REPO/tests/wheel``.
After ``pip install -e`` add ``-k "not site_packages"``.
"""

import json
import os
import platform
import subprocess
import sysconfig
from importlib.metadata import distribution, requires, version
from importlib.resources import files
from pathlib import Path

import pytest

import neurodeploy
import neurodeploy.kernels as kernels

DISTRIBUTION = "neurodeploy-snn"
SITE_PACKAGES = Path(sysconfig.get_path("platlib"))


def names(package: str, suffix: str) -> set[str]:
    return {f.name.removesuffix(suffix) for f in files(package).iterdir() if f.name.endswith(suffix)}


def test_imports_from_site_packages() -> None:
    for package in ("neurodeploy", "neurodeploy_targets", "neurodeploy_models"):
        assert SITE_PACKAGES in Path(str(files(package))).parents
    assert neurodeploy.__file__ is not None and SITE_PACKAGES in Path(neurodeploy.__file__).parents


def test_wheel_in_site_packages_holds_no_build_or_training_files() -> None:
    assert not [f.name for f in (SITE_PACKAGES / "neurodeploy").rglob("*.[ch]")]
    assert not (SITE_PACKAGES / "neurodeploy_models" / "training").exists()


def test_targets_are_package_data() -> None:
    systems = {"kapoho-bay", "nahuku", "pohoiki-springs", "kapoho-point", "hala-point"}
    assert names("neurodeploy_targets", ".toml") == {"loihi1", "loihi2", "tiny"} | systems
    assert (files("neurodeploy_targets") / "loihi2.toml").read_text(encoding="utf-8")
    assert (files("neurodeploy_targets") / "energy" / "sanafe.toml").read_text(encoding="utf-8")


def test_templates_of_reports_are_package_data() -> None:
    assert {f.name for f in (files("neurodeploy") / "report" / "templates").iterdir()} == {"page.html.j2", "style.css"}


def test_models_are_package_data() -> None:
    models = {"digits-mlp", "digits-conv", "vowels-rsnn"}
    assert set(neurodeploy.list_models()) == models
    for model in models:
        found = {f.name for f in (files("neurodeploy_models") / model).iterdir()}
        assert found == {"card.toml", "model.nir", "test.npz"}
        assert neurodeploy.load_model(model).nir.read_bytes()[:4] == b"\x89HDF"


def test_policies_are_package_data() -> None:
    for policy in ("obstacles", "pendulum"):
        loaded = neurodeploy.worlds.load_policy(policy)
        assert {f.name for f in loaded.nir.parent.iterdir()} == {"card.toml", "policy.nir"}
        assert loaded.program().net.neurons > 100


def test_kernels_load() -> None:
    assert kernels.load().nd_abi_version() == kernels.ABI_VERSION
    assert kernels.load() is kernels.load()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="several levels on x86-64 only")
def test_every_instruction_set_is_there() -> None:
    assert tuple(kernels.installed()) == kernels.LEVELS
    assert all(SITE_PACKAGES in path.parents for path in kernels.installed().values())


@pytest.mark.parametrize("level", kernels.usable())
def test_the_kernels_of_every_level_equal_the_reference(level: str) -> None:
    script = Path(sysconfig.get_path("scripts"), "neurodeploy")
    environment = os.environ | {kernels.ISA_VARIABLE: level}
    done = subprocess.run([script, "doctor", "--json"], capture_output=True, text=True, timeout=60, env=environment)
    (found,) = [line for line in json.loads(done.stdout) if line["name"] == "fast engine"]
    assert found["ok"] and found["detail"].startswith(f"instruction set {level} "), found


def test_the_licence_is_installed() -> None:
    (licence,) = [f for f in distribution(DISTRIBUTION).files or [] if f.name == "LICENSE"]
    assert "Apache License" in licence.read_text(encoding="utf-8")


def test_torch_is_optional() -> None:
    core = [line for line in requires(DISTRIBUTION) or [] if "extra ==" not in line]
    assert core and not [line for line in core if "torch" in line]


def test_version_command() -> None:
    script = Path(sysconfig.get_path("scripts"), "neurodeploy")
    result = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert version(DISTRIBUTION) in result.stdout
    assert neurodeploy.__version__ == version(DISTRIBUTION)
