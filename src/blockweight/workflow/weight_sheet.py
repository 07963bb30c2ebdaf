"""The weight table as a person fills it: cells, text, pasted rows, other layouts, and what to copy from it."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from blockweight.blocks import Family, Layout, family_by_name, standard_blocks
from blockweight.errors import BlockweightError, quoted
from blockweight.weights import (
    BlockWeights,
    Context,
    Reading,
    check_name,
    convert,
    format_weight,
    parse_weight,
    read_weights,
    uniform,
)
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.conversions import WRITERS, Source, find_layout
from blockweight.workflow.plot_helper import PlotHelper, plot_helper

FIRST_LAYOUT = "sd1-26"
FIRST_NAME = "Weights"
FIRST_STEP = "0.5"


@dataclass(frozen=True)
class Cells:
    """A row of the table as it is typed: one text per block of the layout. `tidy` are the texts to show, each the
    shortest of the same number, or as typed where the number would change; `bad` are the blocks whose text is no
    number, with the reason. `weights` is None while there is a bad one."""

    layout: Layout
    tidy: tuple[str, ...]
    weights: BlockWeights | None
    bad: Mapping[str, str] = field(default_factory=dict)


def read_cells(name: str, layout: Layout, texts: Sequence[str]) -> Cells:
    """Read a row of cells. BlockweightError for another count than the layout's, and a name that is none."""
    if len(texts) != len(layout):
        raise BlockweightError(f"{len(texts)} cells were given for the {len(layout)} blocks of {layout.name}.")
    values: list[float] = []
    tidy: list[str] = []
    bad: dict[str, str] = {}
    for block, text in zip(layout.blocks, texts, strict=True):
        plain = unicodedata.normalize("NFKC", text).strip()
        try:
            value = parse_weight(plain)
        except BlockweightError as error:
            bad[block] = str(error)
            tidy.append(text)
            continue
        values.append(value)
        shown = format_weight(value)
        tidy.append(shown if Decimal(shown) == Decimal(plain) else plain)
    named = check_name(name.strip() or FIRST_NAME)
    return Cells(layout, tuple(tidy), None if bad else BlockWeights(named, layout, tuple(values)), bad)


def cells_of(weights: BlockWeights) -> tuple[str, ...]:
    """The weights as texts of cells."""
    return tuple(map(format_weight, weights.values))


@dataclass(frozen=True)
class Sheet:
    """What a weight table is for: the LoRA file, if one is chosen, whose family then is `family`, as fitted to it, and
    whose blocks are `present`."""

    lora: Path | None = None
    family: Family | None = None
    present: frozenset[str] | None = None

    def layout(self, name: str) -> Layout:
        """The layout of this name. BlockweightError if there is none, or it is not of the LoRA's family."""
        layout = find_layout(name, self.family)
        if self.family is not None and layout.family != self.family.name:
            raise BlockweightError(f"The layout {layout.name} is not of {self.family.name}, which the LoRA is of.")
        return layout

    def first(self) -> BlockWeights:
        """Where a table begins: every block at 1, in the LoRA's layout, or SD1's 26."""
        layout = find_layout(FIRST_LAYOUT, None) if self.family is None else self.family.layout
        return uniform(FIRST_NAME if self.lora is None else self.lora.stem, layout, 1.0)

    def absent(self, layout: Layout) -> frozenset[str]:
        """The layout's blocks that the LoRA lacks, or, with none chosen, that a standard LoRA lacks."""
        if self.present is None:
            return frozenset(layout.blocks) - standard_blocks(layout)
        return frozenset(layout.blocks) - self.present

    def read(self, text: str, now: Layout | None = None, fill: float | None = None, name: str = "") -> Reading:
        """Weights in any notation, in a layout of the family's own. A length that several layouts have means the one in
        the table `now`, else one of its family, else the first that has it. BlockweightError for what cannot be read.
        """
        family = self.family or (None if now is None else family_by_name(now.family))
        context = Context(family=family, fill=fill, name=name or FIRST_NAME)
        try:
            reading = read_weights(text, context)
        except BlockweightError:
            other = None if self.family is not None else _read_anew(text, context)
            if other is None:
                raise
            reading = other
        hints = list(reading.hints)
        if reading.tag is not None:
            hints.append("Only the block weights are taken from the tag.")
        weights = reading.weights
        if weights.rest != 1:
            hints.append(
                f"The table has no column for REST (here {format_weight(weights.rest)}); say it when you bake."
            )
            weights = replace(weights, rest=1.0)
        if weights.layout.tool:
            converted = convert(weights, (self.family or family_by_name(weights.layout.family)).layout, fill)
            weights = converted.weights
            if converted.filled:
                hints.append(f"Filled: {', '.join(converted.filled)}")
        return replace(reading, weights=weights, hints=tuple(hints))

    def paste(self, text: str, now: Cells, at: str, fill: float | None = None, name: str = "") -> Reading:
        """What a paste into the cell `at` makes of the table: whole weights in any notation, or, where it is fewer
        numbers than a layout has, cells from `at` on. BlockweightError if it is neither."""
        try:
            return self.read(text, now.layout, fill, name)
        except BlockweightError as error:
            row = _numbers(text)
            start = now.layout.blocks.index(at) if at in now.layout.blocks else 0
            if row is None or start + len(row) > len(now.layout):
                raise
            texts = [*now.tidy[:start], *row, *now.tidy[start + len(row) :]]
            cells = read_cells(name, now.layout, texts)
            if cells.weights is None:
                raise error from None
            return Reading(cells.weights, "cells")

    def moved(self, weights: BlockWeights, layout: Layout, fill: float | None) -> tuple[BlockWeights, tuple[str, ...]]:
        """The weights in another layout, by block name, and what to know of it. Another family begins at 1, for its
        blocks are other parts of a model. BlockweightError, with no `fill`, if the layout has further blocks."""
        if layout.family != weights.layout.family:
            words = f"The blocks of {layout.family} are other parts of the model, so every weight begins at 1."
            return uniform(weights.name, layout, 1.0), (words,)
        try:
            converted = convert(weights, layout, fill)
        except BlockweightError:
            lacking = [block for block in layout.blocks if block not in weights.layout.blocks]
            raise BlockweightError(
                f"The {len(weights.layout)} weights say nothing of {', '.join(lacking)}; write a fill value, 0 as LoRA "
                "Block Weight has it, or 1."
            ) from None
        said = (("Filled", converted.filled), ("Dropped", converted.dropped))
        return converted.weights, tuple(f"{word}: {', '.join(blocks)}" for word, blocks in said if blocks)

    def outputs(self, weights: BlockWeights, fixed: Collection[str], step: float) -> Outputs:
        """Everything that one copies from the table into another tool. BlockweightError as `plan_round`."""
        tag = None if self.lora is None else LoraTag(self.lora.stem)
        source = Source(layout=weights.layout.name, lora=self.lora)
        texts = tuple(_written(key, Reading(weights, "vector", tag=tag), source) for key in _WRITTEN)
        return Outputs(plot_helper(weights, fixed, step), texts)


@dataclass(frozen=True)
class Output:
    """One text to copy, by its key among conversions.WRITERS; `refused` is why there is none. `notes` say what it
    leaves out."""

    key: str
    text: str
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Outputs:
    """All that there is to copy: the spreadsheet's outputs, and the weights in the notation of other tools."""

    helper: PlotHelper
    texts: tuple[Output, ...]


_WRITTEN = ("tag", "inspire", "diffusers", "sd-scripts", "toml", "tsv")


def sheet_for(lora: Path | None) -> Sheet:
    """The sheet for a LoRA file, or for none. BlockweightError for a file that cannot be read."""
    if lora is None:
        return Sheet()
    from blockweight.lora import open_lora  # noqa: PLC0415 - numpy only where a file is read

    opened = open_lora(lora)
    return Sheet(lora, opened.family, frozenset(opened.blocks))


def parse_step(text: str) -> float:
    """By how much a round moves a block, a number above 0; BlockweightError otherwise."""
    plain = unicodedata.normalize("NFKC", text).strip()
    try:
        step = parse_weight(plain)
    except BlockweightError:
        step = 0.0
    if step <= 0:
        raise BlockweightError(f"{quoted(text)} is no step; give a number above 0, such as 0.5.")
    return step


def parse_fill(text: str) -> float | None:
    """The weight of blocks that a text leaves out, None for an empty text; BlockweightError for what is no number."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return parse_weight(plain) if plain else None


def _read_anew(text: str, context: Context) -> Reading | None:
    """The weights as those of any family; None if no family has such."""
    try:
        return read_weights(text, replace(context, family=None))
    except BlockweightError:
        return None


def _written(key: str, reading: Reading, source: Source) -> Output:
    try:
        written = WRITERS[key](reading, source)
    except BlockweightError as error:
        return Output(key, "", refused=str(error))
    dropped = (f"Left out: {', '.join(written.dropped)}",) if written.dropped else ()
    return Output(key, written.text, (*written.hints, *dropped))


def _numbers(text: str) -> list[str] | None:
    """The numbers of a bare row, or None if there is anything else in it."""
    plain = unicodedata.normalize("NFKC", text).replace("、", ",").strip()
    row = [item.strip() for item in (plain.split(",") if "," in plain else plain.split())]
    try:
        for item in row:
            parse_weight(item)
    except BlockweightError:
        return None
    return row or None
