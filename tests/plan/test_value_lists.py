"""Lists of values as a plot's axes take them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import MOST_VALUES, join_values, split_numbers, split_values

VALUES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00")).map(str.strip), min_size=1)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ALL, Gobuhime", ("ALL", "Gobuhime")),
        ('"1,0,0.5", NONE', ("1,0,0.5", "NONE")),
        ('a, "he said ""hi"", twice"', ("a", 'he said "hi", twice')),
        ("red dress,, blue dress", ("red dress", "", "blue dress")),
        ('"two\nlines", one', ("two\nlines", "one")),
        ("  ", ()),
    ],
)
def test_commas_part_values_and_quotation_marks_hold_them(text, values):
    assert split_values(text) == values


@given(VALUES)
def test_values_that_are_joined_are_split_again(values):
    if any(values):
        assert split_values(join_values(tuple(values))) == tuple(values)


def test_a_quotation_mark_that_is_never_closed_is_refused():
    with pytest.raises(BlockweightError, match="quotation marks"):
        split_values('"1,0,0.5, NONE')


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("10,20, 30", "10 20 30"),
        ("1-5", "1 2 3 4 5"),
        ("5-1", "5 4 3 2 1"),
        ("1-5 (+2)", "1 3 5"),
        ("10-5 (-3)", "10 7"),
        ("0.5-1 (+0.25)", "0.5 0.75 1"),
        ("0-1 [5]", "0 0.25 0.5 0.75 1"),
        ("1-10 [1]", "1"),
        ("-1-1", "-1 0 1"),
        ("0.1-0.4 (+0.1)", "0.1 0.2 0.3 0.4"),
        ("１０－１２", "10 11 12"),
        ("many", "many"),
    ],
)
def test_ranges_are_written_out_as_the_webui_reads_them(text, values):
    assert split_numbers(text) == tuple(values.split())


@pytest.mark.parametrize("text", ["1-5 (-1)", "1-5 (0)", "5-1 (+2)", "1-5 [0]"])
def test_a_range_that_leads_nowhere_is_refused(text):
    with pytest.raises(BlockweightError, match="range"):
        split_numbers(text)


@pytest.mark.parametrize("text", ["1-100000", "0-1 (+0.00001)", "0-1 [9999]"])
def test_more_values_than_anybody_looks_at_are_refused(text):
    with pytest.raises(BlockweightError, match=f"more than {MOST_VALUES}"):
        split_numbers(text)
