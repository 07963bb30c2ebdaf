"""Block expressions: how a person names some of a layout's blocks."""

from __future__ import annotations

import re
import unicodedata

from blockweight.blocks import REST, Layout, canonical_block
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import unknown_block

_DASHES = str.maketrans(dict.fromkeys("~〜‐‑‒–—−", "-"))
"""What stands between two ends in a Japanese text or after a word processor: wave dashes, en dashes, the minus sign."""


def parse_blocks(
    text: str, layout: Layout, empty: tuple[str, ...] | None = None, *, rest: bool = False
) -> tuple[str, ...]:
    """Read an expression over blocks; the blocks come in the layout's order.

    Names and ranges `IN01-IN08` (the ends in any order), separated by commas or spaces, are taken together. What
    follows the word NOT is left out, from what stands before it or, with nothing before it, from all blocks (LoRA
    Block Weight's `NOT IN05-OUT05`). An empty text is `empty`, where that is given. With `rest`, REST may be named too
    and comes last; no range and no NOT includes it by itself. BlockweightError for a name that the layout lacks, a
    range of more than two ends, a second NOT, and an expression that leaves no block.

    >>> parse_blocks("NOT IN02-OUT11", layout)  # doctest: +SKIP
    ('BASE', 'IN00', 'IN01')
    """
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    items = [item for item in re.split(r"[,、\s]+", re.sub(r"\s*-\s*", "-", plain)) if item]
    if not text.strip() and empty is not None:
        return empty
    sides: list[set[str]] = [set()]
    for item in items:
        if item.upper() != "NOT":
            sides[-1].update({REST} if rest and canonical_block(item) == REST else _range(item, layout))
        elif len(sides) == 1:
            sides.append(set())
        else:
            raise BlockweightError(f"{quoted(text)} says NOT twice; write it once, before all that is left out.")
    if len(sides) == 2 and not sides[1]:
        raise BlockweightError(f"{quoted(text)} names no block after NOT; write blocks there, as in NOT IN05-OUT05.")
    taken = sides[0] if sides[0] or len(sides) == 1 else set(layout.blocks)
    chosen = taken.difference(*sides[1:])
    if not chosen:
        raise BlockweightError(f"{quoted(text)} names no block; write blocks like IN01-IN08,M00 or NOT IN05-OUT05.")
    return tuple(block for block in (*layout.blocks, REST) if block in chosen)


def _range(item: str, layout: Layout) -> tuple[str, ...]:
    ends = [canonical_block(end) for end in item.split("-")]
    if len(ends) > 2:
        raise BlockweightError(f"{quoted(item)} is not a range of blocks; write two ends, as in IN01-IN08.")
    for end in ends:
        if end not in layout.blocks:
            raise unknown_block(end, layout)
    first, last = sorted((layout.blocks.index(ends[0]), layout.blocks.index(ends[-1])))
    return layout.blocks[first : last + 1]
