"""The front of a search: what nothing else beats in every objective, with fewest blocks changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.measure.wishes import Wish, free_wishes


@dataclass(frozen=True)
class Tried:
    """Weights that were tried: their `number`, a mean over scenes for each wish, in the wishes' order, and how many
    blocks they change."""

    number: int
    values: tuple[float, ...]
    changed: int


def sparse_front(wishes: Sequence[Wish], tried: Sequence[Tried]) -> tuple[Tried, ...]:
    """Those to choose from, best first by the weights of the wishes.

    Only what keeps all bounds counts; where nothing does, what breaks them least (the sum of what is broken, in units
    of `Wish.equal`). Of these, one is left out if another is no worse in any objective and better by more than
    `Wish.equal` in one; of what is then equal to within `Wish.equal` in every objective, what changes fewest blocks
    stays.
    """
    able = _able(wishes, tried)
    standing = [each for each in able if not any(_beats(wishes, other, each) for other in able)]
    kept: list[Tried] = []
    for each in sorted(standing, key=lambda each: (each.changed, -preference(wishes, each, able), each.number)):
        if not any(_as_good(wishes, other, each) for other in kept):
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: (-preference(wishes, each, able), each.number)))


def preference(wishes: Sequence[Wish], each: Tried, among: Sequence[Tried]) -> float:
    """How good it is by the weights, 0…1: the weighted mean over the objectives of where it lies between the worst and
    the best of `among`."""
    total = weights = 0.0
    for wish, value, others in _free(wishes, each, among):
        worst, best = _ends(wish, others)
        span = wish.better(best, worst)
        total += wish.weight * (wish.better(value, worst) / span if span > 0 else 1.0)
        weights += wish.weight
    return total / weights


def spread_out(wishes: Sequence[Wish], front: Sequence[Tried], count: int) -> tuple[Tried, ...]:
    """At most `count` of a front that stand for all of it, in its order: the first, then always the one furthest from
    those taken, by the objectives as shares of the front's range."""
    if len(front) <= count:
        return tuple(front)
    places = [_place(wishes, each, front) for each in front]
    taken = [0]
    while len(taken) < count:
        rest = [number for number in range(len(front)) if number not in taken]
        taken.append(max(rest, key=lambda number: (min(_apart(places[number], places[one]) for one in taken), -number)))
    return tuple(front[number] for number in sorted(taken))


def _able(wishes: Sequence[Wish], tried: Sequence[Tried]) -> list[Tried]:
    broken = {
        each.number: sum(max(0.0, wish.broken(value)) / wish.equal for wish, value in zip(wishes, each.values,
                                                                                     strict=True))
        for each in tried
    }  # fmt: skip
    least = min(broken.values(), default=0.0)
    return [each for each in tried if broken[each.number] <= least]


def _beats(wishes: Sequence[Wish], one: Tried, other: Tried) -> bool:
    gains = [(wish.better(mine, others), wish.equal) for wish, mine, others in _pairs(wishes, one, other)]
    return all(gain >= 0 for gain, _ in gains) and any(gain > equal for gain, equal in gains)


def _as_good(wishes: Sequence[Wish], one: Tried, other: Tried) -> bool:
    return all(wish.better(mine, others) >= -wish.equal for wish, mine, others in _pairs(wishes, one, other))


def _pairs(wishes: Sequence[Wish], one: Tried, other: Tried) -> list[tuple[Wish, float, float]]:
    rows = zip(wishes, one.values, other.values, strict=True)
    return [(wish, mine, others) for wish, mine, others in rows if wish.bound is None]


def _free(wishes: Sequence[Wish], each: Tried, among: Sequence[Tried]) -> list[tuple[Wish, float, list[float]]]:
    columns = zip(*(other.values for other in among), strict=True)
    rows = zip(wishes, each.values, columns, strict=True)
    return [(wish, value, list(column)) for wish, value, column in rows if wish.bound is None]


def _ends(wish: Wish, values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if wish.way == "raise" else (high, low)


def _place(wishes: Sequence[Wish], each: Tried, front: Sequence[Tried]) -> tuple[float, ...]:
    made = []
    for wish, value, others in _free(wishes, each, front):
        worst, best = _ends(wish, others)
        span = wish.better(best, worst)
        made.append(wish.better(value, worst) / span if span > 0 else 0.0)
    assert len(made) == len(free_wishes(wishes))
    return tuple(made)


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    return sum((mine - others) ** 2 for mine, others in zip(one, other, strict=True))
