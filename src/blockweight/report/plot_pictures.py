"""The pictures of a plot, read from their files when they are drawn: one at a time, or only their sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.report.plot_grid import Place, PlotGrid


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as picture:
            yield picture
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BlockweightError(
            f"The picture '{path}' cannot be read ({error}); render it again, or leave its cell empty."
        ) from error


def picture_sizes(grid: PlotGrid) -> dict[Place, tuple[int, int]]:
    """Width and height of every picture in pixels, by its place, read from the files' heads. BlockweightError for a
    file that is no picture."""
    sizes = {}
    for place, cell in grid.cells.items():
        with _opened(cell.picture) as picture:
            sizes[place] = picture.size
    return sizes


def largest_picture(grid: PlotGrid) -> tuple[int, int]:
    """The largest width and the largest height of the plot's pictures. BlockweightError when it has none."""
    sizes = picture_sizes(grid)
    if not sizes:
        raise BlockweightError("The plot has no picture yet; render at least one.")
    return max(width for width, _ in sizes.values()), max(height for _, height in sizes.values())


def shown_picture(path: Path, factor: float) -> Image.Image:
    """A picture as RGB, `factor` times as large: by a whole number its pixels stay squares, else it is resampled.
    BlockweightError for a file that is no picture, or only a part of one."""
    with _opened(path) as picture:
        wanted = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        # A JPEG is decoded at no more than about twice the size that is needed; others know no draft.
        picture.draft("RGB", (2 * wanted[0], 2 * wanted[1]))
        whole = picture.convert("RGB")
    if wanted == whole.size:
        return whole
    method = Image.Resampling.NEAREST if factor >= 1 and float(factor).is_integer() else Image.Resampling.LANCZOS
    return whole.resize(wanted, method)
