"""Where the labels and pictures of a grid go: in pixels of an image, or in quarter points of paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.report.label_text import LabelText, laid_out, line_length, runs_of

RGB = tuple[int, int, int]
Box = tuple[int, int, int, int]

BACKGROUND: RGB = (28, 28, 28)
"""Dark and without a hue, so that neither the brightness nor the tint of the pictures is misjudged."""
EMPTY: RGB = (42, 42, 42)
RULE: RGB = (96, 96, 96)
MUTED: RGB = (168, 168, 168)
INK: RGB = (228, 228, 228)
TITLE_INK: RGB = (255, 255, 255)


@dataclass(frozen=True)
class FrameStyle:
    """Sizes of all that is not picture, in the units of the frame.

    A row's label is laid out in the first of `label_widths` in which no label is higher than its picture, else in the
    last; where a label is still higher than `most_label_height`, in `widest_label`. A column is at least
    `least_column` wide, and `wider_column` where its labels would be much higher than a picture.
    """

    text_size: int = 14
    gutter: int = 4
    margin: int = 12
    label_widths: tuple[int, ...] = (220, 330, 480)
    widest_label: int = 1600
    most_label_height: int = 2400
    corner_width: int = 120
    least_column: int = 72
    wider_column: int = 220
    title_width: int = 320

    def scaled(self, factor: float) -> FrameStyle:
        """The same with larger letters, and more room for them."""
        return FrameStyle(
            text_size=round(self.text_size * factor),
            gutter=round(self.gutter * factor),
            margin=round(self.margin * factor),
            label_widths=tuple(round(width * factor) for width in self.label_widths),
            widest_label=round(self.widest_label * factor),
            most_label_height=self.most_label_height,
            corner_width=round(self.corner_width * factor),
            least_column=round(self.least_column * factor),
            wider_column=round(self.wider_column * factor),
            title_width=round(self.title_width * factor),
        )

    @property
    def title_size(self) -> int:
        """The size of the title's letters."""
        return round(self.text_size * 1.4)


@dataclass(frozen=True)
class PlacedText:
    """A run of text with its top left corner."""

    x: float
    y: float
    text: str
    font: Path
    size: int
    ink: RGB


@dataclass(frozen=True)
class GridFrame:
    """Measured labels, and the sizes of columns and rows. `cell_size` is what the largest picture takes, while a
    column or row may be larger for its label. `row_gaps` and `column_gaps` are the spaces after each but the last; a
    wider one sets a baseline apart."""

    style: FrameStyle
    title: LabelText
    note: LabelText
    corner: LabelText
    rows: tuple[LabelText, ...]
    columns: tuple[LabelText, ...]
    cell_size: tuple[int, int]
    column_width: int
    row_heights: tuple[int, ...]
    row_gaps: tuple[int, ...]
    column_gaps: tuple[int, ...]

    @cached_property
    def left(self) -> int:
        """Where the first column begins."""
        widest = max(label.width for label in (*self.rows, self.corner))
        return self.style.margin + (widest + self.style.margin if widest else 0)

    @cached_property
    def head(self) -> int:
        """Height of the band with the column labels and the corner."""
        return max(label.height for label in (*self.columns, self.corner))

    @cached_property
    def heading(self) -> int:
        """Height of the title, its note, and the space below them; 0 without."""
        height = self.title.height + self.note.height
        return height + self.style.margin if height else 0

    @cached_property
    def top(self) -> int:
        """Where the first row begins."""
        band = self.head + self.style.margin // 2 if self.head else 0
        return self.style.margin + self.heading + band

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of everything, with the margins."""
        across = len(self.columns) * self.column_width + sum(self.column_gaps)
        down = sum(self.row_heights) + sum(self.row_gaps)
        margin = self.style.margin
        return max(self.left + across, margin + self.title.width, margin + self.note.width) + margin, (
            self.top + down + margin
        )

    def cell(self, row: int, column: int) -> Box:
        """Left, top, right and bottom of a cell."""
        left = self.left + column * self.column_width + sum(self.column_gaps[:column])
        top = self.top + sum(self.row_heights[:row]) + sum(self.row_gaps[:row])
        return left, top, left + self.column_width, top + self.row_heights[row]

    def texts(self) -> Iterator[PlacedText]:
        """All that is written, line by line."""
        margin, band = self.style.margin, self.top - self.style.margin // 2
        yield from _lines(self.title, margin, margin, TITLE_INK)
        yield from _lines(self.note, margin, margin + self.title.height, MUTED)
        yield from _lines(self.corner, margin, band - self.corner.height, MUTED)
        for column, label in enumerate(self.columns):
            left, _, right, _ = self.cell(0, column)
            yield from _lines(label, left, band - label.height, INK, centred_in=right - left)
        for row, label in enumerate(self.rows):
            _, top, _, bottom = self.cell(row, 0)
            yield from _lines(label, margin, (top + bottom - label.height) // 2, INK)

    def part(self, rows: range, columns: range, title: str, note: str, width: int | None = None) -> GridFrame:
        """The frame of a page with these rows and columns and its own title; `width` is the page's, where it is set."""
        kept = replace(
            self,
            rows=self.rows[rows.start : rows.stop],
            columns=self.columns[columns.start : columns.stop],
            row_heights=self.row_heights[rows.start : rows.stop],
            row_gaps=self.row_gaps[rows.start : rows.stop - 1],
            column_gaps=self.column_gaps[columns.start : columns.stop - 1],
            title=laid_out("", 1, 1),
            note=laid_out("", 1, 1),
        )
        room = max((width or kept.size[0]) - 2 * self.style.margin, self.style.title_width)
        size = self.style.text_size
        return replace(kept, title=laid_out(title, room, self.style.title_size), note=laid_out(note, room, size))


def grid_frame(
    cell: tuple[int, int],
    rows: Sequence[str],
    columns: Sequence[str],
    corner: str,
    style: FrameStyle,
    *,
    apart: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset()),
) -> GridFrame:
    """The frame of a grid whose largest picture is `cell` (width, height), without a title.

    `apart` are the numbers of the rows and of the columns that are set apart. BlockweightError for a label that does
    not fit even the widest place there is for it.
    """
    width, height = cell
    size = style.text_size
    labels = _row_labels(rows, max(height, 4 * size), style)
    column_width = max(width, style.least_column)
    heads = [laid_out(text, column_width, size) for text in columns]
    if max((label.height for label in heads), default=0) > max(height, 8 * size) and style.wider_column > column_width:
        column_width = style.wider_column
        heads = [laid_out(text, column_width, size) for text in columns]
    room = max(style.corner_width, *(label.width for label in labels))
    too_high = next((label for label in (*labels, *heads) if label.height > style.most_label_height), None)
    if too_high is not None:
        letters = sum(len(line) for line in too_high.lines)
        raise BlockweightError(
            f"A label of {letters} characters ('{too_high.lines[0]} …') is too long for a page; "
            "give that value a shorter label, or open the plot's HTML page, which shows any."
        )
    return GridFrame(
        style=style,
        title=laid_out("", 1, 1),
        note=laid_out("", 1, 1),
        corner=laid_out(corner, room, size),
        rows=labels,
        columns=tuple(heads),
        cell_size=cell,
        column_width=column_width,
        row_heights=tuple(max(height, label.height) for label in labels),
        row_gaps=_gaps(len(rows), apart[0], style.gutter),
        column_gaps=_gaps(len(columns), apart[1], style.gutter),
    )


def _row_labels(texts: Sequence[str], height: int, style: FrameStyle) -> tuple[LabelText, ...]:
    labels: tuple[LabelText, ...] = ()
    for width in (*style.label_widths, style.widest_label):
        labels = tuple(laid_out(text, width, style.text_size) for text in texts)
        highest = max(label.height for label in labels)
        if highest <= height or (width == style.label_widths[-1] and highest <= style.most_label_height):
            break
    return labels


def _gaps(count: int, apart: frozenset[int], gutter: int) -> tuple[int, ...]:
    return tuple(4 * gutter if (number in apart) != (number + 1 in apart) else gutter for number in range(count - 1))


def _lines(label: LabelText, x: int, y: int, ink: RGB, *, centred_in: int | None = None) -> Iterator[PlacedText]:
    for number, line in enumerate(label.lines):
        indent = 0.0 if centred_in is None else (centred_in - line_length(line, label.main, label.size)) / 2
        runs = runs_of(line, label.main)
        starts = accumulate((run.length(label.size) for run in runs), initial=x + indent)
        for run, start in zip(runs, starts, strict=False):
            yield PlacedText(start, y + number * label.line_height, run.text, run.font, label.size, ink)
