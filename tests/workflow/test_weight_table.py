"""The table of block weights, as a person sees it."""

from __future__ import annotations

from blockweight.blocks import layout_by_name
from blockweight.workflow.weight_table import FOOTNOTE, padded, weight_table

FULL = layout_by_name("sd1-26")


def test_blocks_that_a_standard_lora_lacks_are_marked_and_explained():
    lines = list(weight_table(FULL, []))
    assert lines[0].split()[:4] == ["BASE", "IN00*", "IN01", "IN02"]
    assert lines[-1].strip() == FOOTNOTE


def test_a_layout_without_such_blocks_has_no_footnote():
    assert "*" not in "\n".join(weight_table(layout_by_name("flux1-61"), []))


def test_numbers_stand_under_their_blocks_whatever_the_names_width():
    head, *rows = list(weight_table(FULL, [("顔", {"IN02": "0.5"}), ("Face", {"IN02": "-0.25"})]))[:3]
    end = head.index("IN02") + 4
    assert [row.split()[4] for row in rows] == ["0.5", "-0.25"]
    assert rows[1][:end].endswith("-0.25")
    assert rows[0].startswith("顔  ")
    assert rows[0][: end - 1].endswith("0.5")  # 顔 takes two cells


def test_a_block_without_a_weight_has_a_dash():
    assert list(weight_table(FULL, [("A", {})]))[1].split() == ["A", *["-"] * 13]


def test_a_long_layout_comes_in_pieces():
    lines = "\n".join(weight_table(FULL, [("A", {})])).split("\n\n")
    assert [piece.split()[0] for piece in lines] == ["BASE", "M00", "*"]


def test_wide_signs_are_padded_as_two_cells():
    assert padded("私", 4) == "私  "
    assert padded("私", 4, right=True) == "  私"
