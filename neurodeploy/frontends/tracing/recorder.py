"""Records what a module does with the numbers it is given, while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from neurodeploy.errors import UnsupportedNode
from neurodeploy.frontends.tracing import functions as fn
from neurodeploy.frontends.tracing.layers import rows
from neurodeploy.frontends.tracing.values import Atoms, Opaque, Row, Shape, Value

REMEDY = "keep only layers, sums and neurons between the neurons, and move the rest out of the module"


@dataclass(frozen=True)
class NeuronCall:
    """What a neuron module was given and returned.

    Attributes:
        drive: The input tensor, (B, *shape).
        given: States that the caller passed, None where it passed none.
        spikes: The output tensor.
        states: States that the module returned, in the order of ``given``; empty where it keeps them.
    """

    drive: Any
    given: tuple[Any, ...]
    spikes: Any
    states: tuple[Any, ...]


class NeuronKind(Protocol):
    """How a framework's neurons are called; the functions in them are not looked at."""

    def is_neuron(self, module: Any) -> bool:
        """Whether a module is a neuron of the framework."""
        ...

    def call(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> NeuronCall:
        """Arguments and result of ``module.forward``."""
        ...

    def kept(self, module: Any) -> tuple[Any, ...]:
        """The states that the module keeps from one call to the next."""
        ...

    def reset(self, module: Any) -> None:
        """Set the states of all neurons in ``module`` to those of a new one."""
        ...

    def running(self, module: Any) -> AbstractContextManager[None]:
        """Held while ``module``, a copy, runs."""
        ...


@dataclass(frozen=True, eq=False)
class Firing:
    """One step of one neuron.

    Attributes:
        neuron: Name; of the module, numbered where a module serves several neurons.
        path: The module's name.
        shape: Without the batch.
        rows: Input of each sample.
    """

    neuron: str
    path: str
    shape: Shape
    rows: tuple[Row, ...]


@dataclass(eq=False)
class Recorder:
    """The record of one run; ``kind`` says what a neuron is, ``origin`` names the module in messages."""

    kind: NeuronKind
    origin: str
    atoms: Atoms = field(default_factory=Atoms)
    firings: list[Firing] = field(default_factory=list)
    problem: UnsupportedNode | None = None
    _values: dict[int, tuple[Any, int, Value | Opaque]] = field(default_factory=dict)
    _constants: dict[int, Any] = field(default_factory=dict)
    _now: dict[int, Value | Opaque] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)
    _closed: int = 0
    _steps: dict[str, int] = field(default_factory=dict)
    _latest: dict[str, str] = field(default_factory=dict)
    _paths: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    _found: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    @contextmanager
    def watching(self, module: Any) -> Iterator[None]:
        """Record all that ``module`` does, until the end of the block."""
        import torch
        from torch.overrides import TorchFunctionMode

        recorder = self

        class Watch(TorchFunctionMode):
            def __torch_function__(
                self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
            ) -> Any:
                return recorder._function(func, args, kwargs or {})

        for part in module.modules():
            own = [*vars(part).values(), *part._parameters.values(), *part._buffers.values()]
            self._constants |= {id(t): t for t in own if isinstance(t, torch.Tensor)}
        handles = [h for path, part in module.named_modules() for h in self._hooks(path, part)]
        try:
            with Watch():
                yield
        finally:
            for handle in handles:
                handle.remove()

    def feed(self, name: str, tensor: Any, step: int, shape: Shape, time_axis: int | None) -> None:
        """Declare ``tensor`` to be the network's input, from ``step`` on."""
        import torch

        axis = 0 if time_axis is None else time_axis
        whole = tensor.unsqueeze(0) if time_axis is None else tensor.transpose(0, axis)
        ids = torch.empty(tuple(whole.shape), dtype=torch.int64)
        for t in range(whole.shape[0]):
            for sample in range(whole.shape[1]):
                atom = self.atoms.add("input", name, shape, sample, step + t)
                ids[t, sample] = torch.arange(atom.base, atom.base + atom.size).reshape(shape)
        self._keep(tensor, Value((ids[0] if time_axis is None else ids.transpose(0, axis).contiguous(),)))

    def value(self, tensor: Any) -> Value | Opaque | None:
        """What a tensor holds; None for constants and for whatever is no tensor."""
        if id(tensor) in self._now:
            return self._now[id(tensor)]
        entry = self._values.get(id(tensor))
        if entry is None or entry[0] is not tensor:
            return None
        if entry[1] != tensor._version:
            return self.opaque("an in-place change", "it changes numbers of the network that are used elsewhere")
        return entry[2]

    def is_zero(self, value: Any) -> bool:
        """Whether a number is 0, or a tensor whose making was seen is all zeros.

        A tensor that was made unseen, by compiled code, may depend on the input.
        """
        import torch

        if not isinstance(value, torch.Tensor):
            return bool(value == 0)
        return id(value) in self._constants and bool((value == 0).all())

    def opaque(self, operation: str, reason: str) -> Opaque:
        """A value that must not be used, made in the module that runs now."""
        return Opaque(operation, self._path[-1] if self._path else "", reason)

    def label(self, type_: str) -> str:
        """Name for a layer that is applied now: of the module that runs, or of the layer's type."""
        return (self._path[-1] if self._path else "") or type_.lower()

    def refuse(self, what: str, where: str, remedy: str = REMEDY) -> None:
        """Keep the first reason why the network cannot be taken over; the run goes on, to see its structure."""
        at = f"{self.origin}, {where}" if where else self.origin
        self.problem = self.problem or UnsupportedNode(what, where=at, remedy=remedy)

    def refuse_opaque(self, value: Opaque, user: str) -> None:
        """Refuse what depends on something that is not understood."""
        inside = f" in '{value.where}'" if value.where else ""
        self.refuse(f"the input of {user} comes through {value.operation}{inside}: {value.reason}", value.where)

    def _keep(self, tensor: Any, value: Value | Opaque) -> None:
        self._values[id(tensor)] = (tensor, tensor._version, value)

    def _hooks(self, path: str, part: Any) -> Iterator[Any]:
        neuron = self.kind.is_neuron(part)

        def before(module: Any, args: Any) -> None:
            self._path.append(path)
            self._closed += neuron
            if neuron and self._closed == 1:
                self._found[path] = self.kind.kept(module)

        def after(module: Any, args: Any, kwargs: Any, result: Any) -> None:
            if neuron and self._closed == 1:
                self._fired(path, self.kind.call(module, args, kwargs, result), self.kind.kept(module))
            self._path.pop()
            self._closed -= neuron

        yield part.register_forward_pre_hook(before)
        yield part.register_forward_hook(after, with_kwargs=True)

    def _function(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        import torch

        if self._closed:
            return func(*args, **kwargs)
        name, tensors = fn.plain_name(func), list(fn.tensors_in((args, kwargs)))
        self._now = {}
        self._now = {id(t): v for t in tensors if (v := self.value(t)) is not None}
        if not self._now and not (tensors and (name in fn.LAYERS or name == "setitem")):
            result = func(*args, **kwargs)
            if name in fn.FRESH or all(id(t) in self._constants for t in tensors):
                self._constants |= {id(t): t for t in fn.tensors_in(result)}
            return result
        if name in ("add_", "iadd") and id(args[0]) not in self._now and self.is_zero(args[0]):
            self._now[id(args[0])] = Value(())
        assigned = fn.set_item(self, *args) if name == "setitem" and self._now else None
        result = func(*args, **kwargs)
        made = [] if name == "setitem" else list(fn.tensors_in(result))
        if assigned is not None:
            self._keep(args[0], assigned)
        elif name != "setitem" and not made:
            self._asked(func, name, result)
        else:
            for tensor, value in zip(made, self._outcomes(func, name, args, kwargs, result, len(made)), strict=True):
                if isinstance(value, Value) and tensor.dtype not in (torch.float32, torch.float64):
                    kind = str(tensor.dtype).removeprefix("torch.")
                    self._keep(tensor, self.opaque(name, f"it turns numbers into {kind}"))
                elif value is not None:
                    self._keep(tensor, value)
        self._now = {}
        return result

    def _outcomes(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any, count: int
    ) -> list[Value | Opaque | None]:
        if name in fn.FRESH:
            self._constants |= {id(t): t for t in fn.tensors_in(result)}
            return [None] * count
        if name in fn.LAYERS:
            return [fn.LAYERS[name](self, result, args, kwargs)] + [None] * (count - 1)
        for value in self._now.values():
            if isinstance(value, Opaque):
                return [value] * count
        if name in fn.SUMS:
            return [fn.add(self, result, args, kwargs)]
        if name == "sum":
            return [fn.reduce_sum(self, args, kwargs)]
        if name in fn.SAME:
            return [fn.same(self, name, args, kwargs)]
        if name in fn.MOVES or name in fn.JOINS:
            moved = fn.move(self, func, name, args, kwargs)
            return [moved] * count if isinstance(moved, Opaque) else [*moved, *[Value(())] * (count - len(moved))]
        return [self.opaque(name, "no layer or neuron computes the same")] * count

    def _asked(self, func: Any, name: str, result: Any) -> None:
        if result is None or isinstance(result, str) or fn.is_getter(func) or name in fn.ASKS:
            return
        self.refuse(
            f"it reads numbers out of the network while that runs ({name})",
            self._path[-1] if self._path else "",
            "a network whose course depends on its numbers cannot be deployed; remove item(), numpy() and conditions",
        )

    def _fired(self, path: str, call: NeuronCall, kept: tuple[Any, ...]) -> None:
        import torch

        user = f"neuron '{path}'"
        drive = self.value(call.drive)
        shape = tuple(call.drive.shape)
        if isinstance(drive, Opaque):
            self.refuse_opaque(drive, user)
        elif drive is None and not self.is_zero(call.drive):
            self.refuse("its input does not come from the network's input", path)
        sources = rows(drive if isinstance(drive, Value) else Value(()), shape, 1)
        neuron = self._neuron_of(path, call)
        step = self._steps.get(neuron, -1) + 1
        self._steps[neuron], self._latest[path] = step, neuron
        self._kept[path] = kept
        self.firings.append(Firing(neuron, path, shape[1:], tuple(sources)))
        for role, tensor in enumerate((call.spikes, *call.states)):
            if role and tensor is call.spikes:
                continue
            atoms = [self.atoms.add("state" if role else "spikes", neuron, shape[1:], b, step) for b in range(shape[0])]
            first = atoms[0].base
            self._keep(tensor, Value((torch.arange(first, first + tensor.numel()).reshape(shape),)))

    def _neuron_of(self, path: str, call: NeuronCall) -> str:
        """Which neuron this is: the one whose last states were passed or kept, or a new one that starts at zero."""
        latest = self._latest.get(path)
        given = [s for s in call.given if s is not None]
        if given:
            owner = self._owner(path, given)
            complete = len(given) == len(call.given)
            if owner is not None and (complete or owner == (latest or "")):
                return owner or self._new(path)
        elif latest is None or not _identical(self._found[path], self._kept[path]):
            if all(bool((s == 0).all()) for s in self._found[path]):
                return self._new(path)
        else:
            return latest
        self.refuse(
            "its state is neither zero nor the one that the same neuron returned a step before",
            path,
            "start from zeros (init_hidden=True, or the neuron's reset_mem) and pass the returned states on unchanged",
        )
        return self._new(path)

    def _owner(self, path: str, given: list[Any]) -> str | None:
        """The neuron of module ``path`` that returned these states a step before; "" if all are constant zeros."""
        owners: set[str | None] = set()
        for state in given:
            value = self.value(state)
            if value is None and self.is_zero(state):
                owners.add("")
            elif isinstance(value, Value) and len(value.terms) == 1:
                ids = value.terms[0].numpy().ravel()
                atom = self.atoms.of(int(ids[0]))
                unchanged = bool((ids == atom.base + np.arange(ids.size)).all()) and atom.base == ids[0]
                last = atom.kind in ("state", "spikes") and self._steps.get(atom.name) == atom.step
                owners.add(atom.name if unchanged and last and self._paths[atom.name] == path else None)
            else:
                owners.add(None)
        return owners.pop() if len(owners) == 1 else None

    def _new(self, path: str) -> str:
        taken = [n for n, p in self._paths.items() if p == path]
        name = f"{path or 'neuron'}_{len(taken) + 1}" if taken else path or "neuron"
        self._paths[name] = path
        return name


def _identical(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))
