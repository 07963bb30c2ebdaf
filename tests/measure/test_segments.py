"""Blocks grouped by what they were measured to do, and as a person edits the groups."""

from __future__ import annotations

import pytest

from blockweight.errors import BlockweightError
from blockweight.measure import Segment, parse_segments, segments_of, segments_text
from workshop import FULL

EFFECTS = {  # inside, outside
    "IN01": (0.6, 0.5),
    "IN02": (0.5, 0.7),
    "IN04": (9.0, 0.6),
    "IN05": (8.0, 0.8),
    "OUT07": (1.0, 10.0),
    "OUT08": (0.9, 9.0),
    "OUT09": (12.0, 11.0),
}


def blocks(count, effects=EFFECTS):
    return [segment.blocks for segment in segments_of(effects, count)]


def test_blocks_that_do_alike_share_a_segment_and_weak_ones_are_together():
    assert blocks(4) == [("IN01", "IN02"), ("IN04", "IN05"), ("OUT07", "OUT08"), ("OUT09",)]
    assert [segment.name for segment in segments_of(EFFECTS, 4)] == ["a", "b", "c", "d"]


def test_every_block_is_in_one_segment_however_many_there_are():
    for count in range(1, 10):
        found = blocks(count)
        assert len(found) == min(count, len(EFFECTS))
        assert sorted(block for segment in found for block in segment) == sorted(EFFECTS)


def test_an_aspects_unit_does_not_count():
    scaled = {block: (inside, 100 * outside) for block, (inside, outside) in EFFECTS.items()}
    assert blocks(4, scaled) == blocks(4)


def test_segments_are_read_from_a_text_and_written_again():
    found = parse_segments("a = IN01, IN02 ;\n face=OUT07-OUT09;", FULL)
    assert found == (Segment("a", ("IN01", "IN02")), Segment("face", ("OUT07", "OUT08", "OUT09")))
    assert parse_segments(segments_text(found), FULL) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No segment"),
        ("a", "is no segment"),
        ("a=", "is no segment"),
        ("1=IN01", "is no segment"),
        ("a=IN01;a=IN02", "Two segments"),
        ("a=IN01-IN03;b=IN02", "IN02 is in the segments"),
        ("a=IN99", "There is no block"),
    ],
)
def test_what_are_no_segments_is_one_sentence(text, words):
    with pytest.raises(BlockweightError, match=words):
        parse_segments(text, FULL)
