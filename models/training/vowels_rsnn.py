"""Train and write models/vowels-rsnn: a recurrent Norse network that tells nine speakers apart."""

import argparse
import functools
from pathlib import Path

import nir
import norse.torch as norse
import numpy as np
import torch
from torch import nn

from . import data, encode, graph, loop
from .deliver import Description
from .main import Task, run

CHANNELS = 12
UNITS = 5
STEPS_PER_FRAME = 2
STEPS = STEPS_PER_FRAME * data.VOWELS_FRAMES
INPUTS = CHANNELS * UNITS
HIDDEN = 128
CLASSES = 9
HIDDEN_TAU_SYN_S, HIDDEN_TAU_MEM_S = 8e-3, 8e-3
OUTPUT_TAU_SYN_S, OUTPUT_TAU_MEM_S = 16e-3, 16e-3
JITTER = 0.3


def encoder(frames: np.ndarray) -> loop.Encode:
    """Population code whose centres are quantiles of the training frames (N, F, CHANNELS)."""
    centres = encode.population_centres(frames, UNITS)
    return functools.partial(encode.population_code, centres=centres, steps_per_frame=STEPS_PER_FRAME)


def augmenter(frames: np.ndarray) -> loop.Augment:
    """Noise in units of each channel's standard deviation over the training frames."""
    deviation = np.nanstd(frames, axis=(0, 1))
    return lambda samples, rng: data.jitter(samples, deviation, JITTER, rng)


def parameters(tau_syn_s: float, tau_mem_s: float) -> norse.LIFParameters:
    """Threshold 1, leak and reset 0; the derivative of tanh(3 v) stands in for that of the spike.

    Norse 1.1.0's default method "super" ignores alpha, and its surrogate is too wide to train with here.
    """
    return norse.LIFParameters(
        tau_syn_inv=torch.as_tensor(1.0 / tau_syn_s),
        tau_mem_inv=torch.as_tensor(1.0 / tau_mem_s),
        method="tanh",
        alpha=torch.as_tensor(3.0),
    )


class SpeakerNet(nn.Module):
    """Recurrent hidden layer and spiking read-out, both with synaptic current; no biases."""

    def __init__(self) -> None:
        super().__init__()
        hidden = parameters(HIDDEN_TAU_SYN_S, HIDDEN_TAU_MEM_S)
        output = parameters(OUTPUT_TAU_SYN_S, OUTPUT_TAU_MEM_S)
        self.hidden = norse.LIFRecurrentCell(INPUTS, HIDDEN, p=hidden, dt=graph.DT_S)
        self.readout = nn.Linear(HIDDEN, CLASSES, bias=False)
        self.output = norse.LIFCell(p=output, dt=graph.DT_S)
        with torch.no_grad():
            self.hidden.input_weights.mul_(0.15 / self.hidden.input_weights.std())
            self.hidden.recurrent_weights.mul_(0.2)

    def forward(self, spikes: torch.Tensor) -> dict[str, torch.Tensor]:
        """Map spikes (N, T, INPUTS) to the spikes (N, T, layer) of both layers, by NIR node name."""
        hidden_state = output_state = None
        hidden, output = [], []
        for step_input in spikes.unbind(1):
            hidden_spikes, hidden_state = self.hidden(step_input, hidden_state)
            output_spikes, output_state = self.output(self.readout(hidden_spikes), output_state)
            hidden.append(hidden_spikes)
            output.append(output_spikes)
        return {"lif1": torch.stack(hidden, 1), "lif2": torch.stack(output, 1)}


def to_nir(model: SpeakerNet) -> nir.NIRGraph:
    """The chain input - fc1 - lif1 - fc2 - lif2 - output plus the loop lif1 - rec1 - lif1."""
    nodes = {
        "fc1": nir.Linear(_array(model.hidden.input_weights)),
        "lif1": graph.cuba_node(HIDDEN, HIDDEN_TAU_SYN_S, HIDDEN_TAU_MEM_S),
        "fc2": nir.Linear(_array(model.readout.weight)),
        "lif2": graph.cuba_node(CLASSES, OUTPUT_TAU_SYN_S, OUTPUT_TAU_MEM_S),
    }
    recurrent = {"rec1": nir.Linear(_array(model.hidden.recurrent_weights))}
    loop_edges = [("lif1", "rec1"), ("rec1", "lif1")]
    return graph.chain(nodes, (INPUTS,), CLASSES, ABOUT.framework, recurrent, loop_edges)


def _array(weight: torch.Tensor) -> np.ndarray:
    return weight.detach().numpy().copy()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wheel", type=Path, help="the aeon 1.6.0 wheel; by default pip downloads it")


ABOUT = Description(
    name="vowels-rsnn",
    title="Japanese vowels, nine speakers, recurrent",
    architecture=f"{INPUTS} inputs - {HIDDEN} CubaLIF, recurrent - {CLASSES} CubaLIF; no biases",
    framework="norse",
    data=data.VOWELS_CARD,
    encoding=f"Each of {CHANNELS} coefficients drives {UNITS} inputs with triangular receptive fields "
    f"centred on quantiles of the training part; activities become evenly spread spikes by "
    f"accumulate-and-fire, {STEPS_PER_FRAME} steps a frame. Frames after the end of an utterance are silent. "
    "No randomness.",
    classes=[f"speaker {number + 1}" for number in range(CLASSES)],
)

TASK = Task(
    about=ABOUT,
    recipe=loop.Recipe(
        epochs=100,
        seed=1,
        batch=54,
        learning_rate=5e-3,
        weight_decay=1e-3,
        logit_per_spike=0.3,
        spike_cost=0.05,
    ),
    split=lambda options: data.vowels(options.wheel),
    encoder=encoder,
    augmenter=augmenter,
    network=SpeakerNet,
    to_nir=to_nir,
    options=_options,
)

if __name__ == "__main__":
    run(TASK)
