"""What was deployed: layers and connections."""

from __future__ import annotations

from neurodeploy.report.evidence import Evidence
from neurodeploy.report.parts import Section, Table, counted, percent, words
from neurodeploy.report.record import layer_rows, projection_rows

MOST = 24
"""Rows of a table; the CSV files have all."""


def network(e: Evidence) -> Section:
    """The network's layers, and the connections between them."""
    net = e.program.net
    inputs = ", ".join(_shape(i.shape) for i in net.inputs.values())
    layers, projections = layer_rows(e), projection_rows(e)
    lead = (
        f"{net.neurons:,} neurons in {len(net.populations)} layers and {net.synapses:,} synapses, "
        f"fed by {inputs} input addresses. "
        f"The answer is read off {', '.join(e.program.outputs.values())} by its {words(e.program.readout)}."
    )
    rows = [
        (
            row["layer"],
            f"{row['model']}, reset {row['reset']}",
            _shape(row["shape"]),
            f"{row['neurons']:,}",
            f"{row['synapses']:,}",
            str(row["cores"]),
            counted(row["spikes"]),
            percent(row["rate_per_step"]),
            counted(row["syn_ops"]),
        )
        for row in layers[:MOST]
    ]
    heads = ("Layer", "Neuron model", "Shape", "Neurons", "Synapses in", "Cores", "Spikes", "Firing rate", "SynOps")
    note = "Spikes and SynOps (spikes that reach a synapse) per inference; the rate is spikes per neuron and step."
    kinds = [
        (
            f"{row['source']} to {row['target']}",
            row["kind"],
            f"{row['synapses']:,}",
            f"{row['num_weight_bits']} bit",
            f"2^{row['weight_exp']}",
            row["sign_mode"],
            "none" if not row["delay_max"] else f"up to {row['delay_max']} steps",
        )
        for row in projections[:MOST]
    ]
    tables = (
        Table("layers", "Layers", heads, rows, frozenset(range(3, 9)), note + more(len(layers))),
        Table(
            "connections",
            "Connections",
            ("Connection", "Kind", "Synapses", "Weights", "Scale", "Signs", "Delays"),
            kinds,
            frozenset({2}),
            more(len(projections)).strip(),
        ),
    )
    return Section("network", "Network", lead, tables=tables)


def more(rows: int) -> str:
    """A note on rows that are not shown."""
    return f" {MOST} of {rows:,} rows; layers.csv has all layers, report.json all rows." if rows > MOST else ""


def _shape(shape: object) -> str:
    return " × ".join(map(str, shape)) if isinstance(shape, (list, tuple)) else str(shape)
