"""Votes against chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from blockweight.measure import beats_chance, vote_share


@given(st.integers(0, 60).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))), st.integers(1, 9))
def test_the_interval_is_scipys_exact_one(votes, compared):
    count, total = votes
    share = vote_share(count, total, compared)
    if not total:
        assert (share.low, share.high) == (0.0, 1.0)
        return
    interval = binomtest(count, total).proportion_ci(1 - 0.05 / compared, method="exact")
    assert (share.low, share.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


@pytest.mark.parametrize(
    ("count", "total", "variants", "beats"),
    [(0, 0, 2, False), (3, 3, 2, False), (6, 6, 2, False), (7, 7, 2, True), (3, 3, 9, True), (5, 10, 3, False)],
)
def test_few_votes_do_not_beat_chance(count, total, variants, beats):
    assert beats_chance(vote_share(count, total, variants), variants) is beats
