"""A first classification of the blocks, from what was measured and from nothing else.

It is a suggestion with its reasons. Where the intervals over the seeds do not settle the question, it says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from blockweight.measure.comparisons import MOST_MORE, scenes_to_settle
from blockweight.measure.effects import NOISE_FLOOR, BlockEffects, Effect, Signal, check_floor
from blockweight.measure.intervals import CONFIDENCE, estimate

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


class GroundKind(Enum):
    """The last reasons that there are."""

    SINGLE = "single"
    NOTHING = "nothing"
    NO_MASK = "no mask"
    WORKS_INSIDE = "inside"
    WORKS_ELSEWHERE = "elsewhere"
    NOISE = "noise"
    TOO_FEW = "too few"
    STRENGTH = "strength"
    USUAL = "usual"
    LESS = "less"
    LEANS_USUAL = "leans usual"
    LEANS_ELSEWHERE = "leans elsewhere"
    LEANS_MORE = "leans more"
    LEANS_LESS = "leans less"


_VERDICTS = {
    GroundKind.NOTHING: Verdict.DROP,
    GroundKind.WORKS_INSIDE: Verdict.KEEP,
    GroundKind.WORKS_ELSEWHERE: Verdict.DROP,
}
"""All other grounds settle nothing."""


@dataclass(frozen=True)
class Ground:
    """Why a verdict was given, for who words it anew, in another language say: the `kind` of the last reason, and what
    stands in it. `ratio` is that inside to outside, for WORKS_ELSEWHERE that outside to inside, None where the kind
    needs none; `at_least` says that its mean is a lower bound; `typical` is the ratio of all blocks together. `more` is
    how many scenes more would settle a TOO_FEW or a STRENGTH, None where that is more than MOST_MORE."""

    kind: GroundKind
    seeds: int
    floor: float
    ratio: Ratio | None = None
    typical: float = 1.0
    at_least: bool = False
    more: int | None = None


@dataclass(frozen=True)
class Suggestion:
    """A verdict on one block, with its reasons in plain words; the last one is also told as its `ground`."""

    block: str
    verdict: Verdict
    reasons: tuple[str, ...]
    ground: Ground | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Ratio:
    """How many times as strongly a block works inside as outside: the geometric mean over the seeds and its 95 % t
    interval (reckoned on logarithms; (0, ∞) for a single scene)."""

    mean: float
    low: float
    high: float


def inside_ratio(inside: Effect, outside: Effect, floor: float = NOISE_FLOOR, confidence: float = CONFIDENCE) -> Ratio:
    """The ratio of the effects, seed by seed, so that a seed which reacts strongly everywhere does not blur it; its
    interval at `confidence`, 0…1, over these scenes' own prompts (as `Effect.over`).

    An effect under the noise floor counts as the floor: nothing can be told apart down there. BlockweightError
    unless floor > 0.
    """
    check_floor(floor)
    logs = [
        math.log(max(within, floor) / max(beyond, floor))
        for within, beyond in zip(inside.samples, outside.samples, strict=True)
    ]
    found = estimate(logs)
    low, high = found.interval(confidence)
    return Ratio(math.exp(found.mean), math.exp(low), math.exp(high) if high < _HUGE else math.inf)


_HUGE = 700.0
"""exp of more overflows."""


def typical_ratio(effects: Sequence[BlockEffects], floor: float = NOISE_FLOOR) -> float:
    """How many times as strongly these blocks together work inside as outside, by the sums of their effects: what is
    ordinary for this LoRA and this mask. 1 without a mask.

    Most of the outside is often a background that no block touches; against that alone every block would look as if it
    worked inside.
    """
    placed = [(effect.inside, effect.outside) for effect in effects if effect.inside and effect.outside]
    if not placed:
        return 1.0
    seeds = min(len(inside.samples) for inside, _ in placed)  # the first ones all blocks have
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
    confidence: float = CONFIDENCE,
) -> Suggestion:
    """Keep, drop or unknown for one block; `region` is what the mask covers, in words, and `typical` the ratio inside
    to outside that is ordinary (`typical_ratio`; 1 compares inside and outside as they are). Every interval is one at
    `confidence`, 0…1.

    - drop: nothing visible changes anywhere (every interval ends under `floor` levels, and no seed has a Diff % over
      `diff_floor`), or it works outside at least `factor` times as strongly as inside, by the whole interval, and
      outside it is visible;
    - keep: inside to outside is at least `factor` times over `typical`, by the whole interval, and inside it is
      visible;
    - unknown: all else, so also a block that works inside, but less so than the others. A single scene never settles
      anything.
    """
    seeds = len(effects.diff.samples)
    if seeds == 1:
        ground = Ground(GroundKind.SINGLE, seeds, floor)
    elif _nothing_visible(effects, floor, diff_floor, confidence):
        ground = Ground(GroundKind.NOTHING, seeds, floor)
    elif effects.inside is None or effects.outside is None:
        ground = _without_mask(effects.overall, floor, confidence)
    else:
        ground = _by_place(effects.inside, effects.outside, floor, factor, typical, confidence)
    verdict = _VERDICTS.get(ground.kind, Verdict.UNKNOWN)
    return Suggestion(effects.block, verdict, (_figures(effects), _worded(ground, region)), ground)


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


def _nothing_visible(effects: BlockEffects, floor: float, diff_floor: float, confidence: float) -> bool:
    measured = [effect for effect in (effects.overall, effects.inside, effects.outside) if effect is not None]
    quiet = all(effect.signal(floor, confidence) is Signal.NOISE for effect in measured)
    return quiet and effects.diff.spread[1] <= diff_floor


def _without_mask(overall: Effect, floor: float, confidence: float) -> Ground:
    seeds, signal = len(overall.samples), overall.signal(floor, confidence)
    if signal is Signal.UNSETTLED:
        more = scenes_to_settle(overall, floor, confidence)
        return Ground(_unsettled((overall,), floor), seeds, floor, more=more)
    return Ground(GroundKind.NOISE if signal is Signal.NOISE else GroundKind.NO_MASK, seeds, floor)


def _by_place(
    inside: Effect, outside: Effect, floor: float, factor: float, typical: float, confidence: float
) -> Ground:
    ratio, seeds = inside_ratio(inside, outside, floor, confidence), len(inside.samples)
    signals = inside.signal(floor, confidence), outside.signal(floor, confidence)
    if ratio.low > typical * factor and signals[0] is Signal.VISIBLE:
        # The weaker side lies under the floor, which then stands in for it.
        at_least = outside.spread[0] < floor
        return Ground(GroundKind.WORKS_INSIDE, seeds, floor, ratio, typical, at_least)
    if ratio.high < min(1.0, typical) / factor and signals[1] is Signal.VISIBLE:
        turned = Ratio(1 / ratio.mean, 1 / ratio.high, 1 / ratio.low)
        return Ground(GroundKind.WORKS_ELSEWHERE, seeds, floor, turned, typical, inside.spread[0] < floor)
    if signals == (Signal.NOISE, Signal.NOISE):
        return Ground(GroundKind.NOISE, seeds, floor, ratio, typical)
    if Signal.VISIBLE not in signals:
        more = _more((inside, outside), floor, confidence)
        return Ground(_unsettled((inside, outside), floor), seeds, floor, ratio, typical, more=more)
    return Ground(_leaning(ratio, factor, typical), seeds, floor, ratio, typical)


def _unsettled(places: Sequence[Effect], floor: float) -> GroundKind:
    """What is over the floor in every scene is no noise: these scenes only do not settle how strong it is."""
    return GroundKind.STRENGTH if any(place.clear_of(floor) for place in places) else GroundKind.TOO_FEW


def _more(places: Sequence[Effect], floor: float, confidence: float) -> int | None:
    """The scenes until the first of the places that lean to visible is, or until all are noise where none does."""
    needed = [(place.leaning(floor).signal, scenes_to_settle(place, floor, confidence)) for place in places]
    visible = [more for signal, more in needed if signal is Signal.VISIBLE]
    if visible:
        return min((more for more in visible if more is not None), default=None)
    counts = [more for _, more in needed if more is not None]
    return max(counts) if len(counts) == len(needed) else None


def _leaning(ratio: Ratio, factor: float, typical: float) -> GroundKind:
    if typical / factor <= ratio.low and ratio.high <= typical * factor:
        return GroundKind.USUAL
    if ratio.high < typical / factor and ratio.mean >= 1:
        return GroundKind.LESS
    if typical / factor <= ratio.mean <= typical * factor:
        return GroundKind.LEANS_USUAL
    if ratio.mean < 1:
        return GroundKind.LEANS_ELSEWHERE
    return GroundKind.LEANS_MORE if ratio.mean > typical else GroundKind.LEANS_LESS


def _worded(ground: Ground, region: str) -> str:
    """The last reason in words."""
    kind, seeds = ground.kind, f"{ground.seeds} scenes"
    more = (
        f"more than {MOST_MORE} more would be needed" if ground.more is None else f"{ground.more} more would settle it"
    )
    plain = {
        GroundKind.SINGLE: "a single scene says nothing about the spread: measure at least two",
        GroundKind.NOTHING: f"nothing visible changes anywhere: under the noise floor of {ground.floor:g} levels in "
        f"{seeds}",
        GroundKind.NO_MASK: "no mask was given, so there is no telling where it works",
        GroundKind.NOISE: f"not distinguishable from noise (floor {ground.floor:g} levels) with {seeds}",
        GroundKind.TOO_FEW: f"not distinguishable from noise (floor {ground.floor:g} levels) with {seeds}; {more}",
        GroundKind.STRENGTH: f"changes more than noise (floor {ground.floor:g} levels) in every scene; how strongly is "
        f"not settled by {seeds}; {more}",
    }
    if kind in plain or ground.ratio is None:
        return plain[kind]
    times, low, high = map(_short, (ground.ratio.mean, ground.ratio.low, ground.ratio.high))
    together = "" if ground.typical == 1 else f"all blocks together {_short(ground.typical)}"
    if kind in (GroundKind.WORKS_INSIDE, GroundKind.WORKS_ELSEWHERE):
        least = f"{'at least ' if ground.at_least else ''}{times} times as strongly as"
        inside = kind is GroundKind.WORKS_INSIDE
        where = f"works on {region}, {least} elsewhere" if inside else f"works elsewhere, {least} on {region}"
        return f"{where} ({low} to {high}){together and '; ' + together}"
    ratio = f"(inside : outside {low} to {high}{together and ', ' + together})"
    leans = {
        GroundKind.USUAL: f"works on {region} no more and no less than usual {ratio}",
        GroundKind.LESS: f"works on {region} less than usual, but not less than elsewhere {ratio}",
        GroundKind.LEANS_USUAL: f"works on {region} about as much as usual {ratio}, not settled by {seeds}",
        GroundKind.LEANS_ELSEWHERE: f"leans to the rest of the picture {ratio}, not settled by {seeds}",
        GroundKind.LEANS_MORE: f"works on {region} more than usual {ratio}, not settled by {seeds}",
        GroundKind.LEANS_LESS: f"works on {region} less than usual {ratio}, not settled by {seeds}",
    }
    return leans[kind]


def _figures(effects: BlockEffects) -> str:
    if effects.inside is not None and effects.outside is not None:
        return _places(effects.inside, effects.outside)
    return f"overall {effects.overall.text()} levels"


def _places(inside: Effect, outside: Effect) -> str:
    return f"inside {inside.text()} levels, outside {outside.text()}"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"
