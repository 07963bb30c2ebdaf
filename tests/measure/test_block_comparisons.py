"""Many blocks at once, two beside each other, and how many scenes more would settle a question."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from blockweight.errors import BlockweightError
from blockweight.measure import (
    Effect,
    EffectTable,
    SceneName,
    Signal,
    SignedEffect,
    compare_blocks,
    holm,
    scenes_to_settle,
    settled_order,
    signals,
)

P_VALUES = st.lists(st.floats(0, 1), max_size=30)


def test_holm_is_holms_own_step_down():
    # Reckoned by hand: 0.01·4, then 0.015·3 and 0.02·2, which may not fall below what stands before them, then 0.9.
    assert holm([0.9, 0.01, 0.02, 0.015]) == pytest.approx((0.9, 0.04, 0.045, 0.045))


@given(P_VALUES)
def test_a_corrected_p_value_is_never_smaller_and_keeps_its_place(p_values):
    adjusted = holm(p_values)
    assert all(one >= before for one, before in zip(adjusted, p_values, strict=True))
    by_size = sorted(range(len(p_values)), key=lambda each: p_values[each])
    assert [adjusted[each] for each in by_size] == sorted(adjusted)


@given(P_VALUES)
def test_holm_rejects_what_bonferroni_does(p_values):
    assert all(one <= min(1, len(p_values) * p) for one, p in zip(holm(p_values), p_values, strict=True))


@given(st.lists(st.lists(st.floats(0, 40), min_size=2, max_size=6), min_size=1, max_size=8))
def test_a_corrected_signal_is_the_blocks_own_or_unsettled(samples):
    effects = [Effect(f"B{number}", tuple(each)) for number, each in enumerate(samples)]
    for effect in effects:
        assert signals(effects)[effect.block] in (effect.signal(), Signal.UNSETTLED)


@given(st.lists(st.floats(0, 40), min_size=1, max_size=6))
def test_a_block_alone_is_not_corrected(samples):
    effect = Effect("M00", tuple(samples))
    assert signals([effect]) == {"M00": effect.signal()}


def test_one_of_many_needs_a_clearer_effect_than_one_alone():
    doubtful = Effect("M00", (2.0, 4.0, 8.0))
    others = [Effect(f"B{number}", (0.4, 0.5, 0.6)) for number in range(9)]
    assert doubtful.signal() is Signal.VISIBLE
    assert signals([doubtful, *others])["M00"] is Signal.UNSETTLED


def test_signed_effects_are_judged_against_0_from_both_sides():
    rises, falls = SignedEffect.of("IN01", (3.0, 3.1, 3.2)), SignedEffect.of("IN02", (-3.0, -3.1, -3.2))
    neither = SignedEffect.of("M00", (-1.0, 0.0, 1.2))
    found = signals([rises, falls, neither], floor=0)
    assert list(found.values()) == [Signal.VISIBLE, Signal.VISIBLE, Signal.UNSETTLED]
    assert rises.interval == pytest.approx((3.1 - 4.3027 * 0.1 / math.sqrt(3), 3.1 + 4.3027 * 0.1 / math.sqrt(3)), 1e-4)


def test_a_signed_effect_is_noise_when_its_interval_lies_within_the_floor():
    small = SignedEffect.of("M00", (-0.1, 0.0, 0.1))
    assert [small.signal(floor) for floor in (0.5, 0.2, 0.0)] == [Signal.NOISE, Signal.UNSETTLED, Signal.UNSETTLED]
    assert SignedEffect.of("M00", (-3.0, -3.1, -3.2)).signal(0.5) is Signal.VISIBLE
    with pytest.raises(BlockweightError, match="0 or above"):
        small.signal(-1)


def table(first, second, prompts=None):
    scenes = tuple(
        SceneName(f"s{number}", number, prompt) for number, prompt in enumerate(prompts or [""] * len(first))
    )
    return EffectTable(("change",), ("IN01", "OUT04"), scenes, np.array([[first, second]], dtype=float))


def test_blocks_are_compared_scene_by_scene():
    # Half as strong again in every scene, though the scenes react very differently.
    found = compare_blocks(table([2.5, 8.5, 41.0], [1.5, 5.5, 27.1]), "change", "IN01", "OUT04")
    assert found.stronger == "IN01" and found.scenes == 3
    assert found.low < 1.5 < found.high and found.times == pytest.approx(1.5, abs=0.02)


@given(st.lists(st.tuples(st.floats(0, 99), st.floats(0, 99)), min_size=1, max_size=6))
def test_a_comparison_turned_round_says_the_same(pairs):
    both = table(*zip(*pairs, strict=True))
    one, other = compare_blocks(both, "change", "IN01", "OUT04"), compare_blocks(both, "change", "OUT04", "IN01")
    assert one.times * other.times == pytest.approx(1)
    assert one.p == pytest.approx(other.p)
    assert one.stronger == other.stronger


def test_only_scenes_with_both_blocks_are_compared():
    found = compare_blocks(table([3.0, np.nan, 9.0], [1.0, 7.0, np.nan]), "change", "IN01", "OUT04")
    assert (found.scenes, found.times, found.stronger, found.low) == (1, pytest.approx(3.5 / 1.5), None, 0)


def test_prompts_that_disagree_settle_no_comparison():
    first, second = [8.0, 8.1, 8.2, 1.5, 1.6, 1.7], [4.0, 4.1, 4.2, 1.0, 1.1, 1.2]
    assert compare_blocks(table(first, second), "change", "IN01", "OUT04").stronger == "IN01"
    prompts = ["a", "a", "a", "b", "b", "b"]
    assert compare_blocks(table(first, second, prompts), "change", "IN01", "OUT04").stronger is None


@pytest.mark.parametrize(
    ("first", "second", "aspect", "block", "words"),
    [
        ([1.0, np.nan], [np.nan, 1.0], "change", "OUT04", "in no scene together"),
        ([1.0, 1.0], [1.0, 1.0], "change", "OUT05", "no change of block OUT05"),
        ([1.0, 1.0], [1.0, 1.0], "colour", "OUT04", "no colour of block"),
        ([1.0, -1.0], [1.0, 1.0], "change", "OUT04", "rises and falls"),
    ],
)
def test_what_cannot_be_compared_is_refused(first, second, aspect, block, words):
    with pytest.raises(BlockweightError, match=words):
        compare_blocks(table(first, second), aspect, "IN01", block)


def test_what_is_settled_needs_no_more_scenes():
    assert scenes_to_settle(Effect("M00", (5.0, 6.0, 7.0))) == 0
    assert scenes_to_settle(Effect("M00", (0.0, 0.0))) == 0


def test_nobody_knows_how_many_scenes_a_single_one_needs():
    assert scenes_to_settle(Effect("M00", (5.0,))) is None


def test_an_effect_as_large_as_the_floor_is_never_settled():
    assert scenes_to_settle(Effect("M00", (0.4, 0.5, 0.61))) is None


def test_that_many_more_scenes_of_the_same_kind_do_settle_it_and_one_less_does_not():
    samples = (0.6, 3.1, 0.9, 6.0)
    more = scenes_to_settle(Effect("M00", samples))
    assert more is not None and 0 < more < 64
    over = Effect("M00", samples).over(0.5)
    spread = over.error * math.sqrt(4)
    t = [over.mean / (spread / math.sqrt(count)) for count in (4 + more, 3 + more)]
    freedoms = [(over.freedom + 1) * count / 4 - 1 for count in (4 + more, 3 + more)]
    assert [student.sf(each, freedom) < 0.025 for each, freedom in zip(t, freedoms, strict=True)] == [True, False]


@given(st.lists(st.floats(0, 40), min_size=2, max_size=6), st.floats(0.9, 0.99))
def test_to_be_surer_takes_no_fewer_scenes(samples, confidence):
    effect = Effect("M00", tuple(samples))
    less, more = scenes_to_settle(effect, confidence=confidence), scenes_to_settle(effect, confidence=0.999)
    assert more is None or (less is not None and less <= more)


def test_an_effect_with_a_sign_is_settled_by_its_own_test():
    assert scenes_to_settle(Effect("M00", (-3.0, -1.0, -0.5))) > 0
    assert scenes_to_settle(Effect("M00", (-3.0, -3.1, -3.2))) == 0


def test_blocks_are_put_in_order_as_far_as_the_scenes_settle_it():
    values = np.array([[[40.0, 50, 45, 44, 48], [10.0, 12, 11, 9, 10], [9.0, 12, 12, 9, 11], [0.0, 0, 0, 0, 0]]])
    table = EffectTable(("change",), ("A", "B", "C", "D"), tuple(SceneName(str(n), n) for n in range(5)), values)
    assert settled_order(table, "change", 4) in ((("A",), ("B", "C"), ("D",)), (("A",), ("C", "B"), ("D",)))
    assert settled_order(table, "change", 1) == ()
