"""A first classification of the blocks, from what was measured and from nothing else.

It is a suggestion with its reasons. Where the intervals over the seeds do not settle the question, it says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from blockweight.measure.effects import NOISE_FLOOR, BlockEffects, Effect, Signal, check_floor, t_interval

CLEAR_FACTOR = 1.25
"""By how much the effect inside must differ from the effect outside to count as clearly different."""

DIFF_FLOOR = 0.1
"""Percent of channel values that may pass the threshold in a picture where nothing visible changes. A mean over the
picture can hide a small spot that changes a lot; Diff % cannot."""


class Verdict(Enum):
    """What the measurement suggests for a block."""

    KEEP = "keep"
    DROP = "drop"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Suggestion:
    """A verdict on one block, with its reasons in plain words."""

    block: str
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Ratio:
    """How many times as strongly a block works inside as outside: the geometric mean over the seeds and its 95 % t
    interval (reckoned on logarithms; (0, ∞) for a single seed)."""

    mean: float
    low: float
    high: float


def inside_ratio(inside: Effect, outside: Effect, floor: float = NOISE_FLOOR) -> Ratio:
    """The ratio of the effects, seed by seed, so that a seed which reacts strongly everywhere does not blur it.

    An effect under the noise floor counts as the floor: nothing can be told apart down there. BlockweightError
    unless floor > 0.
    """
    check_floor(floor)
    logs = [
        math.log(max(within, floor) / max(beyond, floor))
        for within, beyond in zip(inside.samples, outside.samples, strict=True)
    ]
    low, high = t_interval(logs)
    return Ratio(math.exp(sum(logs) / len(logs)), math.exp(low), math.exp(high))


def typical_ratio(effects: Sequence[BlockEffects], floor: float = NOISE_FLOOR) -> float:
    """How many times as strongly these blocks together work inside as outside, by the sums of their effects: what is
    ordinary for this LoRA and this mask. 1 without a mask.

    Most of the outside is often a background that no block touches; against that alone every block would look as if it
    worked inside.
    """
    placed = [(effect.inside, effect.outside) for effect in effects if effect.inside and effect.outside]
    if not placed:
        return 1.0
    seeds = len(placed[0][0].samples)
    inside, outside = (
        Effect("all", tuple(sum(pair[side].samples[seed] for pair in placed) for seed in range(seeds)))
        for side in (0, 1)
    )
    return inside_ratio(inside, outside, floor).mean


def suggest(
    effects: BlockEffects,
    floor: float = NOISE_FLOOR,
    factor: float = CLEAR_FACTOR,
    diff_floor: float = DIFF_FLOOR,
    region: str = "the masked region",
    typical: float = 1.0,
) -> Suggestion:
    """Keep, drop or unknown for one block; `region` is what the mask covers, in words, and `typical` the ratio inside
    to outside that is ordinary (`typical_ratio`; 1 compares inside and outside as they are).

    - drop: nothing visible changes anywhere (every interval ends under `floor` levels, and no seed has a Diff % over
      `diff_floor`), or it works outside at least `factor` times as strongly as inside, by the whole interval, and
      outside it is visible;
    - keep: inside to outside is at least `factor` times over `typical`, by the whole interval, and inside it is
      visible;
    - unknown: all else, so also a block that works inside, but less so than the others. A single seed never settles
      anything.
    """
    seeds = len(effects.diff.samples)
    if seeds == 1:
        reasons = (_figures(effects), "a single seed says nothing about the spread: measure at least two")
        return Suggestion(effects.block, Verdict.UNKNOWN, reasons)
    if _nothing_visible(effects, floor, diff_floor):
        reasons = (
            _figures(effects),
            f"nothing visible changes anywhere: under the noise floor of {floor:g} levels in {seeds} seeds",
        )
        return Suggestion(effects.block, Verdict.DROP, reasons)
    if effects.inside is None or effects.outside is None:
        reasons = (_figures(effects), "no mask was given, so there is no telling where it works")
        return Suggestion(effects.block, Verdict.UNKNOWN, reasons)
    return _by_place(effects.block, effects.inside, effects.outside, floor, factor, region, typical)


def suggest_all(
    effects: Sequence[BlockEffects],
    floor: float = NOISE_FLOOR,
    factor: float = CLEAR_FACTOR,
    diff_floor: float = DIFF_FLOOR,
    region: str = "the masked region",
) -> tuple[Suggestion, ...]:
    """`suggest` for every block, in the given order, each compared with what all of them do together."""
    typical = typical_ratio(effects, floor)
    return tuple(suggest(effect, floor, factor, diff_floor, region, typical) for effect in effects)


def _nothing_visible(effects: BlockEffects, floor: float, diff_floor: float) -> bool:
    measured = [effect for effect in (effects.overall, effects.inside, effects.outside) if effect is not None]
    quiet = all(effect.signal(floor) is Signal.NOISE for effect in measured)
    return quiet and effects.diff.spread[1] <= diff_floor


def _by_place(
    block: str, inside: Effect, outside: Effect, floor: float, factor: float, region: str, typical: float
) -> Suggestion:
    ratio = inside_ratio(inside, outside, floor)
    figures = _places(inside, outside)
    together = "" if typical == 1 else f"; all blocks together {_short(typical)}"
    if ratio.low > typical * factor and inside.signal(floor) is Signal.VISIBLE:
        times = _times(ratio.mean, clamped=outside.spread[0] < floor)
        where = f"works on {region}, {times} as strongly as elsewhere ({_span(ratio.low, ratio.high)})"
        return Suggestion(block, Verdict.KEEP, (figures, where + together))
    if ratio.high < min(1.0, typical) / factor and outside.signal(floor) is Signal.VISIBLE:
        times = _times(1 / ratio.mean, clamped=inside.spread[0] < floor)
        where = f"works elsewhere, {times} as strongly as on {region} ({_span(1 / ratio.high, 1 / ratio.low)})"
        return Suggestion(block, Verdict.DROP, (figures, where + together))
    why = _why_unknown(inside, outside, ratio, floor, factor, region, typical)
    return Suggestion(block, Verdict.UNKNOWN, (figures, why))


def _why_unknown(
    inside: Effect, outside: Effect, ratio: Ratio, floor: float, factor: float, region: str, typical: float
) -> str:
    seeds = f"{len(inside.samples)} seeds"
    signals = inside.signal(floor), outside.signal(floor)
    if signals == (Signal.NOISE, Signal.NOISE):
        return f"not distinguishable from noise (floor {floor:g} levels) with {seeds}"
    if Signal.VISIBLE not in signals:
        return f"{seeds} are too few to tell it from noise (floor {floor:g} levels)"
    together = "" if typical == 1 else f", all blocks together {_short(typical)}"
    times = f"(inside : outside {_span(ratio.low, ratio.high)}{together})"
    if typical / factor <= ratio.low and ratio.high <= typical * factor:
        return f"works on {region} no more and no less than usual {times}"
    if ratio.high < typical / factor and ratio.mean >= 1:
        return f"works on {region} less than usual, but not less than elsewhere {times}"
    leaning = f"works on {region} {'more' if ratio.mean > typical else 'less'} than usual"
    if typical / factor <= ratio.mean <= typical * factor:
        leaning = f"works on {region} about as much as usual"
    elif ratio.mean < 1:
        leaning = "leans to the rest of the picture"
    return f"{leaning} {times}, not settled by {seeds}"


def _figures(effects: BlockEffects) -> str:
    if effects.inside is not None and effects.outside is not None:
        return _places(effects.inside, effects.outside)
    return f"overall {effects.overall.text()} levels"


def _places(inside: Effect, outside: Effect) -> str:
    return f"inside {inside.text()} levels, outside {outside.text()}"


def _times(value: float, *, clamped: bool) -> str:
    """ "5.1 times"; "at least" where the weaker side lies under the floor, which then stands in for it."""
    return f"{'at least ' if clamped else ''}{_short(value)} times"


def _span(low: float, high: float) -> str:
    return f"{_short(low)} to {_short(high)}"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"
