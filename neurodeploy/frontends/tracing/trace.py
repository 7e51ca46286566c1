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
from neurodeploy.frontends.tracing.fold import Folder, Step
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
        """How often each neuron fired, or, if they start anew all the time, its module; None if that differs."""
        firings = self.recorder.firings
        if any(len(firing.rows) != BATCH for firing in firings):
            return None
        for names in ([f.neuron for f in firings], [f.path for f in firings]):
            counts = set(Counter(names).values())
            if len(counts) == 1 and counts != {1}:
                return counts.pop()
        return None

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
    attempt, folder, step = _choose(module, kind, tuple(input_shape), time_axis, steps)
    recorder = attempt.recorder
    outputs = returned(recorder, folder, attempt.result, origin)
    built = build(module, kind, step, outputs, tuple(input_shape), origin, step_s)
    neurons = {
        path: tuple(dict.fromkeys(f.neuron for f in recorder.firings if f.path == path)) for path in step.paths.values()
    }
    run = ModuleRun(module, kind, attempt.layout, tuple(input_shape), "input", neurons, built.pools, built.heads)
    return built, run


def _choose(
    module: Any, kind: Any, shape: Shape, time_axis: str | int | None, steps: int | None
) -> tuple[Attempt, Folder, Step]:
    """The first layout with which the module takes every step, and does the same at each."""
    axes: tuple[int | None, ...] = (None, 0, 1) if time_axis == "auto" else (time_axis,)  # type: ignore[assignment]
    attempts: list[Attempt] = []
    errors: list[NeurodeployError] = []
    for axis in axes:
        for attempt in _attempts(module, kind, shape, axis, steps):
            attempts.append(attempt)
            if attempt.fits:
                folder = Folder(attempt.recorder.atoms, type(module).__name__)
                try:
                    if attempt.recorder.problem is not None:
                        raise attempt.recorder.problem
                    return attempt, folder, folder.step(attempt.recorder.firings, attempt.steps)
                except NeurodeployError as error:
                    errors.append(error)
    _refuse_held(attempts, type(module).__name__)
    ran = [a.recorder.problem for a in attempts if a.error is None and a.recorder.problem is not None]
    for reason in [*errors, *ran]:
        raise reason
    raise ModelError(
        f"it could not be run, neither step by step nor on whole sequences: {_reasons(attempts)}",
        where=type(module).__name__,
        remedy=f"check input_shape={shape}, call every neuron once a step, or give time_axis (None, 0 or 1) and steps",
    )


def _refuse_held(attempts: list[Attempt], origin: str) -> None:
    """A module that is shown one frame and loops over steps."""
    for attempt in attempts:
        loops = (attempt.calls or 0) // attempt.steps
        if attempt.error is None and attempt.layout.time_axis is None and loops > 1:
            raise UnsupportedNode(
                f"its neurons run {loops} times in each step: its loop shows the same input at every step, or one "
                f"neuron with one state serves several layers",
                where=origin,
                remedy="take the step's input inside the loop (x[step], x of shape (T, B, ...)), and encode outside; "
                "make a neuron for every layer",
            )


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
    _start_at_zero(copied, kind)
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


def _start_at_zero(module: Any, kind: Any) -> None:
    """Take the trained initial potentials off a copy's neurons: the wiring does not depend on them."""
    for part in module.modules():
        if kind.is_neuron(part) and "v0" in part._parameters:
            part._parameters["v0"] = None


def _reasons(attempts: list[Attempt]) -> str:
    told = []
    for a in attempts:
        axis = a.layout.time_axis
        form = {None: "(B, ...)", 0: "(T, B, ...)", 1: "(B, T, ...)"}[axis]
        why = f"{type(a.error).__name__}: {a.error}" if a.error else f"neurons were called {a.calls} times in {a.steps}"
        told.append(f"{form}: {why}".replace("\n", " "))
    return "; ".join(told)
