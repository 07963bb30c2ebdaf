"""Block weights of one layout as those of another, by block name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from blockweight.blocks import REST, Layout
from blockweight.errors import BlockweightError
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.numbers import format_weight


@dataclass(frozen=True)
class Converted:
    """The weights in the new layout; `filled` are its entries that the old one said nothing of, `dropped` the old
    layout's blocks that the new one has no place for, or gives another weight."""

    weights: BlockWeights
    filled: tuple[str, ...]
    dropped: tuple[str, ...]


def convert(weights: BlockWeights, layout: Layout, fill: float | None) -> Converted:
    """Every block keeps its weight; entries that `weights` says nothing of get `fill`.

    A layout of another tool may have entries that stand for several of our blocks (`Layout.stands_for`): its entry
    takes the weight of the block of its own name, or else the one that all its blocks share. BlockweightError, with no
    `fill`, when there is something to fill; and when entries that stand for one of our blocks differ (the Inspire
    Pack's three MIDs are one block).
    """
    known = _by_block(weights)
    found = {entry: _value(entry, layout, known) for entry in layout.blocks}
    filled = tuple(entry for entry, value in found.items() if value is None)
    if filled and fill is None:
        raise BlockweightError(
            f"The {len(weights.layout)} weights say nothing of {', '.join(filled)}; add --fill 0 (LoRA Block Weight's "
            "own choice) or --fill 1."
        )
    if len(filled) == len(layout):
        raise BlockweightError(
            f"The layouts {weights.layout.name} and {layout.name} have no block in common, so nothing can be converted."
        )
    made = {entry: fill or 0.0 if value is None else value for entry, value in found.items()}
    given = {block: made[entry] for entry in layout.blocks for block in layout.stands_for(entry)}
    dropped = tuple(block for block, value in known.items() if given.get(block) != value and block != REST)
    return Converted(BlockWeights(weights.name, layout, tuple(made.values()), weights.rest), filled, dropped)


def convert_for(weights: BlockWeights, layout: Layout, blocks: Collection[str], fill: float | None) -> Converted:
    """`convert` for a LoRA with these blocks: without a `fill`, blocks that it lacks may be missing too, and are 1."""
    converted = convert(weights, layout, 1.0 if fill is None else fill)
    touched = [block for block in converted.filled if block in blocks]
    if touched and fill is None:
        raise BlockweightError(
            f"The {len(weights.layout)} weights name no value for {', '.join(touched)}, which the LoRA has; "
            f"add --fill 0 (LoRA Block Weight's own choice), --fill 1, or give all the {len(layout)} weights."
        )
    return converted if fill is not None else replace(converted, filled=())


def _by_block(weights: BlockWeights) -> dict[str, float]:
    """Our blocks' weights. Where an entry stands for more than the block of its own name, only that one is known."""
    known: dict[str, float] = {}
    for entry, value in weights.items():
        blocks = weights.layout.stands_for(entry)
        for block in (entry,) if entry in blocks else blocks:
            if known.setdefault(block, value) != value:
                raise BlockweightError(
                    f"{entry} is {format_weight(value)} and another entry is {format_weight(known[block])}, but "
                    f"{block} is one block; give all of them one weight."
                )
    return known


def _value(entry: str, layout: Layout, known: dict[str, float]) -> float | None:
    if entry in known:
        return known[entry]
    shared = {known[block] for block in layout.stands_for(entry) if block in known}
    return shared.pop() if len(shared) == 1 else None
