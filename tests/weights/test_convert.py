"""Weights of one layout as those of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import all_layouts, layout_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import BlockWeights, convert, uniform

SHORT, FULL = layout_by_name("sd1-17"), layout_by_name("sd1-26")
SAMPLE = BlockWeights("SAMPLE17", SHORT, (1, 1, 2, 4, 5, 7, 8, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11))


def test_17_weights_go_to_26_as_the_tutorials_sheet_shows_it():
    converted = convert(SAMPLE, FULL, 0.0)
    assert converted.weights.text() == "SAMPLE17:1,0,1,2,0,4,5,0,7,8,0,0,0,1,0,0,0,3,4,5,6,7,8,9,10,11"
    assert converted.filled == ("IN00", "IN03", "IN06", "IN09", "IN10", "IN11", "OUT00", "OUT01", "OUT02")
    assert converted.dropped == ()


def test_blocks_without_a_place_are_named():
    converted = convert(uniform("a", FULL, 0.5), layout_by_name("sdxl-20"), None)
    assert converted.dropped == ("IN09", "IN10", "IN11", "OUT09", "OUT10", "OUT11")
    assert converted.filled == ()


def test_nothing_is_filled_unasked():
    with pytest.raises(BlockweightError, match=r"say nothing of IN00, IN03.*; add --fill 0"):
        convert(SAMPLE, FULL, None)


def test_the_middle_block_is_the_inspire_packs_three():
    inspire = layout_by_name("sd1-inspire-27")
    converted = convert(uniform("a", FULL, 0.5).with_weights({"M00": 0.25, "IN00": 0.5}), inspire, None)
    assert [dict(converted.weights.items())[name] for name in ("MID0", "MID1", "MID2")] == [0.25] * 3
    back = convert(converted.weights, FULL, 1.0)
    assert (back.weights.weight("M00"), back.weights.weight("IN01")) == (0.25, 0.5)


def test_three_middles_that_differ_are_no_one_block():
    inspire = layout_by_name("sd1-inspire-27")
    with pytest.raises(BlockweightError, match="M00 is one block; give all of them one weight"):
        convert(uniform("a", inspire, 1.0).with_weights({"MID1": 0.5}), FULL, 1.0)


LAYOUTS = st.sampled_from(all_layouts())
VALUES = st.floats(-2, 2).map(lambda value: round(value, 2))


@given(LAYOUTS.flatmap(lambda one: st.tuples(st.just(one), st.lists(VALUES, min_size=len(one), max_size=len(one)))))
def test_a_layout_converts_to_itself_unchanged(drawn):
    layout, values = drawn
    weights = BlockWeights("a", layout, tuple(values))
    if any(block not in layout.stands_for(block) for block in layout.blocks):
        return
    assert convert(weights, layout, None).weights == weights


@given(LAYOUTS, LAYOUTS, VALUES, VALUES)
def test_every_entry_of_the_new_layout_is_kept_or_named_as_filled(source, target, value, fill):
    try:
        converted = convert(uniform("a", source, value), target, fill)
    except BlockweightError as error:
        assert "have no block in common" in str(error)
        return
    for entry, weight in converted.weights.items():
        assert weight == (fill if entry in converted.filled else value)
