"""What the two readers of preset books take, and why they skip a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.weights.preset_rules import problem_in_use, skip_reason, split_lines, split_preset
from workshop import SHORT

ONES = ",".join("1" * 17)


@pytest.mark.parametrize("length", [12, 17, 20, 26, 61])
def test_lbw_takes_its_five_lengths(length):
    assert skip_reason("A:" + ",".join(["1"] * length), "lbw") is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("note to self", 'there is no ":"'),
        ("A:1,1,1", "it has 3 weights, and only 12, 17, 20, 26 or 61 are taken"),
        (f"A:{ONES},", "the comma at its end makes it 18 weights instead of 17"),
        (f"A:{ONES} # mine", 'there is a "#" in it; put the comment on a line of its own'),
        (f"a,b:{ONES}", "it has 18 weights"),
        ("A:" + ",".join("1" * 27), "it has 27 weights"),
    ],
)
def test_lbw_skips_a_line_for_a_reason(line, words):
    assert words in skip_reason(line, "lbw")


def test_the_comma_of_a_name_counts_as_lbw_counts_it():
    assert skip_reason("a,b:" + ",".join("1" * 16), "lbw") is None


def test_inspire_takes_every_line_with_a_colon():
    assert skip_reason(f"A:{ONES} # mine", "inspire") is None
    assert skip_reason("note to self", "inspire") is not None


def test_lbw_trims_the_name_and_takes_all_after_the_first_colon():
    assert split_preset(" A :1:2 ", "lbw") == ("A", "1:2")


def test_inspire_ends_the_vector_at_a_second_colon_and_keeps_a_names_last_space():
    assert split_preset(" A :1:2 ", "inspire") == ("A ", "1")


@pytest.mark.parametrize("value", ["1", "-0.5", ".5", "1e-1", " 1 ", "R", "U", "X", "X+0.1", "X-0.25"])
def test_lbw_knows_a_value(value):
    assert problem_in_use("A", f"{ONES[:-1]}{value}", "lbw") is None


@pytest.mark.parametrize("value", ["r", "A", "one", "nan", "X+", "X*2", "XX", "1 0.5", "0x1"])
def test_lbw_fails_on_a_value_that_is_named_with_its_block(value):
    assert problem_in_use("A", f"{ONES[:-1]}{value}", "lbw").startswith(f"weight 17 (OUT11) is '{value}', which is not")


def test_an_empty_value_is_named_and_others_are_counted():
    assert problem_in_use("A", "," + ONES[2:-1] + "x", "lbw") == "weight 1 (BASE) is empty, and 1 more are wrong"


@pytest.mark.parametrize("value", ["1", "-0.5", "R", "r", "U", "u", "A", "a", "B", "b", "1 0.5 R"])
def test_inspire_knows_a_value(value):
    assert problem_in_use("A", f"{ONES[:-1]}{value}", "inspire") is None


@pytest.mark.parametrize("value", [".5", "+1", "1e-1", "X", "1  0.5", ""])
def test_inspire_fails_on_a_value(value):
    assert problem_in_use("A", f"{ONES[:-1]}{value}", "inspire").startswith("weight 17 (OUT11) is ")


@pytest.mark.parametrize(
    ("name", "vector", "words"),
    [
        ("A", "1,1,1", "it has 3 weights, and the node refuses fewer than 12"),
        ("A", "%default=0.5,base=1", "a % text works in the node's own field only"),
        ("A ", ONES, 'there is a space before its ":"'),
        ("", ONES, "it has no name"),
    ],
)
def test_inspire_cannot_use_a_preset_for_a_reason(name, vector, words):
    assert words in problem_in_use(name, vector, "inspire")


def test_a_form_feed_ends_a_line_for_lbw_but_not_for_inspire():
    assert split_lines("a\fb\r\nc", "lbw") == ["a\f", "b\r\n", "c"]
    assert split_lines("a\fb\r\nc", "inspire") == ["a\fb\r\n", "c"]


@given(st.text(), st.sampled_from(["lbw", "inspire"]))
def test_split_lines_loses_nothing(text, reader):
    assert "".join(split_lines(text, reader)) == text


@given(st.text() | st.lists(st.text(), min_size=17, max_size=17).map(",".join), st.sampled_from(["lbw", "inspire"]))
def test_any_vector_is_fine_or_has_one_short_line_of_problem(vector, reader):
    problem = problem_in_use("A", vector, reader)
    assert problem is None or (len(problem) < 120 and problem.splitlines() == [problem])


def test_the_seventeen_are_those_of_a_standard_lora():
    assert len(ONES.split(",")) == len(SHORT)


def test_a_comma_in_the_name_that_makes_up_for_a_missing_weight_is_seen_through():
    line = "E,F:" + ",".join(["1"] * 16)
    assert skip_reason(line, "lbw") is None
    assert "a comma of its name was counted" in str(problem_in_use("E,F", ",".join(["1"] * 16), "lbw"))
