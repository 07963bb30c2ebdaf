"""Where blocks work: their effect inside the mask against that outside, for any aspect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.measure import INSIDE, NOISE_FLOOR, OUTSIDE, Effect, EffectTable, Verdict
from blockweight.report.axes import EDGE, Linear, Logarithmic
from blockweight.report.charts import INK, MUTED, PAPER, RULE, VERDICT_COLOURS
from blockweight.report.figure_words import (
    ASPECT_LABELS,
    ENGLISH,
    FigureWords,
    Labels,
    aspect_label,
    short_number,
    with_unit,
)
from blockweight.report.label_places import Area, area_around, offsets_of_labels
from blockweight.report.svg import Drawing, text_width

_LEFT, _TOP, _SIDE = 64.0, 14.0, 560.0
_NAME = 10.0
_DOT = 5.0
_NEAR_ZERO = 0.03
"""Of the range of a signed aspect: blocks nearer to 0 are too crowded to name."""

Axis = Linear | Logarithmic


@dataclass(frozen=True)
class _Spot:
    block: str
    inside: Effect
    outside: Effect
    verdict: Verdict | None
    x: float
    y: float


def inside_outside_figure(
    table: EffectTable,
    aspect: str,
    title: str = "",
    *,
    floor: float = NOISE_FLOOR,
    typical: float | None = None,
    verdicts: Mapping[str, Verdict] | None = None,
    labels: Labels = ASPECT_LABELS,
    words: FigureWords = ENGLISH,
) -> bytes:
    """An SVG with a point a block: the effect outside the mask (x) and inside (y) by an aspect that the table has with
    both regions. Thin lines are the 95 % intervals, cut at the axes, none of a single scene; on the dashed diagonal a
    block works equally in both.

    Axes are logarithmic, and what lies under `floor` (in the aspect's unit) stands in the shaded edge; blocks that are
    under it on both are counted, not named. With `typical` (the ratio inside to outside of all blocks together) a
    dotted line says where that is. An aspect with negative values has linear axes through 0 instead, and blocks near 0
    on both are counted. Names do not cover each other. BlockweightError when no block has both effects.
    """
    inside, outside = (f"{aspect}:{region}" for region in (INSIDE, OUTSIDE))
    found = [(block, table.effect(inside, block), table.effect(outside, block)) for block in table.blocks]
    pairs = [(block, within, beyond) for block, within, beyond in found if within is not None and beyond is not None]
    if not pairs:
        raise BlockweightError("No block has an effect inside and outside; measure with a mask first.")
    low = min(min(within.spread[0], beyond.spread[0]) for _, within, beyond in pairs)
    high = max(max(within.spread[1], beyond.spread[1]) for _, within, beyond in pairs)
    across, up = _axes(low, high, floor)
    spots = [
        _Spot(block, within, beyond, (verdicts or {}).get(block), across.at(beyond.mean), up.at(within.mean))
        for block, within, beyond in pairs
    ]
    names = [aspect_label(each, labels, words) for each in (inside, outside)]
    least = floor if low >= 0 else max(floor, _NEAR_ZERO * (high - low))
    unseen = [spot for spot in spots if max(abs(spot.inside.mean), abs(spot.outside.mean)) < least]
    more = sum(spot.inside.mean > spot.outside.mean for spot in spots if spot not in unseen)
    about = f"{len(spots)} blocks: {more} lie above the diagonal, {len(unseen)} too near the floor or 0 to name."
    drawing = Drawing(_LEFT + _SIDE + 16, _TOP + _SIDE + 92, title or f"{names[0].title} / {names[1].title}", about)
    _frame(drawing, across, up, floor)
    for y, label, turn in ((_TOP + _SIDE / 2, names[0], True), (_TOP + _SIDE + 38, names[1], False)):
        text = with_unit(label.title, f"({label.unit})" if label.unit else "")
        x = 14.0 if turn else _LEFT + _SIDE / 2
        place: dict[str, str | float] = {"transform": f"rotate(-90 {x} {y})"} if turn else {}
        drawing.text(x, y, text, 11, MUTED, text_anchor="middle", **place)
    for spot in spots:
        _intervals(drawing, spot, across, up)
    for spot in spots:
        _mark(drawing, spot)
    told = typical is not None and typical > 0 and low >= 0
    if typical is not None and told:
        _typical(drawing, across, up, typical)
    _legend(drawing, spots, words, together=told)
    _names(drawing, spots, unseen)
    return drawing.svg()


def _typical(drawing: Drawing, across: Axis, up: Axis, ratio: float) -> None:
    """The line y = ratio · x from edge to edge of the frame, dotted."""
    lowest, highest = max(across.low, up.low / ratio), min(across.high, up.high / ratio)
    if lowest < highest and isinstance(across, Logarithmic) and isinstance(up, Logarithmic):
        (x1, x2), (y1, y2) = (
            [axis.exact(end * by) for end in (lowest, highest)] for axis, by in ((across, 1), (up, ratio))
        )
        drawing.line(x1, y1, x2, y2, MUTED, stroke_dasharray="1.5 3.5", stroke_linecap="round", class_="typical")


def _axes(low: float, high: float, floor: float) -> tuple[Axis, Axis]:
    start, end = (_LEFT, _TOP + _SIDE), (_LEFT + _SIDE, _TOP)
    if low < 0:
        pad = 0.06 * max(high - low, 1e-9)
        ends = min(low, 0) - pad, max(high, 0) + pad
        return Linear(*ends, start[0], end[0]), Linear(*ends, start[1], end[1])
    top = max(high, 2 * floor) * 1.25
    return Logarithmic(floor, top, start[0], end[0]), Logarithmic(floor, top, start[1], end[1])


def _frame(drawing: Drawing, across: Axis, up: Axis, floor: float) -> None:
    left, top, right, bottom = _LEFT, _TOP, _LEFT + _SIDE, _TOP + _SIDE
    if isinstance(across, Logarithmic) and isinstance(up, Logarithmic):
        drawing.rect(left, top, across.at(floor) - left, _SIDE, RULE, fill_opacity=0.45)
        drawing.rect(across.at(floor), up.at(floor), right - across.at(floor), bottom - up.at(floor), RULE,
                     fill_opacity=0.45)  # fmt: skip
    ticks = [(value, _tick(value)) for value in across.ticks()]
    if isinstance(across, Logarithmic):
        ticks.insert(0, (floor * EDGE, f"<{short_number(floor)}"))
    for value, text in ticks:
        drawing.line(across.at(value), top, across.at(value), bottom, RULE, stroke_opacity=0.7)
        drawing.line(left, up.at(value), right, up.at(value), RULE, stroke_opacity=0.7)
        drawing.text(across.at(value), bottom + 16, text, 10.5, text_anchor="middle")
        drawing.text(left - 7, up.at(value) + 3.8, text, 10.5, text_anchor="end")
    drawing.line(left, bottom, right, top, MUTED, stroke_dasharray="5 4", class_="diagonal")
    if isinstance(across, Linear):
        drawing.line(across.at(0), top, across.at(0), bottom, MUTED)
        drawing.line(left, up.at(0), right, up.at(0), MUTED)


def _tick(value: float) -> str:
    return f"{round(value, 9) + 0.0:g}".replace("-", "−")


def _colour(spot: _Spot) -> str:
    return VERDICT_COLOURS[spot.verdict or Verdict.UNKNOWN]


def _intervals(drawing: Drawing, spot: _Spot, across: Axis, up: Axis) -> None:
    """Draw the intervals, none of a single scene. The axes cut what lies beyond them."""
    (left, right), (low, high) = spot.outside.interval, spot.inside.interval
    if math.isfinite(right):
        drawing.line(across.at(left), spot.y, across.at(right), spot.y, _colour(spot), stroke_opacity=0.45,
                     class_="interval")  # fmt: skip
    if math.isfinite(high):
        drawing.line(spot.x, up.at(low), spot.x, up.at(high), _colour(spot), stroke_opacity=0.45,
                     class_="interval")  # fmt: skip


def _mark(drawing: Drawing, spot: _Spot) -> None:
    tip = f"{spot.block}: {short_number(spot.inside.mean)} / {short_number(spot.outside.mean)}"
    drawing.open(class_="block")
    _shape(drawing, spot.x, spot.y, spot.verdict or Verdict.UNKNOWN, tip)
    drawing.close()


def _shape(drawing: Drawing, x: float, y: float, verdict: Verdict, tip: str = "") -> None:
    """A disc to keep, a cross to drop, a diamond where it is not known."""
    colour = VERDICT_COLOURS[verdict]
    if verdict is Verdict.KEEP:
        drawing.circle(x, y, _DOT, colour, tip, stroke=PAPER)
    elif verdict is Verdict.DROP:
        drawing.path(_cross(x, y), tip, fill=colour, stroke=PAPER)
    else:
        drawing.path(f"M{x:.2f} {y - 6:.2f}l6 6l-6 6l-6 -6z", tip, fill=colour, stroke=PAPER)


def _cross(x: float, y: float) -> str:
    """A cross with thick arms, as one outline."""
    turns = "l2.4 -2.4l2.6 2.6l2.6 -2.6l2.4 2.4l-2.6 2.6l2.6 2.6l-2.4 2.4l-2.6 -2.6l-2.6 2.6l-2.4 -2.4l2.6 -2.6z"
    return f"M{x - 5:.2f} {y - 2.6:.2f}{turns}"


def _legend(drawing: Drawing, spots: list[_Spot], words: FigureWords, *, together: bool) -> None:
    x, y = _LEFT, _TOP + _SIDE + 62
    verdicts = {Verdict.KEEP: words.keep, Verdict.DROP: words.drop, Verdict.UNKNOWN: words.unknown}
    if any(spot.verdict is not None for spot in spots):
        for verdict, name in verdicts.items():
            count = sum(spot.verdict is verdict for spot in spots)
            _shape(drawing, x + 5, y - 4, verdict)
            text = f"{name} ({count})"
            drawing.text(x + 15, y, text, 10.5)
            x += text_width(text, 10.5) + 36
    drawing.line(x, y - 4, x + 24, y - 4, MUTED, stroke_dasharray="5 4")
    drawing.text(x + 30, y, words.equal, 10.5, MUTED)
    if together:
        x += text_width(words.equal, 10.5) + 50
        drawing.line(x, y - 4, x + 24, y - 4, MUTED, stroke_dasharray="1.5 3.5", stroke_linecap="round")
        drawing.text(x + 30, y, words.together, 10.5, MUTED)
    drawing.line(_LEFT, y + 13, _LEFT + 24, y + 13, MUTED)
    drawing.text(_LEFT + 30, y + 17, words.interval, 10.5, MUTED)


def _names(drawing: Drawing, spots: list[_Spot], unseen: list[_Spot]) -> None:
    shown = [spot for spot in spots if spot not in unseen]
    texts, centres = [spot.block for spot in shown], [(spot.x, spot.y) for spot in shown]
    if unseen:
        # All of them stand on one spot, where names would only cover each other.
        texts.append(f"×{len(unseen)}")
        centres.append((unseen[0].x, unseen[0].y))
    sizes = [(text_width(text, _NAME), _NAME * 1.15) for text in texts]
    taken = [area_around(x, y, 2 * _DOT, 2 * _DOT) for x, y in centres]
    frame = Area(_LEFT, _TOP, _LEFT + _SIDE, _TOP + _SIDE)
    offsets = offsets_of_labels(centres, sizes, taken, frame)
    for (x, y), offset in zip(centres, offsets, strict=True):
        if offset.far:
            drawing.line(x, y, x + offset.x, y + offset.y, INK, 0.5, stroke_opacity=0.6)
    for text, (x, y), offset in zip(texts, centres, offsets, strict=True):
        drawing.text(x + offset.x, y + offset.y + _NAME * 0.36, text, _NAME, text_anchor="middle", stroke=PAPER,
                     stroke_width=3, paint_order="stroke", stroke_linejoin="round", class_="name",
                     pointer_events="none")  # fmt: skip
