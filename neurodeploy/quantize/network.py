"""Quantise a whole network: scales, then the fields of the compartments, then weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from neurodeploy.chipnet import ChipNetwork
from neurodeploy.network import Network
from neurodeploy.quantize.bits import BITS_DEFAULT, Bits, bits_by_layer
from neurodeploy.quantize.choice import BY_RULE, Choice
from neurodeploy.quantize.compartments import add_population
from neurodeploy.quantize.expressible import chip_delay, expressible
from neurodeploy.quantize.headroom import headroom_bits, proven_limits
from neurodeploy.quantize.report import PopulationReport, QuantizationReport
from neurodeploy.quantize.scale import choose_scale
from neurodeploy.quantize.synapses import add_projection
from neurodeploy.target import Target


def quantize(
    network: Network, target: Target, *, bits: Bits = BITS_DEFAULT, choices: Mapping[str, Choice] | None = None
) -> tuple[ChipNetwork, QuantizationReport]:
    """Integers for ``target``.

    Args:
        network: The float network.
        target: Gives the field widths.
        bits: Weight bits, 1..8, or by the population that the weights act on (``*``: all others). Weights that need
            fewer without loss get fewer; weights of both signs are even, on a grid of ``2^(9 - bits)``, those of one
            sign on one of ``2^(8 - bits)``.
        choices: Departures from the rule by population, see :class:`Choice`.

    Raises:
        FieldOverflow: A parameter does not fit its field at any scale, or no such layer or width; names it.
        UnsupportedFeature: A layer follows rules that no chip's neurons have.
    """
    widths = bits_by_layer(bits, network, target)
    network, rewrites = expressible(network, target)
    net = ChipNetwork()
    for name, shape in network.inputs.items():
        net.add_input(name, shape=shape)
    populations, scales, chosen = [], {}, {n: (choices or {}).get(n, BY_RULE) for n in network.populations}
    for name, population in network.populations.items():
        incoming = list(network.incoming(name))
        scale = scales[name] = choose_scale(population, incoming, target, widths[name], chosen[name])
        populations.append(add_population(net, population, scale, target, chosen[name]))
    projections = []
    for name, scale in scales.items():
        for projection, exponent, form in zip(network.incoming(name), scale.exponents, scale.formats, strict=True):
            delay = chip_delay(network, projection)
            projections.append(
                add_projection(net, projection, scale.per_weight, exponent, form, delay, target, chosen[name])
            )
    return net, QuantizationReport(tuple(_proven(net, p) for p in populations), tuple(projections), rewrites)


def _proven(net: ChipNetwork, row: PopulationReport) -> PopulationReport:
    u, v = (headroom_bits(x) for x in proven_limits(net, row.name))
    words = ("proven" if bits > 0 else "open" for bits in (u, v))
    return replace(row, u_headroom_bits=u, v_headroom_bits=v, u_headroom=next(words), v_headroom=next(words))
