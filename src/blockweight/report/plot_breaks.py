"""A plot broken into pages: whole rows and columns on each, the labels of both repeated, and what page it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.report.grid_frame import FrameStyle, GridFrame, grid_frame
from blockweight.report.plot_grid import Place, PlotAxis, PlotGrid
from blockweight.report.words import plot_words


@dataclass(frozen=True)
class PageLimit:
    """How large a page may be, in the frame's units; `area` in square units. With `fixed` every page is as wide as
    that, whatever is on it."""

    width: int
    height: int
    area: int | None = None
    fixed: bool = False

    def least(self, other: int, length: int) -> int:
        """The limit of one side (`length`) where the other is as long as `other`."""
        return length if self.area is None else min(length, self.area // max(other, 1))


@dataclass(frozen=True)
class PlotPart:
    """One page: which rows, columns and section it shows, and its frame."""

    number: int
    count: int
    rows: range
    columns: range
    z: int
    frame: GridFrame

    def places(self) -> Iterator[tuple[Place, int, int]]:
        """Its cells in the plot, and their row and column on the page."""
        for row, y in enumerate(self.rows):
            for column, x in enumerate(self.columns):
                yield (x, y, self.z), row, column


def even_parts(lengths: Sequence[int], gaps: Sequence[int], room: int) -> tuple[range, ...]:
    """As few parts as are each at most `room` long, as even in number as can be. `gaps` lie between the lengths.

    BlockweightError when one alone is longer than the room.
    """
    if max(lengths) > room:
        raise BlockweightError(
            "A picture with its labels does not fit on a page; choose a smaller scale, larger paper or shorter labels."
        )
    total = len(lengths)
    for count in range(1, total + 1):
        parts = [range(number * total // count, (number + 1) * total // count) for number in range(count)]
        if all(_length(part, lengths, gaps) <= room for part in parts):
            return tuple(parts)
    return tuple(range(number, number + 1) for number in range(total))


def _length(part: range, lengths: Sequence[int], gaps: Sequence[int]) -> int:
    return sum(lengths[part.start : part.stop]) + sum(gaps[part.start : part.stop - 1])


def plot_frame(grid: PlotGrid, cell: tuple[int, int], style: FrameStyle) -> GridFrame:
    """The frame of a whole section of the plot, whose largest picture is shown `cell` large."""
    corner = "\n".join(
        f"{sign} {axis.name}" for sign, axis in (("→", grid.x), ("↓", grid.y)) if axis is not None and axis.name
    )
    apart = [frozenset[int]() if axis is None else axis.baseline for axis in (grid.y, grid.x)]
    return grid_frame(cell, _labels(grid.y), _labels(grid.x), corner, style, apart=(apart[0], apart[1]))


def plot_parts(grid: PlotGrid, frame: GridFrame, limit: PageLimit) -> tuple[PlotPart, ...]:
    """The pages of a plot, section by section, in each row by row.

    Columns stay together where a page can hold them all, since pictures are compared along a row. BlockweightError when
    not even one picture fits.
    """
    style = frame.style
    heading = _heading_height(grid, frame, limit)
    around = frame.left + style.margin
    above = frame.top - frame.heading + heading + style.margin
    width_room = limit.least(above + max(frame.row_heights), limit.width) - around
    columns = even_parts([frame.column_width] * len(frame.columns), frame.column_gaps, width_room)
    widest = max(_length(part, [frame.column_width] * len(frame.columns), frame.column_gaps) for part in columns)
    page_width = max(around + widest, style.title_width + 2 * style.margin)
    rows = even_parts(frame.row_heights, frame.row_gaps, limit.least(page_width, limit.height) - above)
    layers = range(grid.shape[2])
    count = len(layers) * len(rows) * len(columns)
    parts = ((z, down, across) for z in layers for down in rows for across in columns)
    pages = []
    for number, (z, down, across) in enumerate(parts, start=1):
        note = page_note(grid, z, number, count, down, across)
        page = frame.part(down, across, grid.title, note, limit.width if limit.fixed else None)
        pages.append(PlotPart(number, count, down, across, z, page))
    return tuple(pages)


def page_note(grid: PlotGrid, z: int, number: int, count: int, rows: range, columns: range) -> str:
    """Which page this is, in words: the section, the page's number, and the part of the rows and columns it has."""
    words = plot_words(grid.language)
    said = [] if grid.z is None else [f"{grid.z.name}: {grid.z.labels[z]}" if grid.z.name else grid.z.labels[z]]
    if count > 1:
        said.append(words["page_of"].format(page=number, pages=count))
    for part, total, word in ((columns, grid.shape[0], "columns_of"), (rows, grid.shape[1], "rows_of")):
        if len(part) < total:
            said.append(words[word].format(first=part.start + 1, last=part.stop, count=total))
    return " · ".join(said)


def _heading_height(grid: PlotGrid, frame: GridFrame, limit: PageLimit) -> int:
    """The most that a title and its note take, on the narrowest page there can be."""
    _, rows, layers = grid.shape
    last = range(len(frame.columns) - 1, len(frame.columns))
    most = len(frame.columns) * rows * layers
    return max(
        frame.part(
            range(1),
            last,
            grid.title,
            page_note(grid, z, most, most, range(rows, rows), last),
            limit.width if limit.fixed else None,
        ).heading
        for z in range(layers)
    )


def _labels(axis: PlotAxis | None) -> tuple[str, ...]:
    return ("",) if axis is None else axis.labels
