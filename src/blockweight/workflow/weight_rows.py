"""Named weights as rows of cells in the heat of their numbers: presets and hints side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blockweight.blocks import layouts_of_length
from blockweight.errors import BlockweightError
from blockweight.weights import HintTable, PresetBook, parse_weight


@dataclass(frozen=True)
class Cell:
    """One block's weight: the block's name, empty where no layout has so many; the text; and how hot it is, tenths from
    `0` to `10`, `below` or `beyond`, or nothing for what is no number."""

    block: str
    text: str
    heat: str


@dataclass(frozen=True)
class WeightRow:
    """Named weights, their layout's name (empty where none has so many), a note, and what is wrong with them. For a
    line that holds none, `name` is empty and `weights` is the line."""

    name: str
    weights: str
    layout: str = ""
    cells: tuple[Cell, ...] = ()
    note: str = ""
    problem: str = ""


def preset_rows(book: PresetBook) -> Iterator[WeightRow]:
    """A book's lines, but the blank ones. A preset of a length that several layouts have is shown as of the first."""
    for entry in book.entries:
        if entry.kind == "preset" and entry.name is not None and entry.vector is not None:
            texts = [text.strip() for text in entry.vector.split(",")]
            layouts = layouts_of_length(len(texts))
            blocks = layouts[0].blocks if layouts else ("",) * len(texts)
            cells, layout = tuple(map(_cell, blocks, texts)), layouts[0].name if layouts else ""
            yield WeightRow(entry.name, entry.vector, layout, cells, problem=entry.problem or "")
        elif entry.kind != "blank":
            yield WeightRow("", entry.text, problem=entry.reason or "")


def hint_rows(table: HintTable) -> Iterator[WeightRow]:
    """A table's hints."""
    for hint in table.hints:
        weights = hint.weights
        cells = tuple(map(_cell, weights.layout.blocks, weights.vector().split(",")))
        yield WeightRow(weights.name, weights.vector(), weights.layout.name, cells, note=hint.note)


def _cell(block: str, text: str) -> Cell:
    try:
        value = parse_weight(text)
    except BlockweightError:
        return Cell(block, text, "")
    return Cell(block, text, "below" if value < 0 else "beyond" if value > 1 else str(round(value * 10)))
