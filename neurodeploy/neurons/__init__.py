"""Neuron models; a file for each family: fields, integer step, and for trained ones the float step and quantisation."""

from neurodeploy.neurons.cuba import Cuba
from neurodeploy.neurons.graded import GradedReluVec, GradedVec, NormVecDelay, Prod
from neurodeploy.neurons.model import Field, NeuronModel, TrainedModel
from neurodeploy.neurons.pascal import Pascal
from neurodeploy.neurons.resonate import Rf, RfIz, RfZero
from neurodeploy.neurons.sigma_delta import Delta, DeltaEncoder, Sigma, SigmaDelta, SigmaDeltaCorrected
from neurodeploy.neurons.ternary import TernaryLif

MODELS: tuple[NeuronModel, ...] = (
    Cuba(),
    TernaryLif(),
    Sigma(),
    Delta(),
    SigmaDelta(),
    SigmaDeltaCorrected(),
    DeltaEncoder(),
    Rf(),
    RfIz(),
    RfZero(),
    GradedVec(),
    GradedReluVec(),
    Prod(),
    NormVecDelay(),
    Pascal(),
)
TRAINED: tuple[TrainedModel, ...] = tuple(model for model in MODELS if isinstance(model, TrainedModel))
_BY_NAME = {model.name: model for model in MODELS}


def model_named(name: str) -> NeuronModel:
    """The integer model called ``name``; KeyError if there is none."""
    return _BY_NAME[name]


def trained_model(name: str) -> TrainedModel:
    """The model of float populations called ``name``; KeyError if there is none."""
    return {m.name: m for m in TRAINED}[name]


def model_for_nir(nir_type: str) -> TrainedModel | None:
    """The model that deploys NIR nodes of this type, or None."""
    return next((m for m in TRAINED if nir_type in m.nir_types), None)


__all__ = ["MODELS", "TRAINED", "Field", "NeuronModel", "TrainedModel", "model_for_nir", "model_named", "trained_model"]
