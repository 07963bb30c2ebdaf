"""Heat: aspects by blocks, blocks by steps of the sampler, and blocks by blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike

from blockweight.errors import BlockweightError
from blockweight.measure import EffectTable
from blockweight.report.charts import INK, MUTED
from blockweight.report.figure_words import (
    ASPECT_LABELS,
    ENGLISH,
    AspectLabel,
    FigureWords,
    Labels,
    aspect_label,
    short_number,
    with_unit,
)
from blockweight.report.heat_cells import draw_cell, draw_key
from blockweight.report.svg import Drawing, fitted, text_width

WIDTH = 860.0
"""Pixels: a figure is shown at its own size or, on a narrow page, somewhat smaller."""

_MOST_IN_A_BAND = 26
_WIDEST_CELL = 42.0
_SMALL = 9.0

Pair = tuple[str, str]


def aspect_strips(
    table: EffectTable,
    title: str = "Effect of every block by every aspect",
    *,
    labels: Labels = ASPECT_LABELS,
    quiet: Collection[Pair] = (),
    words: FigureWords = ENGLISH,
) -> bytes:
    """An SVG with a row an aspect and a column a block: the mean over the scenes, each row coloured on its own scale,
    which stands under its name with the unit. `quiet` are (aspect, block) pairs that noise may explain: they get a dot
    and no colour. Layouts of more than 26 blocks are broken into bands.

    BlockweightError when the table has no aspect or no block.
    """
    if not table.aspects or not table.blocks:
        raise BlockweightError("There are no effects to draw; analyse at least one block.")
    names = [aspect_label(aspect, labels, words) for aspect in table.aspects]
    means = np.array([[_mean(table, aspect, block) for block in table.blocks] for aspect in table.aspects])
    most = [_largest(row) for row in means]
    scales = [_scale(row, label.unit, words) for row, label in zip(means, names, strict=True)]
    left = min(190.0, max(text_width(each.title, 11.5) for each in names) + 14)
    left = max(left, min(190.0, max(text_width(scale, _SMALL) for scale in scales) + 14))
    bands = _bands(len(table.blocks))
    cell = min(_WIDEST_CELL, (WIDTH - left) / len(bands[0]))
    turned = cell < max(text_width(block, 10) for block in table.blocks) + 4
    head = max(text_width(block, 9.5) for block in table.blocks) + 8 if turned else 18.0
    row_height = 28.0
    band_height = head + row_height * len(names) + 10
    drawing = Drawing(WIDTH, band_height * len(bands) + 26, title, _told(table, names, means))
    for number, band in enumerate(bands):
        top = number * band_height
        _block_names(drawing, [table.blocks[index] for index in band], (left, top + head - 5), cell, turned=turned)
        for row, (aspect, label) in enumerate(zip(table.aspects, names, strict=True)):
            y = top + head + row * row_height
            drawing.text(0, y + 12, fitted(label.title, 11.5, left - 8), 11.5)
            drawing.text(0, y + 23, fitted(scales[row], _SMALL, left - 8), _SMALL, MUTED)
            for place, index in enumerate(band):
                block, value = table.blocks[index], float(means[row, index])
                tip = _tip(table, aspect, block, label.title, label.unit, words)
                hushed = (aspect, block) in quiet
                if hushed:
                    tip += f" ({words.quiet})"
                draw_cell(drawing, (left + place * cell, y), (cell, row_height - 2), value, most[row], tip,
                          quiet=hushed)  # fmt: skip
    signed, missing = bool((means < 0).any()), bool(np.isnan(means).any())
    draw_key(drawing, 0 if signed else left, drawing.height - 10, words, weakest=words.weakest,
             strongest=words.strongest, signed=signed, missing=missing, quiet=bool(quiet))  # fmt: skip
    return drawing.svg()


def step_map(
    blocks: Sequence[str],
    steps: Sequence[str | int],
    values: ArrayLike,
    title: str = "Effect of every block at every step",
    *,
    unit: str = "",
    noise_levels: Sequence[float] | None = None,
    words: FigureWords = ENGLISH,
) -> bytes:
    """An SVG with a row a block and a column a step of the sampler: `values` (blocks, steps) on one scale, NaN where
    nothing was measured. `noise_levels`, one a step, stand under the steps.

    BlockweightError when the map is empty; ValueError for values of another shape.
    """
    cells = np.asarray(values, dtype=np.float64)
    if cells.shape != (len(blocks), len(steps)):
        raise ValueError(f"values must be of the shape {(len(blocks), len(steps))}, not {cells.shape}")
    if not cells.size:
        raise BlockweightError("There are no steps to draw; probe at least one block at one step.")
    left = max(*(text_width(block, 10.5) for block in blocks), text_width(words.noise_level, _SMALL)) + 12
    width = min(96.0, (WIDTH - left) / len(steps))
    height = 16.0 if len(blocks) > 32 else 19.0
    head, foot = 38.0, 44.0 if noise_levels is not None else 28.0
    most = _largest(cells)
    about = f"{len(blocks)} blocks at {len(steps)} steps; strongest {with_unit(short_number(most), unit)}."
    drawing = Drawing(WIDTH, head + height * len(blocks) + foot, title, about)
    draw_key(drawing, left, 9, words, weakest=words.weakest, strongest=f"{words.strongest_of_all}: "
             f"{with_unit(short_number(most), unit)}", signed=bool((cells < 0).any()),
             missing=bool(np.isnan(cells).any()))  # fmt: skip
    for row, block in enumerate(blocks):
        y = head + row * height
        drawing.text(left - 8, y + height / 2 + 3.8, block, 10.5, text_anchor="end")
        for column, step in enumerate(steps):
            value = float(cells[row, column])
            said = words.not_measured if np.isnan(value) else with_unit(short_number(value), unit)
            draw_cell(drawing, (left + column * width, y), (width, height), value, most,
                      f"{block}, {words.step} {step}: {said}")  # fmt: skip
    bottom = head + height * len(blocks)
    drawing.text(left - 8, bottom + 15, words.step, 10, MUTED, text_anchor="end")
    for column, step in enumerate(steps):
        middle = left + (column + 0.5) * width
        drawing.text(middle, bottom + 15, str(step), 10, text_anchor="middle")
        if noise_levels is not None:
            level = short_number(noise_levels[column])
            drawing.text(middle, bottom + 31, level, min(10, 10 * width / max(text_width(level, 10), 1)), MUTED,
                         text_anchor="middle")  # fmt: skip
    if noise_levels is not None:
        drawing.text(left - 8, bottom + 31, words.noise_level, _SMALL, MUTED, text_anchor="end")
    return drawing.svg()


def interaction_matrix(
    blocks: Sequence[str],
    values: ArrayLike,
    title: str = "Which pairs of blocks do not add up",
    *,
    unit: str = "",
    marked: Collection[Pair] = (),
    words: FigureWords = ENGLISH,
) -> bytes:
    """An SVG of the lower triangle of symmetric `values` (blocks, blocks): what two blocks do together beyond the sum
    of what they do alone, NaN where a pair was not measured. `marked` pairs, in either order, are framed: they do not
    add up. The diagonal is not read.

    BlockweightError for fewer than two blocks; ValueError for values of another shape.
    """
    cells = np.asarray(values, dtype=np.float64)
    if cells.shape != (len(blocks), len(blocks)):
        raise ValueError(f"values must be of the shape {(len(blocks), len(blocks))}, not {cells.shape}")
    if len(blocks) < 2:
        raise BlockweightError("There are no pairs to draw; measure the interactions of at least two blocks.")
    count = len(blocks)
    lower = cells[np.tril_indices(count, -1)]
    most = _largest(lower)
    left = max(text_width(block, 10.5) for block in blocks) + 12
    side = min(54.0, (WIDTH - left) / (count - 1))
    height = min(side, 32.0)
    turned = side < left
    foot = left + 6 if turned else 24.0
    head = 30.0
    pairs = {frozenset(pair) for pair in marked}
    about = f"{count} blocks; strongest {with_unit(short_number(most), unit)}, {len(pairs)} pairs {words.not_adding}."
    drawing = Drawing(WIDTH, head + height * (count - 1) + foot, title, about)
    strongest = f"{words.strongest_of_all}: {with_unit(short_number(most), unit)}"
    draw_key(drawing, left, 9, words, weakest=words.weakest, strongest=strongest, signed=bool((lower < 0).any()),
             missing=bool(np.isnan(lower).any()))  # fmt: skip
    for row in range(1, count):
        y = head + (row - 1) * height
        drawing.text(left - 8, y + height / 2 + 3.8, blocks[row], 10.5, text_anchor="end")
        for column in range(row):
            value, pair = float(cells[row, column]), f"{blocks[column]} + {blocks[row]}"
            framed = frozenset((blocks[row], blocks[column])) in pairs
            said = words.not_measured if np.isnan(value) else with_unit(short_number(value), unit)
            tip = f"{pair}: {said}" + (f" ({words.not_adding})" if framed else "")
            x = left + column * side
            draw_cell(drawing, (x, y), (side, height), value, most, tip)
            if framed:
                drawing.rect(x + 1.5, y + 1.5, side - 3, height - 3, "none", stroke=INK, stroke_width=2,
                             class_="marked", pointer_events="none")  # fmt: skip
    bottom = head + (count - 1) * height
    for column, block in enumerate(blocks[:-1]):
        middle = left + (column + 0.5) * side
        _name(drawing, middle, bottom + (6 if turned else 15), block, turned=turned, above=False)
    if pairs:
        x = left + max(side * (count - 1) * 0.55, 260)
        if x + 20 + text_width(words.not_adding, 10.5) < WIDTH:
            drawing.rect(x, head + 4, 16, 16, "none", stroke=INK, stroke_width=2)
            drawing.text(x + 23, head + 16, words.not_adding, 10.5, MUTED)
    return drawing.svg()


def _block_names(
    drawing: Drawing, blocks: Sequence[str], start: tuple[float, float], cell: float, *, turned: bool
) -> None:
    for place, block in enumerate(blocks):
        _name(drawing, start[0] + (place + 0.5) * cell, start[1], block, turned=turned, above=True)


def _name(drawing: Drawing, x: float, y: float, block: str, *, turned: bool, above: bool) -> None:
    if not turned:
        drawing.text(x, y, block, 10, text_anchor="middle")
        return
    turn = f"rotate(-90 {x:.2f} {y:.2f})"
    drawing.text(x, y + 3.4, block, 9.5, text_anchor="start" if above else "end", transform=turn)


def _bands(blocks: int) -> list[range]:
    """The blocks by number, in as few bands as hold them and as even as can be."""
    columns = -(-blocks // -(-blocks // _MOST_IN_A_BAND))
    return [range(start, min(start + columns, blocks)) for start in range(0, blocks, columns)]


def _mean(table: EffectTable, aspect: str, block: str) -> float:
    effect = table.effect(aspect, block)
    return float("nan") if effect is None else effect.mean


def _largest(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float(np.nanmax(np.abs(values))) if values.size and not np.isnan(values).all() else 0.0


def _scale(row: np.ndarray[tuple[int, ...], np.dtype[np.float64]], unit: str, words: FigureWords) -> str:
    if np.isnan(row).all():
        return ""
    low, high = min(float(np.nanmin(row)), 0.0), max(float(np.nanmax(row)), 0.0)
    span = words.span.format(low=short_number(low), high=short_number(high))
    return with_unit(span, "" if unit == "%" else unit)


def _tip(table: EffectTable, aspect: str, block: str, title: str, unit: str, words: FigureWords) -> str:
    effect = table.effect(aspect, block)
    if effect is None:
        return f"{block}, {title}: {words.not_measured}"
    low, high = effect.interval
    span = "" if np.isinf(high) else f" ({words.span.format(low=short_number(low), high=short_number(high))})"
    return f"{block}, {title}: {with_unit(short_number(effect.mean), unit)}{span}"


def _told(
    table: EffectTable, names: Sequence[AspectLabel], means: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> str:
    """The strongest block by every aspect, in words."""
    said = []
    for label, row in zip(names, means, strict=True):
        if not np.isnan(row).all():
            said.append(f"{label.title} strongest in {table.blocks[int(np.nanargmax(np.abs(row)))]}")
    return f"{len(table.blocks)} blocks over {len(table.scenes)} scenes: {', '.join(said)}."
