"""A labelled grid of pictures as one image, and PNG files that carry their own parameters."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from blockweight.errors import BlockweightError
from blockweight.measure import Picture
from blockweight.report.files import write_whole
from blockweight.report.fonts import label_font, wrap

RGB = tuple[int, int, int]
Box = tuple[int, int, int, int]

BACKGROUND: RGB = (28, 29, 32)
"""Dark and without a hue, so that neither the brightness nor the tint of the pictures is misjudged."""
EMPTY: RGB = (40, 41, 45)
INK: RGB = (228, 229, 232)
TITLE_INK: RGB = (255, 255, 255)

SHOWN_SIDE = 192
"""A small picture is enlarged by the whole number that brings its longer side nearest to this many pixels."""

GUTTER = 4
MARGIN = 12
LABEL_SIZE = 14
TITLE_SIZE = 20
LINE_HEIGHT = 1.3
ROW_LABEL_WIDTH = 220
LEAST_LINES = 4
"""A row's label may have as many lines, however small the picture."""

CORNER_WIDTH = 120
"""The corner's text is wrapped to the row labels' width, but no narrower than this."""
SMALLEST_COLUMN = 72
"""Columns are never narrower, so that a label over 8-pixel pictures still has words in its lines."""


@dataclass(frozen=True)
class Grid:
    """The grid as one RGB image, and where each picture lies: (left, top, right, bottom) per row and column, None for
    an empty cell."""

    image: Image.Image
    boxes: tuple[tuple[Box | None, ...], ...]


@dataclass(frozen=True)
class _Label:
    """A text broken into lines, with its size in pixels."""

    lines: tuple[str, ...]
    text: str
    size: int

    @property
    def line_height(self) -> int:
        return round(self.size * LINE_HEIGHT)

    @property
    def width(self) -> int:
        font = label_font(self.text, self.size)
        return max((int(np.ceil(font.getlength(line))) for line in self.lines), default=0)

    @property
    def height(self) -> int:
        return len(self.lines) * self.line_height if self.text else 0


def _label(text: str, width: int, size: int = LABEL_SIZE) -> _Label:
    return _Label(tuple(wrap(text, label_font(text, size), width)), text, size)


def _row_label(text: str, height: int) -> _Label:
    """A row's label, cut with … where it would be higher than its picture (a prompt may be 200 words long)."""
    label = _label(text, ROW_LABEL_WIDTH)
    most = max(height // label.line_height, LEAST_LINES)
    if len(label.lines) <= most:
        return label
    return replace(label, lines=(*label.lines[: most - 1], f"{label.lines[most - 1][:-1]}…"))


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

    Labels stand left of the rows and above the columns, `corner` where they meet, `title` above all; they are wrapped,
    and a row's is cut only where it would be higher than its picture. Pictures are enlarged by `scale` (a whole number,
    nearest neighbour; None: `automatic_scale` of the largest) and centred in their cells. BlockweightError when there
    is no picture, or labels and cells do not match.
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
    frame = _Frame.fit(width * factor, height * factor, row_labels, column_labels, title, corner)
    canvas = Image.new("RGB", frame.size, BACKGROUND)
    frame.draw_labels(ImageDraw.Draw(canvas))
    boxes = []
    for row, pictures_of_row in enumerate(cells):
        places: list[Box | None] = []
        for column, picture in enumerate(pictures_of_row):
            places.append(_paste(canvas, frame.cell(row, column), picture, factor))
        boxes.append(tuple(places))
    return Grid(canvas, tuple(boxes))


def _paste(canvas: Image.Image, cell: Box, picture: Picture | None, factor: int) -> Box | None:
    left, top, right, bottom = cell
    if picture is None:
        canvas.paste(EMPTY, cell)
        return None
    shown = Image.fromarray(picture)
    shown = shown.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)
    x = left + (right - left - shown.width) // 2
    y = top + (bottom - top - shown.height) // 2
    canvas.paste(shown, (x, y))
    return x, y, x + shown.width, y + shown.height


@dataclass(frozen=True)
class _Frame:
    """Where everything goes: measured labels, and the sizes of columns and rows in pixels."""

    title: _Label
    corner: _Label
    rows: tuple[_Label, ...]
    columns: tuple[_Label, ...]
    column_width: int
    row_heights: tuple[int, ...]

    @classmethod
    def fit(
        cls, width: int, height: int, rows: Sequence[str], columns: Sequence[str], title: str, corner: str
    ) -> _Frame:
        column_width = max(width, SMALLEST_COLUMN)
        row_labels = tuple(_row_label(text, height) for text in rows)
        frame = cls(
            title=_label("", 1),
            corner=_label(corner, max(CORNER_WIDTH, *(label.width for label in row_labels))),
            rows=row_labels,
            columns=tuple(_label(text, column_width) for text in columns),
            column_width=column_width,
            row_heights=tuple(max(height, label.height) for label in row_labels),
        )
        return replace(frame, title=_label(title, frame.size[0] - 2 * MARGIN, TITLE_SIZE))

    @property
    def left(self) -> int:
        """Where the first column begins."""
        widest = max(label.width for label in (*self.rows, self.corner))
        return MARGIN + (widest + MARGIN if widest else 0)

    @property
    def head(self) -> int:
        """Height of the band with the column labels and the corner."""
        return max(label.height for label in (*self.columns, self.corner))

    @property
    def top(self) -> int:
        """Where the first row begins."""
        above = self.title.height + MARGIN if self.title.height else 0
        return MARGIN + above + (self.head + MARGIN // 2 if self.head else 0)

    @property
    def size(self) -> tuple[int, int]:
        width = self.left + len(self.columns) * (self.column_width + GUTTER) - GUTTER + MARGIN
        height = self.top + sum(self.row_heights) + GUTTER * (len(self.rows) - 1) + MARGIN
        return width, height

    def cell(self, row: int, column: int) -> Box:
        left = self.left + column * (self.column_width + GUTTER)
        top = self.top + sum(self.row_heights[:row]) + GUTTER * row
        return left, top, left + self.column_width, top + self.row_heights[row]

    def draw_labels(self, draw: ImageDraw.ImageDraw) -> None:
        band = self.top - MARGIN // 2
        _write(draw, self.title, MARGIN, MARGIN, TITLE_INK)
        _write(draw, self.corner, MARGIN, band - self.head, INK)
        for column, label in enumerate(self.columns):
            left, _, right, _ = self.cell(0, column)
            _write_centred(draw, label, (left + right) // 2, band - label.height)
        for row, label in enumerate(self.rows):
            _, top, _, bottom = self.cell(row, 0)
            _write(draw, label, MARGIN, (top + bottom - label.height) // 2, INK)


def _write(draw: ImageDraw.ImageDraw, label: _Label, x: int, y: int, ink: RGB) -> None:
    font = label_font(label.text, label.size)
    for number, line in enumerate(label.lines):
        draw.text((x, y + number * label.line_height), line, fill=ink, font=font)


def _write_centred(draw: ImageDraw.ImageDraw, label: _Label, x: int, y: int) -> None:
    font = label_font(label.text, label.size)
    for number, line in enumerate(label.lines):
        place = (x - int(font.getlength(line)) // 2, y + number * label.line_height)
        draw.text(place, line, fill=INK, font=font)


def png_bytes(image: Image.Image | Picture, metadata: Mapping[str, str] | None = None) -> bytes:
    """A PNG file's bytes with `metadata` as its text chunks (any Unicode). Equal input gives equal bytes."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    info = PngInfo()
    for key, value in (metadata or {}).items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def write_png(image: Image.Image | Picture, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write `png_bytes` to a file, whole or not at all; an existing file is replaced. BlockweightError when the file
    cannot be written."""
    write_whole(path, png_bytes(image, metadata))
