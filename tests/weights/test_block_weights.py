"""Block weights as text, and lists of blocks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.weights import (
    BlockWeights,
    Converted,
    convert,
    format_weight,
    parse_blocks,
    uniform,
    unknown_block,
)
from workshop import FULL, SD1, SHORT, WEIGHTS, weights_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VECTORS = st.sampled_from([17, 26]).flatmap(lambda length: st.lists(FINITE, min_size=length, max_size=length))


def test_the_tutorials_weights_are_read_block_by_block():
    weights = weights_of(f"Gobuhime:{WEIGHTS}")
    assert (weights.name, weights.layout, weights.rest) == ("Gobuhime", FULL, 1.0)
    assert dict(weights.items()) == dict(zip(FULL.blocks, map(float, WEIGHTS.split(",")), strict=True))
    assert weights.text() == f"Gobuhime:{WEIGHTS}"


def test_the_length_chooses_the_layout():
    assert weights_of(",".join("1" * 17)).layout is SHORT


def test_a_bare_vector_takes_the_callers_name():
    assert weights_of(WEIGHTS).name == "NONAME"
    assert weights_of(WEIGHTS, "Gobuhime").name == "Gobuhime"
    assert weights_of(f" : {WEIGHTS}", "Gobuhime").name == "Gobuhime"


@given(st.text(max_size=20), VECTORS)
def test_parse_print_parse_is_the_identity(name, values):
    text = f"{name}:{','.join(map(format_weight, values))}"
    try:
        once = weights_of(text)
    except BlockweightError as error:
        assert "is not one line of text" in str(error)
        return
    assert list(once.values) == values
    assert weights_of(once.text()) == once


@given(st.text() | st.lists(st.sampled_from(["1", "0.5", "-1", "", "x", "A:1", ":"]), max_size=30).map(",".join))
def test_any_text_gives_weights_or_a_short_line_of_refusal(text):
    try:
        assert weights_of(text).layout in SD1.layouts
    except BlockweightError as error:
        message = str(error)
        assert len(message) < 250
        assert message.splitlines() == [message]


SEPARATED = {
    "tabs, as a spreadsheet copies a row": WEIGHTS.replace(",", "\t"),
    "new lines, as a spreadsheet copies a column": WEIGHTS.replace(",", "\n"),
    "spaces": WEIGHTS.replace(",", " "),
    "commas and spaces": WEIGHTS.replace(",", ", "),
    "Japanese commas": WEIGHTS.replace(",", "、"),
    "full-width signs": WEIGHTS.translate(str.maketrans("0123456789.,", "０１２３４５６７８９．，")),
}


@pytest.mark.parametrize("text", SEPARATED.values(), ids=SEPARATED)
def test_weights_may_be_separated_as_people_paste_them(text):
    assert weights_of(text).vector() == WEIGHTS


def test_a_name_may_stand_before_a_full_width_colon():
    weights = weights_of(f"ゴブ：姫：{WEIGHTS}")
    assert (weights.name, weights.vector()) == ("ゴブ：姫", WEIGHTS)


@pytest.mark.parametrize("text", ["", " ", "Girl:", ":"])
def test_no_weights_at_all_are_refused(text):
    with pytest.raises(BlockweightError, match="holds no block weights; write them as in NAME:1,0"):
        weights_of(text)


@pytest.mark.parametrize("count", [1, 12, 16, 18, 25, 28, 100_000])
def test_a_wrong_length_is_refused_with_the_right_ones(count):
    with pytest.raises(
        BlockweightError, match=rf"length {count} was given, but .* takes 26 or 17 block weights; separate them"
    ):
        weights_of(",".join(["1"] * count))


def test_two_lines_of_a_preset_book_are_not_one_name():
    with pytest.raises(BlockweightError, match="is not one line of text; give one line"):
        weights_of(f"A:{WEIGHTS}\nB:{WEIGHTS}")


@pytest.mark.parametrize("name", ["a\0b", "a\tb", "a\u2028b", "half \udcff"])
def test_a_name_that_no_notation_can_hold_is_refused(name):
    with pytest.raises(BlockweightError, match="is not one line of text"):
        weights_of(f"{name}:{WEIGHTS}")


@pytest.mark.parametrize("name", ["ゴブ姫", "ゴブ　姫", "a b", "time 12:30", "Ünïcode"])
def test_a_name_is_any_line_of_text(name):
    assert weights_of(f"{name}:{WEIGHTS}").name == name


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_are_finite(value):
    with pytest.raises(BlockweightError, match="not all finite"):
        uniform("ALL", FULL, value)
    with pytest.raises(BlockweightError, match="not all finite"):
        BlockWeights("ALL", FULL, (1.0,) * 26, rest=value)
    with pytest.raises(BlockweightError, match="not all finite"):
        uniform("ALL", FULL, 1.0).with_weights({"IN01": value})


def test_a_vector_of_another_length_than_its_layout_is_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="17 values for the 26 blocks"):
        BlockWeights("x", FULL, (1.0,) * 17)


def test_a_blocks_weight_is_found_by_name_and_rest_is_apart():
    weights = uniform("x", FULL, 0.5).with_weights({"OUT11": 2.0})
    assert (weights.weight("OUT11"), weights.weight("BASE"), weights.weight(REST)) == (2.0, 0.5, 1.0)
    with pytest.raises(KeyError):
        weights.weight("IN99")


def test_changed_weights_leave_the_others_and_the_original_alone():
    before = uniform("x", FULL, 0.5)
    after = before.with_weights({"M00": 0.0}, "y")
    assert [block for block, value in after.items() if value != 0.5] == ["M00"]
    assert after.name == "y"
    assert before == uniform("x", FULL, 0.5)
    assert before.with_weights({"M00": 0.0}).name == "x"


def test_changing_an_unknown_block_is_refused():
    with pytest.raises(BlockweightError, match="no block 'IN12' in the layout sd1-26: did you mean IN1"):
        uniform("x", FULL, 1.0).with_weights({"IN12": 0.0})


def test_a_short_vector_expands_by_block_name_and_says_what_was_filled():
    values = tuple(number / 100 for number in range(1, 18))
    converted = convert(BlockWeights("x", SHORT, values), FULL, -1.0)
    full, filled = converted.weights, converted.filled
    assert filled == ("IN00", "IN03", "IN06", "IN09", "IN10", "IN11", "OUT00", "OUT01", "OUT02")
    assert all(full.weight(block) == -1.0 for block in filled)
    assert all(full.weight(block) == value for block, value in zip(SHORT.blocks, values, strict=True))
    assert full.layout is FULL


def test_expanding_to_the_same_layout_fills_nothing():
    weights = weights_of(WEIGHTS)
    assert convert(weights, FULL, 0.0) == Converted(weights, (), ())


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("IN01", "IN01"),
        ("in01, mid", "IN01 M00"),
        ("OUT00 BASE", "BASE OUT00"),
        ("IN10-OUT01", "IN10 IN11 M00 OUT00 OUT01"),
        ("IN03-IN01", "IN01 IN02 IN03"),
        ("IN01-IN02,IN02-IN03,,", "IN01 IN02 IN03"),
        ("IN01\nIN02", "IN01 IN02"),
        ("M00-MID", "M00"),
        ("ＩＮ０１、IN02", "IN01 IN02"),
    ],
)
def test_blocks_are_named_one_by_one_and_as_ranges(text, blocks):
    assert parse_blocks(text, FULL) == tuple(blocks.split())


def test_a_range_in_the_short_layout_skips_what_that_layout_lacks():
    assert parse_blocks("IN08-OUT03", SHORT) == ("IN08", "M00", "OUT03")


BLOCK = st.sampled_from(FULL.blocks)
ITEM = BLOCK | st.tuples(BLOCK, BLOCK).map("-".join)


@given(st.lists(ITEM, min_size=1), st.sampled_from([",", " ", ", "]))
def test_an_expression_gives_each_block_once_in_the_layouts_order(items, separator):
    chosen = parse_blocks(separator.join(items), FULL)
    assert list(chosen) == [block for block in FULL.blocks if block in chosen]
    assert all(end in chosen for item in items for end in item.split("-"))
    assert parse_blocks(",".join(chosen), FULL) == chosen


@given(st.text() | st.lists(ITEM | st.sampled_from(["-", "IN99", "", "NOT"])).map(",".join))
def test_any_expression_gives_blocks_or_a_short_line_of_refusal(text):
    try:
        assert parse_blocks(text, FULL)
    except BlockweightError as error:
        message = str(error)
        assert len(message) < 350
        assert message.splitlines() == [message]


@pytest.mark.parametrize("text", ["", " ", ",", " , ,"])
def test_no_block_at_all_is_refused(text):
    with pytest.raises(BlockweightError, match="names no block; write blocks like IN01-IN08"):
        parse_blocks(text, FULL)


@pytest.mark.parametrize("text", ["IN01-IN02-IN03", "IN01-IN08-OUT03-OUT05"])
def test_a_range_has_two_ends(text):
    with pytest.raises(BlockweightError, match="write two ends, as in IN01-IN08"):
        parse_blocks(text, FULL)


@pytest.mark.parametrize("text", ["IN1", "IN12", "IN01-", "-IN01", "IN01-IN99", "REST"])
def test_an_unknown_block_is_refused(text):
    with pytest.raises(BlockweightError, match="There is no block"):
        parse_blocks(text, FULL)


def test_an_unknown_block_comes_with_the_nearest_names_or_with_all():
    assert str(unknown_block("OUT12", FULL)) == (
        "There is no block 'OUT12' in the layout sd1-26: did you mean OUT11, OUT10, OUT02?"
    )
    assert "it has BASE, IN01, IN02" in str(unknown_block("qwerty", SHORT))


def test_rest_is_changed_by_its_name_and_the_blocks_stay():
    weights = uniform("ALL", FULL, 0.5).with_weights({REST: 0.25, "IN01": 2.0})
    assert (weights.rest, weights.weight("IN01"), weights.weight("IN02")) == (0.25, 2.0, 0.5)
    assert weights.with_weights({"IN01": 1.0}).rest == 0.25
