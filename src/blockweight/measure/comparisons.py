"""Many blocks judged at once, two blocks beside each other, and how many scenes more would settle a question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.measure.effect_table import EffectTable, prompt_groups
from blockweight.measure.effects import NOISE_FLOOR, Effect, Leaning, Signal, SignedEffect, check_floor
from blockweight.measure.intervals import CONFIDENCE, Estimate, estimate

MOST_MORE = 64
"""Up to how many more scenes `scenes_to_settle` counts: more than that nobody renders for one block."""


class Judged(Protocol):
    """What `signals` judges: an `Effect` or a `SignedEffect`."""

    @property
    def block(self) -> str:
        """Whose effect it is."""

    def leaning(self, floor: float) -> Leaning:
        """To which side of the floor it leans, and how surely."""

    def interval_at(self, confidence: float) -> tuple[float, float]:
        """The interval of its mean."""


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p values, 0…1, adjusted for their number by Holm's step-down (1979): rejecting those under 0.05 rejects any
    true hypothesis with at most 5 % probability, however the tests depend on each other. Same order as given."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[number]))
        adjusted[number] = largest
    return tuple(adjusted)


def signals(effects: Sequence[Judged], floor: float = NOISE_FLOOR, confidence: float = CONFIDENCE) -> dict[str, Signal]:
    """Block → where its effect stands towards the noise floor, corrected for their number (Holm): that any block at all
    is called VISIBLE or NOISE wrongly has at most the probability 1 − `confidence`.

    Effects of one table and one aspect, in the floor's unit. BlockweightError for a floor that they cannot take.
    """
    leanings = [effect.leaning(floor) for effect in effects]
    adjusted = holm([leaning.p for leaning in leanings])
    return {
        effect.block: Leaning(leaning.signal, p).settled(confidence)
        for effect, leaning, p in zip(effects, leanings, adjusted, strict=True)
    }


@dataclass(frozen=True)
class BlockComparison:
    """How many times as strongly `first` works as `second`: the typical ratio over the scenes where both were measured,
    its 95 % interval ((0, ∞) for a single scene), and the two-sided p value of that they work alike."""

    first: str
    second: str
    times: float
    low: float
    high: float
    p: float
    scenes: int

    @property
    def stronger(self) -> str | None:
        """The block that surely works more strongly; None where these scenes do not settle it."""
        if self.p >= 1 - CONFIDENCE:
            return None
        return self.first if self.times > 1 else self.second


def compare_blocks(
    table: EffectTable, aspect: str, first: str, second: str, floor: float = NOISE_FLOOR
) -> BlockComparison:
    """Is the effect of one block larger than another's? Scene by scene, so that a scene which reacts strongly to
    everything does not blur it: t test of ln((a + floor) / (b + floor)), the prompts as groups.

    `floor` in the aspect's unit. BlockweightError unless floor > 0 and both were measured in one scene at least. Where
    many pairs are compared, correct their p values (`holm`).
    """
    check_floor(floor)
    for block in (first, second):
        if aspect not in table.aspects or block not in table.blocks:
            raise BlockweightError(f"There is no {aspect} of block {block} in this analysis; measure it first.")
    if table.has_sign(aspect):
        raise BlockweightError(
            f"{aspect} rises and falls, so there is no saying how many times as strong it is; compare an aspect "
            "without a sign."
        )
    pair = np.stack([table.samples(aspect, block) for block in (first, second)])
    both = np.flatnonzero(~np.isnan(pair).any(axis=0))
    if not len(both):
        raise BlockweightError(f"Blocks {first} and {second} were measured in no scene together; measure both in one.")
    logs = [math.log((pair[0, scene] + floor) / (pair[1, scene] + floor)) for scene in both]
    ratio = estimate(logs, prompt_groups([table.scenes[scene].prompt for scene in both]))
    low, high = ratio.interval()
    return BlockComparison(first, second, math.exp(ratio.mean), math.exp(low), _exp(high), _two_sided(ratio), len(logs))


def settled_order(
    table: EffectTable, aspect: str, most: int, floor: float = NOISE_FLOOR
) -> tuple[tuple[str, ...], ...]:
    """The `most` strongest blocks in groups: the last of a group surely works more strongly than the first of the next,
    corrected for the number of neighbours that are compared (Holm); within a group the order is open.

    As `compare_blocks`; nothing for fewer than two blocks.
    """
    ranked = [effect.block for effect in sorted(table.effects(aspect), key=lambda effect: -effect.mean)][:most]
    if len(ranked) < 2:
        return ()
    found = [compare_blocks(table, aspect, first, second, floor) for first, second in pairwise(ranked)]
    groups = [[ranked[0]]]
    for each, p in zip(found, holm([each.p for each in found]), strict=True):
        if p < 1 - CONFIDENCE and each.times > 1:
            groups.append([])
        groups[-1].append(each.second)
    return tuple(map(tuple, groups))


def scenes_to_settle(
    effect: Effect, floor: float = NOISE_FLOOR, confidence: float = CONFIDENCE, most: int = MOST_MORE
) -> int | None:
    """How many more scenes would settle whether the effect stands above the noise floor or below it, if its typical
    size and its spread stay as they are: 0 if it is settled.

    None for a single scene, whose spread nobody knows, and where more than `most` would be needed. It is a forecast:
    new scenes may well show another spread. BlockweightError unless floor > 0.
    """
    check_floor(floor)
    now, have = estimate(effect.samples) if effect.has_sign else effect.over(floor), len(effect.samples)
    if now.freedom <= 0:
        return None
    for more in range(most + 1):
        growth = (have + more) / have
        grown = Estimate(now.mean, now.error / math.sqrt(growth), (now.freedom + 1) * growth - 1)
        p = SignedEffect("", grown).leaning(floor).p if effect.has_sign else _two_sided(grown)
        if p < 1 - confidence:
            return more
    return None


def _two_sided(estimate: Estimate) -> float:
    """The p value of that the true mean is 0."""
    return min(1.0, 2 * min(estimate.p_at_most(0), estimate.p_at_least(0)))


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf
