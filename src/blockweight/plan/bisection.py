"""Group screening: blocks that stand together are changed together, and only groups that do something are halved.

It saves pictures where few blocks do anything: above a share of about 0.38 no grouping does better than one block at a
time (P. Ungar, "The cutoff point for group testing", Communications on Pure and Applied Mathematics 13, 1960).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError
from blockweight.plan.scenes import Variant
from blockweight.plan.screening import changed_variant, check_blocks, source_weights
from blockweight.weights import BlockWeights, format_weight

Group = tuple[str, ...]
"""Blocks that stand next to each other, in order."""


@dataclass(frozen=True)
class Bisection:
    """Where a group screening stands: the first `groups`, and the effects `told` of those that were measured, in the
    unit of `floor`. A group whose effect stays under the floor is closed for all its blocks.

    Two blocks of a closed group may each do more than the group if they work against each other. By the size of a
    picture's change that takes the same pixels moved in opposite directions, alike in strength; by a signed measure,
    say a mean colour, it happens easily, so close groups by sizes alone.
    """

    value: float
    base: float
    floor: float
    groups: tuple[Group, ...]
    told: tuple[tuple[Group, float], ...] = ()

    @property
    def wanted(self) -> tuple[Group, ...]:
        """The groups to measure next, in the blocks' order; none when all is known."""
        return tuple(group for group, effect in self._leaves() if effect is None)

    @property
    def known(self) -> tuple[tuple[Group, float], ...]:
        """Each block in the smallest group that was measured of it and need not be halved: a block of its own with its
        effect, or a closed group, whose effect is an upper bound for each of its blocks. In the blocks' order; all
        blocks are there once nothing is wanted."""
        return tuple((group, effect) for group, effect in self._leaves() if effect is not None)

    def tell(self, effects: Mapping[Group, float]) -> Bisection:
        """The state after these groups were measured, all of them wanted. BlockweightError for an effect that is no
        number."""
        for group, effect in effects.items():
            if group not in self.wanted:
                raise ValueError(f"{group} is not wanted")
            if math.isnan(effect):
                raise BlockweightError(f"The effect of {group_name(group)} is not a number; measure it again.")
        return replace(self, told=(*self.told, *effects.items()))

    def variant(self, layout: Layout, group: Group) -> Variant:
        """The group's blocks at `value`, all others at `base`: `IN07-IN10_0.5`, or as an analysis has it `IN07_0.5`."""
        label = f"{group_name(group)}_{format_weight(self.value)}"
        return changed_variant(self._source(layout), dict.fromkeys(group, self.value), label)

    def source(self, layout: Layout) -> Variant:
        """Every block at `base`."""
        return Variant("source", self._source(layout))

    def _source(self, layout: Layout) -> BlockWeights:
        return source_weights(layout, [block for group in self.groups for block in group], self.base)

    def _leaves(self) -> Iterator[tuple[Group, float | None]]:
        told = dict(self.told)
        waiting = list(reversed(self.groups))
        while waiting:
            group = waiting.pop()
            effect = told.get(group)
            if effect is None or effect < self.floor or len(group) == 1:
                yield group, effect
            else:
                waiting += reversed(halves(group))


def plan_bisection(blocks: Sequence[str], value: float, base: float, floor: float, size: int = 4) -> Bisection:
    """Begin with groups of `size` neighbours (the last may be smaller); nothing is measured yet.

    The first to be rendered are the source, every block at `base`, and a variant per group. BlockweightError when the
    weights are equal, blocks are missing or named twice, `floor` is not above 0 or `size` not at least 1.
    """
    check_blocks(blocks, value, base)
    if not 0 < floor < math.inf:
        raise BlockweightError(f"The floor of a bisection must be a number above 0, not {floor:g}.")
    if size < 1:
        raise BlockweightError(f"A group has at least one block, not {size}.")
    groups = tuple(tuple(blocks[start : start + size]) for start in range(0, len(blocks), size))
    return Bisection(value, base, floor, groups)


def halves(group: Group) -> tuple[Group, ...]:
    """The two halves that come next, the first not the smaller one; none of a single block."""
    middle = (len(group) + 1) // 2
    return (group[:middle], group[middle:]) if len(group) > 1 else ()


def group_name(group: Group) -> str:
    """`IN07`, or `IN07-IN10` for more than one."""
    return group[0] if len(group) == 1 else f"{group[0]}-{group[-1]}"
