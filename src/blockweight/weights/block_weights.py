"""Block weights: a name and one number per block of a layout."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from blockweight.blocks import REST, Family, Layout, canonical_block
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
        """The same weights with some blocks changed (names as in the layout)."""
        unknown = [block for block in changes if block not in self.layout.blocks]
        if unknown:
            raise unknown_block(unknown[0], self.layout)
        values = tuple(changes.get(block, value) for block, value in self.items())
        return replace(self, values=values, name=self.name if name is None else name)

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


def parse_block_weights(text: str, family: Family, name: str = DEFAULT_NAME) -> BlockWeights:
    """Read `NAME:v,v,…` or a bare vector (see `split_weights`); the layout is the family's one of that length.

    `name` names a bare vector. BlockweightError for a number that cannot be read, and a length that no layout has.
    """
    title, tokens = split_weights(text, name)
    layout = next((layout for layout in family.layouts if len(layout) == len(tokens)), None)
    if layout is None:
        lengths = " or ".join(str(len(layout)) for layout in family.layouts)
        raise BlockweightError(
            f"A vector of length {len(tokens)} was given, but {family.title} ({family.name}) takes {lengths} block "
            f"weights; separate them by commas, the first of them for {family.layout.blocks[0]}."
        )
    return parse_values(title, tokens, layout)


def split_weights(text: str, name: str = DEFAULT_NAME) -> tuple[str, list[str]]:
    """The name and the single numbers, not yet read, of `NAME:v,v,…` or a bare vector, which is called `name`.

    The numbers may also be separated by `、`, or by tabs, spaces and new lines as a spreadsheet copies them, and all
    signs may be full-width. BlockweightError for no number at all, and a name of more than one line, which no notation
    could hold.
    """
    *head, tail = re.split("[:：](?=[^:：]*$)", text.strip())
    title = "".join(head).strip() or name
    if any(unicodedata.category(letter) in _NOT_IN_NAMES for letter in title):
        raise BlockweightError(f"The name {quoted(title)} is not one line of text; give one line, NAME:1,0,0.5,…")
    tokens = _tokens(tail)
    if not tokens:
        raise BlockweightError(f"{quoted(text)} holds no block weights; write them as in NAME:1,0,0.5,…")
    return title, tokens


def parse_values(name: str, tokens: Sequence[str], layout: Layout) -> BlockWeights:
    """Weights of this layout from their single numbers; BlockweightError for another count, or what is no number."""
    if len(tokens) != len(layout):
        raise BlockweightError(f"{len(tokens)} weights were given for the {len(layout)} of the layout {layout.name}.")
    return BlockWeights(name, layout, tuple(parse_weight(token) for token in tokens))


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).replace("、", ",").strip()
    return plain.split(",") if "," in plain else plain.split()


def parse_blocks(text: str, layout: Layout) -> tuple[str, ...]:
    """Read a list of blocks: names and ranges `IN01-IN08`, separated by commas or spaces, in the layout's order.

    BlockweightError for a name that the layout lacks, a range of more than two ends, and no block at all.
    """
    chosen: set[str] = set()
    for item in filter(None, re.split(r"[,、\s]+", unicodedata.normalize("NFKC", text).strip())):
        ends = [canonical_block(end) for end in item.split("-")]
        if len(ends) > 2:
            raise BlockweightError(f"{quoted(item)} is not a range of blocks; write two ends, as in IN01-IN08.")
        for end in ends:
            if end not in layout.blocks:
                raise unknown_block(end, layout)
        first, last = sorted((layout.blocks.index(ends[0]), layout.blocks.index(ends[-1])))
        chosen.update(layout.blocks[first : last + 1])
    if not chosen:
        raise BlockweightError(f"{quoted(text)} names no block; write blocks like IN01-IN08,M00.")
    return tuple(block for block in layout.blocks if block in chosen)
