"""Weights compared and mixed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import average, combined, complement, difference, interpolate, uniform
from workshop import FULL, SHORT, weights_of

TENTHS = st.lists(st.integers(-30, 30).map(lambda value: value / 10), min_size=26, max_size=26)


def row(values):
    return weights_of(",".join(map(str, values)))


def test_the_difference_is_the_blocks_that_differ():
    one = uniform("a", FULL, 1.0)
    assert difference(one, one.with_weights({"IN04": 0.5, "OUT11": 2.0})) == {"IN04": (1, 0.5), "OUT11": (1, 2)}
    assert difference(one, one) == {}


def test_between_two_weights_numbers_stay_as_people_write_them():
    middle = interpolate(uniform("a", FULL, 0.1), uniform("b", FULL, 0.3), 0.5, "m")
    assert middle.text() == "m:" + ",".join(["0.2"] * 26)


@given(TENTHS, TENTHS)
def test_the_ends_are_the_weights_themselves(one, other):
    first, second = row(one), row(other)
    assert interpolate(first, second, 0, "NONAME") == first
    assert interpolate(first, second, 1, "NONAME") == second


def test_an_average_counts_shares():
    made = average([uniform("a", FULL, 0.0), uniform("b", FULL, 1.0)], [1, 2], "m")
    assert set(made.values) == {0.666667}


@given(TENTHS)
def test_the_average_of_equal_weights_is_one_of_them(values):
    assert average([row(values)] * 3, [1, 1, 1], "NONAME") == row(values)


@pytest.mark.parametrize(("shares", "words"), [([1], "1 shares were given for 2"), ([1, -1], "add up to 0")])
def test_shares_that_make_no_average_are_refused(shares, words):
    with pytest.raises(BlockweightError, match=words):
        average([uniform("a", FULL, 0.0)] * 2, shares, "m")


def test_different_layouts_are_refused():
    one, other = uniform("a", FULL, 1.0), uniform("b", SHORT, 1.0)
    for attempt in (lambda: difference(one, other), lambda: interpolate(one, other, 0.5, "m")):
        with pytest.raises(BlockweightError, match="sd1-26 and sd1-17 have different blocks; convert one"):
            attempt()


def test_two_are_combined_as_lora_block_weight_combines_original_weights():
    first, second = weights_of("1,0,0.5," + "0," * 13 + "0"), weights_of("0.5,1,0.5," + "0," * 13 + "0.25")
    found = combined(first, second, "both")
    assert found.name == "both"
    assert found.values == (1.0, 1.0, 0.5, *[0.0] * 13, 0.25)


def test_a_complement_is_1_less_each_weight_exactly():
    found = complement(weights_of("0.1,1.5,-0.5," + "1," * 13 + "0"), "ZYX")
    assert found.values == (0.9, -0.5, 1.5, *[0.0] * 13, 1.0)
