"""Neuron models; one file each: the NIR types it accepts, float step, integer step, quantisation of its fields."""

from neurodeploy.neurons.cuba import Cuba
from neurodeploy.neurons.model import Field, NeuronModel

MODELS: tuple[NeuronModel, ...] = (Cuba(),)


def model_named(name: str) -> NeuronModel:
    """The integer model called ``name``; KeyError if there is none."""
    return {m.name: m for m in MODELS}[name]


def model_for_nir(nir_type: str) -> NeuronModel | None:
    """The model that deploys NIR nodes of this type, or None."""
    return next((m for m in MODELS if nir_type in m.nir_types), None)


__all__ = ["MODELS", "Field", "NeuronModel", "model_for_nir", "model_named"]
