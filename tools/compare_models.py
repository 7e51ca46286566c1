"""Where the bundled models lose what on the chips: whole test sets, by rule, with the bits given, as a Markdown table.

python tools/compare_models.py [BITS ...]
"""

from __future__ import annotations

import sys

import neurodeploy as nd
from neurodeploy.compare import Comparison, compare_models
from neurodeploy.evaluate import load_samples

TARGETS = ("loihi1", "loihi2")


def row(name: str, target: str, bits: int) -> str:
    """One line: shares of spikes that differ by layer, those made there in brackets, decisions and accuracy."""
    model = nd.load_model(name)
    samples = load_samples(model.test)
    program = nd.compile(model.nir, target, nd.Options(bits=bits))
    found = compare_models(model.nir, program, samples.spikes, labels=samples.labels, try_remedies=False)
    decided = found.decisions
    if decided is None:
        raise RuntimeError(f"{name} decides nothing")
    facts = decided.to_dict()
    accuracies = " | ".join(f"{100 * facts[key]:.2f} %" for key in ("accuracy_first", "accuracy_second"))
    return f"| {name} | {target} | {bits} | {shares(found)} | {facts['flips']} of {found.samples} | {accuracies} |"


def shares(found: Comparison) -> str:
    """Per cent of each layer's spikes and silences."""
    return ", ".join(
        f"{x.layer} {100 * x.mismatching / x.bits:.2f} ({100 * (x.made_here or 0) / x.bits:.2f})" for x in found.layers
    )


def main() -> None:
    """Print the table."""
    print("| model | chip | bits | % that differ (made there) | decisions | float | chip accuracy |")
    print("|---|---|---|---|---|---|---|")
    for name in nd.list_models():
        for target in TARGETS:
            for bits in map(int, sys.argv[1:] or ("8", "4")):
                print(row(name, target, bits), flush=True)


if __name__ == "__main__":
    main()
