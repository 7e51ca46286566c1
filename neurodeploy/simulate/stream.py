"""Data sets larger than memory: samples from an iterator, run some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.errors import SimulationError
from neurodeploy.simulate.events import Events, joined
from neurodeploy.simulate.inputs import Spikes
from neurodeploy.simulate.run import Run, simulate

if TYPE_CHECKING:
    from neurodeploy.program import Program


def stream(
    network: ChipNetwork | Program, samples: Iterable[Spikes | Mapping[str, Spikes]], *, batch: int = 64, **options: Any
) -> Iterator[Run]:
    """Run the samples of an iterator, which may be a generator without an end.

    Args:
        network: As for :func:`simulate`.
        samples: Each (T, *shape), or :class:`Events` of one sample, or a dict of such by input name.
        batch: How many are read, run and held at a time.
        options: As for :func:`simulate`.

    Yields:
        A Run of up to ``batch`` samples that follow each other and have the same number of steps, in order.

    Raises:
        SimulationError: As :func:`simulate`; names the sample.
    """
    if batch < 1:
        raise SimulationError(f"a batch of {batch}", where="stream", remedy="give at least 1")
    rest, done = iter(samples), 0
    while some := list(islice(rest, batch)):
        for _, group in groupby(some, _form):
            alike = list(group)
            try:
                yield simulate(network, _batch(alike), **options)
            except SimulationError as error:
                error.where = f"{error.where}, samples {done}..{done + len(alike) - 1} of the stream"
                raise
            done += len(alike)


def _form(sample: Any) -> Any:
    """What samples of one batch have in common."""
    if isinstance(sample, Mapping):
        return sorted((name, _form(values)) for name, values in sample.items())
    return ("events", sample.shape[1:]) if isinstance(sample, Events) else ("array", np.shape(sample))


def _batch(samples: list[Any]) -> Any:
    first = samples[0]
    if isinstance(first, Mapping):
        return {name: _batch([sample[name] for sample in samples]) for name in first}
    return joined(samples) if isinstance(first, Events) else np.stack(samples)
