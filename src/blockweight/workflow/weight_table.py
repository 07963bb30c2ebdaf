"""Tables of text: block weights, a column per block, and rows of cells in columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from blockweight.blocks import Layout, standard_blocks
from blockweight.weights import display_width

_COLUMNS = 13
"""Blocks side by side; BASE and the twelve IN of the 26 in one piece, M00 and the twelve OUT in the next."""

FOOTNOTE = "* a standard LoRA has nothing in this block"


def weight_table(layout: Layout, rows: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
    """Lines of a table: the blocks' names, then a line per row with its name and its text for each block, `-` where it
    has none. Long layouts come in pieces below each other. Blocks that a standard LoRA lacks have a `*`, which the
    last line explains.
    """
    absent = frozenset(layout.blocks) - standard_blocks(layout)
    names = max((display_width(name) for name, _ in rows), default=0)
    for start in range(0, len(layout), _COLUMNS):
        blocks = layout.blocks[start : start + _COLUMNS]
        columns = [[block + "*" * (block in absent), *(cells.get(block, "-") for _, cells in rows)] for block in blocks]
        widths = [max(map(display_width, column)) for column in columns]
        if start:
            yield ""
        for index, title in enumerate(("", *(name for name, _ in rows))):
            cells = (padded(column[index], width, right=True) for column, width in zip(columns, widths, strict=True))
            yield "  ".join((padded(title, names), *cells)).rstrip()
    if absent:
        yield f"\n{FOOTNOTE}"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """The text with spaces up to this many cells, at its right or left side."""
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines of columns, the first to the left and the others to the right, full-width letters counted
    as two."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        places = enumerate(zip(row, widths, strict=True))
        lines.append("  ".join(padded(cell, width, right=column > 0) for column, (cell, width) in places))
    return lines
