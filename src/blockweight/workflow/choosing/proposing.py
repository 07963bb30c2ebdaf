"""From what a person chose to what is shown next: a search by preference in the units of its model, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from blockweight.measure import (
    SETTLED,
    Known,
    Look,
    Preference,
    best_of,
    chance_of_best,
    chance_of_better,
    directions,
    known_of,
    learned,
    next_round,
    plane,
)
from blockweight.project import FEW, PLANE, SIDE, ChoiceRound, Choosing
from blockweight.workflow.search.space import DECIMALS, Point, Space

_CANDIDATES = 400
_NEAR = 60
_STRAYS = 0.15
"""How far, of the range, candidates near the best lie from it."""

_REACH, _SMALLER = 0.5, 0.7
"""How far a first plane reaches to each side, of the range, and what every pick makes of it."""

_LINE = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Standing:
    """What the choices so far have come to: the `best` weights of the segments of all that were shown, the chance that
    nothing else that was shown is better (`surest`), the chance that any other weights are noticeably better
    (`better`), and what is known of each segment."""

    best: Point
    surest: float
    better: float
    segments: tuple[Known, ...]

    @property
    def settled(self) -> bool:
        """Whether it is time to stop."""
        return self.better <= SETTLED


def first_round(choosing: Choosing, start: Point) -> ChoiceRound:
    """The round that begins a search by preference: where it starts, and what is drawn."""
    return _few(choosing, learned([], len(start)), start, 0)


def few_round(choosing: Choosing) -> ChoiceRound:
    """A few weights to show after the rounds that were judged, the current best among them."""
    return _few(choosing, _learned(choosing), current_best(choosing), len(choosing.judged))


def plane_round(choosing: Choosing) -> ChoiceRound:
    """A plane to show after the rounds that were judged, through what was picked of the latest plane or the current
    best, in the two directions that matter most."""
    judged, preference = choosing.judged, _learned(choosing)
    picks = [each for each in judged if each.kind == PLANE and each.best is not None]
    centre = current_best(choosing)
    if judged and judged[-1].kind == PLANE and judged[-1].best is not None:
        centre = judged[-1].points[judged[-1].best]
    there = [_unit(choosing, each) for each in _candidates(choosing, centre)]
    axes = directions(preference, there, choosing.matters or (1.0,) * len(centre))
    shown = plane(_unit(choosing, centre), axes, _REACH * _SMALLER ** len(picks), SIDE)
    points = tuple(_weights(choosing, each) for each in shown)
    middle = tuple(round(value, DECIMALS) for value in centre)
    return ChoiceRound(PLANE, points, points.index(middle))


def current_best(choosing: Choosing) -> Point:
    """The best so far of all weights that were shown and judged; before that, where the search started."""
    if not choosing.judged:
        return choosing.rounds[0].points[choosing.rounds[0].control]
    return _best(choosing.judged, choosing.limits)


def standing(choosing: Choosing) -> Standing:
    """What the choices have come to."""
    preference, best = _learned(choosing), current_best(choosing)
    here, count = _unit(choosing, best), len(choosing.judged)
    candidates = [_unit(choosing, each) for each in _candidates(choosing, best)]
    shown = [_unit(choosing, point) for each in choosing.judged for point in each.points]
    seed = choosing.seed * 1009 + count
    line = _unit(choosing, choosing.grid) or _LINE
    return Standing(
        best,
        chance_of_best(preference, here, shown, seed),
        chance_of_better(preference, here, candidates, seed),
        known_of(preference, here, line, seed),
    )


def _few(choosing: Choosing, preference: Preference, best: Point, number: int) -> ChoiceRound:
    """The order is drawn, so that nobody knows which was the best so far."""
    seed = choosing.seed * 1009 + number
    known = {_unit(choosing, point): point for point in (best, *_candidates(choosing, best, number))}
    taken = next_round(preference, _unit(choosing, best), list(known), seed)
    order = np.random.default_rng([choosing.seed, number]).permutation(len(taken))
    points = tuple(known[taken[place]] for place in order)
    return ChoiceRound(FEW, points, points.index(best))


def _candidates(choosing: Choosing, best: Point, number: int | None = None) -> list[Point]:
    """What may be shown: points drawn from all of the space and from around the best, and those that differ from it in
    one segment; the same for the same round."""
    space = Space(tuple(each.name for each in choosing.segments), choosing.grid, choosing.limits)
    seed = choosing.seed * 1013 + (len(choosing.judged) if number is None else number)
    low, high = choosing.limits
    strays = np.random.default_rng(seed).normal(0.0, _STRAYS * (high - low), (_NEAR, len(best)))
    near = [space.nearest(tuple(map(float, row))) for row in np.array(best) + strays]
    values = choosing.grid or tuple(low + share * (high - low) for share in _LINE)
    alone = [(*best[:place], value, *best[place + 1 :]) for place in range(len(best)) for value in values]
    return list(dict.fromkeys([*alone, *near, *space.drawn(_CANDIDATES, seed)]))


def _learned(choosing: Choosing) -> Preference:
    return _known(choosing.judged, choosing.limits, len(choosing.segments))


@lru_cache(maxsize=16)
def _known(judged: tuple[ChoiceRound, ...], limits: tuple[float, float], segments: int) -> Preference:
    """Learned once for the same rounds, and not anew for every look at a page."""
    return learned([_look(each, limits) for each in judged], segments)


@lru_cache(maxsize=64)
def _best(judged: tuple[ChoiceRound, ...], limits: tuple[float, float]) -> Point:
    shown = {_unit_of(point, limits): point for each in judged for point in each.points}
    preference = _known(judged, limits, len(judged[0].points[0]))
    return shown[best_of(preference, list(shown))]


def _look(shown: ChoiceRound, limits: tuple[float, float]) -> Look:
    """A round as the model takes it, equal points of a plane once."""
    points = [_unit_of(point, limits) for point in shown.points]
    once = tuple(dict.fromkeys(points))
    best, worst = (None if place is None else once.index(points[place]) for place in (shown.best, shown.worst))
    return Look(once, best, worst)


def _unit(choosing: Choosing, point: Point) -> Point:
    return _unit_of(point, choosing.limits)


def _unit_of(point: Sequence[float], limits: tuple[float, float]) -> Point:
    low, high = limits
    return tuple((value - low) / (high - low) for value in point)


def _weights(choosing: Choosing, unit: Point) -> Point:
    """Weights of a point of the unit cube, to so many decimals."""
    low, high = choosing.limits
    return tuple(round(low + value * (high - low), DECIMALS) for value in unit)
