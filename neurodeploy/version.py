"""The installed version; one source, the package's metadata."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Version of the distribution, or ``0+unknown`` in a checkout that was never installed."""
    try:
        return version("neurodeploy-snn")
    except PackageNotFoundError:
        return "0+unknown"
