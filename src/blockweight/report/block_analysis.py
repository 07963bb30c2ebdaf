"""The Effective Block Analyzer's grid as LoRA Block Weight draws it, whole or in pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.measure import DIFF_THRESHOLD, Picture, absolute_difference, diff_percent
from blockweight.report.grids import Grid, automatic_scale, picture_grid
from blockweight.weights import format_weight

DifferenceColour = Literal["black", "white"]

MOST_ON_PAGE = 13
"""Blocks on a page of the grid: half of SD's 26, and what a browser shows at its own size in a scroll or two."""
LEAST_ON_PAGE = 4
PAGE_PIXELS = 2600
"""How long a page may grow by its pictures."""


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
    return _grid(analysis, lora, "", change_xy=change_xy, colour=colour, threshold=threshold, scale=scale)


def _grid(
    analysis: AnalysisPictures,
    lora: str,
    place: str,
    *,
    change_xy: bool,
    colour: DifferenceColour,
    threshold: int,
    scale: int | None,
) -> Grid:
    source = analysis.source
    names = [block_label(block, picture, source, threshold) for block, picture in analysis.changed]
    differences = [difference_picture(picture, source, colour) for _, picture in analysis.changed]
    changed = [picture for _, picture in analysis.changed]
    corner = f"{lora},\nseed : {analysis.seed}{place}"
    value = format_weight(analysis.value)
    if change_xy:
        rows = [[source] * len(changed), changed, differences]
        return picture_grid(rows, ["source", value, "diff"], names, corner=corner, scale=scale)
    cells = [[difference, picture, source] for difference, picture in zip(differences, changed, strict=True)]
    return picture_grid(cells, names, ["diff", value, "source"], corner=corner, scale=scale)


@dataclass(frozen=True)
class GridPage:
    """One page of an analysis's grid. `name` is a file name without its ending: the given stem, with the page's number
    where there are several."""

    grid: Grid
    name: str


def analysis_pages(
    analysis: AnalysisPictures,
    lora: str,
    stem: str,
    *,
    per_page: int | None = None,
    change_xy: bool = False,
    colour: DifferenceColour = "black",
    threshold: int = DIFF_THRESHOLD,
    scale: int | None = None,
) -> tuple[GridPage, ...]:
    """`analysis_grid` in pages as even as can be, of `per_page` blocks at most (None: MOST_ON_PAGE, of large pictures
    fewer, so that a page stays PAGE_PIXELS long or has LEAST_ON_PAGE blocks). Where there are several, the corner says
    which one it is, and the names end in `-1of5`, with as many digits as sort well.

    BlockweightError as for `analysis_grid`, or for a page of no blocks.
    """
    if per_page is not None and per_page < 1:
        raise BlockweightError(f"A page of the grid needs at least 1 block, not {per_page}.")
    blocks = len(analysis.changed)
    most = per_page or _fitting(analysis.source, scale, change_xy=change_xy)
    count = max(1, -(-blocks // most))
    made = []
    for number in range(count):
        first, last = number * blocks // count, (number + 1) * blocks // count
        part = replace(analysis, changed=analysis.changed[first:last])
        digits = len(str(count))
        place = f",\npage {number + 1} of {count}" if count > 1 else ""
        grid = _grid(part, lora, place, change_xy=change_xy, colour=colour, threshold=threshold, scale=scale)
        made.append(GridPage(grid, f"{stem}-{number + 1:0{digits}}of{count}" if count > 1 else stem))
    return tuple(made)


def _fitting(source: Picture, scale: int | None, *, change_xy: bool) -> int:
    height, width = source.shape[:2]
    shown = int(width if change_xy else height) * (automatic_scale(width, height) if scale is None else scale)
    return min(max(PAGE_PIXELS // max(shown, 1), LEAST_ON_PAGE), MOST_ON_PAGE)
