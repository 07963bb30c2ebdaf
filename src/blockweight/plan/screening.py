"""Screening: all blocks at once, each in half of the pictures at one weight and in half at the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from blockweight.blocks import REST, Layout
from blockweight.errors import BlockweightError
from blockweight.plan.designs import Signs, folded, two_level_design
from blockweight.plan.scenes import Variant
from blockweight.weights import BlockWeights, format_weight, uniform

SPARE = 1
"""Columns of a design that no block stands in, at the least: what they seem to do is what noise and interactions do."""


@dataclass(frozen=True)
class Screening:
    """`signs[run][column]` is +1 where the block is at `value` and −1 where it is at `base`; the columns after those of
    `blocks` are spare. `variants` are the runs, of which the first has every block at `base`. In a folded one the
    second half of the runs mirrors the first."""

    value: float
    base: float
    blocks: tuple[str, ...]
    signs: Signs
    is_folded: bool
    variants: tuple[Variant, ...]

    @property
    def spare(self) -> int:
        """How many columns no block stands in."""
        return len(self.signs[0]) - len(self.blocks)


def plan_screening(layout: Layout, blocks: Sequence[str], value: float, base: float, *, fold: bool = True) -> Screening:
    """Plan a screening of `blocks` (names of the layout, or REST) between the weights `value` and `base`.

    Its runs are the fewest that leave SPARE columns (`two_level_design`), 28 for 26 blocks, 60 for 57, 64 for 61, and
    with `fold` twice as many. All other blocks stay at `base`. BlockweightError when the two weights are equal, a block
    is named twice, or there are none or too many.
    """
    check_blocks(blocks, value, base)
    signs = two_level_design(len(blocks) + SPARE)
    columns = len(signs) - 1
    if columns > len(blocks) + SPARE:
        signs = two_level_design(columns)
    signs = folded(signs) if fold else signs
    source, digits = source_weights(layout, blocks, base), max(2, len(str(len(signs))))
    variants = []
    for number, row in enumerate(signs, 1):
        label = f"screen-{number:0{digits}}"
        high = {block: value for block, sign in zip(blocks, row[: len(blocks)], strict=True) if sign > 0}
        variants.append(changed_variant(source, high, label))
    return Screening(value, base, tuple(blocks), signs, fold, tuple(variants))


def source_weights(layout: Layout, blocks: Sequence[str], base: float) -> BlockWeights:
    """Every block at `base`, and REST too if it is one of `blocks`; else it stays at 1."""
    weights = uniform("source", layout, base)
    return replace(weights, rest=base) if REST in blocks else weights


def changed_variant(source: BlockWeights, changes: Mapping[str, float], label: str) -> Variant:
    """`source` with the weights of some blocks changed, REST among them. BlockweightError for an unknown block."""
    return Variant(label, source.with_weights(changes, label))


def check_blocks(blocks: Sequence[str], value: float, base: float) -> None:
    """BlockweightError when the two weights are equal, there is no block, or one is named twice."""
    if value == base:
        raise BlockweightError(
            f"The blocks are changed from {format_weight(base)} to {format_weight(value)}, which changes nothing; give "
            "two different weights."
        )
    if not blocks:
        raise BlockweightError("There is no block to measure; name at least one.")
    twice = next((block for number, block in enumerate(blocks) if block in blocks[:number]), None)
    if twice is not None:
        raise BlockweightError(f"The block {twice} is named twice; name each block once.")
