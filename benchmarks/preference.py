"""How near a search by preference comes with simulated persons: `python benchmarks/preference.py --segments 5`.

It prints, round by round, how far the best so far lies below the best there is, in just noticeable differences, as a
mean over the persons; the same for rounds that are drawn; and how often the chance that was told came true.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from blockweight.measure import NOTICEABLE, Look, best_of, chance_of_better, learned, next_round

GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
Point = tuple[float, ...]
Liking = Callable[[Point], float]


def person(seed: int, segments: int) -> Liking:
    """A liking: a weight that is liked best for every segment, about half of which matter, and an interaction."""
    rng = np.random.default_rng(seed)
    target = rng.choice(GRID, segments)
    strong = np.where(rng.random(segments) < 0.5, rng.uniform(4, 12, segments), 0.3)
    strong[rng.integers(segments)] = 10
    both = rng.uniform(-2, 2)

    def like(point: Point) -> float:
        away = np.array(point) - target
        return float(-(strong * away**2).sum() + both * away[0] * away[1])

    return like


def judged(points: tuple[Point, ...], like: Liking, rng: np.random.Generator) -> Look:
    """Best and worst with the noise of one look, or that none differs."""
    true = np.array([like(point) for point in points])
    if np.ptp(true) < 0.5:
        return Look(points, None)
    best = int(np.argmax(true + rng.gumbel(size=len(true))))
    rest = [place for place in range(len(true)) if place != best]
    return Look(points, best, rest[int(np.argmax((-true + rng.gumbel(size=len(true)))[rest]))])


def candidates(segments: int, seed: int, best: Point, count: int = 400) -> list[Point]:
    drawn = np.random.default_rng(seed).choice(GRID, (count, segments))
    alone = [(*best[:place], weight, *best[place + 1 :]) for place in range(segments) for weight in GRID]
    return [*(tuple(map(float, row)) for row in drawn), *alone]


def course(seed: int, segments: int, rounds: int, *, drawn: bool) -> list[tuple[float, float]]:
    """Round by round: how far the best so far is from the best, and the chance that was told of noticeably better."""
    like, rng = person(seed, segments), np.random.default_rng(1000 + seed)
    best: Point = (1.0,) * segments
    top = max(map(like, candidates(segments, 99, best, 3000)))
    shown, looks, told = [best], [], []
    known = learned([], segments)
    for number in range(rounds):
        if drawn:
            others = np.random.default_rng(seed * 77 + number).choice(GRID, (3, segments))
            points = tuple(dict.fromkeys([best, *(tuple(map(float, row)) for row in others)]))
        else:
            points = next_round(known, best, candidates(segments, seed * 100 + number, best), seed * 100 + number)
        looks.append(judged(points, like, rng))
        shown += points
        known = learned(looks, segments)
        best = best_of(known, shown)
        chance = chance_of_better(known, best, candidates(segments, seed * 100 + number + 50, best), 5)
        told.append(((top - like(best)) / NOTICEABLE, chance))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=12)
    parser.add_argument("--segments", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=12)
    asked = parser.parse_args()
    for name, drawn in (("tune prefer", False), ("drawn", True)):
        every = [course(seed, asked.segments, asked.rounds, drawn=drawn) for seed in range(asked.persons)]
        found = np.array(every)
        print(name)
        for number in range(asked.rounds):
            away, chance = found[:, number, 0], found[:, number, 1]
            print(
                f"  round {number + 1:2}: {away.mean():4.1f} noticeable differences away; noticeably better weights "
                f"told {100 * chance.mean():3.0f} %, true {100 * (away > 1).mean():3.0f} %"
            )


if __name__ == "__main__":
    main()
