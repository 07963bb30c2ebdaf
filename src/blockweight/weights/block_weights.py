"""Block weights: a name and one number per block of a layout."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blockweight.blocks import REST, Family, Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.numbers import format_weight, parse_weight

DEFAULT_NAME = "NONAME"

_NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: control characters, halves of characters, ends of lines and paragraphs."""


@dataclass(frozen=True)
class BlockWeights:
    """One weight per block of `layout`, in its order, all finite. `rest` is the weight of the modules that no block
    claims."""

    name: str
    layout: Layout
    values: tuple[float, ...]
    rest: float = 1.0

    def __post_init__(self) -> None:
        if len(self.values) != len(self.layout):
            raise ValueError(f"{len(self.values)} values for the {len(self.layout)} blocks of {self.layout.name}")
        if not all(map(math.isfinite, (*self.values, self.rest))):
            raise BlockweightError(f"The block weights {quoted(self.name)} are not all finite; give smaller numbers.")

    def weight(self, block: str) -> float:
        """The weight of one block of the layout, or of REST. KeyError for another block."""
        if block == REST:
            return self.rest
        try:
            return self.values[self.layout.blocks.index(block)]
        except ValueError:
            raise KeyError(block) from None

    def items(self) -> Iterable[tuple[str, float]]:
        """(block, weight) pairs in the layout's order."""
        return zip(self.layout.blocks, self.values, strict=True)

    def with_weights(self, changes: Mapping[str, float], name: str | None = None) -> BlockWeights:
        """The same weights with some blocks changed (names as in the layout, or REST)."""
        unknown = [block for block in changes if block not in self.layout.blocks and block != REST]
        if unknown:
            raise unknown_block(unknown[0], self.layout)
        values = tuple(changes.get(block, value) for block, value in self.items())
        return BlockWeights(self.name if name is None else name, self.layout, values, changes.get(REST, self.rest))

    def vector(self) -> str:
        """The numbers alone, `1,0,0.5,…`."""
        return ",".join(format_weight(value) for value in self.values)

    def text(self) -> str:
        """LoRA Block Weight's notation, `NAME:1,0,0.5,…`."""
        return f"{self.name}:{self.vector()}"


def uniform(name: str, layout: Layout, value: float) -> BlockWeights:
    """The same weight for every block."""
    return BlockWeights(name, layout, (value,) * len(layout))


def unknown_block(name: str, layout: Layout) -> BlockweightError:
    """The error for a block that the layout lacks, with the nearest names."""
    near = difflib.get_close_matches(name[:60].upper(), layout.blocks, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(layout.blocks)}."
    return BlockweightError(f"There is no block {quoted(name)} in the layout {layout.name}: {hint}")


def layout_of_length(length: int, layouts: Sequence[Layout], family: Family | None) -> Layout:
    """The first of the layouts that has this length; BlockweightError, with the right lengths, if there is none."""
    found = next((layout for layout in layouts if len(layout) == length), None)
    if found is not None:
        return found
    if family is None:
        known = ", ".join(map(str, sorted({len(layout) for layout in layouts})))
        raise BlockweightError(f"No layout has {length} block weights; there are {known}.")
    *others, last = (str(len(layout)) for layout in family.layouts)
    right = f"{', '.join(others)} or {last}" if others else last
    raise BlockweightError(
        f"A vector of length {length} was given, but {family.title} ({family.name}) takes {right} block weights; "
        f"separate them by commas, the first of them for {family.layout.blocks[0]}."
    )


def split_weights(text: str, name: str = DEFAULT_NAME) -> tuple[str, list[str]]:
    """The name and the single numbers, not yet read, of `NAME:v,v,…` or a bare vector, which is called `name`.

    The numbers may also be separated by `、`, or by tabs, spaces and new lines as a spreadsheet copies them, and all
    signs may be full-width. BlockweightError for no number at all, and a name of more than one line, which no notation
    could hold.
    """
    *head, tail = re.split("[:：](?=[^:：]*$)", text.strip())
    title = check_name("".join(head).strip() or name)
    tokens = _tokens(tail)
    if not tokens:
        raise BlockweightError(f"{quoted(text)} holds no block weights; write them as in NAME:1,0,0.5,…")
    return title, tokens


def check_name(name: str) -> str:
    """The name itself, if it is one line of text as every notation can hold it; else BlockweightError."""
    if any(unicodedata.category(letter) in _NOT_IN_NAMES for letter in name):
        raise BlockweightError(f"The name {quoted(name)} is not one line of text; give one line, NAME:1,0,0.5,…")
    return name


def parse_values(name: str, tokens: Sequence[str], layout: Layout) -> BlockWeights:
    """Weights of this layout from their single numbers; BlockweightError for another count, or what is no number."""
    if len(tokens) != len(layout):
        raise BlockweightError(f"{len(tokens)} weights were given for the {len(layout)} of the layout {layout.name}.")
    return BlockWeights(name, layout, tuple(parse_weight(token) for token in tokens))


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).replace("、", ",").replace("\u2212", "-").strip()
    if "," in plain:
        return plain.split(",")
    return [cell.strip() for cell in plain.split("\t")] if "\t" in plain else plain.split()
