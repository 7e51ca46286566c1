"""Sets of energies and times: those of a target file, and ``targets/energy/*.toml``, to put in their place."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from neurodeploy.errors import InvalidTarget, UnknownTarget, did_you_mean
from neurodeploy.target import bundled_folder, list_targets, load_target, parse_tables
from neurodeploy.target_schema import Energy, FloatQuantity, Latency, Status, Target


class Ann(Struct, frozen=True, forbid_unknown_fields=True):
    """A dense artificial network on this machine.

    Attributes:
        mac_j: Per multiply-accumulate.
        ac_j: Per accumulate, which is what a spike takes; None where it takes as much as a ``mac_j``.
        memory_byte_j: Per byte read or written; None where the figures per operation have it in them.
    """

    mac_j: FloatQuantity
    ac_j: FloatQuantity | None = None
    memory_byte_j: FloatQuantity | None = None


class EnergyProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file in ``targets/energy/`` holds; every number with its source, as in a target file.

    Attributes:
        title, status, description: As of a target.
        energy, latency: Complete tables; what nobody says is 0 with the status ``absent``.
        ann: Where the machine is also a baseline for dense networks.
    """

    title: str
    status: Status
    description: str
    energy: Energy
    latency: Latency
    ann: Ann | None = None


def list_profiles() -> list[str]:
    """Names that :func:`with_profile` takes."""
    return sorted(_files().keys() | _of_targets().keys())


def load_profile(name_or_path: str) -> EnergyProfile:
    """A profile by name, or from a ``.toml`` file.

    Raises:
        UnknownTarget: No such profile or file.
        InvalidTarget: The file breaks the schema; names every problem found.
    """
    known = _files()
    if name_or_path in known or name_or_path.endswith(".toml"):
        path = known.get(name_or_path, Path(name_or_path))
        profile = parse_tables(path, EnergyProfile)
        _check_absent(profile, path)
        return profile
    owners = _of_targets()
    if name_or_path not in owners:
        remedy = f"{did_you_mean(name_or_path, list_profiles())}; or give the path of a .toml file"
        raise UnknownTarget(f"there is no energy profile '{name_or_path}'", where="--energy-profile", remedy=remedy)
    target = load_target(owners[name_or_path])
    return EnergyProfile(target.title, target.status, target.description, target.energy, target.latency)


def with_profile(target: Target, name_or_path: str) -> Target:
    """The target with the energies and times of a profile; its limits stay."""
    profile = load_profile(name_or_path)
    return msgspec.structs.replace(target, energy=profile.energy, latency=profile.latency)


def missing(target: Target) -> tuple[str, ...]:
    """Constants of a target that its profile does not have."""
    tables = (target.energy, target.latency)
    facts = {key: getattr(table, key) for table in tables for key in table.__struct_fields__}
    return tuple(key for key, fact in facts.items() if getattr(fact, "status", None) == "absent")


def _files() -> dict[str, Path]:
    return {path.stem: path for path in (bundled_folder() / "energy").glob("*.toml")}


def _of_targets() -> dict[str, str]:
    """Names of the profiles that targets have of their own, and the targets."""
    return {load_target(name).energy.profile: name for name in reversed(list_targets())}


def _check_absent(profile: EnergyProfile, path: Path) -> None:
    for table in (profile.energy, profile.latency):
        for key in table.__struct_fields__:
            fact = getattr(table, key)
            if getattr(fact, "status", None) == "absent" and fact.band != (0, 0):
                raise InvalidTarget(
                    f"{key} is absent, but has the value {fact.value}",
                    where=str(path),
                    remedy="make it 0, or say where the value is from",
                )
