"""Weights compared and mixed as they are typed."""

from __future__ import annotations

import json

import pytest

from blockweight.errors import BlockweightError
from blockweight.workflow.conversions import Source
from blockweight.workflow.mixing import average_texts, diff_texts, interpolate_texts

ONES, HALVES = (",".join([number] * 26) for number in ("1", "0.5"))
FILLED = Source(fill=1.0)


def test_the_difference_is_a_table_of_the_blocks_that_differ():
    lines = diff_texts(f"ゴブ姫:{ONES}", f"b:{ONES[:-1]}0.25", Source()).lines()
    assert lines == ["block  ゴブ姫     b  change", "OUT11       1  0.25   -0.75"]


def test_equal_weights_are_said_to_be_equal():
    assert diff_texts(f"a:{ONES}", f"b:{ONES}", Source()).lines() == ["a and b have the same weights (sd1-26)."]


def test_a_shorter_vector_is_compared_in_the_longer_layout():
    short = ",".join(["1"] * 17)
    assert diff_texts(short, ONES, FILLED).blocks == {}
    with pytest.raises(BlockweightError, match="say nothing of IN00"):
        diff_texts(short, ONES, Source())


def test_steps_go_from_one_end_to_the_other():
    made = interpolate_texts(f"a:{ONES}", f"b:{HALVES}", Source(), steps=2).weights
    assert [each.name for each in made] == ["a-b_0", "a-b_0.5", "a-b_1"]
    assert [each.values[0] for each in made] == [1, 0.75, 0.5]


def test_places_may_lie_beyond_the_ends():
    made = interpolate_texts(f"a:{ONES}", f"b:{HALVES}", Source(), at=[1.5]).weights
    assert made[0].text().startswith("a-b_1.5:0.25,0.25,")


@pytest.mark.parametrize("options", [{}, {"at": [0.5], "steps": 2}, {"steps": 0}, {"steps": 10**9}])
def test_either_places_or_a_sensible_number_of_steps(options):
    with pytest.raises(BlockweightError, match=r"Give either --at|steps cannot be made"):
        interpolate_texts(ONES, HALVES, Source(), **options)


def test_an_average_counts_its_shares():
    made = average_texts([ONES, HALVES], Source(), shares="3,1", name="Mix")
    assert made.lines() == ["Mix:" + ",".join(["0.875"] * 26)]
    assert made.facts()[0]["layout"] == "sd1-26"


def test_layouts_without_a_common_block_are_not_mixed():
    with pytest.raises(BlockweightError, match="have no block in common"):
        average_texts([",".join(["1"] * 12), ",".join(["1"] * 61)], FILLED)


def test_what_was_filled_and_dropped_is_told():
    found = diff_texts(",".join(["1"] * 17), ",".join(["1"] * 20), Source(fill=0.3))
    assert any("dropped" in hint and "OUT11" in hint for hint in found.hints)
    assert any("filled" in hint for hint in found.hints)


def test_rest_is_compared_too():
    first, second = (json.dumps({"values": {"REST": rest, "IN04": 1}}) for rest in (0, 1))
    assert diff_texts(first, second, FILLED).blocks == {"REST": (0.0, 1.0)}


def test_a_rest_that_a_line_cannot_hold_is_told():
    first = json.dumps({"name": "a", "rest": 0.5, "values": dict.fromkeys(["IN04"], 1)})
    made = average_texts([first, ONES], FILLED)
    assert made.weights[0].rest == 0.75
    assert made.hints[-1] == "A line has no place for REST (Average 0.75); --json keeps it."
