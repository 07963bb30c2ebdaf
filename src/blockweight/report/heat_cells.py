"""Cells whose colour is a number: the common part of heat strips, step maps and interaction matrices.

A cell is the theme's colour laid thinly over the page, so that much is dark on a light page and bright on a dark one.
"""

from __future__ import annotations

import math

from blockweight.measure import Verdict
from blockweight.report.charts import BAR, INK, MUTED, RULE, VERDICT_COLOURS
from blockweight.report.figure_words import FigureWords, short_number
from blockweight.report.svg import Drawing, text_width

POSITIVE = BAR
NEGATIVE = VERDICT_COLOURS[Verdict.DROP]
"""Blue and vermilion: told apart with every common kind of colour vision; the number's sign says it as well."""

_MOST = 0.85
"""How opaque the strongest cell is: its number stays legible in dark ink."""
_STRONG = 0.72
"""From this opacity on a cell is too bright on a dark page for the page's light ink."""
_INK_ON_STRONG = "#0b0c0e"

_KEY_CELL = 15.0
_KEY_STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)


def draw_cell(
    drawing: Drawing,
    place: tuple[float, float],
    size: tuple[float, float],
    value: float,
    largest: float,
    tip: str,
    *,
    quiet: bool = False,
    number: bool = True,
) -> None:
    """A cell with its top left corner at `place`, coloured by value / largest (−1 … 1); NaN is an empty frame with a
    stroke, and a `quiet` cell has a dot and no colour. The `number` is written where it fits."""
    (x, y), (width, height) = place, size
    if math.isnan(value):
        drawing.rect(x + 1, y + 1, width - 2, height - 2, "none", tip, stroke=RULE, pointer_events="all")
        drawing.line(x + 1, y + height - 1, x + width - 1, y + 1, RULE)
        return
    share = min(abs(value) / largest, 1.0) if largest > 0 else 0.0
    opacity = _MOST * share
    if quiet:
        drawing.rect(x + 0.5, y + 0.5, width - 1, height - 1, RULE, tip, fill_opacity=0.35, class_="quiet")
        drawing.circle(x + width - 4.5, y + 4.5, 1.6, MUTED)
    else:
        colour = NEGATIVE if value < 0 else POSITIVE
        drawing.rect(x + 0.5, y + 0.5, width - 1, height - 1, RULE, fill_opacity=0.35)
        drawing.rect(x + 0.5, y + 0.5, width - 1, height - 1, colour, tip, fill_opacity=opacity, class_="cell")
    if number:
        text = short_number(value).replace("0.", ".", 1) if abs(value) < 1 else short_number(value)
        font = min(10.0, 10 * (width - 3) / max(text_width(text, 10), 1))
        if font >= 7 and height >= 13:
            ink = MUTED if quiet else _INK_ON_STRONG if opacity > _STRONG else INK
            drawing.text(x + width / 2, y + height / 2 + font * 0.36, text, font, ink,
                         text_anchor="middle", pointer_events="none")  # fmt: skip


def draw_key(
    drawing: Drawing,
    x: float,
    y: float,
    words: FigureWords,
    *,
    weakest: str,
    strongest: str,
    signed: bool = False,
    missing: bool = False,
    quiet: bool = False,
) -> None:
    """What the colours mean, in one line from x on with its middle at y."""
    if signed:
        for colour, name in ((NEGATIVE, words.negative), (POSITIVE, words.positive)):
            drawing.rect(x, y - 6, _KEY_CELL, 12, colour, fill_opacity=_MOST)
            x = _note(drawing, x + _KEY_CELL + 5, y, name) + 16
    x = _note(drawing, x, y, weakest) + 6
    for share in _KEY_STEPS:
        drawing.rect(x, y - 6, _KEY_CELL, 12, RULE, fill_opacity=0.35)
        drawing.rect(x, y - 6, _KEY_CELL, 12, POSITIVE, fill_opacity=_MOST * share)
        x += _KEY_CELL
    x = _note(drawing, x + 6, y, strongest) + 18
    for wanted, value, name in ((missing, math.nan, words.not_measured), (quiet, 0.0, words.quiet)):
        if wanted:
            draw_cell(drawing, (x, y - 7), (_KEY_CELL, 14), value, 1, "", quiet=True, number=False)
            x = _note(drawing, x + _KEY_CELL + 5, y, name) + 16


def _note(drawing: Drawing, x: float, y: float, text: str) -> float:
    """Write the text and say where it ends."""
    drawing.text(x, y + 3.8, text, 10.5, MUTED)
    return x + text_width(text, 10.5)
