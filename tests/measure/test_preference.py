"""A preference learned from choices: what it says of what was judged, and how far it comes with a simulated person."""

from __future__ import annotations

import numpy as np
import pytest

from blockweight.measure import (
    NOTICEABLE,
    Look,
    best_of,
    chance_of_best,
    chance_of_better,
    directions,
    known_of,
    learned,
    next_round,
    plane,
)

GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
A, B, C, D = (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)


def means(looks, points=(A, B, C, D)):
    return learned(looks, 2).predicted(points)[0]


def test_the_best_is_liked_most_and_the_worst_least():
    found = means([Look((A, B, C, D), 1, 2)])
    assert int(np.argmax(found)) == 1
    assert int(np.argmin(found)) == 2


def test_what_is_said_again_is_believed_more():
    once, often = (means([Look((A, B), 1)] * count) for count in (1, 5))
    assert often[1] - often[0] > once[1] - once[0] > 0


def test_no_difference_draws_the_likings_together():
    apart = means([Look((A, B), 1)])
    drawn = means([Look((A, B), 1), *[Look((A, B), None)] * 4])
    assert 0 < drawn[1] - drawn[0] < (apart[1] - apart[0]) / 2


def test_nothing_said_is_nothing_known():
    nothing = learned([], 2)
    assert not nothing.knows
    mean, covariance = nothing.predicted([A, D])
    assert mean.tolist() == [0, 0]
    assert covariance[0, 0] == pytest.approx(nothing.spread**2)


def test_the_utility_is_at_its_mode():
    """By differences: moving the utility of any judged point away from the mode makes the whole less probable."""
    found = learned([Look((A, B, C, D), 1, 2), Look((A, D), 0)], 2)
    mode, _ = found._mode
    top = found._objective(mode)[0]
    for place in range(len(mode)):
        for step in (-0.1, 0.1):
            assert found._objective(mode + step * np.eye(len(mode))[place])[0] < top


def test_a_round_has_the_best_first_and_only_candidates_that_differ():
    found = learned([Look((A, B, C, D), 1, 2)], 2)
    points = [(x, y) for x in GRID for y in GRID]
    shown = next_round(found, B, points, seed=3)
    assert shown[0] == B
    assert len(set(shown)) == 4
    assert shown == next_round(found, B, points, seed=3)
    assert next_round(found, B, [B, A], seed=3) == (B, A)


def test_a_plane_goes_through_its_centre_and_stays_in_the_cube():
    axes = np.array([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
    for centre in ((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.0, 1.0, 0.25)):
        shown = plane(centre, axes, 0.5)
        assert len(shown) == len(set(shown)) == 25
        assert centre in shown
        assert all(0 <= value <= 1 for point in shown for value in point)
    assert shown[0][1] > shown[-1][1]  # the second axis goes up


def test_a_plane_through_a_corner_still_shows_different_weights():
    slanted = np.array([[0.7, 0.7, 0.1], [-0.7, 0.7, 0.1]])
    shown = plane((1.0, 0.0, 0.5), slanted, 0.5)
    assert (1.0, 0.0, 0.5) in shown
    assert len(set(shown)) > 15
    assert max(np.ptp(np.array(shown), axis=0)) >= 0.5


def test_the_directions_are_those_along_which_the_liking_changes():
    points = [(x, y, z) for x in GRID for y in GRID for z in GRID]
    rng = np.random.default_rng(1)
    looks = []
    for _ in range(10):
        shown = tuple(points[place] for place in rng.choice(len(points), 4, replace=False))
        values = [-8 * (x - 0.5) ** 2 + 5 * z for x, _, z in shown]
        looks.append(Look(shown, int(np.argmax(values)), int(np.argmin(values))))
    axes = directions(learned(looks, 3), points, (0, 9, 0))
    assert np.allclose(axes @ axes.T, np.eye(2))
    assert np.abs(axes[:, 1]).max() < 0.5
    assert directions(learned([], 3), points, (1, 9, 4)).tolist() == [[0, 1, 0], [0, 0, 1]]


def liking(seed):
    """A person's true liking of five segments: two or three of them matter, each has a weight that is liked best."""
    rng = np.random.default_rng(seed)
    target, strong = rng.choice(GRID, 5), np.where(rng.random(5) < 0.5, rng.uniform(4, 12, 5), 0.3)
    strong[rng.integers(5)] = 10
    return lambda point: float(-(strong * (np.array(point) - target) ** 2).sum())


def said(shown, like, rng):
    """What the person says of these: best and worst with Gumbel noise of scale 1, or that none differs."""
    true = np.array([like(point) for point in shown])
    if np.ptp(true) < 0.5:
        return Look(shown, None)
    best = int(np.argmax(true + rng.gumbel(size=len(true))))
    rest = [place for place in range(len(true)) if place != best]
    return Look(shown, best, rest[int(np.argmax((-true + rng.gumbel(size=len(true)))[rest]))])


def chosen(seed, rounds, propose):
    """How far, in just noticeable differences, the best after so many rounds lies below the best there is, round by
    round; and the preference at the end with its best and the candidates."""
    like, rng = liking(seed), np.random.default_rng(seed + 100)
    candidates = [tuple(map(float, row)) for row in np.random.default_rng(9).choice(GRID, (500, 5))]
    top = max(map(like, candidates))
    best, shown, looks, regrets = (1.0,) * 5, [(1.0,) * 5], [], []
    found = learned([], 5)
    for number in range(rounds):
        points = propose(found, best, candidates, seed * 100 + number)
        looks.append(said(points, like, rng))
        shown += points
        found = learned(looks, 5)
        best = best_of(found, shown)
        regrets.append(max(0.0, top - like(best)) / NOTICEABLE)
    return regrets, found, best, candidates, shown


def at_random(_found, best, candidates, seed):
    drawn = np.random.default_rng(seed).choice(len(candidates), 3, replace=False)
    return (best, *(candidates[place] for place in drawn if candidates[place] != best))


def test_a_simulated_person_comes_near_their_best_in_ten_rounds_and_nearer_than_by_chance():
    seeds = range(6)
    asked = np.array([chosen(seed, 10, next_round)[0] for seed in seeds])
    drawn = np.array([chosen(seed, 10, at_random)[0] for seed in seeds])
    assert asked[:, -1].mean() < asked[:, 1].mean() / 2
    assert asked[:, -1].mean() < 1.3
    assert asked[:, 4:].mean() < drawn[:, 4:].mean()


def test_the_chance_of_better_weights_shrinks_and_segments_become_known():
    _, few, *more = chosen(1, 2, next_round)
    _, many, best, candidates, shown = chosen(1, 12, next_round)
    assert chance_of_better(many, best, candidates, 1) < chance_of_better(few, more[0], candidates, 1)
    assert 0 < chance_of_best(many, best, shown, 1) <= 1
    known = known_of(many, best, GRID, 1)
    assert max(each.matters for each in known) > 2 * min(each.matters for each in known)
    assert all(0 <= each.open <= 1 for each in known)
