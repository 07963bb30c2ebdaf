"""The plot as one HTML page beside its pictures."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from blockweight.report.files import write_whole
from blockweight.report.html import page_template
from blockweight.report.plot_grid import PlotAxis, PlotGrid
from blockweight.report.plot_pictures import picture_sizes
from blockweight.report.words import plot_words

_SIZE_OF_NOTHING = (512, 512)

_HELP = (
    (("←", "→", "↑", "↓"), "help_move"),
    (("Enter",), "help_loupe"),
    (("Space",), "help_flip"),
    (("D",), "help_difference"),
    (("B",), "help_brightness"),
    (("R",), "help_reference"),
    (("+", "−"), "help_size"),
    (("Z",), "help_zoom"),
    (("X",), "help_swap"),
    (("PgUp", "PgDn"), "help_tabs"),
    (("Esc",), "help_close"),
)


def write_plot_page(grid: PlotGrid, path: Path) -> None:
    """Write the plot's page (`plot.html`), whole or not at all; an existing one is replaced.

    The page loads the pictures from where they lie, relative to its own folder where the system can name them so, and
    only those near the view. BlockweightError for a language without words, a picture that cannot be read, or when the
    file cannot be written.
    """
    write_whole(path, plot_html(grid, path.parent).encode("utf-8", errors="replace"))


def plot_html(
    grid: PlotGrid,
    folder: Path,
    *,
    address: Callable[[Path, Path], str] | None = None,
    size: tuple[int, int] | None = None,
    awaited: Sequence[tuple[str, str]] = (),
) -> str:
    """The page's text, for a page in `folder`; the same for the same plot.

    A server that shows a plot while it is rendered gives the `address` of a picture for a page in the folder, the
    `size` of the largest picture, and where every cell's picture will be with its infotext, by x, y, z: a page around
    this one tells it which of the `awaited` have come. BlockweightError as for `write_plot_page`.
    """
    words = plot_words(grid.language)
    address = picture_address if address is None else address
    width, height = _largest(grid) if size is None else size
    x, y, z = grid.shape
    cells = [grid.cells.get((i, j, k)) for k, j, i in itertools.product(range(z), range(y), range(x))]
    later = awaited or [("", "")] * len(cells)
    plot = {
        "axes": [_axis(axis) for axis in grid.axes],
        "shape": grid.shape,
        "size": (width, height),
        "words": {name: word for name, word in words.items() if not name.startswith("help_")},
        "pictures": [0 if cell is None else address(cell.picture, folder) for cell in cells],
        "awaited": [0 if cell is not None else place or 0 for (place, _), cell in zip(later, cells, strict=True)],
    }
    return page_template("plot.html.j2").render(
        title=grid.title,
        language=grid.language,
        words=words,
        help=[(keys, words[meaning]) for keys, meaning in _HELP if grid.z is not None or meaning != "help_tabs"],
        plot=embedded_json(plot),
        infotexts=embedded_json(
            [(text or 0) if cell is None else cell.infotext for (_, text), cell in zip(later, cells, strict=True)]
        ),
    )


def _largest(grid: PlotGrid) -> tuple[int, int]:
    sizes = picture_sizes(grid).values()
    width = max((width for width, _ in sizes), default=_SIZE_OF_NOTHING[0])
    return width, max((height for _, height in sizes), default=_SIZE_OF_NOTHING[1])


def _axis(axis: PlotAxis | None) -> Mapping[str, Any] | None:
    if axis is None:
        return None
    return {"name": axis.name, "labels": axis.labels, "baseline": sorted(axis.baseline)}


def picture_address(picture: Path, folder: Path) -> str:
    """A picture's address for a page in `folder`: relative, or of the file where it lies on another drive."""
    try:
        relative = os.path.relpath(picture, folder)
    except ValueError:  # Windows: no way leads from one drive to another
        return picture.resolve().as_uri()
    return quote(Path(relative).as_posix())


def embedded_json(value: object) -> Markup:
    """Compact JSON that a `<script>` can hold: no text in it can end the element or begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - nothing in it is markup any more
