"""What a search may try: points of one weight a segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

DECIMALS = 3
"""Of weights that stand on no grid."""

Point = tuple[float, ...]
"""A weight for every segment."""


@dataclass(frozen=True)
class Space:
    """What is searched: a weight for each of `segments` (their names), from `grid`, or where that is empty anywhere
    between the `limits`."""

    segments: tuple[str, ...]
    grid: tuple[float, ...]
    limits: tuple[float, float]

    @property
    def size(self) -> int | None:
        """How many points it has; None for a continuous one."""
        return len(self.grid) ** len(self.segments) if self.grid else None

    def nearest(self, point: Sequence[float]) -> Point:
        """The point of it that is nearest to this one."""
        if self.grid:
            return tuple(min(self.grid, key=lambda weight: abs(weight - value)) for value in point)
        low, high = self.limits
        return tuple(round(min(max(value, low), high), DECIMALS) for value in point)

    def beside(self, point: Point) -> list[Point]:
        """The points of a grid that differ from this one in one segment by one step; none where there is no grid."""
        found: list[Point] = []
        for place, weight in enumerate(point):
            step = self.grid.index(weight) if self.grid else 0
            near = self.grid[max(step - 1, 0) : step + 2]
            found.extend((*point[:place], other, *point[place + 1 :]) for other in near if other != weight)
        return found

    def drawn(self, count: int, seed: int) -> list[Point]:
        """All points of a grid that has at most so many, else so many drawn at random, each once."""
        if self.size is not None and self.size <= count:
            return list(product(self.grid, repeat=len(self.segments)))
        random = np.random.default_rng(seed)
        if self.grid:
            drawn = np.array(self.grid)[random.integers(0, len(self.grid), (count, len(self.segments)))]
        else:
            drawn = random.uniform(*self.limits, (count, len(self.segments)))
        return list(dict.fromkeys(self.nearest(tuple(map(float, point))) for point in drawn))
