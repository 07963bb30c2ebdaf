"""The plot as PNG or WebP pages that every viewer opens."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.project import text_options
from blockweight.report.files import writing_whole
from blockweight.report.grid_frame import FrameStyle
from blockweight.report.grids import automatic_scale, blank_canvas, put_picture
from blockweight.report.plot_breaks import PageLimit, PlotPart, plot_frame, plot_parts
from blockweight.report.plot_grid import PlotGrid
from blockweight.report.plot_pictures import largest_picture, shown_picture

SheetFormat = Literal["png", "webp"]

MOST_SIDE = 8192
"""Pixels along a side: a texture that every graphics chip of the last fifteen years can show. A WebP ends at 16,383."""
MOST_PIXELS = 4096 * 4096
"""What a phone's browser still shows at full size (larger ones it reduces or leaves blank), a fifth of where Pillow
warns of an attack, and 50 MB while it is drawn."""
LARGEST_SHOWN = 2048
"""A picture with a longer side is reduced to this where no scale was asked for, so that several share a page."""

LETTERS_PER_SIDE = 16
"""Letters are so many times smaller than a picture, and can be read where a whole page is fitted to a screen."""

WEBP_QUALITY = 90


def write_plot_sheets(
    grid: PlotGrid, folder: Path, stem: str = "plot", *, sheet_format: SheetFormat = "png", scale: float | None = None
) -> tuple[Path, ...]:
    """Write the plot's pages into `folder`, `plot.png` or `plot-01of12.png` …, and give their files in order.

    `scale` enlarges or reduces the pictures (None: small ones are enlarged by a whole number, others kept). Labels are
    repeated on every page, wrapped and never cut. One page is in memory at a time. BlockweightError for a plot without
    any picture, a picture that cannot be read, a scale that is not above 0 or too large for a page, or a file that
    cannot be written.
    """
    if sheet_format not in ("png", "webp"):
        raise BlockweightError(f"Pages of a plot are written as png or webp, not as '{sheet_format}'.")
    if scale is not None and not scale > 0:
        raise BlockweightError(f"The scale must be above 0, not {scale}; 0.5 halves the pictures.")
    width, height = largest_picture(grid)
    factor = _fitting_scale(width, height) if scale is None else scale
    pages = sheet_pages(grid, (max(1, round(width * factor)), max(1, round(height * factor))))
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for page in pages:
        digits = len(str(page.count))
        name = f"{stem}-{page.number:0{digits}}of{page.count}" if page.count > 1 else stem
        files.append(folder / f"{name}.{sheet_format}")
        _write_page(grid, page, factor, files[-1], sheet_format)
    return tuple(files)


def sheet_pages(grid: PlotGrid, cell: tuple[int, int]) -> tuple[PlotPart, ...]:
    """The pages of a plot whose largest picture is shown `cell` (width, height) pixels large."""
    usual = FrameStyle()
    style = usual.scaled(max(1.0, max(cell) / LETTERS_PER_SIDE / usual.text_size))
    return plot_parts(grid, plot_frame(grid, cell, style), PageLimit(MOST_SIDE, MOST_SIDE, MOST_PIXELS))


def _fitting_scale(width: int, height: int) -> float:
    if max(width, height) > LARGEST_SHOWN:
        return LARGEST_SHOWN / max(width, height)
    return automatic_scale(width, height)


def _write_page(grid: PlotGrid, page: PlotPart, factor: float, path: Path, sheet_format: SheetFormat) -> None:
    canvas = blank_canvas(page.frame)
    for place, row, column in page.places():
        cell = grid.cells.get(place)
        shown = None if cell is None else shown_picture(cell.picture, factor)
        put_picture(canvas, page.frame.cell(row, column), shown)
    with writing_whole(path) as file:
        if sheet_format == "webp":
            canvas.save(file, format="WEBP", quality=WEBP_QUALITY, method=2, **text_options("WEBP", grid.infotext))
        else:
            canvas.save(file, format="PNG", compress_level=2, **text_options("PNG", grid.infotext))
