"""Which pictures tell whether two blocks do together what they do one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError
from blockweight.plan.scenes import Variant
from blockweight.plan.screening import changed_variant, check_blocks, source_weights
from blockweight.weights import BlockWeights, format_weight

Pair = tuple[str, str]


@dataclass(frozen=True)
class PairAnalysis:
    """`source` has every block at `base`; `singles` each block alone at `value`, as in a block analysis (the same
    weights, so the same pictures); `pairs` each two of them, in the order of the blocks."""

    value: float
    base: float
    source: Variant
    singles: tuple[tuple[str, Variant], ...]
    pairs: tuple[tuple[Pair, Variant], ...]

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of the pairs, in order."""
        return tuple(block for block, _ in self.singles)

    def variants(self) -> tuple[Variant, ...]:
        """The source, the singles, then the pairs: 1 + n + n(n − 1)/2."""
        return (self.source, *(variant for _, variant in self.singles), *(variant for _, variant in self.pairs))


def plan_pairs(
    layout: Layout, blocks: Sequence[str], value: float, base: float, source: BlockWeights | None = None
) -> PairAnalysis:
    """Plan the pairs of `blocks` (names of the layout, or REST), with Range `value,base`. `source` are the weights that
    the blocks are changed in, where they stand among others of an analysis; else `source_weights` of these blocks.
    BlockweightError when the weights are equal, a block is named twice, or there are fewer than two."""
    check_blocks(blocks, value, base)
    if len(blocks) < 2:
        raise BlockweightError(f"A pair takes two blocks, and {blocks[0]} is alone; name at least two.")
    source, ending = source or source_weights(layout, blocks, base), format_weight(value)
    singles = tuple((block, changed_variant(source, {block: value}, f"{block}_{ending}")) for block in blocks)
    pairs = tuple(
        ((first, second), changed_variant(source, {first: value, second: value}, f"{first}+{second}_{ending}"))
        for first, second in combinations(blocks, 2)
    )
    return PairAnalysis(value, base, Variant("source", source), singles, pairs)
