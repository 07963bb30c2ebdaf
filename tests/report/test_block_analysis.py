"""The Effective Block Analyzer's grid, whole and in pages."""

import numpy as np
import pytest
from report_samples import plain

from blockweight.errors import BlockweightError
from blockweight.report import (
    AnalysisPictures,
    analysis_grid,
    analysis_pages,
    block_label,
    difference_picture,
)

SOURCE = plain(100, 100, 100)
CHANGED = (("BASE", plain(130, 100, 100)), ("IN00", plain(100, 100, 100)))
ANALYSIS = AnalysisPictures(0.5, 7, SOURCE, CHANGED)


def shown(grid):
    """The colour in the middle of every cell."""
    return [
        [grid.image.getpixel(((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)) for box in row] for row in grid.boxes
    ]


def test_each_block_is_a_row_of_difference_value_and_source():
    assert shown(analysis_grid(ANALYSIS, "gobuhime")) == [
        [(30, 0, 0), (130, 100, 100), (100, 100, 100)],
        [(0, 0, 0), (100, 100, 100), (100, 100, 100)],
    ]


def test_change_xy_makes_three_rows_of_source_value_and_difference():
    assert shown(analysis_grid(ANALYSIS, "gobuhime", change_xy=True)) == [
        [(100, 100, 100), (100, 100, 100)],
        [(130, 100, 100), (100, 100, 100)],
        [(30, 0, 0), (0, 0, 0)],
    ]


def test_white_is_255_minus_the_difference():
    black, white = (difference_picture(CHANGED[0][1], SOURCE, colour) for colour in ("black", "white"))
    assert np.array_equal(white, 255 - black)
    assert shown(analysis_grid(ANALYSIS, "gobuhime", colour="white"))[0][0] == (225, 255, 255)


def test_another_colour_is_refused():
    with pytest.raises(BlockweightError, match="not on 'red'"):
        difference_picture(SOURCE, SOURCE, "red")


def test_the_label_is_the_one_of_lora_block_weight():
    assert block_label("BASE", CHANGED[0][1], SOURCE) == "BASE\n Diff : 33.333%"
    assert block_label("IN00", CHANGED[1][1], SOURCE) == "IN00\n Diff : 0.0%"
    assert block_label("BASE", CHANGED[0][1], SOURCE, threshold=30) == "BASE\n Diff : 0.0%"


def analysis_of(blocks, side=8):
    source = plain(100, 100, 100, height=side, width=side)
    changed = tuple((f"S{number:02}", plain(number, 100, 100, height=side, width=side)) for number in range(blocks))
    return AnalysisPictures(0.5, 7, source, changed)


def test_61_blocks_are_split_into_even_pages_whose_names_sort():
    pages = analysis_pages(analysis_of(61), "gobuhime", "blocks-01-seed7")
    assert [page.name for page in pages] == [f"blocks-01-seed7-{number}of5" for number in range(1, 6)]
    assert [len(page.grid.boxes) for page in pages] == [12, 12, 12, 12, 13]
    reds = [row[1][0] for page in pages for row in shown(page.grid)]
    assert reds == list(range(61))


def test_numbers_of_many_pages_have_as_many_digits_as_sort():
    names = [page.name for page in analysis_pages(analysis_of(11), "x", "blocks", per_page=1)]
    assert names == sorted(names) and names[0] == "blocks-01of11"


def test_few_blocks_are_the_one_grid_under_its_own_name():
    (page,) = analysis_pages(ANALYSIS, "gobuhime", "blocks-01-seed7", change_xy=True, colour="white")
    whole = analysis_grid(ANALYSIS, "gobuhime", change_xy=True, colour="white")
    assert page.name == "blocks-01-seed7"
    assert page.grid.image.tobytes() == whole.image.tobytes()


@pytest.mark.parametrize(("side", "blocks"), [(64, 13), (512, 5), (1024, 4)])
def test_a_page_of_large_pictures_has_fewer_blocks(side, blocks):
    pages = analysis_pages(analysis_of(26, side), "x", "blocks", scale=None)
    assert max(len(page.grid.boxes) for page in pages) == blocks


def test_a_page_of_no_blocks_is_refused():
    with pytest.raises(BlockweightError, match="at least 1 block, not 0"):
        analysis_pages(ANALYSIS, "x", "blocks", per_page=0)
