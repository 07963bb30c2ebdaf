"""The tutorial's short way to write weights: groups of blocks, and a digit for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import layout_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import level_weights, parse_groups

LAYOUT = layout_by_name("sd1-26")
GROUPS = parse_groups("important=IN01, IN05-IN07,unknown=IN03;unimportant=others", LAYOUT)


def test_groups_hold_blocks_and_one_of_them_the_others():
    assert list(GROUPS) == ["important", "unknown", "unimportant"]
    assert GROUPS["important"] == ("IN01", "IN05", "IN06", "IN07")
    assert set(GROUPS["unimportant"]) == set(LAYOUT.blocks) - {"BASE", "IN01", "IN03", "IN05", "IN06", "IN07"}


@given(st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_a_digit_is_tenths_for_its_group(digits):
    found = level_weights("".join(map(str, digits)), GROUPS, LAYOUT)
    assert [found.weight(block) for block in ("IN06", "IN03", "OUT11", "BASE")] == [*(d / 10 for d in digits), 1.0]


def test_numbers_stand_between_slashes():
    found = level_weights("1/0.75/0.5", GROUPS, LAYOUT)
    assert [found.weight(block) for block in ("IN01", "IN03", "M00")] == [1, 0.75, 0.5]
    assert found.name == "1_0.75_0.5"


def test_a_group_may_name_the_text_encoder():
    groups = parse_groups("a=BASE,b=others", LAYOUT)
    assert level_weights("31", groups, LAYOUT).weight("BASE") == 0.3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("IN01-IN05", "are no groups"),
        ("x=IN01,x=others", "are no groups"),
        ("IN02,x=IN01,y=others", "are no groups"),
        ("x=IN01,y=IN01,z=others", "IN01 is in two groups"),
        ("x=IN01-IN05", "that no other names"),
        ("x=others,y=others", "that no other names"),
        ("x=IN99,y=others", "no block 'IN99'"),
    ],
)
def test_groups_that_leave_something_open_are_refused(text, says):
    with pytest.raises(BlockweightError, match=says):
        parse_groups(text, LAYOUT)


@pytest.mark.parametrize("level", ["87", "8765", "8x6", "", "0.8,0.7,0.6", "1/2", "1/2/x"])
def test_levels_of_another_count_are_refused(level):
    with pytest.raises(BlockweightError):
        level_weights(level, GROUPS, LAYOUT)
