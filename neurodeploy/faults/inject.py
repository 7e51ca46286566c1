"""Faults into the integers of a network: a pure function of network, faults and seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from neurodeploy.chipnet import ChipInput, ChipNetwork
from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import Draw, Fault, Image
from neurodeploy.faults.inputs import InputFault
from neurodeploy.faults.manifest import Hit, Manifest
from neurodeploy.faults.text import faults_of
from neurodeploy.program import Program
from neurodeploy.semantics import MEMBRANE_READOUTS
from neurodeploy.simulate.events import Events

T = TypeVar("T", ChipNetwork, Program)


@dataclass(frozen=True, eq=False)
class Injected(Generic[T]):
    """A faulty network; unpacks into ``image`` and ``manifest``.

    Attributes:
        image: The network or program with the faults; what no fault touches is shared with the one given.
        manifest: What was hit.
    """

    image: T
    manifest: Manifest

    def __iter__(self) -> Iterator[Any]:
        return iter((self.image, self.manifest))

    @property
    def net(self) -> ChipNetwork:
        """The integers."""
        return self.image if isinstance(self.image, ChipNetwork) else self.image.net

    def spikes(self, spikes: Any, first: int = 0) -> Any:
        """What the network gets of these messages: the faults of inputs, with the same seed.

        Args:
            spikes: As :func:`neurodeploy.simulate` takes them, or a dict of them by input.
            first: Number of the first sample in the data set: noise belongs to the sample, so that a data set given in
                parts gets the same as a whole one. A closed loop that sends one step at a time gives the step's number.

        Returns:
            The same type; events become arrays where an input fault concerns them.
        """
        faults = [(k, f) for k, f in enumerate(self.manifest.spec) if isinstance(f, InputFault)]
        if not isinstance(spikes, Mapping):
            if not faults:
                return spikes
            (name,) = self.net.inputs
            return self._corrupted(spikes, name, faults, first)
        return {name: self._corrupted(values, name, faults, first) for name, values in spikes.items()}

    def _corrupted(self, spikes: Any, name: str, faults: Iterable[tuple[int, InputFault]], first: int) -> Any:
        concerned = [(k, f) for k, f in faults if f.concerns(name)]
        if not concerned:
            return spikes
        port, index = self.net.inputs[name], list(self.net.inputs).index(name)
        array = spikes.array() if isinstance(spikes, Events) else np.asarray(spikes)
        one = array.ndim == len(port.shape) + 1
        samples = _checked(array[None] if one else array, port)
        result = np.empty(samples.shape, np.uint8 if not port.message_bits else np.int32)
        for i, sample in enumerate(samples):
            values = sample.reshape(len(sample), port.size).astype(np.int64)
            for position, fault in concerned:
                values = fault.corrupt(values, port, first + i, Draw(self.manifest.seed, position), index)
            result[i] = values.reshape(sample.shape)
        return result[0] if one else result


def inject(image: T, spec: str | Fault | Iterable[Fault], seed: int = 0) -> Injected[T]:
    """The network or program with faults in its integers, and a manifest of what was hit.

    Faults act one after the other in the order given, each on what the ones before have left. The same image, faults
    and seed give the same bits. A program keeps its mapping: what is lost is lost where it was.

    Args:
        image: A network, or a program.
        spec: Text (see :func:`neurodeploy.faults.parse`), a fault, or faults.
        seed: Of all draws, >= 0.

    Raises:
        InvalidFault: No such fault, or this network cannot have it.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InvalidFault(f"seed {seed!r}", where="inject", remedy="give an integer >= 0")
    faults = faults_of(spec)
    state = Image(image) if isinstance(image, ChipNetwork) else _image_of(image)
    hits: list[Hit] = []
    for position, fault in enumerate(faults):
        state, more = fault.strike(state, Draw(int(seed), position))
        hits += more
    manifest = Manifest(faults, int(seed), tuple(hits))
    if isinstance(image, ChipNetwork):
        return Injected(state.net, manifest)  # type: ignore[arg-type,unused-ignore]
    known = {"faults": {"spec": manifest.text, "seed": manifest.seed}} if faults else {}
    return Injected(replace(image, net=state.net, provenance={**image.provenance, **known}), manifest)


def _image_of(program: Program) -> Image:
    read = frozenset(program.outputs.values()) if program.readout in MEMBRANE_READOUTS else frozenset()
    return Image(program.net, program.mapping, program.target, read)


def _checked(samples: Any, port: ChipInput) -> Any:
    if samples.ndim != len(port.shape) + 2 or samples.shape[2:] != port.shape:
        raise InvalidFault(
            f"messages have shape {samples.shape}",
            where=f"input '{port.name}' of shape {port.shape}",
            remedy=f"give (T, *{port.shape}) for one sample or (N, T, *{port.shape}) for a batch",
        )
    return samples
