"""Faults of what the host sends. They change no register; :meth:`Injected.spikes` applies them to messages."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurodeploy.chipnet import ChipInput
from neurodeploy.errors import InvalidFault
from neurodeploy.faults.fault import Chance, ChosenOrChance, Draw, Fault, Image, Ints
from neurodeploy.faults.manifest import Hit

SAMPLE = 1
"""Marks the streams of samples, beside those of whole inputs."""


class InputFault(Fault):
    """A fault of the messages of the inputs named as its layers, or of all inputs."""

    def strike(self, image: Image, draw: Draw) -> tuple[Image, list[Hit]]:
        self.check_layers(image.net.inputs, "an input")
        return image, [
            hit
            for k, port in enumerate(image.net.inputs.values())
            if self.concerns(port.name)
            for hit in self.of_port(port, draw.stream(k))
        ]

    def of_port(self, port: ChipInput, rng: np.random.Generator) -> list[Hit]:
        """What is known before any message comes."""
        return []

    @abstractmethod
    def corrupt(self, sample: Ints, port: ChipInput, number: int, draw: Draw, index: int) -> Ints:
        """Messages (T, size) of one sample with the fault.

        Args:
            sample: As sent.
            port: The input.
            number: Of the sample in the data set: whose draws are its own, however the data are split.
            draw: The fault's random numbers.
            index: Of the input.
        """


class InputNoise(InputFault):
    """A normal number is added to each message, which is then rounded and kept within what the input takes.

    A spike train, 0 and 1, so has each entry inverted with the probability that the number exceeds one half.
    """

    name = "input_noise"
    meaning = "a standard deviation >= 0, in units of a message"

    def corrupt(self, sample: Ints, port: ChipInput, number: int, draw: Draw, index: int) -> Ints:
        low, high = message_limits(port)
        noise = draw.stream(index, SAMPLE, number).standard_normal(sample.shape) * self.severity
        return np.clip(np.rint(sample + noise), low, high).astype(np.int64)


class InputDropout(Chance, InputFault):
    """Each message is lost with a probability."""

    name = "input_dropout"

    def corrupt(self, sample: Ints, port: ChipInput, number: int, draw: Draw, index: int) -> Ints:
        return np.where(self.drawn(draw.stream(index, SAMPLE, number), sample.shape), 0, sample)


@dataclass(frozen=True)
class InputFixed(ChosenOrChance, InputFault):
    """Channels that send the same in every step of every sample, whatever they are given.

    Attributes:
        value: What they send; 0: dropped channels.
    """

    value: int = field(default=0, kw_only=True)
    name = "input_fixed"

    def of_port(self, port: ChipInput, rng: np.random.Generator) -> list[Hit]:
        low, high = message_limits(port)
        if not low <= self.value <= high:
            raise InvalidFault(
                f"a channel cannot send {self.value}",
                where=f"fault '{self}', input '{port.name}'",
                remedy=f"give a value in {low}..{high}",
            )
        mask = self.chosen(rng, port.size, f"input '{port.name}'")
        return [self.hit(port.name, "channels", port.size, mask, mask, share=float(mask.mean()))]

    def corrupt(self, sample: Ints, port: ChipInput, number: int, draw: Draw, index: int) -> Ints:
        mask: NDArray[np.bool_] = self.chosen(draw.stream(index), port.size, f"input '{port.name}'")
        return np.where(mask, self.value, sample)


def message_limits(port: ChipInput) -> tuple[int, int]:
    """Smallest and largest message of an input."""
    if not port.message_bits:
        return 0, 1
    limit = 1 << port.message_bits - 1
    return -limit, limit - 1
