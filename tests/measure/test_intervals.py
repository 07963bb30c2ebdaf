"""Means and how sure they are: independent samples, prompts that hang together, effects that spread by their size."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from blockweight.measure import CONFIDENCE, PICTURE_SPREAD, Effect, Estimate, estimate, t_interval

SAMPLES = st.lists(st.floats(0, 255), min_size=2, max_size=12)


@given(SAMPLES, st.floats(0.5, 0.999))
def test_independent_samples_have_scipys_t_interval(samples, confidence):
    error = np.std(samples, ddof=1) / math.sqrt(len(samples))
    expected = stats.t.interval(confidence, len(samples) - 1, np.mean(samples), max(error, 1e-300))
    assert t_interval(samples, confidence) == pytest.approx(expected, abs=1e-6)


@given(SAMPLES, st.floats(0, 255))
def test_the_p_value_is_scipys(samples, value):
    # A spread that is nothing but rounding has no p value worth comparing.
    if np.std(samples) < 1e-6:
        return
    found = estimate(samples)
    assert found.p_at_most(value) == pytest.approx(stats.ttest_1samp(samples, value, alternative="greater").pvalue)
    assert found.p_at_least(value) == pytest.approx(stats.ttest_1samp(samples, value, alternative="less").pvalue)


@given(SAMPLES, st.floats(0, 255))
def test_a_p_value_and_an_interval_say_the_same(samples, value):
    found = estimate(samples)
    low, high = found.interval()
    outside = 2 * min(found.p_at_most(value), found.p_at_least(value)) < 1 - CONFIDENCE
    if min(abs(value - low), abs(value - high)) > 1e-6:
        assert outside == (not low <= value <= high)


def test_a_mean_of_nothing_is_no_mean():
    with pytest.raises(ValueError, match="0 samples"):
        estimate([])
    with pytest.raises(ValueError, match="in 1 groups"):
        estimate([1.0, 2.0], [0])


def test_prompts_that_lie_apart_count_by_their_means():
    samples, groups = (1.0, 1.2, 5.0, 5.2, 9.0, 9.2), (0, 0, 1, 1, 2, 2)
    assert estimate(samples, groups).interval() == pytest.approx(t_interval([1.1, 5.1, 9.1]))


def test_prompts_that_are_alike_count_by_their_samples():
    samples, groups = (1.0, 9.0, 2.0, 8.1), (0, 0, 1, 1)
    assert estimate(samples, groups) == estimate(samples)


@pytest.mark.parametrize("groups", [(3, 3, 3, 3), (0, 1, 2, 3), ()])
def test_where_nothing_hangs_together_groups_change_nothing(groups):
    samples = (1.0, 2.0, 5.0, 9.0)
    assert estimate(samples, groups) == estimate(samples)


@given(st.lists(st.tuples(st.floats(0, 255), st.integers(0, 3)), min_size=2, max_size=12), st.permutations(range(4)))
def test_how_prompts_are_numbered_does_not_matter(samples, numbers):
    values, groups = zip(*samples, strict=True)
    renamed = tuple(numbers[group] for group in groups)
    one, other = estimate(values, groups), estimate(values, renamed)
    assert (other.mean, other.error, other.freedom) == pytest.approx((one.mean, one.error, one.freedom))


@given(st.lists(st.tuples(st.floats(0, 255), st.integers(0, 3)), min_size=2, max_size=12))
def test_prompts_never_leave_more_degrees_of_freedom_than_samples_have(samples):
    values, groups = zip(*samples, strict=True)
    found = estimate(values, groups)
    assert found.mean == pytest.approx(np.mean(values))
    assert 1 <= found.freedom <= len(values) - 1
    assert found.error >= 0


def test_an_interval_in_proportion_has_the_same_factor_to_both_sides():
    low, high = Estimate(6.0, 1.0, 4).relative_interval()
    assert high / 6 == pytest.approx(6 / low)
    assert math.log(high / 6) == pytest.approx(stats.t.ppf(0.975, 4) / 6)


def test_what_is_expected_counts_as_sixteen_more_scenes():
    # Four samples of mean 6 and standard deviation 2; expected is 5. Variance: (3 · 2² + 16 · 5²) / 19 = 412 / 19.
    found = Estimate(6.0, 2 / math.sqrt(4), 3).expecting(5.0)
    assert found.mean == 6
    assert found.error == pytest.approx(math.sqrt(412 / 19 / 4))
    assert found.freedom == 19


@given(SAMPLES, st.floats(0.1, 2))
def test_an_expected_spread_widens_only_where_less_was_seen(samples, spread):
    seen = estimate(samples)
    found = seen.expecting(spread)
    usual = spread / math.sqrt(len(samples))
    assert min(seen.error, usual) - 1e-9 <= found.error <= max(seen.error, usual) + 1e-9


def test_beside_a_single_sample_nothing_is_expected():
    assert estimate([4.0]).expecting(1.0) == estimate([4.0])


def test_expecting_no_spread_leaves_what_was_seen():
    assert estimate([1.0, 2.0]).expecting(0) == estimate([1.0, 2.0])


@pytest.mark.parametrize("scenes", [2, 4, 8])
def test_pictures_that_leap_in_one_scene_of_ten_are_held_nine_times_in_ten(scenes):
    # Five times as strong an effect in the scenes whose composition tips, as many blocks have in the embedded model.
    random = np.random.default_rng(5)
    drawn = random.lognormal(0, 0.25, (500, scenes)) * np.where(random.random((500, scenes)) < 0.1, 5, 1)
    mean = math.exp(0.25**2 / 2) * (0.9 + 0.1 * 5)

    def held(spread: float) -> float:
        ends = [Effect("M00", tuple(row), expected_spread=spread).interval for row in drawn.tolist()]
        return float(np.mean([low <= mean <= high for low, high in ends]))

    assert held(PICTURE_SPREAD) >= 0.88
    assert held(0) < 0.88


@given(SAMPLES)
def test_an_interval_in_proportion_lies_above_0_and_holds_the_mean(samples):
    low, high = estimate(samples).relative_interval()
    assert 0 <= low <= np.mean(samples) + 1e-9
    assert high >= np.mean(samples) - 1e-9


def test_zeros_are_surely_0_and_one_sample_says_nothing():
    assert estimate([0.0, 0.0]).relative_interval() == (0, 0)
    assert estimate([4.0]).relative_interval() == (-math.inf, math.inf)
    assert estimate([4.0]).p_at_most(0) == estimate([4.0]).p_at_least(9) == 1


@pytest.mark.parametrize(
    ("sizes", "share"), [([3], 0.0), ([8], 0.0), ([2, 2], 0.6), ([4] * 3, 0.3), ([4, 2, 1, 1], 0.6)]
)
def test_an_effects_interval_holds_the_true_mean_nine_times_in_ten(sizes, share):
    # The whole table: benchmarks/intervals.py.
    random, spread, groups = np.random.default_rng(5), 0.5, np.repeat(range(len(sizes)), sizes)
    prompts = random.normal(0, spread * math.sqrt(share), (500, len(sizes)))[:, groups]
    drawn = np.exp(prompts + random.normal(0, spread * math.sqrt(1 - share), prompts.shape))
    ends = [Effect("M00", tuple(row), tuple(map(int, groups))).interval for row in drawn.tolist()]
    held = np.mean([low <= math.exp(spread**2 / 2) <= high for low, high in ends])
    assert 0.9 <= held <= 0.99
