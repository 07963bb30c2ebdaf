"""The front of a search: everything that was tried by two objectives, and the choices with what they did elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.report.axes import Linear
from blockweight.report.charts import BAR, INK, MUTED, PAPER, RULE
from blockweight.report.figure_words import short_number
from blockweight.report.label_places import Area, area_around, offsets_of_labels
from blockweight.report.svg import Drawing, text_width

_LEFT, _TOP, _WIDE, _HIGH = 64.0, 14.0, 620.0, 460.0
_NAME = 11.0
_LEGEND = 10.5
_DOT = 6.0


@dataclass(frozen=True)
class FrontPoint:
    """A mean, with the ends of its interval where there is one (None: nothing tells it), for each axis."""

    x: float
    y: float
    across: tuple[float, float] | None = None
    up: tuple[float, float] | None = None


@dataclass(frozen=True)
class FrontMark:
    """A point with a name: in the scenes that were searched in, and in those held out."""

    name: str
    searched: FrontPoint
    held: FrontPoint
    chosen: bool


@dataclass(frozen=True)
class FrontWords:
    """The words of the figure, in English unless told otherwise."""

    held_out: str = "held out"
    offered: str = "offered"
    compared: str = "to compare with"
    held: str = "the same in the scenes held out, with 95 %\N{NO-BREAK SPACE}intervals"


def front_figure(
    titles: tuple[str, str],
    tried: Sequence[tuple[float, float]],
    marks: Sequence[FrontMark],
    title: str,
    words: FrontWords = FrontWords(),
) -> bytes:
    """An SVG with a small dot for all that was `tried` (x, y) and the `marks`: discs for the choices and rings for what
    they are compared with, each joined by a line to a diamond that says what the same weights did in the scenes held
    out, with its 95 % intervals. `titles` name the axes, x first."""
    spans = [end for mark in marks for point in (mark.searched, mark.held) for end in ((point.x, point.y),)]
    across = _axis([x for x, _ in (*tried, *spans)], _LEFT, _LEFT + _WIDE)
    up = _axis([y for _, y in (*tried, *spans)], _TOP + _HIGH, _TOP)
    about = f"{len(tried)} weights were tried; {sum(mark.chosen for mark in marks)} are offered."
    drawing = Drawing(_LEFT + _WIDE + 16, _TOP + _HIGH + 82, title, about)
    _frame(drawing, across, up, titles)
    for x, y in tried:
        drawing.circle(across.at(x), up.at(y), 2.4, MUTED, fill_opacity=0.4, class_="tried")
    for mark in marks:
        _elsewhere(drawing, mark, across, up, words.held_out)
    for mark in marks:
        x, y = across.at(mark.searched.x), up.at(mark.searched.y)
        tip = f"{mark.name}: {short_number(mark.searched.x)} / {short_number(mark.searched.y)}"
        if mark.chosen:
            drawing.circle(x, y, _DOT, BAR, tip, stroke=PAPER, class_="choice")
        else:
            drawing.circle(x, y, _DOT, PAPER, tip, stroke=INK, stroke_width=1.5, class_="reference")
    _names(drawing, marks, across, up)
    _legend(drawing, words)
    return drawing.svg()


def _axis(values: Sequence[float], start: float, end: float) -> Linear:
    low, high = min(values), max(values)
    pad = 0.06 * max(high - low, 1e-6)
    return Linear(low - pad, high + pad, start, end)


def _frame(drawing: Drawing, across: Linear, up: Linear, titles: tuple[str, str]) -> None:
    right, bottom = _LEFT + _WIDE, _TOP + _HIGH
    for value in across.ticks():
        drawing.line(across.at(value), _TOP, across.at(value), bottom, RULE, stroke_opacity=0.7)
        drawing.text(across.at(value), bottom + 16, short_number(value), 10.5, text_anchor="middle")
    for value in up.ticks():
        drawing.line(_LEFT, up.at(value), right, up.at(value), RULE, stroke_opacity=0.7)
        drawing.text(_LEFT - 7, up.at(value) + 3.8, short_number(value), 10.5, text_anchor="end")
    drawing.text(_LEFT + _WIDE / 2, bottom + 36, titles[0], 11, MUTED, text_anchor="middle")
    middle = _TOP + _HIGH / 2
    drawing.text(14, middle, titles[1], 11, MUTED, text_anchor="middle", transform=f"rotate(-90 14 {middle})")


def _elsewhere(drawing: Drawing, mark: FrontMark, across: Linear, up: Linear, held_out: str) -> None:
    x, y = across.at(mark.held.x), up.at(mark.held.y)
    drawing.open(class_="held")
    drawing.line(across.at(mark.searched.x), up.at(mark.searched.y), x, y, MUTED, stroke_dasharray="1.5 3.5")
    # The axes cut what lies beyond them.
    if mark.held.across is not None:
        drawing.line(across.at(mark.held.across[0]), y, across.at(mark.held.across[1]), y, MUTED, stroke_opacity=0.6)
    if mark.held.up is not None:
        drawing.line(x, up.at(mark.held.up[0]), x, up.at(mark.held.up[1]), MUTED, stroke_opacity=0.6)
    _diamond(drawing, x, y, f"{mark.name}, {held_out}: {short_number(mark.held.x)} / {short_number(mark.held.y)}")
    drawing.close()


def _diamond(drawing: Drawing, x: float, y: float, tip: str = "") -> None:
    drawing.path(f"M{x:.2f} {y - 5:.2f}l5 5l-5 5l-5 -5z", tip, fill=PAPER, stroke=MUTED, stroke_width=1.4)


def _names(drawing: Drawing, marks: Sequence[FrontMark], across: Linear, up: Linear) -> None:
    centres = [(across.at(mark.searched.x), up.at(mark.searched.y)) for mark in marks]
    sizes = [(text_width(mark.name, _NAME), _NAME * 1.15) for mark in marks]
    taken = [area_around(x, y, 2 * _DOT, 2 * _DOT) for x, y in centres]
    offsets = offsets_of_labels(centres, sizes, taken, Area(_LEFT, _TOP, _LEFT + _WIDE, _TOP + _HIGH))
    for mark, (x, y), offset in zip(marks, centres, offsets, strict=True):
        drawing.text(x + offset.x, y + offset.y + _NAME * 0.36, mark.name, _NAME, text_anchor="middle", stroke=PAPER,
                     stroke_width=3, paint_order="stroke", stroke_linejoin="round", class_="name")  # fmt: skip


def _legend(drawing: Drawing, words: FrontWords) -> None:
    x, y = _LEFT + 6, _TOP + _HIGH + 62
    drawing.circle(x, y - 4, _DOT, BAR, stroke=PAPER)
    x = _beside(drawing, x, y, words.offered)
    drawing.circle(x, y - 4, _DOT, PAPER, stroke=INK, stroke_width=1.5)
    x = _beside(drawing, x, y, words.compared)
    _diamond(drawing, x, y - 4)
    _beside(drawing, x, y, words.held)


def _beside(drawing: Drawing, x: float, y: float, word: str) -> float:
    """Write a word beside its mark; where the next mark goes."""
    drawing.text(x + 12, y, word, _LEGEND, MUTED)
    return x + 12 + text_width(word, _LEGEND) + 26
