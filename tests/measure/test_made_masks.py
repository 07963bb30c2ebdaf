"""Masks from colours and from other masks."""

import colorsys

import numpy as np
import pytest
from aspect_pictures import left_half, noise, plain
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import (
    colour_distance,
    combined_mask,
    grown_mask,
    mask_of_colour,
    mask_of_hues,
    parse_colour,
)


@pytest.mark.parametrize("text", ["#4a8f3c", "4A8F3C", " #4a8f3c "])
def test_a_colour_is_written_in_six_digits(text):
    assert parse_colour(text).tolist() == [0x4A, 0x8F, 0x3C]


def test_three_digits_stand_for_six():
    assert parse_colour("#f0a").tolist() == [255, 0, 170]


@pytest.mark.parametrize("text", ["", "#", "green", "#4a8f3", "#4a8f3cff", "#４ａ８ｆ３ｃ", "##4a8f3c"])
def test_other_texts_are_no_colour(text):
    with pytest.raises(BlockweightError, match="is no colour; write its red, green and blue as in #4a8f3c"):
        parse_colour(text)


@given(st.text(max_size=9))
def test_any_text_is_a_colour_or_refused(text):
    try:
        assert parse_colour(text).shape == (3,)
    except BlockweightError as error:
        assert "\n" not in str(error)


def test_a_mask_of_a_colour_is_what_lies_within_the_tolerance():
    picture, green = noise(1), parse_colour("#4a8f3c")
    mask = mask_of_colour(picture, green, 30)
    assert 0 < mask.sum() < mask.size
    assert np.array_equal(mask, colour_distance(picture, np.broadcast_to(green, picture.shape)) <= 30)


def test_no_tolerance_takes_the_colour_alone():
    picture = plain(74, 143, 60)
    picture[left_half()] = (74, 143, 61)
    assert np.array_equal(mask_of_colour(picture, parse_colour("#4a8f3c"), 0), ~left_half())


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_is_a_number_from_0(tolerance):
    with pytest.raises(BlockweightError, match="tolerance must be 0"):
        mask_of_colour(noise(1), parse_colour("#fff"), tolerance)


@given(st.tuples(*[st.integers(0, 255)] * 3), st.integers(0, 359), st.integers(0, 359))
def test_hues_are_those_of_hsv(colour, low, high):
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    hue *= 360
    between = low <= hue <= high if low <= high else hue >= low or hue <= high
    # Values on a limit may fall to either side by rounding.
    limits = (hue - low, hue - high, saturation - 0.15, value - 0.15)
    if min(map(abs, limits)) > 1e-9:
        expected = between and saturation > 0.15 and value > 0.15
        assert mask_of_hues(plain(*colour, height=1, width=1), low, high).item() is expected


def test_hues_beyond_the_circle_are_refused():
    with pytest.raises(BlockweightError, match="Hues are 0 to 360 degrees, not 80 to 400"):
        mask_of_hues(noise(1), 80, 400)


def test_a_mask_grows_by_a_disc_and_shrinks_back():
    dot = np.zeros((11, 11), bool)
    dot[5, 5] = True
    grown = grown_mask(dot, 3)
    rows, columns = np.indices(dot.shape) - 5
    assert np.array_equal(grown, rows**2 + columns**2 <= 9)
    assert np.array_equal(grown_mask(grown, -3), dot)


def test_a_mask_at_the_border_shrinks_from_within_alone():
    assert np.array_equal(grown_mask(left_half(), -4), np.indices((32, 32))[1] < 12)


@pytest.mark.parametrize("mask", [np.zeros((4, 4), bool), np.ones((4, 4), bool)], ids=["empty", "full"])
def test_an_empty_and_a_full_mask_have_no_border_to_move(mask):
    assert np.array_equal(grown_mask(mask, 2), mask)
    assert np.array_equal(grown_mask(mask, -2), mask)


def test_masks_are_combined():
    one, other = left_half(), left_half().T
    assert np.array_equal(combined_mask(one, other, "union"), one | other)
    assert np.array_equal(combined_mask(one, other, "intersect"), one & other)
    assert np.array_equal(combined_mask(one, other, "difference"), one & ~other)


def test_masks_of_other_sizes_and_other_ways_are_refused():
    with pytest.raises(BlockweightError, match="32×32 and 16×32 pixels"):
        combined_mask(left_half(), left_half()[:, :16], "union")
    with pytest.raises(BlockweightError, match="not combined by 'xor'; there are union, intersect, difference"):
        combined_mask(left_half(), left_half(), "xor")
