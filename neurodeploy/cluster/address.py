"""Addresses of clusters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neurodeploy.cluster.errors import ClusterError

LEGAL = "give local, local:4 (so many worker processes on this machine) or a Dask scheduler such as tcp://host:8786"


@dataclass(frozen=True)
class Address:
    """A scheduler, or workers of our own.

    Attributes:
        text: As the user gave it.
        scheduler: ``tcp://host:port`` or ``tls://host:port``; None for workers of our own.
        workers: How many of our own; None for one per usable CPU.
    """

    text: str
    scheduler: str | None = None
    workers: int | None = None


def parse_address(text: str) -> Address:
    """Read an address.

    Raises:
        ClusterError: It is none; lists the legal forms.
    """
    if text == "local":
        return Address(text)
    own = re.fullmatch(r"local:(\d{1,4})", text, re.ASCII)
    if own and int(own[1]) > 0:
        return Address(text, workers=int(own[1]))
    remote = re.fullmatch(r"(?:tcp|tls)://(?:\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):(\d{1,5})", text, re.ASCII)
    if remote and 0 < int(remote[1]) < 2**16:
        return Address(text, scheduler=text)
    raise ClusterError(f"'{text}' is not the address of a cluster", where="--cluster", remedy=LEGAL)
