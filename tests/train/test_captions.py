"""Captions for training, compared with what sd-scripts' own code answered."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.train.captions import TagWeight, divides_brackets, shuffled, weighted_pieces, with_weight

ORACLE = json.loads((Path(__file__).parents[1] / "data" / "weighted_captions.json").read_text(encoding="utf-8"))

tags = st.lists(st.text("abc_()日", min_size=1, max_size=6), min_size=1, max_size=8)


@pytest.mark.parametrize("row", ORACLE, ids=lambda row: row["caption"])
def test_a_caption_is_read_as_sd_scripts_reads_it(row):
    assert [[piece.text, piece.weight] for piece in weighted_pieces(row["caption"])] == row["parsed"]


def test_break_is_a_word_in_captions():
    assert [piece.text for piece in weighted_pieces("a BREAK b")] == ["a BREAK b"]


@given(tags, st.integers(0, 9), st.integers(0, 99))
def test_shuffling_keeps_all_tags_and_the_first_in_their_place(said, keep, seed):
    found = shuffled(",".join(said), keep, random.Random(seed)).split(", ")
    assert found[:keep] == said[:keep]
    assert sorted(found) == sorted(said)


def test_shuffling_changes_the_order():
    orders = {shuffled("a, b, c, d", 1, random.Random(seed)) for seed in range(20)}
    assert len(orders) > 3
    assert all(order.startswith("a, ") for order in orders)


@pytest.mark.parametrize(
    ("caption", "torn"),
    [("(a, b:1.3)", True), ("[a, b]", True), ("(a), b", False), (r"\(a, b", False), ("a, b", False)],
)
def test_a_comma_in_brackets_is_found(caption, torn):
    assert divides_brackets(caption) is torn


@given(st.lists(st.text("ab\\\\()[]:1日", min_size=1, max_size=6), min_size=1, max_size=6))
def test_a_weight_on_all_tags_leaves_their_text_as_it_was(said):
    pieces = weighted_pieces(with_weight(",".join(said), TagWeight(1.5)))
    assert "".join(piece.text for piece in pieces) == ", ".join(said)
    assert {piece.weight for piece in pieces} == {1.0, 1.5} if len(said) > 1 else {1.5}


def test_a_weight_on_a_tag_is_that_tags_alone_in_any_case():
    pieces = weighted_pieces(with_weight("1girl, Hat, hat_(red), smile", TagWeight(3, "hat")))
    assert [(piece.text, piece.weight) for piece in pieces] == [("1girl, ", 1), ("Hat", 3), (", hat_(red), smile", 1)]
