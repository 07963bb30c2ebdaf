"""The Effective Block Analyzer's grid as LoRA Block Weight draws it, and the table that it never gave."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.measure import DIFF_THRESHOLD, BlockEffects, Picture, absolute_difference, diff_percent
from blockweight.report.grids import Grid, picture_grid
from blockweight.weights import format_weight

DifferenceColour = Literal["black", "white"]

CSV_COLUMNS = ("block", "scene", "seed", "diff_percent", "mean_difference", "inside", "outside")
"""`diff_percent` is LoRA Block Weight's Diff %; the other three are mean differences in levels of 255."""

CSV_SCALE = 6
"""Decimals in the table: far below anything measurable, and the same text on every machine."""


@dataclass(frozen=True)
class AnalysisPictures:
    """One seed of an analysis: `source` with all blocks at the base weight, and for each block the picture with that
    block alone at `value` (plan.BlockAnalysis; Range "A,B" is value,base)."""

    value: float
    seed: int
    source: Picture
    changed: tuple[tuple[str, Picture], ...]


def difference_picture(picture: Picture, source: Picture, colour: DifferenceColour = "black") -> Picture:
    """The raw |picture − source| (not thresholded) on black; on white it is 255 − that. uint8 (H, W, 3).

    BlockweightError for another colour or when the sizes differ.
    """
    if colour not in ("black", "white"):
        raise BlockweightError(f"The difference can be drawn on black or white, not on '{colour}'.")
    difference = absolute_difference(picture, source)
    return difference if colour == "black" else 255 - difference


def block_label(block: str, picture: Picture, source: Picture, threshold: int = DIFF_THRESHOLD) -> str:
    """The label as LoRA Block Weight writes it, e.g. `BASE\\n Diff : 33.007%`."""
    return f"{block}\n Diff : {diff_percent(picture, source, threshold)}%"


def analysis_grid(
    analysis: AnalysisPictures,
    lora: str,
    *,
    change_xy: bool = False,
    colour: DifferenceColour = "black",
    threshold: int = DIFF_THRESHOLD,
    scale: int | None = None,
) -> Grid:
    """The Effective Block Analyzer's grid for one seed.

    Without `change_xy` a row per block and the columns `diff`, the value, `source`; with it the rows `source`, the
    value, `diff` and a column per block. `lora` (the names of the LoRAs) and the seed stand top left.
    BlockweightError when there is no block, or sizes differ.
    """
    source = analysis.source
    names = [block_label(block, picture, source, threshold) for block, picture in analysis.changed]
    differences = [difference_picture(picture, source, colour) for _, picture in analysis.changed]
    changed = [picture for _, picture in analysis.changed]
    corner = f"{lora},\nseed : {analysis.seed}"
    value = format_weight(analysis.value)
    if change_xy:
        rows = [[source] * len(changed), changed, differences]
        return picture_grid(rows, ["source", value, "diff"], names, corner=corner, scale=scale)
    cells = [[difference, picture, source] for difference, picture in zip(differences, changed, strict=True)]
    return picture_grid(cells, names, ["diff", value, "source"], corner=corner, scale=scale)


def effects_csv(effects: Sequence[BlockEffects], samples: Sequence[tuple[str, int]]) -> bytes:
    """One long table, a row per block and sample: the CSV_COLUMNS, with `samples` (scene label, seed) naming the
    samples of every effect in order. Cells that were not measured are empty.

    No totals: one row is one measurement, which is what a pivot table or pandas wants. UTF-8 with a byte order mark,
    because Excel reads a CSV without one in the system's old code page and garbles Japanese labels; other readers
    skip the mark. BlockweightError when an effect has another number of samples.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(CSV_COLUMNS)
    for effect in effects:
        count = len(effect.diff.samples)
        if count != len(samples):
            raise BlockweightError(
                f"Block {effect.block} has {count} samples, but {len(samples)} scenes and seeds were named; "
                "name every sample once."
            )
        columns = [effect.diff, effect.overall, effect.inside, effect.outside]
        for number, (scene, seed) in enumerate(samples):
            figures = ["" if measure is None else _decimal(measure.samples[number]) for measure in columns]
            table.writerow([effect.block, scene, seed, *figures])
    return text.getvalue().encode("utf-8-sig")


def _decimal(value: float) -> str:
    return format_weight(round(value, CSV_SCALE))
