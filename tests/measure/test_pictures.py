"""Differences and greens against cases reckoned by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import (
    absolute_difference,
    diff_percent,
    greenness,
    mean_difference,
    share_of_change,
    share_of_green,
)


def plain(*colour: int, height: int = 2, width: int = 3) -> np.ndarray:
    picture = np.empty((height, width, 3), np.uint8)
    picture[...] = colour
    return picture


ALL = np.ones((2, 3), dtype=bool)


def test_the_difference_has_no_sign_and_does_not_wrap_around():
    assert absolute_difference(plain(0, 255, 10), plain(255, 0, 12)).tolist() == plain(255, 255, 2).tolist()


def test_a_value_counts_only_when_it_differs_by_more_than_the_threshold():
    source = plain(100, 100, 100)
    assert diff_percent(plain(120, 80, 100), source) == 0.0
    assert diff_percent(plain(121, 79, 100), source) == 66.667


def test_channels_count_one_by_one():
    picture = plain(0, 0, 0)
    picture[0, 0] = (0, 21, 0)
    assert diff_percent(picture, plain(0, 0, 0)) == 5.556  # 1 of 18 values


def test_diff_percent_is_rounded_to_three_decimals():
    picture = plain(0, 0, 0, height=64, width=64)
    picture[0, 0, 0] = 255
    assert diff_percent(picture, np.zeros_like(picture)) == 0.008  # 1 of 12288


def test_equal_pictures_differ_by_0_and_opposite_ones_by_100_percent():
    assert diff_percent(plain(9, 9, 9), plain(9, 9, 9)) == 0.0
    assert diff_percent(plain(0, 0, 0), plain(255, 255, 255)) == 100.0


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_the_threshold_is_strict_at_every_level(value, other, threshold):
    expected = 100.0 if abs(value - other) > threshold else 0.0
    assert diff_percent(plain(value, value, value), plain(other, other, other), threshold) == expected


def test_mean_difference_is_in_levels_over_the_channels():
    assert mean_difference(plain(13, 10, 10), plain(10, 10, 10)) == 1.0


def test_mean_difference_looks_only_under_the_mask():
    picture = plain(10, 10, 10)
    picture[0, 0] = (40, 40, 40)
    mask = np.zeros((2, 3), dtype=bool)
    mask[0, 0] = True
    assert mean_difference(picture, plain(10, 10, 10), mask) == 30.0
    assert mean_difference(picture, plain(10, 10, 10), ~mask) == 0.0


@pytest.mark.parametrize(
    ("colour", "levels"), [((0, 255, 0), 255.0), ((255, 0, 255), -255.0), ((90, 90, 90), 0.0), ((100, 130, 40), 60.0)]
)
def test_greenness_is_green_above_the_mean_of_red_and_blue(colour, levels):
    assert greenness(plain(*colour), ALL) == levels


@pytest.mark.parametrize(
    "colour",
    [(0, 255, 0), (112, 190, 96), (62, 128, 70), (124, 222, 184), (170, 255, 0)],
    ids=["pure", "goblin skin", "dark green", "mint", "hue 80"],
)
def test_what_a_person_calls_green_is_green(colour):
    assert share_of_green(plain(*colour), ALL) == 1.0


@pytest.mark.parametrize(
    "colour",
    [(255, 255, 0), (0, 255, 255), (200, 60, 40), (128, 128, 128), (230, 240, 230), (0, 20, 0), (0, 0, 0)],
    ids=["yellow", "cyan", "red", "grey", "almost white", "almost black", "black"],
)
def test_what_a_person_does_not_call_green_is_not(colour):
    assert share_of_green(plain(*colour), ALL) == 0.0


def test_the_share_of_green_is_that_of_the_masked_pixels():
    picture = plain(200, 60, 40)
    picture[0, :2] = (62, 128, 70)
    mask = ALL.copy()
    mask[1] = False
    assert share_of_green(picture, mask) == pytest.approx(2 / 3)


@pytest.mark.parametrize("function", [absolute_difference, diff_percent, mean_difference])
def test_pictures_of_different_sizes_are_refused(function):
    with pytest.raises(BlockweightError, match="3×2 and 4×2 pixels"):
        function(plain(0, 0, 0), plain(0, 0, 0, width=4))


@pytest.mark.parametrize("function", [greenness, share_of_green])
def test_a_mask_of_another_size_or_without_a_pixel_is_refused(function):
    with pytest.raises(BlockweightError, match="mask has 2×2 pixels"):
        function(plain(0, 0, 0), np.ones((2, 2), dtype=bool))
    with pytest.raises(BlockweightError, match="mask is empty"):
        function(plain(0, 0, 0), np.zeros((2, 3), dtype=bool))


@pytest.mark.parametrize(("level", "share"), [(100, 0.0), (200, 1.0), (150, 0.5), (80, -0.2), (210, 1.1)])
def test_a_picture_between_two_others_has_gone_that_share_of_the_way(level, share):
    start, end = plain(100, 100, 100), plain(200, 200, 200)
    assert share_of_change(plain(level, level, level), start, end, ALL) == pytest.approx(share)


def test_a_change_across_the_way_is_no_way_gone():
    assert share_of_change(plain(100, 130, 70), plain(100, 100, 100), plain(150, 100, 100), ALL) == 0.0


def test_a_pixel_counts_by_how_much_it_changes_on_the_way():
    start, end = plain(0, 0, 0), plain(0, 0, 0)
    end[0, 0], end[0, 1] = (30, 0, 0), (10, 0, 0)
    reached = start.copy()
    reached[0, 0] = end[0, 0]
    assert share_of_change(reached, start, end, ALL) == pytest.approx(0.9)


def test_between_equal_pictures_there_is_no_way():
    with pytest.raises(BlockweightError, match="no way between them"):
        share_of_change(plain(1, 1, 1), plain(0, 0, 0), plain(0, 0, 0), ALL)
