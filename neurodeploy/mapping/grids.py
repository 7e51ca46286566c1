"""The search for the best cut of a convolution population along channels, rows and columns."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import numpy as np

from neurodeploy.chipnet import ChipNetwork, ChipPopulation
from neurodeploy.connections import Conv2d, Dense
from neurodeploy.mapping.blocks import ConvBlocks
from neurodeploy.mapping.capacity import Loads
from neurodeploy.mapping.constraints import violated
from neurodeploy.mapping.encodings import Encoding
from neurodeploy.mapping.fanout import Demand
from neurodeploy.mapping.rows import Ints, dense_bits, row_words
from neurodeploy.target_schema import Target

Grid = tuple[int, int, int]
"""Number of parts along channel, y and x."""
Range = tuple[int, int]


def runs(size: int, parts: int) -> Ints:
    """Labels of ``parts`` runs of consecutive neurons whose sizes differ by at most one."""
    return np.arange(size) * parts // size


def run_ranges(size: int, parts: int) -> list[Range]:
    """The half-open ranges of :func:`runs`."""
    edges = [-(-k * size // parts) for k in range(parts + 1)]
    return list(zip(edges[:-1], edges[1:], strict=True))


def grid_labels(shape: tuple[int, ...], grid: Grid) -> Ints:
    """Labels of the blocks of a grid over a population of ``shape`` (C, H, W)."""
    c, y, x = (runs(n, k) for n, k in zip(shape, grid, strict=True))
    labels: Ints = ((c[:, None, None] * grid[1] + y[:, None]) * grid[2] + x).ravel()
    return labels


class GridSearch:
    """Estimates grids quickly: exact for neurons, axons, slots, delays and memory of convolutions and dense
    projections, blind to the rest, which the caller must check on the grids it takes.

    Args:
        net: A network with at least the projections into the population.
        population: A population with a convolution into it; its maps (C, H, W) are that convolution's, (C, 1, L) of one
            over (C, L).
        target: The chip.
        ignored: Resources not to look at.
        demand: Out-axon slots that its neurons need, where known.
    """

    def __init__(
        self,
        net: ChipNetwork,
        population: ChipPopulation,
        target: Target,
        ignored: Collection[str],
        demand: Demand | None = None,
    ) -> None:
        incoming = list(net.incoming(population.name))
        self.target, self.ignored, self.demand = target, set(ignored), demand
        self.delay = max(p.delay for p in incoming)
        self.blocks = [ConvBlocks(p, p.connection, target) for p in incoming if isinstance(p.connection, Conv2d)]
        self.shape = self.blocks[0].connection.target_shape
        self.dense = [
            (p.connection.n_source, dense_bits(p, target)) for p in incoming if isinstance(p.connection, Dense)
        ]
        self._kinds: dict[tuple[int, int], list[Range]] = {}

    @cached_property
    def finest_passes(self) -> bool:
        """Whether blocks of one neuron pass."""
        c, h, w = self.shape
        return self.passes((c, h, w))

    def grids(self, most: int, at_least: int) -> list[Grid]:
        """Grids with blocks of at most ``most`` neurons that pass, fewest parts first, fewest in-axons next.

        For each cut of channels and rows only the coarsest passing cut of columns is kept.
        """
        cuts = [_cuts(n) for n in self.shape]
        best, found = self.shape[0] * self.shape[1] * self.shape[2], []
        for kc in cuts[0]:
            for ky in cuts[1]:
                columns = [
                    kx for kx in cuts[2] if at_least <= kc * ky * kx <= best and self._largest((kc, ky, kx)) <= most
                ]
                if not columns or not self.passes((kc, ky, columns[-1])):
                    continue
                low, high = 0, len(columns) - 1
                while low < high:
                    middle = (low + high) // 2
                    low, high = (low, middle) if self.passes((kc, ky, columns[middle])) else (middle + 1, high)
                grid = (kc, ky, columns[high])
                best = min(best, kc * ky * columns[high])
                found.append((kc * ky * columns[high], self._axons(grid), grid))
        return [grid for _, _, grid in sorted(found)]

    def _largest(self, grid: Grid) -> int:
        c, y, x = (-(-n // k) for n, k in zip(self.shape, grid, strict=True))
        return c * y * x

    def passes(self, grid: Grid) -> bool:
        """Whether every block fits a core, as far as the estimate sees."""
        blocks = [
            (*c, *y, *x)
            for c in self._ranges(0, grid[0])
            for y in self._ranges(1, grid[1])
            for x in self._ranges(2, grid[2])
        ]
        c0, c1, y0, y1, x0, x1 = np.array(blocks, np.int64).T
        neurons = (c1 - c0) * (y1 - y0) * (x1 - x0)
        core, none = self.target.core, np.zeros_like(neurons)
        charge = core.conv_axon_in_words
        axons, words, several = none.copy(), none.copy(), none.copy()
        for n_source, bits in self.dense:
            axons = np.maximum(axons, n_source)
            words += n_source * row_words(neurons, bits, core)
        held = none.copy()
        for conv in self.blocks:
            rows = [conv.rows(b) for b in blocks]
            words += np.array([r.words for r in rows])
            shared = np.array([r.encoding == Encoding.SHARED for r in rows])
            held += shared
            if charge is not None:
                axons += charge.value * shared
            else:
                own = np.array([conv.axons(b) for b in blocks])
                # discrete sources may be shared, so the largest is what is certain
                axons, several = np.where(shared, axons, np.maximum(axons, own)), several + own * shared
        slots = none if self.demand is None else none + self._slots(grid)
        loads = Loads(neurons, none + 1, axons + several, slots, words, none, none, none, held, delay=none + self.delay)
        return violated(loads, self.target).keys() <= self.ignored

    def _slots(self, grid: Grid) -> int:
        """Most out-axon slots of any block, or of single neurons what is certainly enough if that is within limits."""
        limit = self.target.core.out_axon_slots
        if self.demand is None or limit is None:
            return 0
        if grid == self.shape and self.demand.most <= limit.value:
            return self.demand.most
        ranges = [np.array(run_ranges(n, k)).T for n, k in zip(self.shape, grid, strict=True)]
        return int(self.demand.of_blocks(self.shape, *ranges).max())

    def _axons(self, grid: Grid) -> int:
        """In-axons of all blocks together, by distinct source neuron."""
        total = 0
        for conv in self.blocks:
            total += (
                sum(conv.inputs_per_group * conv.groups(*r).total() for r in run_ranges(self.shape[0], grid[0]))
                * sum(len(conv.axis(0, *r).positions) for r in run_ranges(self.shape[1], grid[1]))
                * sum(len(conv.axis(1, *r).positions) for r in run_ranges(self.shape[2], grid[2]))
            )
        return total

    def _ranges(self, axis: int, parts: int) -> list[Range]:
        """One range of each kind along an axis: those that cost the same are tried once."""
        if (axis, parts) not in self._kinds:
            kinds: dict[object, Range] = {}
            for low, high in run_ranges(self.shape[axis], parts):
                cost: list[object] = [high - low]
                for conv in self.blocks:
                    cost.append(
                        conv.axis(axis - 1, low, high).signature if axis else frozenset(conv.groups(low, high).items())
                    )
                kinds.setdefault(tuple(cost), (low, high))
            self._kinds[axis, parts] = list(kinds.values())
        return self._kinds[axis, parts]


def _cuts(size: int) -> list[int]:
    """Numbers of parts worth trying: the smallest for each largest part."""
    return sorted({-(-size // largest) for largest in range(1, size + 1)})
