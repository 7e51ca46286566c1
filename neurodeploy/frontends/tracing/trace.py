"""Runs a module under observation, finds how it takes time, and folds the record into a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodeploy.errors import ModelError, NeurodeployError, UnsupportedNode
from neurodeploy.frontends.tracing.build import Built, build
from neurodeploy.frontends.tracing.fold import Folder
from neurodeploy.frontends.tracing.outputs import returned
from neurodeploy.frontends.tracing.recorder import Recorder
from neurodeploy.frontends.tracing.run import Layout, ModuleRun, floating_type, fresh_copy
from neurodeploy.frontends.tracing.values import Shape

BATCH, STEPS = 2, 5
"""What a module is shown: few, and different from each other, so that the axes can be told apart."""
LONG = 1024
"""Steps shown to a module that wants more than a few, to see how many it takes."""
LONG_LIMIT = 20_000_000
"""Numbers in that long input, at most."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """A run under observation.

    Attributes:
        layout: Tried.
        steps: Shown.
        recorder: The record.
        result: What the module returned; of all calls.
        error: That it raised.
    """

    layout: Layout
    steps: int
    recorder: Recorder
    result: list[Any]
    error: Exception | None

    @property
    def calls(self) -> int | None:
        """How often every neuron module was called per neuron; None if they differ, or a call was not (B, ...)."""
        paths: dict[str, int] = {}
        for firing in self.recorder.firings:
            paths[firing.path] = paths.get(firing.path, 0) + 1
            if len(firing.rows) != BATCH:
                return None
        counts = set(paths.values())
        return min(counts) if counts and all(c % min(counts) == 0 for c in counts) else None

    @property
    def fits(self) -> bool:
        """Whether the module took every step shown; a module may serve several neurons, each of which fires once."""
        by_neuron = Counter(firing.neuron for firing in self.recorder.firings)
        once = self.calls is not None and set(by_neuron.values()) == {self.steps}
        return self.error is None and (once or self.calls == self.steps)


def trace(
    module: Any,
    kind: Any,
    input_shape: Shape,
    *,
    step_s: float,
    time_axis: str | int | None = "auto",
    steps: int | None = None,
) -> tuple[Built, ModuleRun]:
    """A module as a graph.

    Args:
        module: Not changed; a copy runs in eval mode.
        kind: What is a neuron, and what node it is.
        input_shape: Of one step, without batch and time.
        step_s: Seconds of a step.
        time_axis: None where ``forward`` makes one step of (B, *shape); 0 or 1 where it loops over (T, B, *shape) or
            (B, T, *shape); ``auto`` finds out.
        steps: Number of steps of the module's own loop, where it is fixed.

    Returns:
        The graph and the module's run.

    Raises:
        ModelError: Something that has no exact equal here, by name.
    """
    origin = type(module).__name__
    attempt = _choose(module, kind, tuple(input_shape), time_axis, steps)
    recorder = attempt.recorder
    if recorder.problem is not None:
        raise recorder.problem
    if not recorder.firings:
        raise UnsupportedNode("no neuron of it was called", where=origin, remedy="call the spiking layers in forward")
    folder = Folder(recorder.atoms, origin)
    step = folder.step(recorder.firings, attempt.steps)
    outputs = returned(recorder, folder, attempt.result, origin)
    built = build(module, kind, step, outputs, tuple(input_shape), origin, step_s)
    neurons = {
        path: tuple(dict.fromkeys(f.neuron for f in recorder.firings if f.path == path)) for path in step.paths.values()
    }
    run = ModuleRun(module, kind, attempt.layout, tuple(input_shape), "input", neurons, built.pools)
    return built, run


def _choose(module: Any, kind: Any, shape: Shape, time_axis: str | int | None, steps: int | None) -> Attempt:
    axes: tuple[int | None, ...] = (None, 0, 1) if time_axis == "auto" else (time_axis,)  # type: ignore[assignment]
    attempts: list[Attempt] = []
    for axis in axes:
        for attempt in _attempts(module, kind, shape, axis, steps):
            attempts.append(attempt)
            if attempt.fits and not (_shows_one_input(attempts[0]) and attempt.layout.steps != steps):
                return attempt
    held = attempts[0]
    if _shows_one_input(held):
        raise UnsupportedNode(
            f"its loop of {(held.calls or 0) // held.steps} steps shows the same input at every step",
            where=type(module).__name__,
            remedy="take the step's input inside the loop (x[step], with x of shape (T, B, ...)) and encode outside",
        )
    for attempt in attempts:
        if attempt.error is None and attempt.recorder.problem is not None:
            raise attempt.recorder.problem
    raise ModelError(
        f"it could not be run, neither step by step nor on whole sequences: {_reasons(attempts)}",
        where=type(module).__name__,
        remedy=f"check input_shape={shape}, or give time_axis (None, 0 or 1) and steps",
    )


def _shows_one_input(attempt: Attempt) -> bool:
    """Whether a module that was given one step ran a loop of several."""
    one_step = attempt.layout.time_axis is None and attempt.error is None
    return one_step and (attempt.calls or 0) > attempt.steps


def _attempts(module: Any, kind: Any, shape: Shape, axis: int | None, steps: int | None) -> Iterator[Attempt]:
    """Runs with one layout: of a few steps, then of as many as the module's own loop has."""
    attempt = _attempt(module, kind, shape, Layout(axis, steps), steps or STEPS)
    yield attempt
    if axis is None or steps is not None:
        return
    long = LONG * BATCH * int(np.prod(shape)) <= LONG_LIMIT
    if isinstance(attempt.error, IndexError) and long:
        attempt = _attempt(module, kind, shape, Layout(axis), LONG)
    if attempt.error is None and attempt.calls and attempt.calls != attempt.steps and attempt.calls > 1:
        yield _attempt(module, kind, shape, Layout(axis, attempt.calls), attempt.calls)


def _attempt(module: Any, kind: Any, shape: Shape, layout: Layout, steps: int) -> Attempt:
    import torch

    copied = fresh_copy(module)
    kind.reset(copied)
    recorder = Recorder(kind, type(module).__name__)
    drawn = np.random.default_rng(0).random((BATCH, steps, *shape)) < 0.5
    result: list[Any] = []
    error: Exception | None = None
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(kind.running(copied))
        arguments = layout.arrange(torch.as_tensor(drawn).to(floating_type(copied)))
        for step, argument in enumerate(arguments):
            recorder.feed("input", argument, step, shape, layout.time_axis)
        try:
            with recorder.watching(copied):
                result = [copied(argument) for argument in arguments]
        except NeurodeployError:
            raise
        except Exception as raised:  # the user's forward raises what it likes
            error = raised
    return Attempt(layout, steps, recorder, result, error)


def _reasons(attempts: list[Attempt]) -> str:
    told = []
    for a in attempts:
        axis = a.layout.time_axis
        form = {None: "(B, ...)", 0: "(T, B, ...)", 1: "(B, T, ...)"}[axis]
        why = f"{type(a.error).__name__}: {a.error}" if a.error else f"neurons were called {a.calls} times in {a.steps}"
        told.append(f"{form}: {why}".replace("\n", " "))
    return "; ".join(told)
