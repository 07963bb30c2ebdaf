"""Block weights as a row of a table: Markdown, CSV, or TSV as a spreadsheet copies it.

Two lines, the head (`NAME`, then the blocks) and the row; the head may be missing, and so may the name.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable

from blockweight.blocks import standard_blocks
from blockweight.errors import BlockweightError
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.numbers import format_weight


def display_width(text: str) -> int:
    """Columns that a text takes on a terminal or in a plain-text table: full-width letters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _cells(weights: BlockWeights) -> tuple[list[str], list[str]]:
    numbers = [format_weight(value) for value in weights.values]
    return ["NAME", *weights.layout.blocks], [weights.name, *numbers]


def write_tsv(weights: BlockWeights) -> str:
    """Head and row separated by tabs: pasted into a spreadsheet, one number a cell."""
    return _separated(weights, "\t")


def write_csv(weights: BlockWeights) -> str:
    """Head and row separated by commas, the name in quotes where it needs them."""
    return _separated(weights, ",")


def _separated(weights: BlockWeights, sign: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=sign, lineterminator="\n").writerows(_cells(weights))
    return text.getvalue().rstrip("\n")


def write_markdown(weights: BlockWeights) -> str:
    """A Markdown table, its columns aligned; blocks that a standard LoRA lacks are in italics, as in the tutorial's
    sheet."""
    head, row = _cells(weights)
    standard = standard_blocks(weights.layout)
    shown = [f"*{block}*" if block in weights.layout.blocks and block not in standard else block for block in head]
    row[0] = row[0].replace("|", "\\|")
    widths = [max(map(display_width, column)) for column in zip(shown, row, strict=True)]
    rule = [":" + "-" * max(widths[0] - 1, 2), *("-" * max(width - 1, 2) + ":" for width in widths[1:])]
    lines = [_padded(shown, widths), rule, _padded(row, widths)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


_BAR = re.compile(r"(?<!\\)\|")

TABLES: dict[str, Callable[[BlockWeights], str]] = {"markdown": write_markdown, "csv": write_csv, "tsv": write_tsv}
"""Format → its writer."""


def is_markdown(text: str) -> bool:
    """Whether every line of the text stands between bars."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return bool(lines) and all(line.startswith("|") and line.endswith("|") for line in lines)


def read_rows(text: str) -> list[list[str]]:
    """The cells of every line of a Markdown, TSV or CSV (also with semicolons) table, trimmed, without empty lines and
    Markdown's rule. BlockweightError for what the csv module cannot read."""
    lines = [line for line in text.splitlines() if line.strip()]
    if is_markdown(text):
        split = [_BAR.split(line.strip()[1:-1]) for line in lines]
        rows = [[cell.strip().replace("\\|", "|") for cell in row] for row in split]
        return [row for row in rows if set("".join(row)) - set(":-")]
    sign = max(",;\t", key=lines[0].count) if lines else ","
    try:
        rows = list(csv.reader(lines, delimiter=sign))
    except csv.Error as error:
        raise BlockweightError(f"The table cannot be read ({error}); give one row of weights.") from error
    return [[cell.strip() for cell in row] for row in rows]


def _padded(cells: list[str], widths: list[int]) -> list[str]:
    first, *others = (cell + " " * (width - display_width(cell)) for cell, width in zip(cells, widths, strict=True))
    return [first, *(" " * (len(cell) - len(cell.rstrip())) + cell.rstrip() for cell in others)]
