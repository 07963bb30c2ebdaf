"""A labelled grid of pictures as one image, and PNG files that carry their own parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from blockweight.errors import BlockweightError
from blockweight.measure import Picture
from blockweight.project import FORMATS, picture_bytes
from blockweight.report.files import write_whole
from blockweight.report.fonts import sized_font
from blockweight.report.grid_frame import BACKGROUND, EMPTY, Box, FrameStyle, GridFrame, grid_frame

SHOWN_SIDE = 192
"""A small picture is enlarged by the whole number that brings its longer side nearest to this many pixels."""


@dataclass(frozen=True)
class Grid:
    """The grid as one RGB image, and where each picture lies: (left, top, right, bottom) per row and column, None for
    an empty cell."""

    image: Image.Image
    boxes: tuple[tuple[Box | None, ...], ...]


def automatic_scale(width: int, height: int) -> int:
    """The whole number by which a picture of this size is enlarged (at least 1)."""
    return max(1, round(SHOWN_SIDE / max(width, height)))


def picture_grid(
    cells: Sequence[Sequence[Picture | None]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    *,
    title: str = "",
    corner: str = "",
    scale: int | None = None,
) -> Grid:
    """Draw a grid: `cells[row][column]` are uint8 (H, W, 3) pictures or None for an empty cell.

    Labels stand left of the rows and above the columns, `corner` where they meet, `title` above all; they are wrapped
    and never cut. Pictures are enlarged by `scale` (a whole number, nearest neighbour; None: `automatic_scale` of the
    largest) and centred in their cells. BlockweightError when there is no picture, labels and cells do not match, or a
    label is longer than thousands of words.
    """
    pictures = [picture for row in cells for picture in row if picture is not None]
    if not pictures:
        raise BlockweightError("There is no picture to put into the grid; render at least one.")
    if len(row_labels) != len(cells) or any(len(row) != len(column_labels) for row in cells):
        raise BlockweightError(
            f"The grid has {len(row_labels)} × {len(column_labels)} labels, but its cells are "
            f"{len(cells)} rows of {', '.join(str(len(row)) for row in cells)}; give one label per row and column."
        )
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    factor = automatic_scale(width, height) if scale is None else scale
    whole = grid_frame((width * factor, height * factor), row_labels, column_labels, corner, FrameStyle())
    frame = whole.part(range(len(row_labels)), range(len(column_labels)), title, "")
    canvas = blank_canvas(frame)
    boxes = []
    for row, pictures_of_row in enumerate(cells):
        places: list[Box | None] = []
        for column, picture in enumerate(pictures_of_row):
            cell = frame.cell(row, column)
            shown = None if picture is None else Image.fromarray(picture)
            if shown is not None:
                shown = shown.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)
            places.append(put_picture(canvas, cell, shown))
        boxes.append(tuple(places))
    return Grid(canvas, tuple(boxes))


def blank_canvas(frame: GridFrame) -> Image.Image:
    """An RGB image of the frame's size with its labels."""
    canvas = Image.new("RGB", frame.size, BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for text in frame.texts():
        draw.text((round(text.x), text.y), text.text, fill=text.ink, font=sized_font(text.font, text.size))
    return canvas


def put_picture(canvas: Image.Image, cell: Box, picture: Image.Image | None) -> Box | None:
    """Put a picture into the middle of its cell, and say where it lies; without one, the cell is shown as empty."""
    if picture is None:
        canvas.paste(EMPTY, cell)
        return None
    left, top, right, bottom = cell
    x = left + (right - left - picture.width) // 2
    y = top + (bottom - top - picture.height) // 2
    canvas.paste(picture, (x, y))
    return x, y, x + picture.width, y + picture.height


def png_bytes(image: Image.Image | Picture, metadata: Mapping[str, str] | None = None) -> bytes:
    """A PNG file's bytes with `metadata` as its text chunks (any Unicode). Equal input gives equal bytes."""
    return picture_bytes(image, "PNG", texts=metadata)


def write_png(image: Image.Image | Picture, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write `png_bytes` to a file, whole or not at all; an existing file is replaced. A file that ends in `.webp`,
    `.jpg` or `.jpeg` is one, and has of the texts only `parameters`, the infotext. BlockweightError when the file
    cannot be written."""
    kind = FORMATS.get(path.suffix.lower(), "PNG")
    texts = {} if metadata is None else metadata
    if kind == "PNG":
        write_whole(path, png_bytes(image, texts))
    else:
        write_whole(path, picture_bytes(image, kind, texts.get("parameters", "")))
