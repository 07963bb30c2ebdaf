"""Which blocks a standard LoRA lacks."""

from __future__ import annotations

import pytest

from blockweight.blocks import all_layouts, layout_by_name, standard_blocks


def absent(name: str) -> list[str]:
    layout = layout_by_name(name)
    return [block for block in layout.blocks if block not in standard_blocks(layout)]


def test_sd1_lacks_what_the_sheet_prints_in_italics():
    assert absent("sd1-26") == ["IN00", "IN03", "IN06", "IN09", "IN10", "IN11", "OUT00", "OUT01", "OUT02"]


def test_sdxl_lacks_the_blocks_without_attention():
    assert absent("sdxl-20") == ["IN00", "IN01", "IN02", "IN03", "IN06", "OUT06", "OUT07", "OUT08"]


def test_an_entry_of_another_tool_is_there_if_a_block_it_stands_for_is():
    assert "MID0" not in absent("sd1-inspire-27")
    assert "IN03" in absent("sd1-inspire-27")


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.name)
def test_a_partial_layout_and_a_family_without_one_lack_nothing(layout):
    if layout.partial or layout.family not in {"sd1", "sd2", "sdxl"}:
        assert standard_blocks(layout) == frozenset(layout.blocks)
