"""What weights keep and take away, on pictures whose answer is plain."""

import math

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.measure import Mean, gain_of, mean_of


def picture(left, right):
    """8×4 pixels, the left half and the right half of one grey each."""
    made = np.zeros((4, 8, 3), np.uint8)
    made[:, :4], made[:, 4:] = left, right
    return made


INSIDE = np.zeros((4, 8), bool)
INSIDE[:, :4] = True
WITHOUT, ALL = picture(0, 0), picture(100, 80)


def test_kept_is_told_inside_and_gone_outside():
    gain = gain_of(picture(90, 20), WITHOUT, ALL, INSIDE)
    assert (gain.kept, gain.gone) == (pytest.approx(0.9), pytest.approx(0.75))


def test_without_a_mask_the_whole_picture_tells_what_is_kept_and_nothing_what_is_gone():
    gain = gain_of(picture(50, 40), WITHOUT, ALL)
    assert (gain.kept, gain.gone) == (pytest.approx(0.5), None)


def test_more_than_there_was_is_gone_below_0():
    assert gain_of(picture(100, 160), WITHOUT, ALL, INSIDE).gone == pytest.approx(-1.0)


def test_where_the_lora_changes_nothing_nothing_is_kept_or_gone():
    assert gain_of(picture(5, 5), WITHOUT, picture(0, 80), INSIDE).kept is None
    assert gain_of(picture(5, 5), WITHOUT, picture(100, 0), INSIDE).gone is None


def test_pictures_of_other_sizes_are_refused():
    with pytest.raises(BlockweightError, match="differ in size"):
        gain_of(picture(0, 0)[:2], WITHOUT, ALL)


def test_a_mean_takes_what_was_measured_and_a_single_sample_has_no_end():
    assert mean_of([None, 0.5, 0.7]) == Mean((0.5, 0.7))
    assert mean_of([None]) is None
    assert Mean((0.5,)).interval == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="at least one"):
        Mean(())
