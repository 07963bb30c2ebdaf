"""Scenes only for blocks that are not settled yet: all begin with two, and whoever is decided renders no more.

To look often and stop when it suits is to be wrong more often than the intervals say. So every look spends a share of
the error that the whole analysis may make, in proportion to the scenes that it adds (Lan and DeMets 1983, linear
spending), and the blocks divide it by Holm's step-down, in which a decided block leaves its part to the others (Maurer
and Bretz 2013). Nothing is remembered but the table: what was decided follows from replaying the looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure.effect_table import CHANGE, DIFF, INSIDE, OUTSIDE, EffectTable
from blockweight.measure.effects import NOISE_FLOOR
from blockweight.measure.intervals import CONFIDENCE
from blockweight.measure.suggest import (
    CLEAR_FACTOR,
    DIFF_FLOOR,
    GroundKind,
    Suggestion,
    suggest,
    typical_ratio,
)

_FIRST = 2
DECIDED = frozenset(
    {
        GroundKind.NOTHING,
        GroundKind.NOISE,
        GroundKind.NO_MASK,
        GroundKind.WORKS_INSIDE,
        GroundKind.WORKS_ELSEWHERE,
        GroundKind.USUAL,
        GroundKind.LESS,
    }
)
"""Grounds that more scenes would not change: with NO_MASK the effect is visible, and all that can be known."""


def planned_looks(scenes: int) -> tuple[int, ...]:
    """After how many scenes a block is looked at, of `scenes` that there are, at least 2: 2, 3, 4, 6, 8, 12, 16, … and
    last after all of them."""
    if scenes < _FIRST:
        raise BlockweightError(
            f"Scenes that are added as they are needed begin with two, but there is {scenes}; add seeds."
        )
    looks, step = [_FIRST], 1
    while looks[-1] + step < scenes:
        looks.append(looks[-1] + step)
        step = max(1, 1 << (looks[-1].bit_length() - 2))
    return (*looks, scenes) if looks[-1] < scenes else tuple(looks)


@dataclass(frozen=True)
class SequentialPlan:
    """How a sequential analysis decides. `looks`: after how many scenes, the last being all; `floor`, `factor`,
    `diff_floor` and `region` as `suggest` takes them; `error`, 0…1: the probability that anything said of any block at
    any look is wrong."""

    looks: tuple[int, ...]
    floor: float = NOISE_FLOOR
    factor: float = CLEAR_FACTOR
    diff_floor: float = DIFF_FLOOR
    region: str = "the masked region"
    error: float = 1 - CONFIDENCE

    def share(self, look: int) -> float:
        """The error, 0…1, that the look with this place may make in all blocks together."""
        before = self.looks[look - 1] if look else 0
        return self.error * (self.looks[look] - before) / self.looks[-1]


@dataclass(frozen=True)
class Step:
    """Where a sequential analysis stands. `more`: the pairs (block, place of the scene) to measure next, none when it
    is done; `decided`: block → what was found at the look that settled it; `open`: block → what its last look says, of
    those not settled (none before the first look). Done with open blocks means that all scenes are used up."""

    more: tuple[tuple[str, int], ...]
    decided: dict[str, Suggestion]
    open: dict[str, Suggestion]

    @property
    def done(self) -> bool:
        """Whether nothing is left to measure."""
        return not self.more

    def reasons(self) -> dict[str, str]:
        """Block → why it gets no more scenes, for those that get none."""
        waiting = {block for block, _ in self.more}
        settled = {
            block: f"settled with {found.ground.seeds} scenes" for block, found in self.decided.items() if found.ground
        }
        spent = {
            block: f"not settled, and all {found.ground.seeds} scenes are used"
            for block, found in self.open.items()
            if found.ground and block not in waiting
        }
        return settled | spent


def next_step(table: EffectTable, plan: SequentialPlan) -> Step:
    """What to measure next, given what the table holds: it names all blocks to analyse and all scenes that there are,
    in the order in which they are to be used, with NaN where nothing was measured yet. With several prompts let their
    scenes take turns.

    A block is decided when `suggest` settles it: where it stands towards the floor, and with a mask where it works. Its
    first scenes count, as many as the look has; further ones are left aside. With a mask a block says two things,
    so each has half of its error. `typical_ratio` is that of the scenes which all blocks have, and taken as known.
    BlockweightError when the table lacks DIFF or CHANGE, or has fewer scenes than the plan's last look.
    """
    if not {DIFF, CHANGE} <= set(table.aspects):
        raise BlockweightError(f"To settle blocks scene by scene takes the aspects {DIFF} and {CHANGE}; measure both.")
    if len(table.scenes) < plan.looks[-1]:
        raise BlockweightError(
            f"The plan's last look is after {plan.looks[-1]} scenes but there are {len(table.scenes)}; add seeds."
        )
    have = _measured(table)
    decided: dict[str, Suggestion] = {}
    opened: dict[str, Suggestion] = {}
    for look, count in enumerate(plan.looks):
        waiting = [block for block in table.blocks if block not in decided]
        missing = [
            (block, int(scene))
            for block in waiting
            for scene in np.flatnonzero(~have[table.blocks.index(block)])[: _lacking(have, table, block, count)]
        ]
        if missing or not waiting:
            return Step(tuple(missing), decided, opened)
        decided, opened = _look(table, plan, look, decided, waiting)
    return Step((), decided, opened)


def _measured(table: EffectTable) -> NDArray[np.bool_]:
    """(blocks, scenes): where all that suggestions need was measured."""
    regions = [f"{CHANGE}:{region}" for region in (INSIDE, OUTSIDE)]
    needed = [DIFF, CHANGE, *(aspect for aspect in regions if aspect in table.aspects)]
    values = table.values[[table.aspects.index(aspect) for aspect in needed]]
    found: NDArray[np.bool_] = np.logical_not(np.isnan(values).any(axis=0))
    return found


def _lacking(have: NDArray[np.bool_], table: EffectTable, block: str, count: int) -> int:
    return max(0, count - int(have[table.blocks.index(block)].sum()))


def _look(
    table: EffectTable, plan: SequentialPlan, look: int, before: dict[str, Suggestion], waiting: Sequence[str]
) -> tuple[dict[str, Suggestion], dict[str, Suggestion]]:
    """Who is decided after this look, and what it says of the others."""
    decided = dict(before)
    masked = f"{CHANGE}:{INSIDE}" in table.aspects
    typical = _typical(table, plan.floor)
    effects = {block: _first_scenes(table, block, plan.looks[look]).block_effects()[0] for block in waiting}
    while True:
        each = plan.share(look) / max(1, len(table.blocks) - len(decided)) / (2 if masked else 1)
        found = {
            block: suggest(
                effects[block], plan.floor, plan.factor, plan.diff_floor, plan.region, typical, confidence=1 - each
            )
            for block in waiting
            if block not in decided
        }
        settled = {block: said for block, said in found.items() if said.ground and said.ground.kind in DECIDED}
        if not settled:
            return decided, found
        decided |= settled


def _first_scenes(table: EffectTable, block: str, count: int) -> EffectTable:
    """The block alone in the first `count` scenes that it was measured in."""
    place = table.blocks.index(block)
    scenes = np.flatnonzero(_measured(table)[place])[:count]
    return replace(table, blocks=(block,), values=table.values[:, [place]]).of_scenes([int(each) for each in scenes])


def _typical(table: EffectTable, floor: float) -> float:
    scenes = np.flatnonzero(_measured(table).all(axis=0))
    return typical_ratio(table.of_scenes([int(scene) for scene in scenes]).block_effects(), floor)
