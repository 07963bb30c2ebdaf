"""What two seeds, and two renderings of one job, differ by anyway."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import diff_percent, seed_floor


def plain(level):
    return np.full((4, 5, 3), level, np.uint8)


def test_two_seeds_of_a_prompt_differ_by_so_much():
    found = seed_floor({("1girl", 1): plain(10), ("1girl", 2): plain(40)})
    assert (found.mean, found.pairs, found.prompts) == (30, 1, 1)
    assert found.interval == (-math.inf, math.inf)


def test_every_pair_of_a_prompts_seeds_counts_and_none_across_prompts():
    found = seed_floor({("a", 1): plain(0), ("a", 2): plain(10), ("a", 3): plain(20), ("b", 1): plain(200)})
    assert (found.mean, found.pairs, found.prompts) == (pytest.approx(40 / 3), 3, 1)


def test_with_several_prompts_the_error_is_that_of_their_means():
    found = seed_floor({("a", 1): plain(0), ("a", 2): plain(10), ("b", 1): plain(0), ("b", 2): plain(14)})
    assert (found.mean, found.estimate.error, found.estimate.freedom) == (12, pytest.approx(2), 1)


def test_the_jackknife_knows_that_pairs_share_pictures():
    # Differences 10, 20, 30 and 10, 20, 10: the textbook's error, leaving out one of four pictures at a time.
    levels = [0, 10, 20, 30]
    found = seed_floor({("a", seed): plain(level) for seed, level in enumerate(levels)})
    left = [np.mean([abs(x - y) for x in rest for y in rest if x < y])
            for rest in ([level for level in levels if level != out] for out in levels)]  # fmt: skip
    assert found.estimate.error == pytest.approx(math.sqrt(3 / 4 * np.sum((left - np.mean(left)) ** 2)))
    assert found.estimate.freedom == 3


@given(st.lists(st.integers(0, 255), min_size=3, max_size=6))
def test_the_order_of_seeds_does_not_matter(levels):
    one = seed_floor({("a", seed): plain(level) for seed, level in enumerate(levels)})
    other = seed_floor({("a", seed): plain(level) for seed, level in enumerate(reversed(levels))})
    assert (other.mean, other.estimate.error) == (pytest.approx(one.mean), pytest.approx(one.estimate.error, abs=1e-9))


def test_any_measure_may_be_asked():
    assert seed_floor({("a", 1): plain(0), ("a", 2): plain(40)}, diff_percent).mean == 100


def test_one_seed_a_prompt_is_refused():
    with pytest.raises(BlockweightError, match="two pictures of one prompt"):
        seed_floor({("a", 1): plain(0), ("b", 1): plain(9)})
