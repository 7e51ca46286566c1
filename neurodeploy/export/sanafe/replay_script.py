"""Replay the network beside this script in SANA-FE: python replay.py [simple | detailed | cycle] > result.json

Needs SANA-FE 2.2.9 (pip install sanafe==2.2.9, GPL-3), and nothing of neurodeploy.
"""

import contextlib
import json
import sys
from pathlib import Path

import sanafe

HERE = Path(__file__).parent
NEVER = 1e12  # a threshold that no compartment reaches


def main() -> None:
    model = sys.argv[1] if len(sys.argv) > 1 else "simple"
    described = json.loads((HERE / "network.json").read_text(encoding="utf-8"))
    arch = sanafe.load_arch(str(HERE / "arch.yaml"))
    cores, net, groups = arch.cores(), sanafe.Network(), {}
    for number, group in enumerate(described["groups"]):
        attributes = {} if "trains" in group else {"threshold": NEVER, "force_update": True}
        names = (
            {} if "trains" in group else {"default_synapse_hw_name": group["synapse"], "soma_hw_name": group["unit"]}
        )
        made = net.create_neuron_group(f"g{number}", len(group["cores"]), attributes, **names)
        for k, neuron in enumerate(made.neurons):
            if "trains" in group:
                train = [bit == "1" for bit in group["trains"][k]]
                unit = f"{group['unit']}[{group['units'][k]}]"
                neuron.set_attributes(soma_hw_name=unit, model_attributes={"spikes": train})
            neuron.map_to_core(cores[group["cores"][k]])
        groups[group["name"]] = made
    for joined in described["connections"]:
        pairs = [tuple(pair) for pair in joined["pairs"]]
        groups[joined["source"]].connect_neurons_sparse(groups[joined["target"]], {"weight": [0.0] * len(pairs)}, pairs)
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    with contextlib.redirect_stdout(sys.stderr):
        result = chip.sim(described["steps"], timing_model=model, perf_trace=True, processing_threads=1)
    wanted = ("energy", "sim_time", "spikes", "packets_sent", "neurons_updated", "neurons_fired", "perf_trace")
    print(json.dumps({name: result[name] for name in wanted}))


main()
