"""The plot as a PDF to print or send."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError
from blockweight.report.files import writing_whole
from blockweight.report.fonts import sized_font
from blockweight.report.grid_frame import BACKGROUND, EMPTY, FrameStyle, GridFrame, PlacedText
from blockweight.report.plot_breaks import PageLimit, PlotPart, plot_frame, plot_parts
from blockweight.report.plot_grid import Place, PlotGrid
from blockweight.report.plot_pictures import largest_picture, shown_picture

if TYPE_CHECKING:
    from fpdf import FPDF

A4_LANDSCAPE = (297.0, 210.0)
"""Width and height of the paper in millimetres."""

_UNITS_PER_POINT = 4
"""The frame counts in whole quarter points."""
_UNITS_PER_MM = 72 / 25.4 * _UNITS_PER_POINT

_LEAST_SIDE, _MOST_SIDE = 27.0, 95.0
"""Millimetres that a picture is wide: below, columns go to the next page; above, it is kept smaller than the page."""

_SMALLEST_SIDE = 8.0
"""Millimetres of a picture's longer side below which nothing can be seen in it."""

_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""Of every PDF, for a date of its own would make other bytes of the same plot."""

_DPI = 250
"""As fine as an eye sees at a hand's distance, and a thousand pictures stay near 40 MB."""
_QUALITY = 90


def write_contact_sheet(grid: PlotGrid, path: Path, *, paper: tuple[float, float] = A4_LANDSCAPE) -> int:
    """Write the plot as a PDF of numbered pages on `paper` (width, height in mm), and give the number of its pages.

    Labels are real text, repeated on every page, wrapped and never cut. Equal plots make equal bytes. One picture is
    decoded at a time; its reduced JPEG (about 40 kB) is kept until the file is written. BlockweightError for a plot
    without any picture, a picture that cannot be read, paper too small for a picture and its labels, or a file that
    cannot be written.
    """
    from fpdf import FPDF  # noqa: PLC0415 - it takes a third of a second, which only a PDF waits for

    largest = largest_picture(grid)
    pages = contact_pages(grid, largest, paper)
    width, height = _paper_units(paper)
    pdf = FPDF(unit=1 / _UNITS_PER_POINT, format=(width, height))
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title(grid.title)
    pdf.set_lang(grid.language)
    pdf.set_creation_date(_NO_DATE)
    fonts = _add_fonts(pdf, (text for page in pages for text in page.frame.texts()))
    factor = pages[0].frame.cell_size[0] / largest[0]
    for page in pages:
        pdf.add_page()
        pdf.set_fill_color(*BACKGROUND)
        pdf.rect(0, 0, width, height, style="F")
        for text in page.frame.texts():
            _write(pdf, text, fonts[text.font])
        for place, row, column in page.places():
            _put_picture(pdf, grid, place, page.frame.cell(row, column), factor)
    with writing_whole(path) as file:
        file.write(pdf.output())
    return len(pages)


def contact_pages(
    grid: PlotGrid, largest: tuple[int, int], paper: tuple[float, float] = A4_LANDSCAPE
) -> tuple[PlotPart, ...]:
    """The pages on `paper` (mm) of a plot whose largest picture has this shape, in quarter points. The pictures are as
    large as lets the columns fill the paper's width."""
    width, height = _paper_units(paper)
    style = _style(width, height)
    ratio = largest[1] / largest[0]
    side = round(_LEAST_SIDE * _UNITS_PER_MM)
    # How wide the labels are depends on the pictures' height, and the other way round: a few rounds settle it.
    for _ in range(3):
        frame = plot_frame(grid, (side, round(side * ratio)), style)
        side = _side(grid, frame, (width, height), ratio)
        if side < 1 or max(side, side * ratio) < _SMALLEST_SIDE * _UNITS_PER_MM:
            raise BlockweightError("The paper is too small for a picture and its labels; choose larger paper.")
    frame = plot_frame(grid, (side, round(side * ratio)), style)
    return plot_parts(grid, frame, PageLimit(width, height, fixed=True))


def _side(grid: PlotGrid, frame: GridFrame, page: tuple[int, int], ratio: float) -> int:
    """How wide pictures can be so that the columns fill the page's width. Where a little less lets another row onto the
    page and so saves pages, it is less."""
    style, (columns, rows, _) = frame.style, grid.shape
    least = round(_LEAST_SIDE * _UNITS_PER_MM)
    apart = 6 * style.gutter
    room = page[0] - frame.left - style.margin - (apart if grid.x is not None and grid.x.baseline else 0)
    on_page = max(1, min(columns, (room + style.gutter) // (least + style.gutter)))
    on_page = -(-columns // -(-columns // on_page))
    side = min(room // on_page - style.gutter, round(_MOST_SIDE * _UNITS_PER_MM))
    heading = style.margin + 3 * round(style.title_size * 1.3)
    down = page[1] - frame.top - heading - style.margin - (apart if grid.y is not None and grid.y.baseline else 0)
    side = min(side, int(down / ratio) - style.gutter)
    fitting = max(1, down // (round(side * ratio) + style.gutter))
    smaller = int((down // (fitting + 1) - style.gutter) / ratio)
    saves = -(-rows // (fitting + 1)) < -(-rows // fitting)
    return smaller if saves and smaller >= max(least * 3 // 4, side * 2 // 3) else side


def _paper_units(paper: tuple[float, float]) -> tuple[int, int]:
    return round(paper[0] * _UNITS_PER_MM), round(paper[1] * _UNITS_PER_MM)


def _style(width: int, height: int) -> FrameStyle:
    size = 8 * _UNITS_PER_POINT
    return FrameStyle(
        text_size=size,
        gutter=3 * _UNITS_PER_POINT,
        margin=round(7 * _UNITS_PER_MM),
        label_widths=(width // 10, width // 6, width // 4),
        widest_label=width // 2,
        most_label_height=height * 3 // 5,
        corner_width=width // 12,
        least_column=round(16 * _UNITS_PER_MM),
        wider_column=round(45 * _UNITS_PER_MM),
        title_width=width // 2,
    )


def _add_fonts(pdf: FPDF, texts: Iterable[PlacedText]) -> dict[Path, str]:
    """Make known every font of the texts, with no more than the characters that are used."""
    used: dict[Path, set[str]] = {}
    for text in texts:
        used.setdefault(text.font, set()).update(text.text)
    names = {}
    for number, (path, characters) in enumerate(used.items()):
        names[path] = f"label{number}"
        pdf.add_font(names[path], fname=path, unicode_range=sorted(map(ord, characters)))
    return names


def _write(pdf: FPDF, text: PlacedText, family: str) -> None:
    ascent, _ = sized_font(text.font, text.size).getmetrics()
    pdf.set_font(family, size=text.size / _UNITS_PER_POINT)
    pdf.set_text_color(*text.ink)
    pdf.text(text.x, text.y + ascent, text.text)


def _put_picture(pdf: FPDF, grid: PlotGrid, place: Place, cell: tuple[int, int, int, int], factor: float) -> None:
    left, top, right, bottom = cell
    found = grid.cells.get(place)
    if found is None:
        pdf.set_fill_color(*EMPTY)
        pdf.rect(left, top, right - left, bottom - top, style="F")
        return
    fine = factor / _UNITS_PER_POINT / 72 * _DPI
    picture = shown_picture(found.picture, min(1.0, fine))
    shrunk = picture.width if fine < 1 else picture.width * fine
    width = shrunk / _DPI * 72 * _UNITS_PER_POINT
    height = width * picture.height / picture.width
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_QUALITY)
    x, y = left + (right - left - width) / 2, top + (bottom - top - height) / 2
    named = [axis.labels[number] for axis, number in zip(grid.axes, place, strict=True) if axis is not None]
    pdf.image(buffer, x=x, y=y, w=width, h=height, alt_text=", ".join(named) or grid.title)
