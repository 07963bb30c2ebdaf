"""Axes of the figures that are drawn as SVG: values to pixels, and where the ticks stand."""

from __future__ import annotations

import math
from dataclasses import dataclass

EDGE = 0.75
"""On a logarithmic axis what lies under the floor is drawn at floor × EDGE, the middle of an edge that reaches down to
floor × EDGE²."""


@dataclass(frozen=True)
class Linear:
    """`low` … `high` on `start` … `end` pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The value's pixel; values beyond an end stay at it."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers from end to end, `most` at most.

        >>> Linear(0, 12.3, 0, 100).ticks()
        [0.0, 2.5, 5.0, 7.5, 10.0]
        """
        step = _round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


@dataclass(frozen=True)
class Logarithmic:
    """`floor` × EDGE² … `high` on `start` … `end` pixels, by logarithms."""

    floor: float
    high: float
    start: float
    end: float

    @property
    def low(self) -> float:
        """Where the axis begins."""
        return self.floor * EDGE**2

    def at(self, value: float) -> float:
        """The value's pixel; all that is under the floor stands in the middle of the edge."""
        return self.exact(min(value, self.high) if value >= self.floor else self.floor * EDGE)

    def exact(self, value: float) -> float:
        """The pixel of a value > 0, whether it stands on the axis or not."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """1, 2, 5, 10, … above the floor.

        >>> Logarithmic(0.5, 30, 0, 100).ticks()
        [1.0, 2.0, 5.0, 10.0, 20.0]
        """
        powers = range(math.floor(math.log10(self.floor)), math.ceil(math.log10(self.high)) + 1)
        found = [part * 10.0**power for power in powers for part in (1, 2, 5)]
        return [tick for tick in found if self.floor * 1.2 < tick <= self.high]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10ⁿ that is not under `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(part * power for part in (1, 2, 2.5, 5, 10) if part * power >= least * (1 - 1e-9))
