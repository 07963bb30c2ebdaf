"""What the Effective Block Analyzer renders: every block in turn at one weight while all others stand at another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.blocks import REST, Layout
from blockweight.plan.scenes import Variant
from blockweight.weights import BlockWeights, format_weight, uniform


@dataclass(frozen=True)
class BlockAnalysis:
    """`source` has every block at `base`; `changed` has, for each block, that block alone at `value`.

    Source: LoRA Block Weight's Effective Block Analyzer, whose Range "A,B" is our (value, base): the block under test
    gets A, every other block B.
    """

    value: float
    base: float
    source: Variant
    changed: tuple[tuple[str, Variant], ...]

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks under test, in order."""
        return tuple(block for block, _ in self.changed)

    def variants(self) -> tuple[Variant, ...]:
        """The source, then every changed variant."""
        return (self.source, *(variant for _, variant in self.changed))


def plan_block_analysis(layout: Layout, blocks: Sequence[str], value: float, base: float) -> BlockAnalysis:
    """Plan an analysis of `blocks` (names of the layout, or REST) with Range `value,base`. What belongs to no block
    keeps its whole weight, as in LoRA Block Weight, unless REST is under test."""
    whole: BlockWeights = uniform("source", layout, base)
    source = whole.with_weights({REST: base}) if REST in blocks else whole
    changed = tuple(
        (block, Variant(f"{block}_{format_weight(value)}", source.with_weights({block: value}, block)))
        for block in blocks
    )
    return BlockAnalysis(value, base, Variant("source", source), changed)
