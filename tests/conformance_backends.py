"""Backends for tests of the conformance runner: ours with a fault each, and some that behave badly."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.conformance.backend import Declaration
from neurodeploy.conformance.own import FloatReference

Answer = Mapping[str, Mapping[str, Any]]


@dataclass
class Faulty:
    """Our float reference with something done to the conventions, the inputs or the answer."""

    conventions: Callable[[dict[str, Any]], dict[str, Any]] = lambda c: c
    inputs: Callable[[dict[str, Any]], dict[str, Any]] = lambda x: x
    answer: Callable[[Answer], Answer] = lambda a: a
    declaration: Declaration = Declaration("faulty")

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        self.backend = FloatReference()
        self.backend.load(path, self.conventions(dict(conventions)))

    def reset(self) -> None:
        self.backend.reset()

    def run(self, inputs: Mapping[str, Any]) -> Answer:
        return self.answer(self.backend.run(self.inputs(dict(inputs))))


def _late(answer: Answer) -> Answer:
    """Everything one step late."""
    return {k: {n: np.roll(np.asarray(v), 1, axis=0) for n, v in part.items()} for k, part in answer.items()}


def _off(answer: Answer) -> Answer:
    """One membrane wrong by little in the last step."""
    v = {n: np.array(x) for n, x in answer["v"].items()}
    next(iter(v.values()))[-1].ravel()[0] += 1e-3
    return {**answer, "v": v}


def _nan(answer: Answer) -> Answer:
    return {**answer, "v": {n: np.full(np.shape(x), np.nan) for n, x in answer["v"].items()}}


FAULTS: dict[str, Faulty] = {
    "late": Faulty(answer=_late),
    "off": Faulty(answer=_off),
    "nan": Faulty(answer=_nan),
    "ge": Faulty(conventions=lambda c: c | {"spike": "ge"}),
    "subtract": Faulty(conventions=lambda c: c | {"reset": "subtract"}),
    "exp": Faulty(conventions=lambda c: c | {"decay": "exp"}),
    "double-step": Faulty(conventions=lambda c: c | {"dt_s": c["dt_s"] / 2}),
    "from-leak": Faulty(conventions=lambda c: c | {"v_init": "v_leak"}),
    "late-bias": Faulty(conventions=lambda c: c | {"recurrent_bias_t0": False}),
    "blind": Faulty(
        inputs=lambda x: {n: v * (np.arange(len(v)) > 0).reshape(-1, *(1,) * (v.ndim - 1)) for n, v in x.items()}
    ),
    "no-output": Faulty(answer=lambda a: {"sent": {}, "v": a["v"]}),
    "short": Faulty(answer=lambda a: {"sent": {n: v[:-1] for n, v in a["sent"].items()}}),
}


class Base:
    """Answers zeros of the output's shape, whatever the graph."""

    declaration = Declaration("bad")

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        self.path = path

    def reset(self) -> None: ...

    def step(self, inputs: Mapping[str, Any]) -> Answer:
        print("noise")
        os.write(1, b"more noise\n")
        return {"sent": {"output": np.zeros(5)}}


class Hangs(Base):
    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        if "lif-unit" in path.name:
            time.sleep(60)


class Dies(Base):
    def step(self, inputs: Mapping[str, Any]) -> Answer:
        os._exit(3)


class Picky(Base):
    declaration = Declaration("picky", {"spike": ["ge"], "dt_s": [1.0]})

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        assert conventions["dt_s"] == 1.0 and conventions.get("spike", "ge") == "ge"
        raise LookupError("cannot do any of it")


class NoReset:
    """An integrator that forgets to start afresh."""

    declaration = Declaration("no reset")

    def load(self, path: Path, conventions: Mapping[str, Any]) -> None:
        self.backend = FloatReference()
        self.backend.load(path, conventions)
        self.past: dict[str, list[Any]] = {}

    def reset(self) -> None: ...

    def run(self, inputs: Mapping[str, Any]) -> Answer:
        steps = len(next(iter(inputs.values())))
        for name, values in inputs.items():
            self.past.setdefault(name, []).append(values)
        found = self.backend.run({n: np.concatenate(v) for n, v in self.past.items()})
        return {k: {n: np.asarray(v)[-steps:] for n, v in part.items()} for k, part in found.items()}


def no_adapter() -> object:
    return object()


def broken() -> object:
    raise ImportError("no such framework")


def silent() -> object:
    os._exit(0)
