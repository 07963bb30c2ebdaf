"""Blocks in the order of what they do, with the uncertainty; and how that compares with another seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.measure import Effect, EffectTable, SeedDifference, Verdict
from blockweight.report.axes import Linear, Logarithmic
from blockweight.report.charts import BAR, INK, MUTED, PAPER, RULE, VERDICT_COLOURS, VERDICT_SIGNS
from blockweight.report.figure_words import (
    ASPECT_LABELS,
    ENGLISH,
    FigureWords,
    Labels,
    aspect_label,
    decimals_for,
    effect_text,
    short_number,
    with_unit,
)
from blockweight.report.heat_cells import NEGATIVE
from blockweight.report.heat_figures import WIDTH
from blockweight.report.svg import Drawing, fitted, text_width

_ROW = 17.0
_HEADROOM = 1.05


def ranked(table: EffectTable, aspect: str) -> tuple[Effect, ...]:
    """The blocks that were measured by this aspect, strongest first; a signed aspect counts by its size."""
    return tuple(sorted(table.effects(aspect), key=lambda effect: -abs(effect.mean)))


def effect_bars(
    table: EffectTable,
    aspect: str,
    title: str = "",
    *,
    floor: float | None = None,
    verdicts: Mapping[str, Verdict] | None = None,
    most: int | None = None,
    labels: Labels = ASPECT_LABELS,
    words: FigureWords = ENGLISH,
) -> bytes:
    """An SVG with a bar a block, strongest first: the bar is the mean, the dots are the scenes, the line is the 95 %
    interval (an arrow where it leaves the chart), and the figures stand at the right. An aspect with negative values
    diverges from 0. A `floor` in the aspect's unit is a dashed line, on both sides of 0; `verdicts` stand beside the
    names. With `most` the weakest blocks are counted, not drawn.

    BlockweightError when no block was measured by the aspect.
    """
    measured = ranked(table, aspect)
    effects = measured[:most]
    if not effects:
        raise BlockweightError(f"No block was measured by '{aspect}'; analyse with that aspect.")
    label = aspect_label(aspect, labels, words)
    signs = 16.0 if verdicts else 0.0
    left = max(text_width(effect.block, 10.5) for effect in effects) + 12 + signs
    low, high = min(effect.spread[0] for effect in effects), max(effect.spread[1] for effect in effects)
    high = max(high, floor or 0.0, 0.0 if low < 0 else 1e-9)
    low = min(low, -(floor or 0.0)) if low < 0 else 0.0
    figures = [_figures(effect, words) for effect in effects]
    right = max(text_width(text, 10) for text in figures) + 14
    axis = Linear(low * _HEADROOM, high * _HEADROOM, left, WIDTH - right)
    notes = _notes(table, aspect, measured[len(effects) :], words)
    head, body = 26.0, _ROW * len(effects)
    about = f"{len(effects)} blocks; strongest {effects[0].block}: {with_unit(figures[0], label.unit)}."
    drawing = Drawing(WIDTH, head + body + 42 + 16 * len(notes), title or label.title, about)
    _key(drawing, left, words, floored=floor is not None)
    for tick in axis.ticks():
        drawing.line(axis.at(tick), head - 2, axis.at(tick), head + body, MUTED if tick == 0 and low < 0 else RULE)
        drawing.text(axis.at(tick), head + body + 15, _tick(tick), 10, MUTED, text_anchor="middle")
    drawing.text((axis.start + axis.end) / 2, head + body + 33, _axis_title(label.title, label.unit), 10.5, MUTED,
                 text_anchor="middle")  # fmt: skip
    for row, (effect, figure) in enumerate(zip(effects, figures, strict=True)):
        y = head + (row + 0.5) * _ROW
        drawing.text(left - 9 - signs, y + 3.8, effect.block, 10.5, text_anchor="end")
        if verdicts and effect.block in verdicts:
            verdict = verdicts[effect.block]
            drawing.text(left - 12, y + 3.8, VERDICT_SIGNS[verdict], 10, VERDICT_COLOURS[verdict], text_anchor="middle")
        tip = f"{effect.block}: {with_unit(figure, label.unit)}"
        _bar(drawing, effect, axis, y, tip)
        drawing.text(WIDTH, y + 3.6, figure, 10, text_anchor="end")
    for side in {floor, -floor if low < 0 else floor} if floor is not None else ():
        drawing.line(axis.at(side), head - 4, axis.at(side), head + body, INK, stroke_dasharray="4 3", class_="floor")
    for number, note in enumerate(notes):
        drawing.text(0, head + body + 53 + 16 * number, fitted(note, 10, WIDTH), 10, MUTED)
    return drawing.svg()


def _notes(table: EffectTable, aspect: str, weaker: Sequence[Effect], words: FigureWords) -> list[str]:
    lacking = [block for block in table.blocks if table.effect(aspect, block) is None]
    lists = ((words.weaker, [effect.block for effect in weaker]), (words.not_measured, lacking))
    return [f"{name} ({len(blocks)}): {', '.join(blocks)}" for name, blocks in lists if blocks]


def _figures(effect: Effect, words: FigureWords) -> str:
    return effect_text(effect.text(decimals_for(abs(effect.mean))), words)


def _axis_title(title: str, unit: str) -> str:
    return title if not unit or unit in title else f"{title} ({unit})"


def _tick(value: float) -> str:
    return f"{round(value, 9) + 0.0:g}".replace("-", "−")


def _bar(drawing: Drawing, effect: Effect, axis: Linear, y: float, tip: str) -> None:
    colour = NEGATIVE if effect.mean < 0 else BAR
    zero, mean = axis.at(0), axis.at(effect.mean)
    drawing.rect(min(zero, mean), y - 5.5, abs(mean - zero), 11, colour, tip, fill_opacity=0.4, class_="bar")
    low, high = effect.interval
    if not math.isinf(high):
        drawing.line(axis.at(low), y, axis.at(high), y, INK, 1.3, class_="interval")
        for end, beyond, turn in ((low, low < axis.low, -1), (high, high > axis.high, 1)):
            x = axis.at(end)
            if not beyond:
                drawing.line(x, y - 3, x, y + 3, INK, 1.3)
            elif end != low or axis.low < 0:
                drawing.path(f"M{x + 5 * turn:.2f} {y:.2f}l{-6 * turn} -3.5v7z", fill=INK)
    for sample in effect.samples:
        drawing.circle(axis.at(sample), y, 2.3, colour, stroke=PAPER, stroke_width=0.6, class_="scene")


def _key(drawing: Drawing, x: float, words: FigureWords, *, floored: bool) -> None:
    y = 8.0
    drawing.rect(x, y - 5, 18, 10, BAR, fill_opacity=0.4)
    x = _note(drawing, x + 23, y, words.mean)
    drawing.circle(x + 4, y, 2.6, BAR)
    x = _note(drawing, x + 11, y, words.scenes)
    drawing.line(x, y, x + 18, y, INK, 1.3)
    for end in (x, x + 18):
        drawing.line(end, y - 3, end, y + 3, INK, 1.3)
    x = _note(drawing, x + 23, y, words.interval)
    if floored:
        drawing.line(x, y, x + 18, y, INK, stroke_dasharray="4 3")
        _note(drawing, x + 23, y, words.noise_floor)


def _note(drawing: Drawing, x: float, y: float, text: str) -> float:
    drawing.text(x, y + 3.8, text, 10.5, MUTED)
    return x + text_width(text, 10.5) + 18


@dataclass(frozen=True)
class Yardstick:
    """By how much two pictures of one prompt and other seeds differ anyway by an aspect, in its unit (> 0);
    `difference` says how sure that is."""

    aspect: str
    mean: float
    difference: SeedDifference | None = None

    def text(self, unit: str) -> str:
        """`4.3 levels`, with its interval and the number of pairs where they are known."""
        sureness = "" if self.difference is None else self.difference.sureness(decimals_for(self.mean))
        return with_unit(short_number(self.mean), unit) + sureness


def seed_yardstick(
    table: EffectTable,
    yardsticks: Sequence[Yardstick],
    title: str = "The blocks beside another seed",
    *,
    labels: Labels = ASPECT_LABELS,
    words: FigureWords = ENGLISH,
) -> bytes:
    """An SVG with a row an aspect and a dot a block: the size of the block's mean effect as a share of what two seeds
    differ by, on one logarithmic axis. The three strongest blocks of a row are named; what stands under a thousandth
    is drawn at the left edge.

    BlockweightError when the table has none of the aspects.
    """
    rows = [(stick, ranked(table, stick.aspect)) for stick in yardsticks if stick.mean > 0]
    rows = [(stick, effects) for stick, effects in rows if effects]
    if not rows:
        raise BlockweightError("There is no difference between seeds to compare with; analyse at least two seeds.")
    titles = [aspect_label(stick.aspect, labels, words) for stick, _ in rows]
    left = min(200.0, max(text_width(label.title, 11.5) for label in titles) + 16)
    left = max(left, 150.0)
    shares = [[(effect.block, abs(effect.mean) / stick.mean) for effect in effects] for stick, effects in rows]
    axis = Logarithmic(0.001, max(1.6, 1.1 * max(row[0][1] for row in shares)), left, WIDTH - 14)
    row_height, head = 50.0, 24.0
    bottom = head + row_height * len(rows)
    about = "; ".join(f"{label.title}: {row[0][0]} {row[0][1]:.1%}" for label, row in zip(titles, shares, strict=True))
    drawing = Drawing(WIDTH, bottom + 40, title, f"Strongest block of each aspect: {about}.")
    for tick in axis.ticks():
        drawing.line(axis.at(tick), head, axis.at(tick), bottom, RULE)
        if f"{tick:g}"[-1] == "1" or tick == 0.5:
            drawing.text(axis.at(tick), bottom + 15, f"{tick * 100:g} %", 10, MUTED, text_anchor="middle")
    drawing.text(axis.at(0), bottom + 15, "< 0.1 %", 10, MUTED, text_anchor="middle")
    drawing.line(axis.at(1), head - 6, axis.at(1), bottom, INK, 1.5, class_="seeds")
    drawing.text(axis.at(1), head - 10, words.seeds, 10.5, INK, text_anchor="middle" if axis.high > 3 else "end")
    drawing.text((left + WIDTH) / 2, bottom + 34, words.share_of_seeds, 10.5, MUTED, text_anchor="middle")
    for number, ((stick, _), label, row) in enumerate(zip(rows, titles, shares, strict=True)):
        y = head + (number + 0.64) * row_height
        drawing.text(0, y + 1, fitted(label.title, 11.5, left - 10), 11.5)
        drawing.text(0, y + 13, f"100 % = {with_unit(short_number(stick.mean), label.unit)}", 9, MUTED)
        drawing.line(left, y, WIDTH, y, RULE)
        for block, share in reversed(row):
            tip = f"{block}: {share:.1%}"
            drawing.circle(axis.at(share), y, 4, BAR, tip, fill_opacity=0.6, stroke=PAPER, stroke_width=0.8,
                           class_="block")  # fmt: skip
        _strongest(drawing, row[:3], axis, y)
    return drawing.svg()


def _strongest(drawing: Drawing, row: Sequence[tuple[str, float]], axis: Logarithmic, y: float) -> None:
    """Names above the dots, pushed apart to the left where they would meet."""
    edge = math.inf
    for block, share in row:
        width = text_width(block, 9.5)
        x = min(axis.at(share) + width / 2, edge, WIDTH)
        drawing.text(x, y - 8, block, 9.5, text_anchor="end")
        edge = x - width - 6
