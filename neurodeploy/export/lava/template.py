"""The parts of the written script that are the same for all programs; ``<<NAME>>`` is filled in."""

NUMPY_1 = """
This network has a convolution on which Lava dies with NumPy 2: use Python 3.10 to 3.12, where the list has NumPy 1.
"""

HEAD = '''"""A spiking network as Lava processes, written by neurodeploy <<VERSION>>; yours to edit.

Install Lava first, on Python 3.10 to 3.13; where its own metadata says 3.10 only, `repair_lava` below helps:

    pip install -r requirements.txt
    pip install --no-deps --ignore-requires-python lava-nc==0.10.0
<<NUMPY>>
Then

    python network.py DATA.npz [--samples N] [-o RESULT.npz]

DATA.npz holds `spikes`, integers (N, T, *shape), for the one input, or an array by input's name; and `labels` (N,), if
you know them. RESULT.npz gets, by output, `NAME.s`: its messages (N, T + LATENCY, *shape); and `scores` (N, classes).

A message of step t passes a synapse to step t + 1, so the answer lags by LATENCY steps, and a sample of T steps takes
T + LATENCY. Every sample is a run of its own, because Lava's processes keep their state: some 0.3 s each. Lava waits
for ever where one of its processes dies; stop it with Ctrl-C.

Lava's fixed_pt models on the CPU give the messages that `neurodeploy run` gives, bit for bit. `run_config` is the place
to choose a chip; nobody has tried that with this script.
"""

import argparse
import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

FAULTY_MODULE = <<FAULTY>>


<<SHIM>>

repair_lava()

# ruff: noqa: E402
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.extractor import Extractor, PyLoihiExtractorModel
from lava.proc.io.source import RingBuffer
<<IMPORTS>>

A = np.load(Path(__file__).parent / "arrays.npz")
LATENCY = <<LATENCY>>
# name: shape
INPUTS = <<INPUTS>>
# name: shape, and steps before it starts
OUTPUTS = <<OUTPUTS>>
# name: steps before it starts, and the arrays that its Vars are then set to
LATE = <<LATE>>
# what gives the class: count, first_spike, s_last; or v_last, v_sum, v_max with the arrays of v's scale and offset;
# None where there are several outputs
READOUT = <<READOUT>>


def run_config():
    """Where the network runs."""
    # With Intel's extension of Lava and a Loihi 2 board:
    # from lava.magma.core.run_configs import Loihi2HwCfg
    # return Loihi2HwCfg(select_tag="fixed_pt")
    models = {<<ENCODER>>Extractor: PyLoihiExtractorModel}
    return Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)


def time_last(values, steps):
    """Messages (T, *shape) as Lava's sources want them: (size, steps), silent after T."""
    flat = np.asarray(values).reshape(len(values), -1).T
    return np.pad(flat, ((0, 0), (0, steps - flat.shape[1]))).astype(np.int32)


def build(inputs, steps):
    """The processes of a run over so many steps, by name; `inputs` are messages (T, *shape) by name."""
    p = {}
<<BUILD>>
    return p
'''

RUN = '''

def run(inputs):
    """One sample: messages by output (T + LATENCY, *shape), and the scores of READOUT.

    Outside the T steps in which the program reads an output, its messages are left out (0).
    """
    length = len(next(iter(inputs.values())))
    steps, done, config = length + LATENCY, 0, run_config()
    p = build(inputs, steps)
    readers = {name: Extractor(shape=p[name].s_out.shape, buffer_size=steps + 1) for name in OUTPUTS}
    for name, reader in readers.items():
        p[name].s_out.connect(reader.in_port)
    network, membranes, reads = p[<<FIRST>>], [], set()
    if READOUT and READOUT[0].startswith("v"):
        ((output, (_, start)),) = OUTPUTS.items()
        reads = set(range(start + length if READOUT[0] == "v_last" else start + 1, start + length + 1))
    try:
        for stop in sorted({steps, *reads, *(start_of for start_of, _ in LATE.values())}):
            network.run(condition=RunSteps(num_steps=stop - done), run_cfg=config)
            network.wait()
            done = stop
            if stop in reads:
                membranes.append(p[output].v.get())
            for name, (start_of, values) in LATE.items():
                if start_of == stop:
                    for var, key in values.items():
                        getattr(p[name], var).set(A[key])
        sent = {name: np.stack([reader.receive() for _ in range(steps)]) for name, reader in readers.items()}
    finally:
        if network.runtime is not None:
            network.stop()
    for name, (_, start_of) in OUTPUTS.items():
        sent[name][:start_of] = sent[name][start_of + length :] = 0
    scores = None
    if READOUT:
        ((output, (_, start)),) = OUTPUTS.items()
        kind, *arrays = READOUT
        if kind.startswith("v"):
            scale, offset = arrays
            values = np.array(membranes) / A[scale] + A[offset]
            scores = values.max(axis=0) if kind == "v_max" else sum(values)
        else:
            read = sent[output][start : start + length]
            fired = read != 0
            left = np.where(fired.any(axis=0), length - fired.argmax(axis=0), 0)
            scores = {"count": read.sum(axis=0), "s_last": read[-1], "first_spike": left}[kind]
    shaped = {name: s.astype(np.int32).reshape(steps, *OUTPUTS[name][0]) for name, s in sent.items()}
    return shaped, scores


def main():
    """Run a data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--samples", type=int, help="only so many")
    parser.add_argument("-o", "--out", type=Path, help="the .npz for the outputs' messages")
    options = parser.parse_args()
    with np.load(options.data) as data:
        keys = {name: "spikes" if len(INPUTS) == 1 else name for name in INPUTS}
        given = {name: data[key][: options.samples] for name, key in keys.items()}
        labels = data["labels"] if "labels" in data else None
    for name, values in given.items():
        if values.shape[2:] != INPUTS[name]:
            sys.exit(f"{options.data}: input {name!r} takes (N, T, *{INPUTS[name]}), found {values.shape}")
    found, rated, right = [], [], 0
    for k in range(len(next(iter(given.values())))):
        sent, scores = run({name: values[k] for name, values in given.items()})
        found.append(sent)
        rated.append(scores)
        counts = ", ".join(f"{name} sent {np.count_nonzero(s)}" for name, s in sent.items())
        answer = "" if scores is None else f", class {np.argmax(scores)}"
        if answer and labels is not None:
            right += int(np.argmax(scores) == labels[k])
            answer += f", label {labels[k]}"
        print(f"sample {k}: {counts}{answer}", flush=True)
    if READOUT and labels is not None:
        print(f"right: {right} of {len(found)}")
    if options.out:
        arrays = {f"{name}.s": np.stack([sent[name] for sent in found]) for name in OUTPUTS}
        np.savez_compressed(options.out, **arrays, **({"scores": np.array(rated)} if READOUT else {}))


if __name__ == "__main__":
    main()
'''
