"""Where names go beside their points, so that they neither cover each other nor the points: geometry alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_RINGS = 6

_NEAR = 6.0
"""Distance of a label from its point; tried further out as long as it covers something."""

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))


Areas = NDArray[np.float64]
"""Rectangles as rows (x0, y0, x1, y1)."""


class Area(NamedTuple):
    """A rectangle with x0 ≤ x1 and y0 ≤ y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    def padded(self, by: float) -> Area:
        """Larger on every side."""
        return Area(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)


class Offset(NamedTuple):
    """How far the middle of a label stands from its point, and whether so far that a line should join them."""

    x: float
    y: float
    far: bool


def area_around(x: float, y: float, width: float, height: float) -> Area:
    """The rectangle with its middle at (x, y)."""
    return Area(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def area_of_line(x0: float, y0: float, x1: float, y1: float, width: float) -> Area:
    """What a horizontal or vertical line covers."""
    return Area(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)).padded(width / 2)


def offsets_of_labels(
    centres: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    obstacles: Sequence[Area],
    frame: Area,
    unit: float = 1.0,
) -> list[Offset]:
    """For each point the offset of its label (width, height), where it covers least of `obstacles` and of earlier
    labels and stays in the `frame`. Greedy, in the order given; `unit` is the length of a point (1/72 inch) here."""
    taken = np.zeros((len(obstacles) + len(centres), 4))  # those not there yet cover nothing
    taken[: len(obstacles)] = np.array(obstacles).reshape(-1, 4)
    chosen = []
    for number, ((x, y), (width, height)) in enumerate(zip(centres, sizes, strict=True)):
        cost, best = math.inf, Offset(0, 0, far=False)
        for ring in range(_RINGS):
            for dx, dy in _offsets(width, height, (_NEAR + 8 * ring) * unit):
                price = _cost(area_around(x + dx, y + dy, width, height), taken, frame) + 20 * ring
                if price < cost:
                    cost, best = price, Offset(dx, dy, far=ring > 0)
        taken[len(obstacles) + number] = area_around(x + best.x, y + best.y, width, height).padded(unit)
        chosen.append(best)
    return chosen


def _offsets(width: float, height: float, distance: float) -> list[tuple[float, float]]:
    """Centres of the label around its point, so that its nearest edge is `distance` away."""
    return [(sx * (distance + width / 2), sy * (distance + height / 2)) if sx == 0 or sy == 0
            else (sx * (distance * 0.7 + width / 2), sy * (distance * 0.7 + height / 2))
            for sx, sy in _DIRECTIONS]  # fmt: skip


def _cost(area: Area, taken: Areas, frame: Area) -> float:
    """What the label would cover of other things or lose outside the frame, in weighted square pixels: covering a few
    already costs more than moving a step further out."""
    whole = (area.x1 - area.x0) * (area.y1 - area.y0)
    return 6 * _overlap(area, taken) + 20 * (whole - _overlap(area, np.array([frame])))


def _overlap(area: Area, others: Areas) -> float:
    """How much of the others the area covers, together."""
    widths = np.minimum(area.x1, others[:, 2]) - np.maximum(area.x0, others[:, 0])
    heights = np.minimum(area.y1, others[:, 3]) - np.maximum(area.y0, others[:, 1])
    return float((np.maximum(widths, 0) * np.maximum(heights, 0)).sum())
