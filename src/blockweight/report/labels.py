"""Names beside the points of a matplotlib chart, where `label_places` puts them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from blockweight.report.label_places import Area, area_around, area_of_line, offsets_of_labels

_SIZE = 8
_MARKER = 8.0
"""Sizes of the labels and of the points' markers, in points."""


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
    taken = [area_around(x, y, _MARKER * pixel, _MARKER * pixel) for x, y in centres]
    for x0, y0, x1, y1 in lines:
        taken.append(area_of_line(*_pixels(axes, x0, y0), *_pixels(axes, x1, y1), 3 * pixel))
    legend = axes.get_legend()
    if legend is not None:
        taken.append(Area(*legend.get_window_extent().extents))
    sizes = [_size(axes, name) for name in names]
    frame = Area(*axes.get_window_extent().extents)
    offsets = offsets_of_labels(centres, sizes, taken, frame, pixel)
    for name, point, offset in zip(names, points, offsets, strict=True):
        line = {"arrowstyle": "-", "color": ink, "linewidth": 0.5, "alpha": 0.6, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(
            name,
            point,
            xytext=(offset.x / pixel, offset.y / pixel),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_SIZE,
            color=ink,
            zorder=5,
            arrowprops=line if offset.far else None,
            path_effects=[withStroke(linewidth=2.5, foreground=halo)],
        )


def _size(axes: Axes, name: str) -> tuple[float, float]:
    probe = axes.text(0.5, 0.5, name, fontsize=_SIZE, transform=axes.transAxes)
    extent = probe.get_window_extent()
    probe.remove()
    return float(extent.width), float(extent.height)


def _pixels(axes: Axes, x: float, y: float) -> tuple[float, float]:
    across, up = axes.transData.transform((x, y))
    return float(across), float(up)
