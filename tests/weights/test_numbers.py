"""Weights as people write them."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import format_weight, parse_weight, step_weight

FINITE = st.floats(allow_nan=False, allow_infinity=False)
HUNDREDTHS = st.integers(-1000, 1000).map(lambda number: number / 100)


@given(FINITE)
@example(5e-324)
@example(1e-5)
@example(1e23)
@example(-1.7976931348623157e308)
def test_a_formatted_weight_reads_back_as_the_same_number(value):
    assert parse_weight(format_weight(value)) == value


@given(FINITE)
@example(1e-7)
def test_a_formatted_weight_is_a_plain_decimal_without_needless_digits(value):
    text = format_weight(value)
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", text)
    assert len(Decimal(text).normalize().as_tuple().digits) <= len(Decimal(repr(value)).normalize().as_tuple().digits)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.5, "0.5"),
        (0.25, "0.25"),
        (-0.0, "0"),
        (-1.5, "-1.5"),
        (100.0, "100"),
        (1e-5, "0.00001"),
    ],
)
def test_weights_look_as_people_write_them(value, text):
    assert format_weight(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), (" .5 ", 0.5), ("1.", 1), ("+0.5", 0.5), ("-0.25", -0.25), ("1e-1", 0.1), ("2E0", 2), ("007", 7)],
)
def test_a_number_is_read_in_every_usual_form(text, value):
    assert parse_weight(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "one",
        "nan",
        "inf",
        "-Infinity",
        "1_0",
        "0x10",
        "1,5",
        "1 0",
        "１",
        "٣",
        "½",
        "--1",
        ".",
        "e5",
        "1e",
        "1\0",
    ],
)
def test_what_is_no_plain_number_is_refused(text):
    with pytest.raises(BlockweightError, match="is not a number; a block weight is a number such as"):
        parse_weight(text)


def test_a_number_beyond_all_floats_is_refused():
    with pytest.raises(BlockweightError, match="beyond the largest number"):
        parse_weight("1e400")


@given(st.text())
def test_any_text_is_a_finite_number_or_a_short_line_of_refusal(text):
    try:
        assert math.isfinite(parse_weight(text))
    except BlockweightError as error:
        message = str(error)
        assert len(message) < 200
        assert message.splitlines() == [message]


def test_a_refusal_does_not_repeat_a_megabyte():
    with pytest.raises(BlockweightError) as caught:
        parse_weight("x" * 1_000_000)
    assert len(str(caught.value)) < 200


def test_steps_add_up_as_a_person_reckons():
    assert step_weight(0.1, 0.2) == 0.3
    assert step_weight(0.5, -0.5) == 0
    assert math.copysign(1, step_weight(0.5, -0.5)) == 1


@given(HUNDREDTHS, HUNDREDTHS)
def test_hundredths_add_up_to_hundredths(value, step):
    assert step_weight(value, step) == (round(value * 100) + round(step * 100)) / 100


def test_small_steps_are_not_rounded_away():
    assert step_weight(1.0, 1e-12) == 1.000000000001
