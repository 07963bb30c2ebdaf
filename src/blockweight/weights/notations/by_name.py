"""Weights given by block name, as every notation but a vector gives them."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from blockweight.blocks import REST, Layout, canonical_block
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights, check_name, unknown_block
from blockweight.weights.numbers import parse_weight


def number_of(value: object) -> float:
    """A weight from what JSON or TOML holds: a number, or one in quotes. BlockweightError for anything else."""
    if isinstance(value, str):
        return parse_weight(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BlockweightError(f"{quoted(str(value))} is not a number; a block weight is a number such as 1 or 0.5.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BlockweightError("A block weight is not a finite number; give one such as 1, 0.5 or -0.25.")
    return number


def weights_by_name(
    name: str, given: Mapping[str, object], layouts: Sequence[Layout], fill: float | None
) -> tuple[BlockWeights, tuple[str, ...]]:
    """Weights of the layout that has exactly the blocks given (REST aside), else of the first that has them all, and
    the blocks that were not given, which take `fill`.

    BlockweightError for a block that no layout has (with the nearest), a block given twice, no block at all, and, with
    no `fill`, blocks that are missing.
    """
    values: dict[str, float] = {}
    for key, value in given.items():
        block = canonical_block(key)
        if block in values:
            raise BlockweightError(f"The block {quoted(block)} is given twice; give it one weight.")
        values[block] = number_of(value)
    rest = values.pop(REST, 1.0)
    if not values:
        raise BlockweightError("No block is given a weight; name at least one, such as IN04.")
    layout = _layout_of(values, layouts)
    missing = tuple(block for block in layout.blocks if block not in values)
    if missing and fill is None:
        raise BlockweightError(
            f"Nothing is said of {', '.join(missing)} in the layout {layout.name}; add --fill 0 or --fill 1."
        )
    made = tuple(values.get(block, fill or 0.0) for block in layout.blocks)
    return BlockWeights(check_name(name), layout, made, rest), missing


def _layout_of(blocks: Iterable[str], layouts: Sequence[Layout]) -> Layout:
    named = frozenset(blocks)
    exact = (layout for layout in layouts if named == frozenset(layout.blocks))
    found = next(exact, None) or next((layout for layout in layouts if named <= frozenset(layout.blocks)), None)
    if found is not None:
        return found
    nearest = max(layouts, key=lambda layout: len(named & frozenset(layout.blocks)))
    raise unknown_block(next(block for block in blocks if block not in nearest.blocks), nearest)


def plain_text(text: str) -> str:
    """A head or a number in plain letters and digits, without blanks around it."""
    return unicodedata.normalize("NFKC", text).strip()


def known_blocks(words: Iterable[str], layouts: Sequence[Layout]) -> bool:
    """Whether at least one of the words is a block's name in one of the layouts."""
    names = frozenset(block for layout in layouts for block in layout.blocks)
    return any(canonical_block(word) in names for word in words)


def nearest_of(word: str, names: Iterable[str]) -> str:
    """`did you mean A, B?` for a message, or the first few names where none is near."""
    known = list(names)
    near = difflib.get_close_matches(word[:60], known, n=3, cutoff=0.4)
    return f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known[:12])}."
