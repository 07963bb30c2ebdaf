"""Hints as rows of a spreadsheet, and as a preset book."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from blockweight.blocks import Layout, all_layouts, canonical_block, layouts_of_length
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights, parse_values, split_weights
from blockweight.weights.hints import Hint, HintTable
from blockweight.weights.numbers import format_weight
from blockweight.weights.preset_book import PresetBook
from blockweight.weights.preset_rules import Reader

Delimiter = Literal[",", "\t"]

_FIRST_BLOCKS = {canonical_block(layout.blocks[0]) for layout in all_layouts()}
"""By which a header is told from a hint that is called NAME."""


def parse_sheet(text: str, delimiter: Delimiter, layout: Layout | None = None) -> tuple[Hint, ...]:
    """Read rows as they are copied from the sheet: a name, a number per block, and in the end perhaps the WEIGHT column
    with `NAME:v,v,…`, which must agree, and a note.

    A row that begins with NAME is a header: it names the blocks (MID is M00) of the rows below it. Without one the
    count of the numbers tells the layout. `layout` stands for several of one length. BlockweightError, naming the row,
    for what is neither.
    """
    hints: list[Hint] = []
    header = layout
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1):
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            try:
                if cells[0].upper() == "NAME" and canonical_block("".join(cells[1:2])) in _FIRST_BLOCKS:
                    header = _header(cells[1:], layout)
                else:
                    hints.append(_row(cells, header))
            except BlockweightError as error:
                raise BlockweightError(f"Row {number} of the sheet: {error}") from None
    except csv.Error as error:
        raise BlockweightError(f"The rows cannot be told apart ({error}); copy them from the sheet again.") from None
    return tuple(_each_once(hints))


def print_sheet(table: HintTable, delimiter: Delimiter) -> str:
    """The rows with the sheet's columns and a NOTE; a new header stands wherever the layout changes."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    layout: Layout | None = None
    for hint in table.hints:
        if hint.weights.layout != layout:
            layout = hint.weights.layout
            writer.writerow(
                ["NAME", *("MID" if block == "M00" else block for block in layout.blocks), "WEIGHT", "NOTE"]
            )
        numbers = map(format_weight, hint.weights.values)
        writer.writerow([hint.name, *numbers, hint.weights.text(), hint.note])
    return out.getvalue()


def book_hints(book: PresetBook, layout: Layout | None = None) -> tuple[tuple[Hint, ...], tuple[str, ...]]:
    """The presets that count as hints, and a sentence on every line that gives none: one that the book's reader skips,
    and a preset with values that are no numbers, such as R, or of a length that no layout has."""
    hints, left_out = [], []
    for entry in book.entries:
        if entry.kind in {"comment", "blank"}:
            continue
        if entry.kind != "preset" or entry.name is None or entry.vector is None:
            left_out.append(f"Line {entry.number} gives no hint: {entry.reason or 'it is for XY plots only'}.")
            continue
        tokens = [token.strip() for token in entry.vector.split(",")]
        try:
            chosen = layout if layout is not None and len(layout) == len(tokens) else _by_length(len(tokens))
            hints.append(Hint(parse_values(entry.name, tokens, chosen)))
        except BlockweightError as error:
            left_out.append(f"Line {entry.number}, {quoted(entry.name, 30)}, gives no hint: {error}")
    return tuple(hints), tuple(left_out)


def hints_book(table: HintTable, reader: Reader = "lbw") -> PresetBook:
    """The hints as a preset book, their notes as comments; BlockweightError for one that the reader would not take."""
    book = PresetBook(reader=reader)
    for hint in table.hints:
        if hint.note:
            book = book.appended([f"# {line}" for line in hint.note.splitlines()])
        book = book.with_preset(hint.weights.text())
    return book


def _header(cells: Sequence[str], layout: Layout | None) -> Layout:
    names = [canonical_block(cell) for cell in cells if cell and cell.upper() not in {"WEIGHT", "NOTE"}]
    found = [other for other in all_layouts() if [canonical_block(block) for block in other.blocks] == names]
    if layout in found:
        return layout
    if not found:
        raise BlockweightError(f"no layout has the {len(names)} blocks {quoted(' '.join(names))}.")
    return found[0]


def _row(cells: Sequence[str], layout: Layout | None) -> Hint:
    name, *rest = cells
    if ":" in name and not any(rest):
        title, tokens = split_weights(name)
        return Hint(parse_values(title, tokens, layout or _by_length(len(tokens))))
    weight = next((place for place, cell in enumerate(rest) if ":" in cell), None)
    filled = [place for place, cell in enumerate(rest) if cell]
    if weight is None:
        # Columns beyond the blocks' (an empty WEIGHT, a NOTE) are told from weights by the header.
        count = len(layout) if layout is not None else (filled[-1] + 1 if filled else 0)
        note = next((cell for cell in rest[count:] if cell), "")
    else:
        count, note = weight, next((cell for cell in rest[weight + 1 :] if cell), "")
    tokens = list(rest[:count])
    weights = parse_values(name, tokens, layout or _by_length(len(tokens)))
    if weight is not None:
        _agree(weights, rest[weight])
    return Hint(weights, note)


def _agree(weights: BlockWeights, text: str) -> None:
    title, tokens = split_weights(text)
    if title != weights.name or parse_values(title, tokens, weights.layout) != weights:
        raise BlockweightError(f"its cells and its WEIGHT {quoted(text)} differ; copy the row again.")


def _by_length(length: int) -> Layout:
    layouts = layouts_of_length(length)
    if not layouts:
        raise BlockweightError(f"no layout has {length} weights; there are 12, 17, 20, 26 and others.")
    return layouts[0]


def _each_once(hints: Iterable[Hint]) -> Iterator[Hint]:
    seen: set[str] = set()
    for hint in hints:
        if hint.name in seen:
            raise BlockweightError(f"Two rows are called {quoted(hint.name)}; give one of them another name.")
        seen.add(hint.name)
        yield hint
