"""Training scripts of the three example networks; run as `python -m models.training.<script>`."""

from importlib.util import find_spec

INSTALL = """pip install -r models/training/requirements.txt
pip install --no-deps norse==1.1.0"""


def _check_dependencies() -> None:
    """Stop with the commands to run when a package that training needs is absent."""
    missing = [name for name in ("torch", "nir", "snntorch", "norse", "sklearn") if find_spec(name) is None]
    if missing:
        raise SystemExit(f"training needs {', '.join(missing)}, not found; run\n{INSTALL}")


_check_dependencies()
