"""Homeostasis: a network that is running holds its neurons' rates, by thresholds and biases, or by its weights."""

from neurodeploy.adapt.adaptive import Adaptive
from neurodeploy.adapt.fleet import Fleet
from neurodeploy.adapt.nominal import Nominal, measure, nominal_of, rule_of, with_nominal, with_rule
from neurodeploy.adapt.settings import RULES, Adaptation
from neurodeploy.adapt.stream import Stream

__all__ = [
    "RULES",
    "Adaptation",
    "Adaptive",
    "Fleet",
    "Nominal",
    "Stream",
    "measure",
    "nominal_of",
    "rule_of",
    "with_nominal",
    "with_rule",
]
