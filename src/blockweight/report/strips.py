"""Heat strips: one number per block as a colour, in the order of the layout."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError
from blockweight.report.charts import INK, MUTED, PAPER, RULE
from blockweight.report.figures import font, new_figure
from blockweight.report.fonts import main_font, sized_font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Dark is much. Its lightness falls steadily, so it reads alike without colour vision and in grey.
_COLOURS = "viridis_r"
_MOST_IN_A_ROW = 32
# Inches: a cell, the margin, and what a short layout's title needs.
_CELL, _EDGE, _NARROWEST = 0.36, 0.3, 5.0
_TITLE = 12
"""Points."""
# Lines that the blocks' names take below their row.
_NAMES = 1.6


@dataclass(frozen=True)
class HeatStrip:
    """One measure: its title, and a number ≥ 0 per block, None where there is none."""

    title: str
    values: tuple[float | None, ...]


def heat_strips(
    blocks: Sequence[str], strips: Sequence[HeatStrip], present: Sequence[bool], *, title: str = ""
) -> bytes:
    """A PNG with a strip per measure over the blocks, each coloured on its own scale from 0 to its largest number; the
    numbers stand in the cells. A block that is not `present` is an empty frame; one without a number has a stroke
    through it. Long layouts are broken into rows of at most 32 blocks, a long title is cut.

    BlockweightError when there is no block or no strip.
    """
    if not blocks or not strips:
        raise BlockweightError("There are no blocks to draw; choose a LoRA that has some.")
    buffer = io.BytesIO()
    figure = _figure(blocks, strips, present, title)
    figure.savefig(buffer, format="png", dpi=160, facecolor=PAPER, metadata={"Software": None})
    return buffer.getvalue()


def _figure(blocks: Sequence[str], strips: Sequence[HeatStrip], present: Sequence[bool], title: str) -> Figure:
    rows = _rows(len(blocks))
    columns = len(rows[0])
    lines = len(rows) * (2 * len(strips) + _NAMES)
    width, height = max(columns * _CELL + 2 * _EDGE, _NARROWEST), lines * _CELL + _EDGE + (0.4 if title else 0)
    figure = new_figure(width, height)
    axes = figure.add_axes((_EDGE / width, _EDGE / 2 / height, columns * _CELL / width, lines * _CELL / height))
    axes.set(xlim=(0, columns), ylim=(lines, 0))
    axes.set_axis_off()
    y = 0.0
    for row in rows:
        for strip in strips:
            _title(axes, y + 0.78, strip)
            _draw(axes, y + 1, row, strip, present)
            y += 2
        for place, index in enumerate(row):
            axes.text(place + 0.5, y + 0.12, blocks[index], rotation=90, ha="center", va="top",
                      color=INK if present[index] else MUTED, fontproperties=font(blocks[index], 7.5))  # fmt: skip
        y += _NAMES
    if title:
        shown = _cut(title, 72 * (width - 2 * _EDGE))
        figure.text(_EDGE / width, 1 - 0.14 / height, shown, color=INK, va="top", fontproperties=font(shown, _TITLE))
    return figure


def _cut(title: str, points: float) -> str:
    """The title, or as much of it as is at most so wide."""
    shown = title
    while len(shown) > 1 and sized_font(main_font(shown), _TITLE).getlength(shown) > points:
        shown = f"{shown.removesuffix('…')[:-1]}…"
    return shown


def _rows(blocks: int) -> list[range]:
    """The blocks by number, in as few rows as hold them and as even as can be."""
    columns = -(-blocks // -(-blocks // _MOST_IN_A_ROW))
    return [range(start, min(start + columns, blocks)) for start in range(0, blocks, columns)]


def _title(axes: Axes, y: float, strip: HeatStrip) -> None:
    largest = max((value for value in strip.values if value is not None), default=None)
    scale = "" if largest is None else f" · 0 … {largest:.3g}"
    text = strip.title + scale
    axes.text(0, y, text, ha="left", va="bottom", color=MUTED, fontproperties=font(text, 9))


def _draw(axes: Axes, y: float, row: range, strip: HeatStrip, present: Sequence[bool]) -> None:
    from matplotlib import colormaps  # noqa: PLC0415 - see `figures`
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    colours = colormaps[_COLOURS]
    largest = max((value for value in strip.values if value is not None), default=0.0)
    for place, index in enumerate(row):
        value = strip.values[index]
        if value is None:
            frame = Rectangle((place + 0.04, y + 0.04), 0.92, 0.92, facecolor="none", edgecolor=RULE, linewidth=0.8)
            axes.add_patch(frame)
            if present[index]:
                axes.plot((place + 0.04, place + 0.96), (y + 0.96, y + 0.04), color=RULE, linewidth=0.8)
            continue
        share = value / largest if largest else 0.0
        axes.add_patch(Rectangle((place, y), 1, 1, facecolor=colours(share), edgecolor=PAPER, linewidth=0.8))
        axes.text(place + 0.5, y + 0.5, _short(value), ha="center", va="center", color=PAPER if share > 0.45 else INK,
                  fontproperties=font("0", 6))  # fmt: skip


def _short(value: float) -> str:
    """A number in at most five characters.

    >>> _short(0.0123), _short(12.34), _short(1234.0), _short(2e-5)
    ('.012', '12.3', '1234', '2e-5')
    """
    if value == 0:
        return "0"
    if not 0.001 <= value < 9999.5:
        mantissa, _, exponent = f"{value:.0e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if value < 1:
        return f"{value:.2g}".removeprefix("0")
    return f"{value:.0f}" if value >= 999.5 else f"{value:.3g}"
