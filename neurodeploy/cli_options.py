"""Options and types of options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from neurodeploy.bundled import list_models
from neurodeploy.cluster.address import parse_address
from neurodeploy.cluster.errors import ClusterError
from neurodeploy.encode import REFERENCES
from neurodeploy.encode_job import EXPLAIN as ENCODE_OPTIONS
from neurodeploy.errors import did_you_mean
from neurodeploy.mapping.objective import OBJECTIVES
from neurodeploy.semantics import CHOICES, EXPLAIN
from neurodeploy.simulate.run import ENGINES
from neurodeploy.target import list_targets
from neurodeploy.verify import TIMEOUT_S

F = TypeVar("F", bound=Callable[..., Any])


class Group(click.Group):
    """Suggests the closest command for an unknown one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command '{args[0]}': {did_you_mean(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


class Name(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A name or path, completed from a list."""

    def __init__(self, name: str, known: Callable[[], list[str]]) -> None:
        self.name = name
        self._known = known

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(n) for n in self._known() if n.startswith(incomplete)]
        return names or [CompletionItem(incomplete, type="file")]


class Choice(click.Choice):  # type: ignore[type-arg,unused-ignore]
    """Suggests the closest choice for an unknown one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            self.fail(f"'{value}': {did_you_mean(value, self.choices)}", param, ctx)
        return super().convert(value, param, ctx)


TARGET = Name("target", list_targets)
MODEL = Name("model", list_models)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
engine_option = click.option("--engine", type=Choice(ENGINES), default="fast", show_default=True)


lava_python = click.option(
    "--lava-python",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An interpreter that has lava-nc 0.10.0; default: that of `neurodeploy lava setup`.",
)


def semantics_options(command: F) -> F:
    """What a file cannot say about itself, as options."""
    for name, choices in reversed(CHOICES.items()):
        flag = "--" + name.replace("_", "-")
        command = click.option(flag, name, type=Choice(choices), help=EXPLAIN[name])(command)
    flags = "--recurrent-bias-t0/--no-recurrent-bias-t0"
    command = click.option(flags, default=None, help=EXPLAIN["recurrent_bias_t0"])(command)
    command = click.option("--latency-steps", type=click.IntRange(0, 1), help=EXPLAIN["latency_steps"])(command)
    command = click.option("--v-min", type=float, help=EXPLAIN["v_min"])(command)
    return click.option("--dt-s", type=float, help=EXPLAIN["dt_s"])(command)


def encode_options(command: F) -> F:
    """Options of the codes; which of them a code takes is its own affair."""
    types = {
        "steps": int,
        "seed": int,
        "threshold": float,
        "reference": Choice(REFERENCES),
        "start": float,
        "bits": int,
    }
    for name, kind in reversed(types.items()):
        command = click.option(f"--{name}", type=kind, help=ENCODE_OPTIONS[name])(command)
    return command


class Cluster(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Where to run: worker processes here, or a Dask scheduler."""

    name = "cluster"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return parse_address(value).text
        except ClusterError as error:
            self.fail(f"{error.what}: {error.remedy}", param, ctx)


cluster_option = click.option(
    "--cluster",
    type=Cluster(),
    metavar="ADDRESS",
    help="Share the samples out over Dask workers: local, local:4 (so many processes) or tcp://host:8786.",
)


class Shape(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Positive integers with commas between them."""

    name = "integers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            sizes = tuple(int(word) for word in value.split(","))
        except ValueError:
            sizes = ()
        if not sizes or min(sizes) < 1:
            self.fail(f"'{value}' is not a shape: give positive integers, such as 3,16,16", param, ctx)
        return sizes


def compile_options(command: F) -> F:
    """Options of the compiler proper."""
    command = click.option(
        "--input-message-bits",
        type=click.IntRange(0, 32),
        help="Of a .net file without input neurons: 0 for spikes (default), else graded messages of so many bits.",
    )(command)
    command = click.option(
        "--input-shape",
        type=Shape(),
        metavar="C,H,W",
        help="Of a .net file, or one step of a torch module, that does not say it.",
    )(command)
    command = click.option(
        "--tolerance-bits",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Spikes of a torch module that may differ from those of the network read from it, beside ties.",
    )(command)
    command = click.option(
        "--max-neurons-per-core", type=click.IntRange(min=1), help="Split layers finer than the target asks for."
    )(command)
    command = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the mapping.")(
        command
    )
    command = click.option(
        "--objective",
        type=Choice(OBJECTIVES),
        default=OBJECTIVES[0],
        show_default=True,
        help="What mapping looks for first: fewest cores, least spike traffic, or least load of the busiest core.",
    )(command)
    return click.option("--bits", type=int, default=8, show_default=True, help="Weight bits.")(command)


def describe(formats: Mapping[str, Any]) -> str:
    """Names and what they stand for, as a help text."""
    return "; ".join(f"{name}: {form.what}" for name, form in formats.items()) + "."


def lava_options(command: F) -> F:
    """Where Lava is, and how long to wait for it."""
    command = click.option(
        "--lava-timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=TIMEOUT_S,
        show_default=True,
        metavar="SECONDS",
        help="How long Lava may take for some hundred samples; it hangs where one of its processes dies.",
    )(command)
    return lava_python(command)
