"""What to show a person next, when to stop, and what is known of each segment: read from a learned preference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blockweight.measure.preferences import NOTICEABLE, Array, Point, Preference

AT_ONCE = 4
"""Points in a round."""

SETTLED = 0.2
"""At most this chance that anything is noticeably better, and it is time to stop."""

_TOO_ALIKE = 0.97
"""Points whose utilities are correlated more than this before anything is said are not shown together."""

_DRAWS = 256


@dataclass(frozen=True)
class Known:
    """What is known of a segment on its own, all others as in the best: its weight there (0…1), by how much it
    `matters` (the difference between its best and its worst weight, in just noticeable differences), and the chance
    `open` that another weight of it is noticeably better."""

    weight: float
    matters: float
    open: float


def best_of(preference: Preference, shown: Sequence[Point]) -> Point:
    """The current best: of the points that were shown, the one of the highest mean, the first of equal ones."""
    points = list(dict.fromkeys(shown))
    mean, _ = preference.predicted(points)
    return points[int(np.argmax(np.round(mean, 9)))]


def next_round(
    preference: Preference, best: Point, candidates: Sequence[Point], seed: int, count: int = AT_ONCE
) -> tuple[Point, ...]:
    """So many points to judge together, the control `best` first: then the candidate of the highest mean, then always
    the best of another draw of the utility (Thompson's sampling), each unlike all taken. Fewer where there are fewer
    candidates. Before anything is known all are draws.
    """
    others = [point for point in dict.fromkeys(candidates) if point != best]
    taken = [best]
    if not others:
        return tuple(taken)
    mean, _ = preference.predicted(others)
    draws = preference.sampled(others, count, seed)
    wanted = [mean, *draws] if preference.knows else list(draws)
    for scores in wanted[: count - 1]:
        free = [place for place, point in enumerate(others) if point not in taken]
        if not free:
            break
        near = preference.alike([others[place] for place in free], taken).max(axis=1)
        unlike = near <= max(_TOO_ALIKE, float(near.min()))
        fit = [place for place, able in zip(free, unlike, strict=True) if able]
        taken.append(others[max(fit, key=lambda place: (round(float(scores[place]), 9), -place))])
    return tuple(taken)


def chance_of_better(preference: Preference, best: Point, candidates: Sequence[Point], seed: int) -> float:
    """The chance that any candidate is preferred to `best` by more than NOTICEABLE: the share of draws of the whole
    utility in which one is."""
    points = [best, *dict.fromkeys(point for point in candidates if point != best)]
    draws = preference.sampled(points, _DRAWS, seed)
    return float((draws.max(axis=1) - draws[:, 0] > NOTICEABLE).mean())


def chance_of_best(preference: Preference, best: Point, shown: Sequence[Point], seed: int) -> float:
    """The chance that nothing else that was shown is better than `best`."""
    points = [best, *dict.fromkeys(point for point in shown if point != best)]
    draws = preference.sampled(points, _DRAWS, seed)
    return float((draws.max(axis=1) <= draws[:, 0] + 1e-9).mean())


def known_of(preference: Preference, best: Point, weights: Sequence[float], seed: int) -> tuple[Known, ...]:
    """What is known of each segment at these weights (0…1)."""
    found = []
    for place, weight in enumerate(best):
        others = [value for value in weights if value != weight]
        line = [best, *((*best[:place], value, *best[place + 1 :]) for value in others)]
        draws = preference.sampled(line, _DRAWS, seed)
        matters = float((draws.max(axis=1) - draws.min(axis=1)).mean()) / NOTICEABLE
        better = float((draws.max(axis=1) - draws[:, 0] > NOTICEABLE).mean())
        found.append(Known(weight, matters, better))
    return tuple(found)


def directions(preference: Preference, candidates: Sequence[Point], usual: Sequence[float]) -> Array:
    """The two directions that matter most, as orthogonal unit vectors (2, segments).

    Once something is known: the two main axes of the gradients of the mean over the candidates (the active subspace of
    P. G. Constantine, E. Dow and Q. Wang, SIAM Journal on Scientific Computing 36, 2014). Before, or where the
    gradients have a single direction: the segments that do most by `usual`, one number each. ValueError for fewer than
    two segments.
    """
    size = len(preference.lengths)
    if size < 2:
        raise ValueError("a plane needs two segments")
    found: list[Array] = []
    if preference.knows:
        slopes = _slopes(preference, candidates)
        _, strengths, axes = np.linalg.svd(slopes, full_matrices=False)
        for strength, axis in zip(strengths[:2], axes[:2], strict=True):
            if strength > 0.05 * strengths[0] and strength > 1e-6:
                found.append(axis * np.sign(axis[np.argmax(np.abs(axis))]))
    for place in sorted(range(size), key=lambda place: (-usual[place], place)):
        axis = np.eye(size)[place]
        for other in found:
            axis = axis - (axis @ other) * other
        if len(found) < 2 and np.linalg.norm(axis) > 0.3:
            found.append(axis / np.linalg.norm(axis))
    return np.array(found[:2])


def plane(centre: Point, axes: Array, reach: float, side: int = 5) -> tuple[Point, ...]:
    """A plane of side × side points of the unit cube through `centre`, row by row: the first axis goes to the right,
    the second upwards, each so far either way that its strongest segment moves by `reach`. What would leave the cube
    stays at its edge; where nothing is left to move the points lie closer, and the centre is not in the middle, but
    always one of them. Points may be equal where both axes are held up by an edge."""
    here, moves = np.array(centre, np.float64), axes / np.abs(axes).max(axis=1, keepdims=True)
    across, up = (_steps(here, move, reach, side) for move in moves)
    points = []
    for b in reversed(up):
        for a in across:
            moved = np.clip(here + a * moves[0] + b * moves[1], 0.0, 1.0)
            points.append(tuple(float(value) for value in moved))
    return tuple(points)


def _steps(centre: Array, move: Array, reach: float, side: int) -> list[float]:
    """How far along an axis the points lie, 0 among them: to `reach`, or as far as any segment can still move."""
    able = np.abs(move) > 1e-9
    ends = np.array([(0 - centre[able]) / move[able], (1 - centre[able]) / move[able]])
    low, high = max(-reach, min(0.0, float(ends.min()))), min(reach, max(0.0, float(ends.max())))
    if high - low < 1e-9:
        return [0.0] * side
    below = round((side - 1) * -low / (high - low))
    below = min(max(below, int(low < -1e-9)), side - 1 - int(high > 1e-9))
    above = side - 1 - below
    return [*(low * (below - step) / below for step in range(below)), 0.0,
            *(high * (step + 1) / above for step in range(above))]  # fmt: skip


def _slopes(preference: Preference, candidates: Sequence[Point]) -> Array:
    """The gradient of the mean at the candidates, by differences of a hundredth to each side."""
    there = np.array(candidates, np.float64)
    columns = []
    for place in range(there.shape[1]):
        step = np.zeros(there.shape[1])
        step[place] = 0.01
        ahead, _ = preference.predicted([tuple(map(float, row)) for row in there + step])
        behind, _ = preference.predicted([tuple(map(float, row)) for row in there - step])
        columns.append((ahead - behind) / 0.02)
    return np.array(columns).T
