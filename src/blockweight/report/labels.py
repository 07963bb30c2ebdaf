"""Putting names beside points so that they neither cover each other nor the points."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

_SIZE = 8
_MARKER = 8.0
"""Sizes of the labels and of the points' markers, in points."""

_RINGS = 6

_NEAR = 6.0
"""Distance of a label from its point, in points; tried further out as long as it covers something."""

_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))


def place_labels(
    figure: Figure,
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    lines: Sequence[tuple[float, float, float, float]],
    *,
    ink: str,
    halo: str,
) -> None:
    """Write each name next to its point, where it covers least of points, `lines` (x0, y0, x1, y1), the legend and
    earlier names; all in data coordinates. Greedy, in the order given.

    A label that had to go further away is joined to its point by a thin line.
    """
    figure.draw_without_rendering()
    pixel = figure.dpi / 72
    centres = [_pixels(axes, *point) for point in points]
    taken = [_box(x, y, _MARKER * pixel, _MARKER * pixel) for x, y in centres]
    for x0, y0, x1, y1 in lines:
        taken.append(Bbox([_pixels(axes, x0, y0), _pixels(axes, x1, y1)]).padded(1.5 * pixel))
    legend = axes.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent())
    frame = axes.get_window_extent()
    for name, point, (x, y) in zip(names, points, centres, strict=True):
        probe = axes.text(*point, name, fontsize=_SIZE)
        extent = probe.get_window_extent()
        probe.remove()
        cost, far, dx, dy = math.inf, 0, 0.0, 0.0
        for ring in range(_RINGS):
            for right, up in _offsets(extent, (_NEAR + 8 * ring) * pixel):
                box = _box(x + right, y + up, extent.width, extent.height)
                price = _cost(box, taken, frame) + 20 * ring
                if price < cost:
                    cost, far, dx, dy = price, ring, right, up
        taken.append(_box(x + dx, y + dy, extent.width, extent.height).padded(pixel))
        line = {"arrowstyle": "-", "color": ink, "linewidth": 0.5, "alpha": 0.6, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(
            name,
            point,
            xytext=(dx / pixel, dy / pixel),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_SIZE,
            color=ink,
            zorder=5,
            arrowprops=line if far else None,
            path_effects=[withStroke(linewidth=2.5, foreground=halo)],
        )


def _pixels(axes: Axes, x: float, y: float) -> tuple[float, float]:
    across, up = axes.transData.transform((x, y))
    return float(across), float(up)


def _offsets(extent: Bbox, distance: float) -> list[tuple[float, float]]:
    """Centres of the label around its point, so that its nearest edge is `distance` pixels away."""
    return [(sx * (distance + extent.width / 2), sy * (distance + extent.height / 2)) if sx == 0 or sy == 0
            else (sx * (distance * 0.7 + extent.width / 2), sy * (distance * 0.7 + extent.height / 2))
            for sx, sy in _DIRECTIONS]  # fmt: skip


def _box(x: float, y: float, width: float, height: float) -> Bbox:
    return Bbox.from_bounds(x - width / 2, y - height / 2, width, height)


def _cost(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """What the label would cover of other things or lose outside the axes, in weighted square pixels: covering a few
    already costs more than moving a step further out."""
    covered = sum(_overlap(box, other) for other in taken)
    return 6 * covered + 20 * (box.width * box.height - _overlap(box, frame))


def _overlap(one: Bbox, other: Bbox) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(width * height) if width > 0 and height > 0 else 0.0
