"""The numbers behind the figures, for who does not see them or wants to read them off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from blockweight.measure import Effect, EffectTable
from blockweight.report.bar_figures import Yardstick, ranked
from blockweight.report.figure_words import (
    ASPECT_LABELS,
    Labels,
    aspect_label,
    decimals_for,
    short_number,
)
from blockweight.report.page import DataTable

TITLE = "The figures as a table"
NOTHING = "–"


def aspects_table(table: EffectTable, labels: Labels = ASPECT_LABELS) -> DataTable:
    """A row a block and a column an aspect: means over the scenes."""
    rows = [(block, *(_mean(table.effect(aspect, block)) for aspect in table.aspects)) for block in table.blocks]
    return DataTable(TITLE, ("Block", *(_head(aspect, labels) for aspect in table.aspects)), tuple(rows))


def ranking_table(table: EffectTable, aspect: str, labels: Labels = ASPECT_LABELS) -> DataTable:
    """A row a block, strongest first: the mean, its 95 % interval and the scenes' range."""
    effects = ranked(table, aspect)
    rows = tuple(_ranking_row(effect) for effect in effects)
    head = _head(aspect, labels)
    return DataTable(TITLE, ("Block", f"{head}, mean", "95 % interval", "least", "most", "scenes"), rows)


def _ranking_row(effect: Effect) -> tuple[str, ...]:
    decimals = decimals_for(abs(effect.mean))
    low, high = effect.interval
    spread = NOTHING if np.isinf(high) else f"{low:.{decimals}f} to {high:.{decimals}f}"
    numbers = (f"{effect.mean:.{decimals}f}", spread, *(f"{end:.{decimals}f}" for end in effect.spread))
    return effect.block, *(text.replace("-", "−") for text in numbers), str(len(effect.samples))


def regions_table(table: EffectTable, aspect: str, labels: Labels = ASPECT_LABELS) -> DataTable:
    """A row a block: its mean effect inside, outside, and the one by the other."""
    inside, outside = f"{aspect}:inside", f"{aspect}:outside"
    rows = []
    for block in table.blocks:
        within, beyond = table.effect(inside, block), table.effect(outside, block)
        if within is not None and beyond is not None:
            ratio = short_number(within.mean / beyond.mean) if beyond.mean > 0 else NOTHING
            rows.append((block, _mean(within), _mean(beyond), ratio))
    return DataTable(TITLE, ("Block", _head(inside, labels), _head(outside, labels), "inside : outside"), tuple(rows))


def steps_table(blocks: Sequence[str], steps: Sequence[str | int], values: ArrayLike) -> DataTable:
    """A row a block and a column a step."""
    cells = np.asarray(values, dtype=np.float64)
    rows = tuple((block, *map(_number, row)) for block, row in zip(blocks, cells, strict=True))
    return DataTable(TITLE, ("Block", *(f"step {step}" for step in steps)), rows)


def pairs_table(blocks: Sequence[str], values: ArrayLike) -> DataTable:
    """A row a pair, strongest first."""
    cells = np.asarray(values, dtype=np.float64)
    pairs = [(blocks[i], blocks[j], float(cells[i, j])) for i in range(len(blocks)) for j in range(i)]
    pairs = sorted((pair for pair in pairs if not np.isnan(pair[2])), key=lambda pair: -abs(pair[2]))
    return DataTable(TITLE, ("Pair", "together"), tuple((f"{b} + {a}", short_number(value)) for a, b, value in pairs))


def yardstick_table(table: EffectTable, yardsticks: Sequence[Yardstick], labels: Labels = ASPECT_LABELS) -> DataTable:
    """A row an aspect: what two seeds differ by, and the strongest block beside it."""
    rows = []
    for stick in yardsticks:
        effects = ranked(table, stick.aspect)
        if effects and stick.mean > 0:
            label, first = aspect_label(stick.aspect, labels), effects[0]
            share = f"{abs(first.mean) / stick.mean:.1%}"
            seeds = stick.text(label.unit)
            rows.append((label.title, seeds, first.block, short_number(first.mean), share))
    return DataTable(TITLE, ("Aspect", "two seeds differ by", "strongest block", "its effect", "share"), tuple(rows))


def _head(aspect: str, labels: Labels) -> str:
    label = aspect_label(aspect, labels)
    return label.title if not label.unit or label.unit in label.title else f"{label.title} ({label.unit})"


def _mean(effect: Effect | None) -> str:
    return NOTHING if effect is None else short_number(effect.mean)


def _number(value: float) -> str:
    return NOTHING if np.isnan(value) else short_number(value)
