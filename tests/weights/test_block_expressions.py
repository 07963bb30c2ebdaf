"""Lists of blocks as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import parse_blocks
from workshop import FULL, SHORT

ALL = FULL.blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("NOT IN01-OUT11", ("BASE", "IN00")),
        ("NOT BASE, IN00-OUT10", ("OUT11",)),
        ("IN00-IN03 NOT IN01,IN02", ("IN00", "IN03")),
        ("not in01-out11", ("BASE", "IN00")),
        ("IN01～IN03", ("IN01", "IN02", "IN03")),
        ("IN01〜IN03", ("IN01", "IN02", "IN03")),
        ("IN01–IN03", ("IN01", "IN02", "IN03")),
        ("ＩＮ０１、ＭＩＤ", ("IN01", "M00")),
    ],
)
def test_an_expression_names_its_blocks(text, blocks):
    assert parse_blocks(text, FULL) == blocks


def test_an_empty_text_is_what_the_caller_says():
    assert parse_blocks("  ", FULL, empty=("IN01",)) == ("IN01",)
    with pytest.raises(BlockweightError, match="names no block"):
        parse_blocks("", FULL)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NOT", "names no block after NOT"),
        ("IN01 NOT IN02 NOT IN03", "says NOT twice"),
        ("NOT BASE-OUT11", "names no block; write"),
        ("NOT IN00", "no block 'IN00' in the layout sd1-17"),
        ("IN01-IN02-IN04", "not a range of blocks"),
    ],
)
def test_an_expression_that_names_nothing_known_is_refused(text, words):
    with pytest.raises(BlockweightError, match=words):
        parse_blocks(text, SHORT)


@given(st.sets(st.sampled_from(ALL), min_size=1, max_size=25))
def test_not_is_the_complement(blocks):
    listed = ",".join(sorted(blocks))
    assert set(parse_blocks(f"NOT {listed}", FULL)) == set(ALL) - set(parse_blocks(listed, FULL))


def test_rest_may_be_named_where_it_is_asked_for():
    assert parse_blocks("rest, IN01", FULL, rest=True) == ("IN01", "REST")
    assert "REST" not in parse_blocks("NOT IN01", FULL, rest=True)
    with pytest.raises(BlockweightError):
        parse_blocks("REST", FULL)
