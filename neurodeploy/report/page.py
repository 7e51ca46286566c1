"""A report as one HTML file that needs nothing else."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from neurodeploy.report.answers import answers
from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts import Page
from neurodeploy.report.sections.accuracy import accuracy
from neurodeploy.report.sections.cores import cores, resources
from neurodeploy.report.sections.energy import energy, levels
from neurodeploy.report.sections.network import network
from neurodeploy.report.sections.quantization import quantization
from neurodeploy.report.sections.sources import assumptions, reproduction
from neurodeploy.report.sections.spikes import spikes
from neurodeploy.report.sections.time import time, time_parts
from neurodeploy.report.sections.traffic import traffic

SECTIONS = (accuracy, energy, time, cores, traffic, spikes, quantization, network, assumptions, reproduction)
"""In the order of the page."""
STANDING = (
    "Simulated bit for bit on this CPU, not on a chip. Accuracy, spikes and counts are exact; "
    "energy and time are estimates."
)


def report_page(e: Evidence) -> str:
    """The report of one program."""
    target = e.program.target
    page = Page(
        f"{e.name} on {target.title}",
        f"{e.program.net.neurons:,} neurons and {e.program.net.synapses:,} synapses, {e.samples:,} samples",
        STANDING,
        answers(e),
        [section(e) for section in SECTIONS],
        (levels(e), time_parts(e), resources(e)),
    )
    return render(page)


def render(page: Page) -> str:
    """HTML of any page."""
    return _template().render(page=page, style=Markup(stylesheet())) + "\n"


def stylesheet() -> str:
    """What pages and pictures look like."""
    return _text("style.css")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(_text("page.html.j2"))


def _text(name: str) -> str:
    return (files("neurodeploy.report") / "templates" / name).read_text(encoding="utf-8")
