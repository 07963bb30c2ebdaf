"""Effects over seeds: intervals, the noise floor, inside and outside."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import Effect, Signal, measure_effects, t_interval

SOURCE = np.full((4, 4, 3), 100, np.uint8)
LEFT = np.zeros((4, 4), dtype=bool)
LEFT[:, :2] = True


def changed(left: int, right: int) -> np.ndarray:
    picture = SOURCE.copy()
    picture[:, :2] += np.uint8(left)
    picture[:, 2:] += np.uint8(right)
    return picture


def test_the_interval_is_students_as_in_a_table():
    # Mean 3, s² 2.5, n 5, and t(0.975, 4) = 2.776 as printed in every table: 3 ± 2.776 · √(2.5 / 5).
    low, high = t_interval([1, 2, 3, 4, 5])
    assert (low, high) == pytest.approx((3 - 1.963, 3 + 1.963), abs=5e-4)


def test_three_seeds_have_the_wide_quantile_of_two_degrees_of_freedom():
    effect = Effect("IN01", (1.0, 2.0, 3.0))
    assert effect.margin == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert (effect.mean, effect.spread) == (2.0, (1.0, 3.0))


def test_one_seed_says_nothing_about_the_spread():
    effect = Effect("IN01", (5.0,))
    assert effect.interval == (-math.inf, math.inf)
    assert effect.signal() is Signal.UNSETTLED
    assert effect.text() == "5.0"


def test_an_effect_reads_as_mean_and_margin():
    assert Effect("IN01", (5.75, 6.1, 6.45)).text() == "6.1 ± 0.9"


@given(st.lists(st.floats(0, 255), min_size=2, max_size=20))
def test_the_interval_holds_the_mean(samples):
    low, high = t_interval(samples)
    assert low <= sum(samples) / len(samples) + 1e-9
    assert high >= sum(samples) / len(samples) - 1e-9


@pytest.mark.parametrize(
    ("samples", "signal"),
    [
        ((0.0, 0.0, 0.0), Signal.NOISE),
        ((0.1, 0.2, 0.15), Signal.NOISE),
        ((5.0, 6.0, 7.0), Signal.VISIBLE),
        ((12.0, 20.0, 28.0), Signal.VISIBLE),
        ((0.1, 0.2, 8.0), Signal.UNSETTLED),
        ((0.4, 0.5, 0.6), Signal.UNSETTLED),
    ],
)
def test_an_effect_is_visible_or_noise_or_not_settled(samples, signal):
    assert Effect("IN01", samples).signal(0.5) is signal


def test_the_floor_is_the_callers():
    assert Effect("IN01", (5.0, 6.0, 7.0)).signal(10) is Signal.NOISE


def test_a_floor_of_zero_is_refused():
    with pytest.raises(BlockweightError, match="above 0"):
        Effect("IN01", (1.0, 2.0)).signal(0)


def test_effects_are_measured_overall_inside_and_outside():
    (effects,) = measure_effects({"OUT04": [(changed(30, 2), SOURCE), (changed(50, 4), SOURCE)]}, LEFT)
    assert effects.diff.samples == (50.0, 50.0)
    assert effects.overall.samples == (16.0, 27.0)
    assert effects.inside.samples == (30.0, 50.0)
    assert effects.outside.samples == (2.0, 4.0)


def test_every_seed_may_have_its_own_mask():
    pairs = {"OUT04": [(changed(30, 2), SOURCE), (changed(30, 2), SOURCE)]}
    (effects,) = measure_effects(pairs, [LEFT, ~LEFT])
    assert effects.inside.samples == (30.0, 2.0)


def test_without_a_mask_there_is_no_inside():
    (effects,) = measure_effects({"OUT04": [(changed(30, 2), SOURCE)]})
    assert effects.inside is None and effects.outside is None


def test_blocks_keep_their_order():
    pairs = {"IN01": [(changed(0, 0), SOURCE)], "IN02": [(changed(90, 90), SOURCE)], "M00": [(changed(0, 0), SOURCE)]}
    effects = measure_effects(pairs)
    assert [effect.block for effect in effects] == ["IN01", "IN02", "M00"]


def test_a_block_without_pictures_is_refused():
    with pytest.raises(BlockweightError, match="no pictures of block IN01"):
        measure_effects({"IN01": []})


def test_too_few_masks_are_refused():
    with pytest.raises(BlockweightError, match="1 masks were given for 2 pictures"):
        measure_effects({"IN01": [(SOURCE, SOURCE), (SOURCE, SOURCE)]}, [LEFT])


def test_a_mask_that_leaves_nothing_outside_is_refused():
    with pytest.raises(BlockweightError, match="mask is empty"):
        measure_effects({"IN01": [(SOURCE, SOURCE)]}, np.ones((4, 4), dtype=bool))


def test_a_wide_interval_is_told_by_its_uneven_ends():
    effect = Effect("IN01", (2.0, 5.0, 6.0, 11.0))
    low, high = effect.interval
    assert effect.text() == f"6.0 ({low:.1f} to {high:.1f})"
    assert high - 6 > 6 - low > 0


def test_prompts_widen_the_interval_where_their_effects_lie_apart():
    samples = (2.0, 2.1, 2.2, 6.0, 6.1, 6.2, 4.0, 4.1, 4.2)
    alone, grouped = Effect("IN01", samples), Effect("IN01", samples, (0, 0, 0, 1, 1, 1, 2, 2, 2))
    assert grouped.mean == alone.mean
    assert grouped.margin == pytest.approx(t_interval([2.1, 6.1, 4.1])[1] - 4.1)
    assert grouped.margin > 3 * alone.margin


def test_a_signal_is_about_the_prompts_that_were_rendered():
    # Two prompts would settle nothing about all prompts, however clear both are.
    effect = Effect("IN01", (5.0, 5.2, 5.1, 9.0, 9.2, 9.1), (0, 0, 0, 1, 1, 1))
    assert effect.signal() is Signal.VISIBLE


def test_groups_must_be_one_a_sample():
    with pytest.raises(ValueError, match="3 samples of IN01 cannot stand in 2 groups"):
        Effect("IN01", (1.0, 2.0, 3.0), (0, 1))


def test_an_effect_that_falls_has_students_interval_and_is_judged_from_both_sides():
    falls = Effect("IN01", (-3.0, -3.1, -3.2))
    assert falls.interval == t_interval(falls.samples)
    assert falls.signal(0.5) is Signal.VISIBLE
    assert falls.text() == "-3.1 ± 0.2"
    assert Effect("IN01", (3.0, 3.1, 3.2), signed=True).interval == t_interval((3.0, 3.1, 3.2))


def test_now_and_then_over_the_floor_is_not_above_it():
    # Half of the scenes a little over the floor, half far under: the typical effect is not over it.
    assert Effect("IN01", (0.7, 0.05) * 12).signal(0.5) is not Signal.VISIBLE


@given(st.lists(st.floats(0, 255), min_size=1, max_size=8), st.floats(0.1, 10))
def test_to_be_surer_never_settles_more(samples, floor):
    effect = Effect("IN01", tuple(samples))
    assert effect.signal(floor, 0.99) in (effect.signal(floor, 0.9), Signal.UNSETTLED)


def test_measured_effects_keep_their_prompts():
    (effects,) = measure_effects({"OUT04": [(changed(30, 2), SOURCE)] * 4}, LEFT, groups=(0, 0, 1, 1))
    assert {effects.diff.groups, effects.overall.groups, effects.inside.groups, effects.outside.groups} == {
        (0, 0, 1, 1)
    }


def test_an_interval_ends_where_its_measure_does():
    few = Effect("OUT08", (13.8, 13.9, 5.8, 6.2), (0, 0, 1, 1), most=100.0)
    assert few.interval[1] == 100.0
    assert few.text() == f"9.9 ({few.interval[0]:.1f} to 100.0)"
    assert Effect("OUT08", (95.0, 99.0, 97.0), most=100.0).interval[1] <= 100.0
    assert "±" not in Effect("OUT08", (90.0, 99.0, 98.0), most=100.0).text()


def test_of_a_single_scene_the_interval_stays_open():
    assert Effect("OUT08", (13.8,), most=100.0).interval == (-math.inf, math.inf)


@pytest.mark.parametrize(("samples", "clear"), [((1.1, 5.0), True), ((0.9, 5.0), False), ((-1.1, -5.0), True)])
def test_clear_of_the_floor_is_twice_it_in_every_scene(samples, clear):
    assert Effect("OUT08", samples).clear_of(0.5) is clear
